// Where the SDK says that something went wrong with itself: never by throwing, and never more often than can be read.
import type { Clock } from "./clock.ts";

/** The part of a logger that the SDK needs: winston and pino's argument order differ, so adapters turn it round. */
export interface SdkLogger {
  warn(message: string, meta?: Record<string, unknown>): void;
  info?(message: string, meta?: Record<string, unknown>): void;
}

const BURST = 20;
const WINDOW_MS = 10_000;

/** At most 20 warnings in 10 s reach the logger; what was left out is said with the next one. */
export class Warnings {
  private logger: SdkLogger | undefined;
  private readonly clock: Clock;
  private windowStartMs = Number.NEGATIVE_INFINITY;
  private inWindow = 0;
  private suppressed = 0;

  constructor(clock: Clock, logger: SdkLogger | undefined) {
    this.clock = clock;
    this.logger = logger;
  }

  /** The logger is often made after the SDK, because its lines carry the SDK's context. */
  use(logger: SdkLogger): void {
    this.logger = logger;
  }

  warn(message: string, meta: Record<string, unknown> = {}): void {
    if (this.logger === undefined) return;
    const nowMs = this.clock.monotonicMs();
    if (nowMs - this.windowStartMs >= WINDOW_MS) {
      this.windowStartMs = nowMs;
      this.inWindow = 0;
    }
    if (this.inWindow >= BURST) {
      this.suppressed += 1;
      return;
    }
    this.inWindow += 1;
    const left = this.suppressed;
    this.suppressed = 0;
    try {
      this.logger.warn(message, left > 0 ? { ...meta, suppressed: left } : meta);
    } catch {
      // A logger that throws is the shop's to mend; its request goes on.
    }
  }
}
