// An orderly end: ready off first, then time for the load balancer to notice, then drain, then close.
import type { Server as HttpServer } from "node:http";
import type { Clock } from "./clock.ts";
import type { Guard } from "./guard.ts";
import type { Health } from "./health/health.ts";
import type { RequestWatch } from "./http/request-watch.ts";
import type { AppMetrics } from "./metrics/app-metrics.ts";

export interface ShutdownOptions {
  /** Time between "not ready" and closing the door: at least one period of the readiness probe. Default 5000 ms. */
  readonly noticeMs?: number;
  /** Requests that are being worked on get this long to end. Default 20,000 ms. */
  readonly drainMs?: number;
  /** Each closing step gets this long. Default 5000 ms. */
  readonly stepMs?: number;
}

export interface ShutdownReport {
  /** Requests that were cut off because they took longer than `drainMs`. */
  readonly cutOff: number;
  /** Names of closing steps that failed or took too long. */
  readonly failedSteps: readonly string[];
}

interface Step {
  readonly name: string;
  readonly run: () => unknown;
}

const POLL_MS = 50;

export class Shutdown {
  private readonly options: Required<ShutdownOptions>;
  private readonly parts: {
    health: Health;
    requests: RequestWatch;
    metrics: AppMetrics;
    guard: Guard;
    clock: Clock;
  };
  private readonly servers = new Set<HttpServer>();
  private readonly steps: Step[] = [];
  private running: Promise<ShutdownReport> | undefined;

  constructor(options: ShutdownOptions, parts: Shutdown["parts"]) {
    const { noticeMs = 5000, drainMs = 20_000, stepMs = 5000 } = options;
    this.options = { noticeMs, drainMs, stepMs };
    this.parts = parts;
  }

  /** The server whose requests are to end before the process does. */
  server(server: HttpServer): this {
    this.servers.add(server);
    this.parts.metrics.watchServer(server);
    return this;
  }

  /** What is to be closed after the last request: pools, queues, loggers. The last one added is closed first. */
  step(name: string, run: () => unknown): this {
    this.steps.unshift({ name, run });
    return this;
  }

  /** Runs the shutdown on these signals and ends the process after it. Returns the function that takes it back. */
  onSignals(signals: readonly NodeJS.Signals[] = ["SIGTERM", "SIGINT"]): () => void {
    const stop = (signal: NodeJS.Signals) => {
      void this.run(signal).then((report) => process.exit(report.failedSteps.length > 0 ? 1 : 0));
    };
    for (const signal of signals) process.once(signal, stop);
    return () => {
      for (const signal of signals) process.removeListener(signal, stop);
    };
  }

  /** Once, however often it is called. Never rejects. */
  run(_reason?: string): Promise<ShutdownReport> {
    this.running ??= this.stop();
    return this.running;
  }

  /** Not ready from now on; resolves when those who ask have had the time to notice. */
  async notice(): Promise<void> {
    this.parts.health.stopping();
    await sleep(this.options.noticeMs);
  }

  private async stop(): Promise<ShutdownReport> {
    const { health, requests, metrics } = this.parts;
    health.stopping();
    if (this.servers.size > 0) await this.notice();
    for (const server of this.servers) {
      server.close();
      server.closeIdleConnections();
    }
    await this.drain();
    const cutOff = requests.inFlight;
    for (const server of this.servers) server.closeAllConnections();
    const failedSteps: string[] = [];
    for (const step of this.steps) if (!(await this.passes(step))) failedSteps.push(step.name);
    metrics.close();
    return { cutOff, failedSteps };
  }

  private async drain(): Promise<void> {
    const { requests, clock } = this.parts;
    const untilMs = clock.monotonicMs() + this.options.drainMs;
    while (requests.inFlight > 0 && clock.monotonicMs() < untilMs) {
      await sleep(POLL_MS);
      // Kept-alive connections become idle as their requests end.
      for (const server of this.servers) server.closeIdleConnections();
    }
  }

  private async passes(step: Step): Promise<boolean> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(
        () => reject(new Error(`${step.name} took over ${this.options.stepMs} ms`)),
        this.options.stepMs,
      );
    });
    try {
      await Promise.race([(async () => step.run())(), late]);
      return true;
    } catch (error) {
      this.parts.guard.failed("shutdown", error);
      return false;
    } finally {
      clearTimeout(timer);
    }
  }
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
