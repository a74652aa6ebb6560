// One integration's circuit breaker. After a row of failures nothing is sent for a while; then one attempt goes first and
// shows whether the service is back. Whoever waited starts over with what is true by then, so that nobody is told stale
// news and nothing is lost.
import type { Clock, Timer } from "@storewatch/model";

export type BreakerState = "closed" | "open" | "half-open";

export interface BreakerView {
  readonly state: BreakerState;
  /** ms since the epoch; undefined while closed. */
  readonly sinceMs: number | undefined;
  readonly retryAtMs: number | undefined;
  readonly failuresInARow: number;
  readonly reason: string;
  /** Deliveries that wait for it. */
  readonly waiting: number;
}

/** "go": make the attempt and report on it. "again": start over with fresh data. "aborted": time is over. */
export type Pass = "go" | "again" | "aborted";

export interface BreakerOptions {
  readonly clock: Clock;
  readonly failuresMax?: number;
  readonly openMsFirst?: number;
  readonly openMsMax?: number;
}

const FAILURES_MAX = 5;
const OPEN_MS_FIRST = 5_000;
const OPEN_MS_MAX = 60_000;
/** How long a service may put everything to it off. */
const LIMITED_MS_MAX = 300_000;
const LIMITED_MS_MIN = 1_000;
/** Who waited is let go in portions: hundreds of groups at once would be the next outage. */
const RELEASE_COUNT = 5;
const RELEASE_EVERY_MS = 100;
/** A waiter that was let go first may have nothing to tell any more: then the next one gets its turn. */
const PROBE_TURN_MS = 500;

export class Breaker {
  private state: BreakerState = "closed";
  private failuresInARow = 0;
  private openMs: number;
  private sinceMs: number | undefined;
  private retryAtMs: number | undefined;
  private reason = "";
  private isProbing = false;
  private timer: Timer | undefined;
  private readonly waiters = new Set<(pass: Pass) => void>();

  constructor(private readonly options: BreakerOptions) {
    this.openMs = options.openMsFirst ?? OPEN_MS_FIRST;
  }

  async enter(signal: AbortSignal): Promise<Pass> {
    if (signal.aborted) return "aborted";
    if (this.state === "closed") return "go";
    if (this.state === "half-open" && !this.isProbing) {
      this.isProbing = true;
      return "go";
    }
    return this.wait(signal);
  }

  succeeded(): void {
    this.failuresInARow = 0;
    this.isProbing = false;
    if (this.state === "closed") return;
    this.state = "closed";
    this.openMs = this.options.openMsFirst ?? OPEN_MS_FIRST;
    this.sinceMs = undefined;
    this.retryAtMs = undefined;
    this.reason = "";
    this.release();
  }

  failed(reason: string): void {
    this.failuresInARow += 1;
    // Attempts that began before it opened end while it is open.
    if (this.state === "open") return;
    const isOver = this.failuresInARow >= (this.options.failuresMax ?? FAILURES_MAX);
    if (this.state === "closed" && !isOver) return;
    const openMs = this.openMs;
    this.openMs = Math.min(this.openMs * 2, this.options.openMsMax ?? OPEN_MS_MAX);
    this.open(openMs, reason);
  }

  /** The service asked to be left alone for a time. */
  limited(waitMs: number, reason: string): void {
    if (this.state === "open") return;
    this.open(Math.min(Math.max(waitMs, LIMITED_MS_MIN), LIMITED_MS_MAX), reason);
  }

  /** The attempt said nothing about the service: it was called off, or there was nothing to send. */
  unknown(): void {
    if (this.state !== "half-open" || !this.isProbing) return;
    this.isProbing = false;
    this.offerProbe();
  }

  view(): BreakerView {
    const { state, sinceMs, retryAtMs, failuresInARow, reason } = this;
    return { state, sinceMs, retryAtMs, failuresInARow, reason, waiting: this.waiters.size };
  }

  private open(forMs: number, reason: string): void {
    const nowMs = this.options.clock.nowMs();
    this.state = "open";
    this.isProbing = false;
    this.sinceMs ??= nowMs;
    this.retryAtMs = nowMs + forMs;
    this.reason = reason;
    this.after(forMs, () => {
      this.state = "half-open";
      this.retryAtMs = undefined;
      this.offerProbe();
    });
  }

  /** Lets one waiter start over; it, or whoever comes before it, makes the attempt. */
  private offerProbe(): void {
    const [first] = this.waiters;
    first?.("again");
    if (this.waiters.size === 0) return;
    this.after(PROBE_TURN_MS, () => {
      if (this.state === "half-open" && !this.isProbing) this.offerProbe();
    });
  }

  private release(): void {
    for (const go of [...this.waiters].slice(0, RELEASE_COUNT)) go("again");
    if (this.waiters.size === 0) return;
    this.after(RELEASE_EVERY_MS, () => {
      if (this.state === "closed") this.release();
    });
  }

  private after(delayMs: number, call: () => void): void {
    this.timer?.cancel();
    this.timer = this.options.clock.setTimer(delayMs, call);
  }

  private wait(signal: AbortSignal): Promise<Pass> {
    return new Promise((resolve) => {
      const end = (pass: Pass) => {
        this.waiters.delete(end);
        signal.removeEventListener("abort", abort);
        resolve(pass);
      };
      const abort = () => end("aborted");
      signal.addEventListener("abort", abort, { once: true });
      this.waiters.add(end);
    });
  }
}
