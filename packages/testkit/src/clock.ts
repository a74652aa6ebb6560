import type { Clock } from "@storewatch/model";

interface Pending {
  readonly atMs: number;
  readonly order: number;
  readonly call: () => void;
}

/** A clock that moves only when told. `advance` fires due timers in order, letting promises settle between them. */
export class FakeClock implements Clock {
  private pending: Pending[] = [];
  private order = 0;
  private readonly startMs: number;

  constructor(private timeMs = 0) {
    this.startMs = timeMs;
  }

  nowMs(): number {
    return this.timeMs;
  }

  monotonicMs(): number {
    return this.timeMs - this.startMs;
  }

  setTimer(delayMs: number, call: () => void): { cancel(): void } {
    const timer = { atMs: this.timeMs + Math.max(0, delayMs), order: this.order++, call };
    this.pending.push(timer);
    return {
      cancel: () => {
        this.pending = this.pending.filter((other) => other !== timer);
      },
    };
  }

  /** Moves the time on by `ms`, firing what falls due on the way at its own time. */
  async advance(ms: number): Promise<void> {
    const endMs = this.timeMs + ms;
    for (;;) {
      await settle();
      const next = this.pending
        .filter((timer) => timer.atMs <= endMs)
        .sort((a, b) => a.atMs - b.atMs || a.order - b.order)[0];
      if (!next) break;
      this.pending = this.pending.filter((other) => other !== next);
      this.timeMs = Math.max(this.timeMs, next.atMs);
      next.call();
    }
    this.timeMs = endMs;
    await settle();
  }
}

/** Lets everything that is ready in promise and immediate queues run. */
async function settle(): Promise<void> {
  for (let i = 0; i < 3; i++) await new Promise<void>((resolve) => setImmediate(resolve));
}
