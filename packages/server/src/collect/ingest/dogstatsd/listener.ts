// DogStatsD over UDP. Nobody is answered, so what cannot be taken is counted; a flush writes what was put together.
import { createSocket, type RemoteInfo, type Socket } from "node:dgram";
import type { Clock, TenantId, TenantScope, Timer } from "@storewatch/model";
import { Counter, type Registry } from "prom-client";
import { StorewatchError } from "../../../kernel/errors.ts";
import type { Logger } from "../../../kernel/logger.ts";
import type { Intake } from "../../intake/interface.ts";
import { DogStatsdAggregate } from "./aggregate.ts";
import { DogStatsdError, type EventLine, parseLine } from "./parse.ts";

export interface DogStatsdOptions {
  readonly host: string;
  /** 0: any free one. */
  readonly port: number;
  /** What arrives here may be written for these tenants. */
  readonly scope: TenantScope;
  /** Senders that are listened to: UDP has no credential. */
  readonly isAllowed: (address: string) => boolean;
  readonly intake: Intake;
  /** Events become marks on the time axis. */
  readonly onEvent: (scope: TenantScope, event: EventLine) => void;
  readonly clock: Clock;
  readonly metrics: Registry;
  readonly logger: Logger;
}

/** Short, so that an alert on pushed numbers comes within seconds. */
const FLUSH_EVERY_MS = 5000;
const RECEIVE_BUFFER_BYTES = 4 * 2 ** 20;
const TELL_EVERY_MS = 60_000;

export class DogStatsdListener {
  private readonly aggregate: DogStatsdAggregate;
  private readonly socket: Socket;
  private readonly lines: Counter<"outcome">;
  private timer: Timer | undefined;
  private flushing: Promise<void> = Promise.resolve();
  private toldAtMs = Number.NEGATIVE_INFINITY;

  constructor(private readonly options: DogStatsdOptions) {
    const { host, clock, scope, metrics } = options;
    this.aggregate = new DogStatsdAggregate(clock, scope);
    this.lines = new Counter({
      name: "storewatch_dogstatsd_lines_total",
      help: "Lines by outcome: ok, bad, refused (sender not allowed), out-of-scope, too-many-series.",
      labelNames: ["outcome"],
      registers: [metrics],
    });
    const type = host.includes(":") ? "udp6" : "udp4";
    this.socket = createSocket({ type, recvBufferSize: RECEIVE_BUFFER_BYTES });
    this.socket.on("message", (datagram, from) => this.receive(datagram, from));
  }

  /** The port it listens on. Throws PORT_TAKEN, LISTEN_FAILED. */
  async start(): Promise<number> {
    const { host, port, logger } = this.options;
    await new Promise<void>((resolve, reject) => {
      const fail = (error: NodeJS.ErrnoException) => {
        const address = `${host}:${port} (UDP)`;
        if (error.code === "EADDRINUSE") reject(new StorewatchError("PORT_TAKEN", { address }, { cause: error }));
        else reject(new StorewatchError("LISTEN_FAILED", { address, reason: error.message }, { cause: error }));
      };
      this.socket.once("error", fail);
      this.socket.bind(port, host, () => {
        this.socket.off("error", fail);
        this.socket.on("error", (error) => logger.warn({ err: error }, "DogStatsD socket"));
        resolve();
      });
    });
    this.schedule();
    return this.socket.address().port;
  }

  forget(tenant: TenantId): void {
    this.aggregate.forget(tenant);
  }

  /** Writes what has arrived. */
  async stop(): Promise<void> {
    this.timer?.cancel();
    await new Promise<void>((resolve) => this.socket.close(() => resolve()));
    await this.flush();
  }

  private schedule(): void {
    this.timer = this.options.clock.setTimer(FLUSH_EVERY_MS, () => {
      void this.flush();
      this.schedule();
    });
  }

  /** One after the other, so that a slow store does not get the flushes in another order. */
  private flush(): Promise<void> {
    this.flushing = this.flushing.then(async () => {
      const batch = this.aggregate.flush();
      if (batch.samples.length === 0) return;
      try {
        const { refusals } = await this.options.intake.write(this.options.scope, batch);
        for (const { reason, count, example } of refusals)
          this.tell({ reason, count, example }, "samples were refused");
      } catch (error) {
        this.tell({ err: error, samples: batch.samples.length }, "samples could not be written and are lost");
      }
    });
    return this.flushing;
  }

  private receive(datagram: Buffer, from: RemoteInfo): void {
    if (!this.options.isAllowed(from.address)) {
      this.lines.inc({ outcome: "refused" });
      this.tell({ from: from.address }, "a sender is not allowed: see `listeners.dogstatsd.allow`");
      return;
    }
    for (const line of datagram.toString("utf8").split("\n")) if (line !== "") this.take(line);
  }

  private take(text: string): void {
    try {
      const line = parseLine(text);
      if (line.kind === "event") this.options.onEvent(this.options.scope, line);
      const dropped =
        line.kind === "metric"
          ? this.aggregate.metric(line)
          : line.kind === "check"
            ? this.aggregate.check(line)
            : undefined;
      this.lines.inc({ outcome: dropped ?? "ok" });
    } catch (error) {
      if (!(error instanceof DogStatsdError)) throw error;
      this.lines.inc({ outcome: "bad" });
      this.tell({ line: text.slice(0, 200), reason: error.message }, "a line is not DogStatsD");
    }
  }

  /** A broken client sends thousands of such lines: one word a minute is enough. */
  private tell(what: object, message: string): void {
    const nowMs = this.options.clock.monotonicMs();
    if (nowMs - this.toldAtMs < TELL_EVERY_MS) return;
    this.toldAtMs = nowMs;
    this.options.logger.warn(what, `DogStatsD: ${message}`);
  }
}
