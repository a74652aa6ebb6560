// Range functions over series with histograms. A window of floats alone is left to the functions of floats; here is
// what a window gives that has a histogram.
import type { NativeHistogram } from "@storewatch/model";
import type { CallExpr } from "../../parser/ast.ts";
import type { EvalContext } from "../context.ts";
import { eachSpan } from "../extended.ts";
import type { RateKind } from "../rate.ts";
import { isStartReset } from "../start-times.ts";
import { type Histograms, histogramSize, nameOf, type RangeSeries, type RangeVector, type Vector } from "../vector.ts";
import { HistogramNotes } from "./annotations.ts";
import { extendedRateOf } from "./extended.ts";
import { HistogramSeries, instantChange, rateOf } from "./rate.ts";
import { areEqual } from "./resets.ts";
import { averageOf, sumOf } from "./sum.ts";

/** The samples low … high - 1 of a series, in (fromMs, toMs]. */
interface Window {
  readonly of: HistogramSeries;
  readonly low: number;
  readonly high: number;
  readonly fromMs: number;
  readonly toMs: number;
  /** How many of the samples are histograms; at least 1. */
  readonly histograms: number;
}

/** Undefined for no point. */
type Result = NativeHistogram | number | undefined;

/** The series without their histograms, for the functions of floats. */
export function floatRange(range: RangeVector): RangeVector {
  if (!range.series.some((one) => one.histograms)) return range;
  return { ...range, series: range.series.map(floatSeries) };
}

function floatSeries(series: RangeSeries): RangeSeries {
  const { histograms, startsMs, counts } = series;
  if (!histograms) return series;
  const isFloat = (_: number, i: number) => histograms[i] === undefined;
  return {
    ...series,
    timesMs: series.timesMs.filter(isFloat),
    values: series.values.filter(isFloat),
    startsMs: startsMs?.filter(isFloat),
    counts: counts?.filter(isFloat),
    histograms: undefined,
  };
}

/** `floats`: the function's result for `floatRange(range)`. */
export async function withHistogramWindows(
  expr: CallExpr,
  range: RangeVector,
  floats: Vector,
  context: EvalContext,
  noteOverlap: (series: RangeSeries) => void,
): Promise<Vector> {
  if (!range.series.some((one) => one.histograms)) return floats;
  const { budget } = context.query;
  const { steps } = context.grid;
  const notes = new HistogramNotes(context.query.annotations, expr.args[0]);
  const values = new Float64Array(floats.values);
  const present = new Uint8Array(floats.present);
  const histograms: Histograms = new Array(values.length).fill(undefined);
  for (const [row, series] of range.series.entries()) {
    if (!series.histograms) continue;
    const of = new HistogramSeries(series, nameOf(series.labels), notes, () => noteOverlap(series));
    if (range.extension && isRateKind(expr.func)) {
      await fillExtended(expr.func, of, range, context, (step, result) => {
        present[row * steps + step] = result ? 1 : 0;
        histograms[row * steps + step] = result;
        if (result) budget.hold(histogramSize(result));
      });
      continue;
    }
    for (const [step, window] of windowsOf(of, range, context)) {
      const cell = row * steps + step;
      if (keepsFloats(expr.func, window)) continue;
      const result = evaluateWindow(expr.func, window);
      present[cell] = result === undefined ? 0 : 1;
      if (typeof result === "number") values[cell] = result;
      else if (result) {
        histograms[cell] = result;
        budget.hold(histogramSize(result));
      }
      if (budget.due((window.high - window.low) * 64)) await budget.pause();
    }
  }
  return { ...floats, values, present, histograms };
}

function isRateKind(func: string): func is RateKind {
  return func === "rate" || func === "increase" || func === "delta";
}

/** Calls for each step that has a histogram in reach. */
async function fillExtended(
  kind: RateKind,
  of: HistogramSeries,
  range: RangeVector,
  context: EvalContext,
  put: (step: number, result: NativeHistogram | undefined) => void,
): Promise<void> {
  await eachSpan(range, of.series.timesMs, context, (span, step) => {
    const found = of.histograms.slice(span.low, span.high).filter((one) => one !== undefined).length;
    if (found === 0) return;
    const isMixed = found < span.high - span.low;
    if (isMixed) of.notes.mixedTypes(of.name);
    put(step, isMixed ? undefined : extendedRateOf(kind, of, span, range.extension === "smoothed"));
  });
}

/** The steps whose windows have a histogram. */
function* windowsOf(of: HistogramSeries, range: RangeVector, context: EvalContext): Generator<[number, Window]> {
  const { timesMs } = of.series;
  const before = new Uint32Array(timesMs.length + 1);
  for (let i = 0; i < timesMs.length; i++) before[i + 1] = before[i] + (of.histograms[i] ? 1 : 0);
  let start = 0;
  let high = 0;
  let toMs = range.endMs;
  for (let step = 0; step < context.grid.steps; step++, toMs += range.endStepMs) {
    const fromMs = toMs - range.rangeMs;
    while (high < timesMs.length && timesMs[high] <= toMs) high++;
    while (start < high && timesMs[start] <= fromMs) start++;
    if (start === high) continue;
    const anchored = range.extension === "anchored";
    const low = anchored && start > 0 && timesMs[start - 1] > fromMs - context.query.lookbackMs ? start - 1 : start;
    const histograms = before[high] - before[low];
    if (histograms > 0) yield [step, { of, low, high, fromMs, toMs, histograms }];
  }
}

const FLOATS_ONLY: ReadonlySet<string> = new Set([
  "deriv",
  "double_exponential_smoothing",
  "mad_over_time",
  "max_over_time",
  "min_over_time",
  "predict_linear",
  "quantile_over_time",
  "stddev_over_time",
  "stdvar_over_time",
  "ts_of_max_over_time",
  "ts_of_min_over_time",
]);

/** Functions that leave histograms out, with a remark when there are floats too. */
function keepsFloats(func: string, { of, low, high, histograms }: Window): boolean {
  if (!FLOATS_ONLY.has(func)) return false;
  if (histograms < high - low) of.notes.ignoredInRange(of.name);
  return true;
}

function evaluateWindow(func: string, window: Window): Result {
  const { of, low, high } = window;
  const { timesMs } = of.series;
  switch (func) {
    case "rate":
    case "increase":
    case "delta":
      return isMixed(window) ? undefined : rateOf(func, of, { ...window, last: high - 1 });
    case "irate":
    case "idelta":
      return lastChange(func === "irate", window);
    case "sum_over_time":
    case "avg_over_time":
      return isMixed(window) ? undefined : combined(func, window);
    case "count_over_time":
      return high - low;
    case "present_over_time":
      return 1;
    case "first_over_time":
      return sampleAt(of, low);
    case "last_over_time":
      return sampleAt(of, high - 1);
    case "ts_of_first_over_time":
      return timesMs[low] / 1000;
    case "ts_of_last_over_time":
      return timesMs[high - 1] / 1000;
    case "changes":
      return countBetween(window, hasChanged);
    case "resets":
      return countBetween(window, wasReset);
    default:
      return undefined;
  }
}

function isMixed({ of, low, high, histograms }: Window): boolean {
  if (histograms === high - low) return false;
  of.notes.mixedTypes(of.name);
  return true;
}

function sampleAt({ series, histograms }: HistogramSeries, i: number): NativeHistogram | number {
  return histograms[i] ?? series.values[i];
}

/** Of the last two samples; they may be floats behind older histograms. */
function lastChange(isRate: boolean, { of, low, high }: Window): Result {
  if (high - low < 2) return undefined;
  const last = high - 1;
  if (of.histograms[last] || of.histograms[last - 1]) return instantChange(isRate, of, last);
  const { values, timesMs, startsMs } = of.series;
  const seconds = (timesMs[last] - timesMs[last - 1]) / 1000;
  if (!isRate) return values[last] - values[last - 1];
  const started = startsMs && isStartReset(startsMs[last - 1], timesMs[last - 1], startsMs[last], timesMs[last]);
  const change = started || values[last] < values[last - 1] ? values[last] : values[last] - values[last - 1];
  return change / seconds;
}

function combined(func: "sum_over_time" | "avg_over_time", { of, low, high }: Window): Result {
  const histograms = of.histograms.slice(low, high).filter((one) => one !== undefined);
  const result = func === "sum_over_time" ? sumOf(histograms) : averageOf(histograms);
  if (!result) {
    of.notes.mixedSchemas(of.name);
    return undefined;
  }
  if (result.collision) of.notes.conflictingResets("aggregation");
  if (result.reconciled) of.notes.reconciled("aggregation");
  return result.histogram;
}

function countBetween({ of, low, high }: Window, call: (of: HistogramSeries, i: number) => boolean): number {
  let count = 0;
  for (let i = low + 1; i < high; i++) if (call(of, i)) count++;
  return count;
}

function hasChanged({ series, histograms }: HistogramSeries, i: number): boolean {
  const [before, now] = [histograms[i - 1], histograms[i]];
  if (before && now) return !areEqual(now, before);
  if (before || now) return true;
  return !Object.is(series.values[i], series.values[i - 1]) && series.values[i] !== series.values[i - 1];
}

function wasReset(of: HistogramSeries, i: number): boolean {
  const { histograms, series } = of;
  if (histograms[i - 1] && histograms[i]) return of.isReset(i);
  if (histograms[i - 1] || histograms[i]) return true;
  const { values, timesMs, startsMs } = series;
  const started = startsMs && isStartReset(startsMs[i - 1], timesMs[i - 1], startsMs[i], timesMs[i]);
  return started || values[i] < values[i - 1];
}
