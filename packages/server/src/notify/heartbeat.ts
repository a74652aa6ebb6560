// "I am alive" to a service elsewhere, which raises the alarm when it stops: who watches the watcher. Sent only while the
// whole chain from scraping to rules works, so that a process that is up and blind is noticed too.
import type { Clock, Timer } from "@storewatch/model";
import { Counter, Gauge } from "prom-client";
import type { Logger } from "../kernel/logger.ts";
import type { SelfMetrics } from "../kernel/self-metrics.ts";
import type { HttpSend } from "./http.ts";
import { maskOf, urlSecrets } from "./masking.ts";

export interface HeartbeatConfig {
  /** What follows the host is taken for a secret. */
  readonly url: string;
  readonly method: "GET" | "POST";
  readonly intervalMs: number;
}

export interface HeartbeatOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: SelfMetrics;
  readonly http: HttpSend;
  /** What is wrong with the chain; undefined: nothing. */
  readonly problem: () => string | undefined;
}

export interface Heartbeat {
  /** Undefined: none is sent. The first goes out when the chain works for the first time. */
  configure(config: HeartbeatConfig | undefined): void;
  stop(): void;
}

const TIMEOUT_MS = 10_000;
/** While the chain does not work it is looked at more often, so that a restart is no long silence. */
const LOOK_AGAIN_MS = 5_000;

export function createHeartbeat(options: HeartbeatOptions): Heartbeat {
  return new Beating(options);
}

type Outcome = "sent" | "failed" | "withheld";

class Beating implements Heartbeat {
  private config: HeartbeatConfig | undefined;
  private timer: Timer | undefined;
  private last: Outcome | undefined;
  private lastSentMs = 0;
  private readonly beats: Counter<"outcome">;

  constructor(private readonly options: HeartbeatOptions) {
    const registers = [options.metrics];
    this.beats = new Counter({
      name: "storewatch_heartbeats_total",
      help: "Heartbeats to alerts.heartbeat.url: sent, failed, withheld because the chain did not work.",
      labelNames: ["outcome"],
      registers,
    });
    // From 0 on: a rate sees the first failure too.
    for (const outcome of ["sent", "failed", "withheld"]) this.beats.inc({ outcome }, 0);
    const lastSent = () => this.lastSentMs / 1000;
    new Gauge({
      name: "storewatch_heartbeat_last_sent_timestamp_seconds",
      help: "When the last heartbeat was taken; 0 when none was.",
      registers,
      collect() {
        this.set(lastSent());
      },
    });
  }

  configure(config: HeartbeatConfig | undefined): void {
    const isSame = JSON.stringify(config) === JSON.stringify(this.config);
    if (isSame && this.timer) return;
    this.timer?.cancel();
    this.config = config;
    this.timer = config && this.options.clock.setTimer(0, () => void this.beat(config));
  }

  stop(): void {
    this.timer?.cancel();
    this.timer = undefined;
    this.config = undefined;
  }

  private async beat(config: HeartbeatConfig): Promise<void> {
    const startMs = this.options.clock.monotonicMs();
    const problem = this.options.problem();
    const failure = problem === undefined ? await this.send(config) : undefined;
    this.tell(problem === undefined ? (failure === undefined ? "sent" : "failed") : "withheld", problem ?? failure);
    // Replaced or stopped meanwhile.
    if (this.config !== config) return;
    const tookMs = this.options.clock.monotonicMs() - startMs;
    const nextMs = problem === undefined ? config.intervalMs : Math.min(config.intervalMs, LOOK_AGAIN_MS);
    this.timer = this.options.clock.setTimer(Math.max(0, nextMs - tookMs), () => void this.beat(config));
  }

  /** What went wrong, secrets masked. */
  private async send({ url, method }: HeartbeatConfig): Promise<string | undefined> {
    try {
      const { status } = await this.options.http({
        method,
        url,
        headers: { "user-agent": "Storewatch" },
        timeoutMs: TIMEOUT_MS,
        bodyLimitBytes: 64 * 1024,
        followRedirects: true,
        origin: "operator",
      });
      return status >= 200 && status < 300 ? undefined : `the answer is ${status}`;
    } catch (error) {
      return maskOf(urlSecrets(url))(error instanceof Error ? error.message : String(error));
    }
  }

  private tell(outcome: Outcome, reason: string | undefined): void {
    this.beats.inc({ outcome });
    if (outcome === "sent") this.lastSentMs = this.options.clock.nowMs();
    if (outcome === this.last) return;
    const { logger } = this.options;
    // At the start the chain has not come round yet.
    if (outcome === "withheld" && this.last === undefined) logger.info({ reason }, "heartbeat withheld");
    else if (outcome !== "sent") logger.warn({ reason }, `heartbeat ${outcome}`);
    else if (this.last !== undefined) logger.info("heartbeat sent again");
    this.last = outcome;
  }
}
