// What a reader may be answered with, from what it does with the samples.
import type { IntervalColumn } from "../blocks/intervals.ts";
import type { SelectHints } from "../interface.ts";
import { FIVE_MINUTES_MS, HOUR_MS } from "../retention.ts";

export interface ReadPlan {
  /** The coarsest intervals whose answer is that of the samples; 0: samples only, as long as there are any. */
  readonly resolutionMs: number;
  /** What is read of intervals. */
  readonly column: IntervalColumn | "kept";
}

const COLUMNS: ReadonlyMap<string, ReadPlan["column"]> = new Map([
  ["sum_over_time", "sum"],
  ["avg_over_time", "sum"],
  ["count_over_time", "sum"],
  ["min_over_time", "min"],
  ["max_over_time", "max"],
  ["rate", "weights"],
  ["increase", "weights"],
  ["delta", "weights"],
  ["last_over_time", "kept"],
  ["first_over_time", "kept"],
  ["present_over_time", "kept"],
  ["absent_over_time", "kept"],
  ["resets", "kept"],
]);

/**
 * Whole intervals give the same answer when all windows are made of whole intervals: the step, the window's length and
 * its end are multiples of the interval's length. `toMs` is the end of the last window.
 */
export function planRead(hints: SelectHints | undefined, toMs: number): ReadPlan {
  if (!hints) return { resolutionMs: 0, column: "kept" };
  const { stepMs, rangeMs, func } = hints;
  const column = rangeMs === 0 ? "kept" : COLUMNS.get(func);
  if (column === undefined) return { resolutionMs: 0, column: "kept" };
  const fits = (lengthMs: number) =>
    stepMs > 0 && stepMs % lengthMs === 0 && rangeMs % lengthMs === 0 && toMs % lengthMs === 0;
  return { resolutionMs: [HOUR_MS, FIVE_MINUTES_MS].find(fits) ?? 0, column };
}
