// Start timestamps: a source that says since when a counter counts tells of resets that the values hide, and from
// where a window's first sample has counted.

/**
 * True when the counter began anew between two samples, by their start times (0: unknown).
 *
 * A start exactly at the sample before is a reset for deltas, which all begin where the last one ended, but not for a
 * counter of unknown start, whose first sample OpenTelemetry gives its own time as start.
 */
export function isStartReset(previousStart: number, previousMs: number, start: number, timeMs: number): boolean {
  if (start === 0 || start >= timeMs || start < previousMs) return false;
  if (start > previousMs) return true;
  return previousStart !== 0 && previousStart < previousMs;
}

/** True when a sample claims to have counted what the one before it has counted, without being its continuation. */
export function overlaps(previousStart: number, previousMs: number, start: number): boolean {
  return start !== 0 && start < previousMs && start !== previousStart;
}

/** The samples low … last of a counter. */
export interface CounterWindow {
  readonly timesMs: Float64Array;
  readonly values: Float64Array;
  readonly startsMs: Float64Array;
  readonly low: number;
  readonly last: number;
  /** The window is (fromMs, toMs]. */
  readonly fromMs: number;
  readonly toMs: number;
}

/** By how much the counter grew; undefined when that cannot be told. `noteOverlap` is called when start times clash. */
export function increaseWithStarts(window: CounterWindow, noteOverlap: () => void): number | undefined {
  const { timesMs, values, startsMs, low, last, fromMs, toMs } = window;
  let change = values[last] - values[low];
  for (let i = low + 1; i <= last; i++) {
    if (overlaps(startsMs[i - 1], timesMs[i - 1], startsMs[i])) noteOverlap();
    const reset = isStartReset(startsMs[i - 1], timesMs[i - 1], startsMs[i], timesMs[i]);
    if (reset || values[i] < values[i - 1]) change += values[i - 1];
  }
  const distance = last > low ? (timesMs[last] - timesMs[low]) / (last - low) : 0;
  const nearMs = distance * 1.1;
  const endGapMs = toMs - timesMs[last];
  const toEndMs = endGapMs >= nearMs ? distance / 2 : endGapMs;
  const start = startsMs[low];
  if (start !== 0 && start > fromMs && start < timesMs[low]) {
    // It counted from zero at its start: nothing to guess before it.
    const sampledMs = timesMs[last] - start;
    return (change + values[low]) * ((sampledMs + toEndMs) / sampledMs);
  }
  if (last === low) return undefined;
  const sampledMs = timesMs[last] - timesMs[low];
  const startGapMs = timesMs[low] - fromMs;
  let toStartMs = startGapMs >= nearMs ? distance / 2 : startGapMs;
  if (change > 0 && values[low] >= 0) toStartMs = Math.min(toStartMs, sampledMs * (values[low] / change));
  return change * ((sampledMs + toStartMs + toEndMs) / sampledMs);
}
