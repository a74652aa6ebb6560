/** Time as the SDK reads it; tests pass their own. */
export interface Clock {
  /** Milliseconds on a clock that only goes forward: durations and windows. */
  monotonicMs(): number;
  /** Milliseconds since 1970: what people read. */
  wallMs(): number;
}

export const systemClock: Clock = {
  monotonicMs: () => performance.now(),
  wallMs: () => Date.now(),
};
