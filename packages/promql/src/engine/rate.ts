// rate, increase and delta: the hot path of most dashboards, so each series is one tight loop with two moving
// indices and no call inside.

import type { EvalContext } from "./context.ts";
import { emptyVector, type RangeSeries, type RangeVector, type Vector } from "./vector.ts";

export type RateKind = "rate" | "increase" | "delta";

export async function evaluateRate(kind: RateKind, range: RangeVector, context: EvalContext): Promise<Vector> {
  const { query, grid } = context;
  const { series } = range;
  query.budget.hold(series.length * grid.steps);
  const out = emptyVector(
    series.map((one) => one.labels),
    series.map(() => false),
    grid.steps,
  );
  for (let i = 0; i < series.length; i++) {
    fillRate(kind, series[i], range, out, i);
    if (query.budget.due(grid.steps + series[i].timesMs.length)) await query.budget.pause();
  }
  return out;
}

/** An interval that is not covered by samples is extrapolated over when it is shorter than this many sample distances. */
const EXTRAPOLATION_FACTOR = 1.1;

function fillRate(kind: RateKind, series: RangeSeries, range: RangeVector, out: Vector, row: number): void {
  const { timesMs, values } = series;
  const count = timesMs.length;
  const { rangeMs, endStepMs } = range;
  const isCounter = kind !== "delta";
  const resets = isCounter ? countResets(values) : undefined;
  const perSecond = kind === "rate" ? rangeMs / 1000 : 1;
  const { steps } = out;
  let low = 0;
  let high = 0;
  let endMs = range.endMs;
  for (let cell = row * steps; cell < (row + 1) * steps; cell++, endMs += endStepMs) {
    const startMs = endMs - rangeMs;
    while (high < count && timesMs[high] <= endMs) high++;
    while (low < high && timesMs[low] <= startMs) low++;
    if (high - low < 2) continue;
    const last = high - 1;
    const first = values[low];
    const firstMs = timesMs[low];
    const lastMs = timesMs[last];
    let change = values[last] - first;
    if (resets !== undefined && resets[last] !== resets[low]) change += lostInResets(values, low, last);
    const sampledSeconds = (lastMs - firstMs) / 1000;
    const distance = sampledSeconds / (last - low);
    let toStart = (firstMs - startMs) / 1000;
    let toEnd = (endMs - lastMs) / 1000;
    const threshold = distance * EXTRAPOLATION_FACTOR;
    if (toStart >= threshold) toStart = distance / 2;
    if (isCounter && change > 0 && first >= 0) {
      // A counter cannot have been below zero: do not extrapolate past the time at which it would have been.
      const toZero = sampledSeconds * (first / change);
      if (toZero < toStart) toStart = toZero;
    }
    if (toEnd >= threshold) toEnd = distance / 2;
    const factor = (sampledSeconds + toStart + toEnd) / sampledSeconds;
    out.values[cell] = kind === "rate" ? change * (factor / perSecond) : change * factor;
    out.present[cell] = 1;
  }
}

/** For each sample the number of counter resets up to it; undefined when there is none. */
function countResets(values: Float64Array): Uint32Array | undefined {
  let i = 1;
  while (i < values.length && !(values[i] < values[i - 1])) i++;
  if (i >= values.length) return undefined;
  const resets = new Uint32Array(values.length);
  let count = 0;
  for (; i < values.length; i++) {
    if (values[i] < values[i - 1]) count++;
    resets[i] = count;
  }
  return resets;
}

/** What the counter had before each reset, summed up in the order of the samples. */
function lostInResets(values: Float64Array, low: number, last: number): number {
  let lost = 0;
  for (let i = low + 1; i <= last; i++) if (values[i] < values[i - 1]) lost += values[i - 1];
  return lost;
}
