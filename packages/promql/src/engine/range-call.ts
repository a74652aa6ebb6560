// Calls of functions that take a range vector.
import type { Labels } from "@storewatch/model";
import type { CallExpr } from "../parser/ast.ts";
import { quoteString } from "../parser/text.ts";
import { type EvalContext, eachRow } from "./context.ts";
import { evaluateExtendedRate } from "./extended.ts";
import { evaluateExtremes, isExtreme } from "./extremes.ts";
import { floatRange, withHistogramWindows } from "./histogram/windows.ts";
import { WINDOW_FUNCTIONS, type Window } from "./over-time.ts";
import { evaluateRate } from "./rate.ts";
import {
  emptyVector,
  floatsOnly,
  nameOf,
  type RangeSeries,
  type RangeVector,
  rowHasPoints,
  type Scalar,
  type Vector,
  withoutNames,
} from "./vector.ts";

const KEEPS_NAME: ReadonlySet<string> = new Set(["first_over_time", "last_over_time"]);
const WORK_PER_CHECK = 16_384;
const COUNTER_SUFFIXES = ["_total", "_sum", "_count", "_bucket"];

/** `params`: the scalar arguments, in their order. */
export async function evaluateRangeCall(
  expr: CallExpr,
  range: RangeVector,
  params: readonly Scalar[],
  context: EvalContext,
): Promise<Vector> {
  const { query } = context;
  const { func } = expr;
  const isRate = func === "rate" || func === "increase" || func === "delta";
  checkParams(expr, params, context);
  const floats = floatRange(range);
  const noteClash = ({ labels }: Pick<RangeSeries, "labels">) => noteOverlap(labels, expr, context);
  const floatResult = !isRate
    ? await evaluateWindows(func, floats, params, context)
    : range.extension
      ? await evaluateExtendedRate(func, floats, context)
      : await evaluateRate(func, floats, context, (labels) => noteClash({ labels }));
  const out = await withHistogramWindows(expr, range, floatResult, context, noteClash);
  if (func === "rate" || func === "increase") noteNonCounters(expr, floatsOnly(out), context);
  if (!KEEPS_NAME.has(func)) return withoutNames(out, query.delayedNameRemoval);
  return { ...out, dropName: range.series.map((series) => series.dropName) };
}

async function evaluateWindows(
  func: string,
  range: RangeVector,
  params: readonly Scalar[],
  context: EvalContext,
): Promise<Vector> {
  if (isExtreme(func)) return evaluateExtremes(func, range, context);
  const { query, grid } = context;
  const { series, rangeMs, endStepMs } = range;
  const call = WINDOW_FUNCTIONS.get(func);
  if (!call) return query.fail(`function "${func}" is not in this version`);
  query.budget.hold(series.length * grid.steps);
  const out = emptyVector(
    series.map((one) => one.labels),
    series.map(() => false),
    grid.steps,
  );
  const anchored = range.extension === "anchored";
  const stepParams: number[] = params.map(() => 0);
  for (let i = 0; i < series.length; i++) {
    const { timesMs, values, startsMs, counts } = series[i];
    const count = timesMs.length;
    const window: Window = { timesMs, values, startsMs, counts, low: 0, high: 0, stepMs: grid.startMs };
    let endMs = range.endMs;
    let work = grid.steps;
    let low = 0;
    for (let s = 0; s < grid.steps; s++, endMs += endStepMs) {
      while (window.high < count && timesMs[window.high] <= endMs) window.high++;
      while (low < window.high && timesMs[low] <= endMs - rangeMs) low++;
      if (low === window.high) continue;
      // What is anchored begins with the last sample before the window, if that is within reach.
      const reaches = anchored && low > 0 && timesMs[low - 1] > endMs - rangeMs - query.lookbackMs;
      window.low = reaches ? low - 1 : low;
      work += window.high - window.low;
      // Within a series too: thousands of steps over thousands of samples each take seconds.
      if (work >= WORK_PER_CHECK) {
        if (query.budget.due(work)) await query.budget.pause();
        work = 0;
      }
      window.stepMs = grid.startMs + s * grid.stepMs;
      for (let p = 0; p < params.length; p++) stepParams[p] = params[p].values[s];
      const value = call(window, stepParams);
      if (value === undefined) continue;
      out.values[i * grid.steps + s] = value;
      out.present[i * grid.steps + s] = 1;
    }
    if (query.budget.due(work)) await query.budget.pause();
  }
  return out;
}

/** 1 at each step at which no series has a sample in its window. */
export async function absentOverTime(range: RangeVector, context: EvalContext, absent: Vector): Promise<Vector> {
  const { steps } = context.grid;
  absent.values.fill(1);
  absent.present.fill(1);
  await eachRow(context.query.budget, range.series.length, steps, (i) => {
    const { timesMs } = range.series[i];
    let low = 0;
    let endMs = range.endMs;
    for (let s = 0; s < steps; s++, endMs += range.endStepMs) {
      while (low < timesMs.length && timesMs[low] <= endMs - range.rangeMs) low++;
      if (low < timesMs.length && timesMs[low] <= endMs) absent.present[s] = 0;
    }
  });
  return absent;
}

function noteOverlap(labels: Labels, expr: CallExpr, context: EvalContext): void {
  const name = quoteString(nameOf(labels));
  const message = `sample has start time that overlaps with previous sample timestamp for metric ${name}`;
  context.query.annotations.warn(message, expr.args[0]);
}

function checkParams(expr: CallExpr, params: readonly Scalar[], context: EvalContext): void {
  const { query } = context;
  if (expr.func === "quantile_over_time") {
    for (const q of params[0].values) {
      if (Number.isNaN(q) || q < 0 || q > 1) warnQuantile(q, expr.args[0], context);
    }
  }
  if (expr.func !== "double_exponential_smoothing") return;
  const names = ["smoothing", "trend"];
  params.forEach(({ values }, i) => {
    for (const value of values) {
      if (value > 0 && value < 1) continue;
      query.fail(`invalid ${names[i]} factor. Expected: 0 < ${i === 0 ? "sf" : "tf"} < 1, got: ${value.toFixed(6)}`);
    }
  });
}

export function warnQuantile(q: number, place: { from: number; to: number }, context: EvalContext): void {
  const text = Number.isNaN(q) ? "NaN" : Number.isFinite(q) ? String(q) : q > 0 ? "+Inf" : "-Inf";
  context.query.annotations.warn(`quantile value should be between 0 and 1, got ${text}`, place);
}

function noteNonCounters(expr: CallExpr, out: Vector, context: EvalContext): void {
  const done = new Set<string>([""]);
  let last = "";
  for (let i = 0; i < out.labels.length; i++) {
    const name = nameOf(out.labels[i]);
    // Series of one name mostly stand together.
    if (name === last || done.has(name)) continue;
    if (COUNTER_SUFFIXES.some((suffix) => name.endsWith(suffix))) {
      last = name;
      done.add(name);
      continue;
    }
    if (!rowHasPoints(out, i)) continue;
    done.add(name);
    context.query.annotations.info(
      `metric might not be a counter, name does not end in _total/_sum/_count/_bucket: "${name}"`,
      expr.args[0],
    );
  }
}
