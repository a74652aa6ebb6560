import type { Clock } from "@storewatch/model";

/** The machine's clock. The only place that reads it, beside the timers of libraries. */
export const systemClock: Clock = {
  nowMs: () => Date.now(),
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
