// Words on the time axis, and the value axis' range.
import type { Language } from "../design/numbers.ts";
import { clockTime, day } from "../design/times.ts";

const DAY = 86_400_000;

/** A label for each tick: the clock, or the day where a day begins or ticks are a day apart. */
export function timeLabels(ticksMs: readonly number[], language: Language): string[] {
  const stepMs = ticksMs.length > 1 ? ticksMs[1] - ticksMs[0] : 60_000;
  return ticksMs.map((tick) => {
    const date = new Date(tick);
    const midnight = date.getHours() === 0 && date.getMinutes() === 0 && date.getSeconds() === 0;
    if (stepMs >= DAY || midnight) return day(tick, language);
    return clockTime(tick, stepMs < 60_000);
  });
}

export interface RangeWish {
  readonly min?: number;
  readonly max?: number;
  /** Values that must be seen: thresholds. */
  readonly include?: readonly number[];
}

/**
 * The value axis: from 0 where the data is near it, so that small changes look small; a little room above. Data far
 * from 0 that hardly moves gets its own range.
 */
export function valueRange(dataMin: number | null, dataMax: number | null, wish: RangeWish): [number, number] {
  const include = wish.include ?? [];
  const present = [dataMin, dataMax, ...include].filter(
    (value): value is number => value !== null && Number.isFinite(value),
  );
  if (present.length === 0) return [wish.min ?? 0, wish.max ?? Math.max(1, (wish.min ?? 0) + 1)];
  let low = Math.min(...present);
  let high = Math.max(...present);
  const spread = high - low;
  if (low >= 0 && low < 0.8 * high) low = 0;
  else if (high <= 0 && high > 0.8 * low) high = 0;
  else low -= spread * 0.05;
  if (high !== 0) high += (high - low) * 0.06;
  if (high === low) [low, high] = low === 0 ? [0, 1] : low > 0 ? [0, high * 1.2] : [low * 1.2, 0];
  return [wish.min ?? low, wish.max ?? Math.max(high, (wish.min ?? low) + Number.EPSILON)];
}

const BINARY_STEPS = Array.from({ length: 50 }, (_, power) => 2 ** power);
/** Tick distances for bytes: powers of two, so that ticks read 256 MiB and not 238 MiB. */
export const binarySteps = (): number[] => BINARY_STEPS;
