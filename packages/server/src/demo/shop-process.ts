// Keeps the example shop running as a child process: starts it, restarts it when it dies, stops it with us. The shop
// watches the channel to us and ends when we do, however we end, so that no orphan stays behind.
import { type ChildProcess, fork } from "node:child_process";
import { existsSync } from "node:fs";
import type { Clock, Timer } from "@storewatch/model";
import { z } from "zod";
import type { Environment } from "../config/environment.ts";
import { StorewatchError } from "../kernel/errors.ts";
import type { Logger } from "../kernel/logger.ts";

export interface ShopProcessOptions {
  /** The shop's built entry, a file that speaks its messages over IPC. */
  readonly entry: string;
  readonly args: readonly string[];
  readonly environment: Environment;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly output: (chunk: Buffer) => void;
}

const messageSchema = z.discriminatedUnion("kind", [
  z.object({
    kind: z.literal("ready"),
    url: z.string(),
    metricsUrl: z.string(),
    providers: z.record(z.string(), z.string()),
    tenants: z.array(
      z.object({ id: z.string(), name: z.string(), tier: z.string(), timezone: z.string(), currency: z.string() }),
    ),
  }),
  z.object({ kind: z.literal("failed"), message: z.string() }),
]);
export type ShopReady = Extract<z.infer<typeof messageSchema>, { kind: "ready" }>;

const BACKOFF_FIRST_MS = 1000;
const BACKOFF_LONGEST_MS = 30_000;
const STEADY_MS = 60_000;
const STOP_PATIENCE_MS = 5000;

export class ShopProcess {
  private child: ChildProcess | undefined;
  private restart: Timer | undefined;
  private backoffMs = BACKOFF_FIRST_MS;
  private stopped = false;

  constructor(private readonly options: ShopProcessOptions) {}

  /** Resolves when the shop serves; rejects with one clear line when it cannot start. */
  async start(): Promise<ShopReady> {
    const { entry } = this.options;
    if (!existsSync(entry)) {
      throw new StorewatchError("UNAVAILABLE", {
        reason: `the example shop is not built (${entry}): run npm run build`,
      });
    }
    const child = this.launch();
    try {
      return await firstMessage(child);
    } catch (error) {
      await this.stop();
      throw error;
    }
  }

  async stop(): Promise<void> {
    this.stopped = true;
    this.restart?.cancel();
    const { child } = this;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    await new Promise<void>((resolve) => {
      const force = this.options.clock.setTimer(STOP_PATIENCE_MS, () => child.kill("SIGKILL"));
      child.once("exit", () => {
        force.cancel();
        resolve();
      });
      child.kill("SIGTERM");
    });
  }

  private launch(): ChildProcess {
    const { entry, args, environment, clock, logger, output } = this.options;
    const startedMs = clock.monotonicMs();
    // Flags of ours (debugger, conditions) are not meant for it.
    const child = fork(entry, args, { env: environment, execArgv: [], stdio: ["ignore", "pipe", "pipe", "ipc"] });
    this.child = child;
    child.stdout?.on("data", output);
    child.stderr?.on("data", output);
    child.once("error", (error) => logger.error({ err: error }, "the example shop could not be started"));
    child.once("exit", (code, signal) => {
      if (this.stopped) return;
      if (clock.monotonicMs() - startedMs > STEADY_MS) this.backoffMs = BACKOFF_FIRST_MS;
      logger.warn({ code, signal, backoffMs: this.backoffMs }, "the example shop ended; it is started again");
      this.restart = clock.setTimer(this.backoffMs, () => this.launch());
      this.backoffMs = Math.min(BACKOFF_LONGEST_MS, 2 * this.backoffMs);
    });
    return child;
  }
}

function firstMessage(child: ChildProcess): Promise<ShopReady> {
  const failed = (reason: string) => new StorewatchError("UNAVAILABLE", { reason: `the example shop: ${reason}` });
  return new Promise((resolve, reject) => {
    child.on("message", (raw: unknown) => {
      const message = messageSchema.safeParse(raw);
      if (!message.success) return;
      if (message.data.kind === "ready") resolve(message.data);
      else reject(failed(message.data.message));
    });
    child.once("exit", (code, signal) => reject(failed(`ended before it was ready (${signal ?? `exit ${code}`})`)));
    child.once("error", (error) => reject(failed(error.message)));
  });
}
