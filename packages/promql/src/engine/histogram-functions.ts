// histogram_quantile, histogram_quantiles and histogram_fraction: over classic histograms, which are a series for each
// bucket, and over native ones; and what native histograms have as a number.
import { type Labels, METRIC_NAME, type NativeHistogram } from "@storewatch/model";
import type { CallExpr, Expr } from "../parser/ast.ts";
import { formatFloat, formatFloatPlain } from "../parser/text.ts";
import { type Bucket, bucketFraction, bucketQuantile, type QuantileResult } from "./buckets.ts";
import { type EvalContext, eachRow } from "./context.ts";
import { HistogramNotes } from "./histogram/annotations.ts";
import { nativeFraction, nativeQuantile, nativeVariance } from "./histogram/quantile.ts";
import { warnQuantile } from "./range-call.ts";
import {
  concatenate,
  emptyVector,
  floatsOnly,
  nameOf,
  rowHasPoints,
  type Scalar,
  type Vector,
  withoutNames,
} from "./vector.ts";

const BUCKET_LABEL = "le";
/** Work on a native histogram, in cells. */
const NATIVE_WORK = 32;

interface Histogram {
  /** Without `le`. */
  readonly labels: Labels;
  /** Sorted by upper bound. */
  readonly buckets: { readonly upperBound: number; readonly row: number }[];
}

/** Groups bucket series into histograms. `place` is the vector argument, for warnings. */
function histogramsOf(vector: Vector, place: Expr, context: EvalContext): Histogram[] {
  const found = new Map<string, Histogram>();
  const dropped = context.query.delayedNameRemoval ? [BUCKET_LABEL] : [BUCKET_LABEL, METRIC_NAME];
  const bounds = new Map<string, number | undefined>();
  let last: Histogram | undefined;
  vector.labels.forEach((series, row) => {
    if (!rowHasPoints(vector, row)) return;
    const text = series.get(BUCKET_LABEL);
    let upperBound = bounds.get(text);
    if (upperBound === undefined) {
      upperBound = parseBound(text);
      bounds.set(text, upperBound);
    }
    if (upperBound === undefined) {
      warnBound(series, place, context);
      return;
    }
    // Buckets of one histogram mostly follow each other: 58,400 of them took 60 ms of label sets and keys without this.
    if (!last || !isOf(last, series, dropped)) last = histogramOf(series.without(dropped), found);
    last.buckets.push({ upperBound, row });
  });
  for (const { buckets } of found.values()) buckets.sort((a, b) => a.upperBound - b.upperBound);
  return [...found.values()];
}

function warnBound(series: Labels, place: Expr, context: EvalContext): void {
  const name = nameOf(series);
  context.query.annotations.warn(
    `bucket label "le" is missing or has a malformed value of ${JSON.stringify(series.get(BUCKET_LABEL))}` +
      (name === "" ? "" : ` for metric name ${JSON.stringify(name)}`),
    place,
  );
}

function histogramOf(labels: Labels, found: Map<string, Histogram>): Histogram {
  let histogram = found.get(labels.key);
  if (!histogram) {
    histogram = { labels, buckets: [] };
    found.set(labels.key, histogram);
  }
  return histogram;
}

/** Whether the series without the dropped labels has the histogram's label set. */
function isOf(histogram: Histogram, series: Labels, dropped: readonly string[]): boolean {
  const wanted = histogram.labels.pairs;
  const { pairs } = series;
  let at = 0;
  for (let i = 0; i < pairs.length; i += 2) {
    if (dropped.includes(pairs[i])) continue;
    if (pairs[i] !== wanted[at] || pairs[i + 1] !== wanted[at + 1]) return false;
    at += 2;
  }
  return at === wanted.length;
}

/** Go's ParseFloat of a bucket's bound. */
function parseBound(text: string): number | undefined {
  if (/^\+?inf(inity)?$/i.test(text)) return Number.POSITIVE_INFINITY;
  if (/^-inf(inity)?$/i.test(text)) return Number.NEGATIVE_INFINITY;
  if (!/^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/.test(text)) return undefined;
  return Number(text);
}

/** The buckets that have a point at a step; buckets of one bound are added up. */
function bucketsAt(histogram: Histogram, vector: Vector, step: number, buckets: Bucket[]): void {
  buckets.length = 0;
  for (const { upperBound, row } of histogram.buckets) {
    const cell = row * vector.steps + step;
    if (vector.present[cell] === 0) continue;
    const count = vector.values[cell];
    const last = buckets[buckets.length - 1];
    if (last !== undefined && last.upperBound === upperBound) last.count += count;
    else buckets.push({ upperBound, count });
  }
}

type Compute = (buckets: Bucket[], step: number, histogram: Histogram) => number;

async function eachHistogram(
  histograms: readonly Histogram[],
  vector: Vector,
  context: EvalContext,
  compute: Compute,
): Promise<Vector> {
  const { steps } = vector;
  const labels = histograms.map((histogram) => histogram.labels);
  context.query.budget.hold(labels.length * steps);
  const out = emptyVector(
    labels,
    labels.map(() => false),
    steps,
  );
  const buckets: Bucket[] = [];
  for (let h = 0; h < histograms.length; h++) {
    for (let s = 0; s < steps; s++) {
      bucketsAt(histograms[h], vector, s, buckets);
      if (buckets.length === 0) continue;
      out.values[h * steps + s] = compute(buckets, s, histograms[h]);
      out.present[h * steps + s] = 1;
    }
    if (context.query.budget.due(steps * histograms[h].buckets.length)) await context.query.budget.pause();
  }
  return withoutNames(out, context.query.delayedNameRemoval);
}

/** What a function of histograms gives for each kind of them. `name`: of the metric, for remarks. */
interface Calls {
  readonly classic: Compute;
  readonly native: (histogram: NativeHistogram, step: number, name: string) => number;
}

async function ofAllHistograms(vector: Vector, place: Expr, calls: Calls, context: EvalContext): Promise<Vector> {
  const floats = histogramsOf(floatsOnly(vector), place, context);
  const classic = await eachHistogram(floats, floatsOnly(vector), context, calls.classic);
  if (!vector.histograms) return classic;
  const native = await ofNativeHistograms(vector, calls.native, context);
  dropConflicts(classic, native, new HistogramNotes(context.query.annotations, place));
  return concatenate([native, classic], vector.steps);
}

/** A number for each histogram; floats are left out. */
async function ofNativeHistograms(vector: Vector, call: Calls["native"], context: EvalContext): Promise<Vector> {
  const { steps, histograms = [] } = vector;
  const rows = vector.labels
    .map((_, row) => row)
    .filter((row) => histograms.slice(row * steps, (row + 1) * steps).some((one) => one !== undefined));
  const labels = rows.map((row) => vector.labels[row]);
  const drops = rows.map((row) => vector.dropName[row]);
  context.query.budget.hold(rows.length * steps);
  const out = emptyVector(labels, drops, steps);
  await eachRow(context.query.budget, rows.length, steps * NATIVE_WORK, (i) => {
    const name = nameOf(labels[i]);
    for (let s = 0; s < steps; s++) {
      const cell = rows[i] * steps + s;
      const histogram = histograms[cell];
      if (!histogram || vector.present[cell] === 0) continue;
      out.values[i * steps + s] = call(histogram, s, name);
      out.present[i * steps + s] = 1;
    }
  });
  return withoutNames(out, context.query.delayedNameRemoval);
}

/** Where a series is there as a classic and as a native histogram, neither has a result. */
function dropConflicts(classic: Vector, native: Vector, notes: HistogramNotes): void {
  const rows = new Map(classic.labels.map((labels, row) => [labels.key, row]));
  native.labels.forEach((labels, row) => {
    const other = rows.get(labels.without([BUCKET_LABEL]).key);
    if (other === undefined) return;
    for (let s = 0; s < native.steps; s++) {
      const cells = [
        native.present.subarray(row * native.steps + s),
        classic.present.subarray(other * native.steps + s),
      ];
      if (cells[0][0] === 0 || cells[1][0] === 0) continue;
      cells[0][0] = 0;
      cells[1][0] = 0;
      notes.mixedClassicAndNative(nameOf(labels));
    }
  });
}

export async function histogramQuantile(
  expr: CallExpr,
  q: Scalar,
  vector: Vector,
  context: EvalContext,
): Promise<Vector> {
  warnQuantiles(q, expr.args[0], context);
  const place = expr.args[1];
  const repairs = new Repairs();
  const out = await ofAllHistograms(vector, place, quantileCalls(q, repairs, place, context), context);
  repairs.report(place, context);
  return out;
}

function quantileCalls(q: Scalar, repairs: Repairs, place: Expr, context: EvalContext): Calls {
  const notes = new HistogramNotes(context.query.annotations, place);
  return {
    classic: (buckets, step, histogram) => {
      const result = bucketQuantile(q.values[step], buckets);
      if (result.forced) repairs.note(histogram, result.forced, step);
      return result.value;
    },
    native: (histogram, step, name) => {
      const { value, nan } = nativeQuantile(q.values[step], histogram);
      if (nan) notes.nanInQuantile(name, nan);
      return value;
    },
  };
}

/** One series for each quantile, told apart by a label. */
export async function histogramQuantiles(
  expr: CallExpr,
  vector: Vector,
  label: string,
  quantiles: readonly Scalar[],
  context: EvalContext,
): Promise<Vector> {
  quantiles.forEach((q, i) => {
    warnQuantiles(q, expr.args[i + 2], context);
  });
  const place = expr.args[0];
  const repairs = new Repairs();
  const parts: Vector[] = [];
  for (const q of quantiles) {
    const part = await ofAllHistograms(vector, place, quantileCalls(q, repairs, place, context), context);
    if (part.labels.some((labels) => labels.has(label))) {
      context.query.fail(`label ${label} already exists in histogram series`);
    }
    for (const value of new Set(q.values)) parts.push(withQuantile(part, q, value, label, context));
  }
  repairs.report(place, context);
  return concatenate(parts, vector.steps);
}

/** The points of the steps at which the quantile is this one; a quantile need not be the same at all steps. */
function withQuantile(part: Vector, q: Scalar, value: number, label: string, context: EvalContext): Vector {
  const labels = part.labels.map((one) => one.with(label, formatFloatPlain(value)));
  // As sets of numbers see it: NaN equals itself.
  const isIt = (other: number) => other === value || (Number.isNaN(other) && Number.isNaN(value));
  if (q.values.every(isIt)) return { ...part, labels };
  context.query.budget.hold(part.present.length);
  const present = part.present.map((one, cell) => (isIt(q.values[cell % part.steps]) ? one : 0));
  return { ...part, labels, present };
}

export async function histogramFraction(
  expr: CallExpr,
  lower: Scalar,
  upper: Scalar,
  vector: Vector,
  context: EvalContext,
): Promise<Vector> {
  const place = expr.args[2];
  const notes = new HistogramNotes(context.query.annotations, place);
  const calls: Calls = {
    classic: (buckets, step) => bucketFraction(lower.values[step], upper.values[step], buckets),
    native: (histogram, step, name) => {
      const { value, nans } = nativeFraction(lower.values[step], upper.values[step], histogram);
      if (nans) notes.nanInFraction(name);
      return value;
    },
  };
  return ofAllHistograms(vector, place, calls, context);
}

/** histogram_count and its like, of native histograms only. */
export function numberOfHistogram(func: string, vector: Vector, context: EvalContext): Promise<Vector> {
  return ofNativeHistograms(vector, HISTOGRAM_NUMBERS.get(func)!, context);
}

const HISTOGRAM_NUMBERS: ReadonlyMap<string, (histogram: NativeHistogram) => number> = new Map([
  ["histogram_avg", ({ sum, count }: NativeHistogram) => sum / count],
  ["histogram_count", ({ count }: NativeHistogram) => count],
  ["histogram_stddev", (histogram: NativeHistogram) => Math.sqrt(nativeVariance(histogram))],
  ["histogram_stdvar", nativeVariance],
  ["histogram_sum", ({ sum }: NativeHistogram) => sum],
]);

function warnQuantiles(q: Scalar, place: Expr, context: EvalContext): void {
  for (const value of new Set(q.values)) {
    if (Number.isNaN(value) || value < 0 || value > 1) warnQuantile(value, place, context);
  }
}

/** Histograms whose counts went down, one remark for each metric. */
class Repairs {
  private readonly byName = new Map<
    string,
    { from: number; to: number; difference: number; samples: number; firstStep: number; lastStep: number }
  >();

  note(histogram: Histogram, forced: NonNullable<QuantileResult["forced"]>, step: number): void {
    const name = nameOf(histogram.labels);
    const known = this.byName.get(name);
    this.byName.set(name, {
      from: Math.min(known?.from ?? forced.from, forced.from),
      to: Math.max(known?.to ?? forced.to, forced.to),
      difference: Math.max(known?.difference ?? 0, forced.difference),
      samples: (known?.samples ?? 0) + 1,
      firstStep: Math.min(known?.firstStep ?? step, step),
      lastStep: Math.max(known?.lastStep ?? step, step),
    });
  }

  report(place: Expr, context: EvalContext): void {
    const { startMs, stepMs } = context.grid;
    const time = (step: number) => new Date(startMs + step * stepMs).toISOString().replace(/\.000Z$/, "Z");
    for (const [name, repair] of this.byName) {
      context.query.annotations.info(
        "input to histogram_quantile needed to be fixed for monotonicity (see " +
          "https://prometheus.io/docs/prometheus/latest/querying/functions/#histogram_quantile)" +
          (name === "" ? "" : ` for metric name "${name}"`) +
          `, from buckets ${formatFloat(repair.from)} to ${formatFloat(repair.to)}, with a max diff of ` +
          `${formatFloat(Number(repair.difference.toPrecision(2)))}, over ${repair.samples} samples ` +
          `from ${time(repair.firstStep)} to ${time(repair.lastStep)}`,
        place,
      );
    }
  }
}
