// Time that moves only when told: minutes of a scenario pass in milliseconds.
import type { Clock, Timer } from "@storewatch/model";

interface Pending {
  readonly atMs: number;
  readonly call: () => void;
}

export class VirtualTime implements Clock {
  private pending: Pending[] = [];

  constructor(private timeMs: number) {}

  nowMs(): number {
    return this.timeMs;
  }

  monotonicMs(): number {
    return this.timeMs;
  }

  setTimer(delayMs: number, call: () => void): Timer {
    const timer = { atMs: this.timeMs + Math.max(0, delayMs), call };
    this.pending.push(timer);
    return {
      cancel: () => {
        this.pending = this.pending.filter((other) => other !== timer);
      },
    };
  }

  /** Runs what falls due until then, in order; promises settle in between. */
  async advanceTo(endMs: number): Promise<void> {
    for (;;) {
      await settle();
      const due = this.pending.filter((timer) => timer.atMs <= endMs);
      if (due.length === 0) break;
      const next = due.reduce((first, timer) => (timer.atMs < first.atMs ? timer : first));
      this.pending = this.pending.filter((other) => other !== next);
      this.timeMs = Math.max(this.timeMs, next.atMs);
      next.call();
    }
    this.timeMs = Math.max(this.timeMs, endMs);
  }
}

async function settle(): Promise<void> {
  for (let i = 0; i < 6; i++) await new Promise<void>((resolve) => setImmediate(resolve));
}
