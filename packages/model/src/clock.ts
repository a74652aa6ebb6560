// Time as a parameter: everything that waits or asks for the time takes a Clock, so that one seed replays a day.

export interface Timer {
  cancel(): void;
}

export interface Clock {
  /** Wall time, ms since the epoch. */
  nowMs(): number;
  /** Monotonic time in ms from an arbitrary start, with fractions. */
  monotonicMs(): number;
  /** Calls once after `delayMs`. The timer never keeps the process alive by itself. */
  setTimer(delayMs: number, call: () => void): Timer;
}

export function sleep(clock: Clock, delayMs: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason);
    const timer = clock.setTimer(delayMs, () => {
      signal?.removeEventListener("abort", abort);
      resolve();
    });
    const abort = () => {
      timer.cancel();
      reject(signal?.reason);
    };
    signal?.addEventListener("abort", abort, { once: true });
  });
}
