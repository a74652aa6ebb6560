// rate, increase and delta: the hot path of most dashboards.
//
// The series of one scrape share their times. Everything about a window that depends on times alone (its first and
// last sample, how far to extrapolate) is worked out once for each array of times; a point then costs a subtraction,
// a look at the resets and a multiplication. Measured with bench/queries.mjs: 2,336 series × 241 steps.
import type { Labels } from "@storewatch/model";
import type { EvalContext } from "./context.ts";
import { type CounterWindow, increaseWithStarts } from "./start-times.ts";
import { emptyVector, type RangeVector, type Vector } from "./vector.ts";

export type RateKind = "rate" | "increase" | "delta";

/** An interval without samples is extrapolated over when it is shorter than this many sample distances. */
const EXTRAPOLATION_FACTOR = 1.1;
/** Samples looked at between two looks at the clock. */
const WORK_PER_CHECK = 16_384;

/** `noteOverlap` is called for a series whose start times clash with its samples' times. */
export async function evaluateRate(
  kind: RateKind,
  range: RangeVector,
  context: EvalContext,
  noteOverlap: (labels: Labels) => void,
): Promise<Vector> {
  const { query, grid } = context;
  const { series } = range;
  query.budget.hold(series.length * grid.steps);
  const out = emptyVector(
    series.map((one) => one.labels),
    series.map(() => false),
    grid.steps,
  );
  const windows = new Windows(grid.steps);
  const perSecond = kind === "rate" ? range.rangeMs / 1000 : 1;
  for (let i = 0; i < series.length; i++) {
    const { labels, timesMs, values, startsMs, counts } = series[i];
    windows.prepare(timesMs, range, counts);
    let next = 0;
    if (kind === "delta") next = fillDelta(windows, values, out, i);
    const resets = kind === "delta" || startsMs ? undefined : countResets(values);
    // Within a series too: windows that hold resets are looked through one by one.
    while (next < grid.steps) {
      const from = next;
      if (startsMs) {
        const note = () => noteOverlap(labels);
        next = fillStarted({ timesMs, values, startsMs }, windows, range, perSecond, note, out, i, from);
      } else next = fillCounter(windows, values, resets, perSecond, out, i, from);
      if (next < grid.steps && query.budget.due(WORK_PER_CHECK)) await query.budget.pause();
    }
    if (query.budget.due(grid.steps + timesMs.length)) await query.budget.pause();
  }
  return out;
}

/** For each step what its window is like, as far as the times tell. */
class Windows {
  /** The first and the last sample; equal (or crossed) when there are less than two. */
  readonly first: Int32Array;
  readonly last: Int32Array;
  /** Seconds between them. */
  readonly sampled: Float64Array;
  /** Seconds to extrapolate over at either side. */
  readonly toStart: Float64Array;
  readonly toEnd: Float64Array;
  /** (sampled + toStart + toEnd) / sampled. */
  readonly factor: Float64Array;
  private times: Float64Array | undefined;

  constructor(readonly steps: number) {
    this.first = new Int32Array(steps);
    this.last = new Int32Array(steps);
    this.sampled = new Float64Array(steps);
    this.toStart = new Float64Array(steps);
    this.toEnd = new Float64Array(steps);
    this.factor = new Float64Array(steps);
  }

  /** `counts`: how many samples each one stands for, see RangeSeries. */
  prepare(timesMs: Float64Array, range: RangeVector, counts: Float64Array | undefined): void {
    if (!counts && this.times && sameMemory(this.times, timesMs)) return;
    this.times = counts ? undefined : timesMs;
    // Samples before each one: the distance of samples is that of all that were taken.
    const before = counts && runningSum(counts);
    const count = timesMs.length;
    let low = 0;
    let high = 0;
    let endMs = range.endMs;
    for (let s = 0; s < this.steps; s++, endMs += range.endStepMs) {
      const startMs = endMs - range.rangeMs;
      while (high < count && timesMs[high] <= endMs) high++;
      while (low < high && timesMs[low] <= startMs) low++;
      const last = high - 1;
      this.first[s] = low;
      this.last[s] = last;
      if (last <= low) continue;
      const apart = before ? before[last] - before[low] : last - low;
      const sampled = (timesMs[last] - timesMs[low]) / 1000;
      const distance = sampled / apart;
      const threshold = distance * EXTRAPOLATION_FACTOR;
      const toStart = (timesMs[low] - startMs) / 1000;
      const toEnd = (endMs - timesMs[last]) / 1000;
      this.sampled[s] = sampled;
      this.toStart[s] = toStart >= threshold ? distance / 2 : toStart;
      this.toEnd[s] = toEnd >= threshold ? distance / 2 : toEnd;
      this.factor[s] = (sampled + this.toStart[s] + this.toEnd[s]) / sampled;
    }
  }
}

function runningSum(counts: Float64Array): Float64Array {
  const sums = new Float64Array(counts.length);
  let sum = 0;
  for (let i = 0; i < counts.length; i++) {
    sum += counts[i];
    sums[i] = sum;
  }
  return sums;
}

function sameMemory(a: Float64Array, b: Float64Array): boolean {
  return a === b || (a.buffer === b.buffer && a.byteOffset === b.byteOffset && a.length === b.length);
}

function fillDelta(windows: Windows, values: Float64Array, out: Vector, row: number): number {
  const { first, last, factor, steps } = windows;
  const base = row * steps;
  for (let s = 0; s < steps; s++) {
    if (last[s] <= first[s]) continue;
    out.values[base + s] = (values[last[s]] - values[first[s]]) * factor[s];
    out.present[base + s] = 1;
  }
  return steps;
}

/** From step `from` on; gives the step to go on with, after so much work that the clock should be looked at. */
function fillCounter(
  windows: Windows,
  values: Float64Array,
  resets: Uint32Array | undefined,
  perSecond: number,
  out: Vector,
  row: number,
  from: number,
): number {
  const { first, last, sampled, toStart, toEnd, factor, steps } = windows;
  const { values: results, present } = out;
  const base = row * steps;
  let work = 0;
  let s = from;
  for (; s < steps && work < WORK_PER_CHECK; s++) {
    const low = first[s];
    const high = last[s];
    if (high <= low) continue;
    const start = values[low];
    let change = values[high] - start;
    if (resets !== undefined && resets[high] !== resets[low]) {
      change += lostInResets(values, low, high);
      work += high - low;
    }
    let by = factor[s];
    if (change > 0 && start >= 0) {
      // A counter cannot have been below zero: do not extrapolate past the time at which it would have been.
      const toZero = sampled[s] * (start / change);
      if (toZero < toStart[s]) by = (sampled[s] + toZero + toEnd[s]) / sampled[s];
    }
    results[base + s] = change * (by / perSecond);
    present[base + s] = 1;
  }
  return s;
}

/** A counter whose source says since when it counts; otherwise like `fillCounter`. */
function fillStarted(
  series: Pick<CounterWindow, "timesMs" | "values" | "startsMs">,
  windows: Windows,
  range: RangeVector,
  perSecond: number,
  noteOverlap: () => void,
  out: Vector,
  row: number,
  from: number,
): number {
  let toMs = range.endMs + from * range.endStepMs;
  let work = 0;
  let s = from;
  for (; s < windows.steps && work < WORK_PER_CHECK; s++, toMs += range.endStepMs) {
    const low = windows.first[s];
    const last = windows.last[s];
    if (last < low) continue;
    work += last - low + 1;
    const change = increaseWithStarts({ ...series, low, last, fromMs: toMs - range.rangeMs, toMs }, noteOverlap);
    if (change === undefined) continue;
    out.values[row * windows.steps + s] = change / perSecond;
    out.present[row * windows.steps + s] = 1;
  }
  return s;
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
