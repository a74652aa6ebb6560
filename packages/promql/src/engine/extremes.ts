// The greatest and the least of sliding windows, in time that does not depend on how long the windows are: a queue of
// the samples that can still be the extreme of a window to come, best first (each is worse than the one before it).
import type { Budget, EvalContext } from "./context.ts";
import { emptyVector, type RangeSeries, type RangeVector, type Vector } from "./vector.ts";

/** `sign` 1 looks for the greatest, -1 for the least; of equal ones the first, or the last with `latest`. */
interface Extreme {
  readonly sign: 1 | -1;
  readonly latest: boolean;
  /** The sample's time in seconds instead of its value. */
  readonly time: boolean;
}

const EXTREMES: ReadonlyMap<string, Extreme> = new Map([
  ["max_over_time", { sign: 1, latest: false, time: false }],
  ["min_over_time", { sign: -1, latest: false, time: false }],
  ["ts_of_max_over_time", { sign: 1, latest: true, time: true }],
  ["ts_of_min_over_time", { sign: -1, latest: true, time: true }],
]);
/** Samples and steps between two looks at the clock. */
const WORK_PER_CHECK = 16_384;

export function isExtreme(func: string): boolean {
  return EXTREMES.has(func);
}

export async function evaluateExtremes(func: string, range: RangeVector, context: EvalContext): Promise<Vector> {
  const extreme = EXTREMES.get(func)!;
  const { budget } = context.query;
  const { steps } = context.grid;
  budget.hold(range.series.length * steps);
  const out = emptyVector(
    range.series.map((one) => one.labels),
    range.series.map(() => false),
    steps,
  );
  const queue = new Int32Array(range.series.reduce((most, { values }) => Math.max(most, values.length), 0));
  for (let i = 0; i < range.series.length; i++)
    await fillExtremes(extreme, range.series[i], range, queue, out, i, budget);
  return out;
}

async function fillExtremes(
  { sign, latest, time }: Extreme,
  { timesMs, values }: RangeSeries,
  { endMs, endStepMs, rangeMs }: RangeVector,
  queue: Int32Array,
  out: Vector,
  row: number,
  budget: Budget,
): Promise<void> {
  const count = timesMs.length;
  let head = 0;
  let tail = 0;
  let low = 0;
  let high = 0;
  let work = 0;
  for (let s = 0, toMs = endMs; s < out.steps; s++, toMs += endStepMs) {
    const before = high;
    for (; high < count && timesMs[high] <= toMs; high++) {
      const value = sign * values[high];
      // NaN is never better: it only counts when there is nothing else.
      if (Number.isNaN(value)) continue;
      while (
        tail > head &&
        (latest ? sign * values[queue[tail - 1]] <= value : sign * values[queue[tail - 1]] < value)
      ) {
        tail--;
      }
      queue[tail++] = high;
    }
    while (low < high && timesMs[low] <= toMs - rangeMs) low++;
    while (head < tail && queue[head] < low) head++;
    work += high - before + 1;
    if (work >= WORK_PER_CHECK) {
      if (budget.due(work)) await budget.pause();
      work = 0;
    }
    if (low === high) continue;
    const best = head < tail ? queue[head] : high - 1;
    out.values[row * out.steps + s] = time ? timesMs[best] / 1000 : values[best];
    out.present[row * out.steps + s] = 1;
  }
  if (budget.due(work)) await budget.pause();
}
