import type { Clock } from "@storewatch/model";

/** How fast time goes while it waits for a wall clock that was set back. */
const WAITING_SPEED = 0.9;

/**
 * Time that never goes back. Samples must ascend, so that a wall clock that is set back by an hour would leave the
 * server without data and without alerts for that hour. Instead its time goes on, at nine tenths of the speed, until the
 * wall clock has caught up: a second's correction is over after ten. Forward it follows at once.
 */
export class SteadyTime {
  private nowMs = Number.NEGATIVE_INFINITY;
  private readMs = 0;

  constructor(
    private readonly wallMs: () => number,
    private readonly monotonicMs: () => number,
  ) {}

  now(): number {
    const monotonicMs = this.monotonicMs();
    const waitedMs = this.nowMs + (monotonicMs - this.readMs) * WAITING_SPEED;
    this.readMs = monotonicMs;
    this.nowMs = Math.max(this.wallMs(), waitedMs);
    return Math.floor(this.nowMs);
  }
}

const steadyTime = new SteadyTime(Date.now, () => performance.now());

/** The machine's clock. The only place that reads it, beside the timers of libraries. */
export const systemClock: Clock = {
  nowMs: () => steadyTime.now(),
  monotonicMs: () => performance.now(),
  setTimer(delayMs, call) {
    // setTimeout holds at most 2^31-1 ms; a longer wait is taken in parts.
    const partMs = Math.min(Math.max(0, delayMs), 2 ** 31 - 1);
    let cancelled = false;
    let inner = { cancel() {} };
    const handle = setTimeout(() => {
      if (cancelled) return;
      if (partMs < delayMs) inner = systemClock.setTimer(delayMs - partMs, call);
      else call();
    }, partMs);
    handle.unref();
    return {
      cancel() {
        cancelled = true;
        clearTimeout(handle);
        inner.cancel();
      },
    };
  },
};

/** Keeps the process alive while a command only waits: the clock's timers do not. Call the result when it is done. */
export function keepProcessAlive(): () => void {
  const handle = setInterval(() => {}, 2 ** 30);
  return () => clearInterval(handle);
}
