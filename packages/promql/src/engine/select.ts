// Selectors: which samples a query needs, and what each step sees of them.
import { bitsOf, isStaleAt, type SeriesSamples, setStaleAt } from "@storewatch/model";
import type {
  AtModifier,
  Expr,
  Extension,
  MatrixSelector,
  SourceRange,
  Subquery,
  TimeModifiers,
  VectorSelector,
} from "../parser/ast.ts";
import { childrenOf } from "../parser/walk.ts";
import { type EvalContext, eachRow, type QueryContext } from "./context.ts";
import { fillSmoothed } from "./extended.ts";
import { HistogramNotes } from "./histogram/annotations.ts";
import { smoothedPoints } from "./histogram/extended.ts";
import { resolveHints, withoutHint } from "./histogram/hints.ts";
import { HistogramSeries } from "./histogram/rate.ts";
import type { Queryable } from "./queryable.ts";
import {
  emptyVector,
  type Grid,
  gridEnd,
  type Histograms,
  histogramCells,
  nameOf,
  type RangeSeries,
  type RangeVector,
  type Vector,
} from "./vector.ts";

/** Asks the store for the samples of every selector, each over all the time that the query looks at. */
export async function fetchSelectors(expr: Expr, query: QueryContext, store: Queryable): Promise<void> {
  await fetchWithin(expr, query, store, query.grid, "", false);
}

/** `hints`: counter reset hints are to be found out where samples have none. */
async function fetchWithin(
  expr: Expr,
  query: QueryContext,
  store: Queryable,
  grid: Grid,
  func: string,
  hints: boolean,
): Promise<void> {
  if (expr.kind === "aggregate" && query.sharedAt(grid)?.find(expr, grid.startMs)) return;
  const firstMs = grid.startMs;
  const lastMs = gridEnd(grid);
  if (expr.kind === "selector" || expr.kind === "matrix") {
    const selector = expr.kind === "matrix" ? expr.selector : expr;
    const rangeMs = expr.kind === "matrix" ? query.resolve(expr.range, true) : 0;
    const offsetMs = query.resolve(selector.offset);
    const pinned = atTime(selector.at, query);
    const beforeMs = selector.extension && rangeMs > 0 ? query.lookbackMs : 0;
    const afterMs = selector.extension === "smoothed" ? query.lookbackMs : 0;
    const fromMs = (pinned ?? firstMs) - offsetMs - (rangeMs || query.lookbackMs) - beforeMs + 1;
    const toMs = (pinned ?? lastMs) - offsetMs + afterMs;
    query.budget.check();
    // What looks beyond its window needs the samples themselves.
    const isPlain = selector.extension === undefined;
    const selectHints = { stepMs: grid.steps === 1 || !isPlain ? 0 : grid.stepMs, rangeMs, func: isPlain ? func : "" };
    const question = `${fromMs} ${toMs} ${selectHints.stepMs} ${rangeMs} ${selectHints.func} ${hints} ${selector.matchers}`;
    const asked = query.asked.get(question);
    if (asked) {
      query.data.set(selector, asked);
      return;
    }
    const answer = store.select(selector.matchers, fromMs, toMs, selectHints);
    query.budget.endSlice();
    const series = await answer;
    // While a store waits, the time is not this query's.
    query.budget.beginSlice();
    let samples = 0;
    for (const one of series) samples += one.timesMs.length + histogramCells(one.histograms);
    query.budget.samplesRead += samples;
    query.budget.hold(samples);
    const resolved = hints ? series.map(withResolvedHints) : series;
    query.data.set(selector, resolved);
    query.asked.set(question, resolved);
    return;
  }
  const name = expr.kind === "call" ? expr.func : expr.kind === "aggregate" ? expr.operator : func;
  if (expr.kind === "subquery") {
    const inner = subqueryGrid(expr, query, { startMs: firstMs, stepMs: Math.max(1, lastMs - firstMs), steps: 2 });
    await fetchWithin(expr.expr, query, store, inner, name, false);
    return;
  }
  // What info() selects beside its first argument depends on that argument's series.
  const children = name === "info" && expr.kind === "call" ? expr.args.slice(0, 1) : childrenOf(expr);
  for (const child of children) await fetchWithin(child, query, store, grid, name, resolvesHints(expr, hints));
}

const TOTALS: ReadonlySet<string> = new Set(["histogram_avg", "histogram_count", "histogram_sum"]);

/**
 * Upstream reads histograms without their buckets where totals alone are asked for, and then gives each sample a hint.
 * It shows in which aggregations are warned about.
 */
function resolvesHints(expr: Expr, outer: boolean): boolean {
  if (expr.kind === "binary") return false;
  if (expr.kind !== "call") return outer;
  return TOTALS.has(expr.func) || (outer && !expr.func.startsWith("histogram_"));
}

function withResolvedHints(series: SeriesSamples): SeriesSamples {
  return series.histograms ? { ...series, histograms: resolveHints(series.histograms) } : series;
}

/** The time that `@` pins to, if any. */
export function atTime(at: AtModifier | undefined, query: QueryContext): number | undefined {
  if (!at) return undefined;
  if (at.type === "time") return at.ms;
  return at.type === "start" ? query.startMs : query.endMs;
}

/** Where the windows of the steps end: first end, and the distance from one to the next. */
function windowEnds(modifiers: TimeModifiers, context: EvalContext): { endMs: number; endStepMs: number } {
  const { query, grid } = context;
  const offsetMs = query.resolve(modifiers.offset);
  const pinned = atTime(modifiers.at, query);
  if (pinned !== undefined) return { endMs: pinned - offsetMs, endStepMs: 0 };
  return { endMs: grid.startMs - offsetMs, endStepMs: grid.stepMs };
}

/** The times of a subquery's inner expression: multiples of its step within the windows of all steps outside. */
export function subqueryGrid(subquery: Subquery, query: QueryContext, outer: Grid): Grid {
  const rangeMs = query.resolve(subquery.range, true);
  const stepMs = subquery.step ? query.resolve(subquery.step, true) : query.subqueryStepMs;
  const { endMs, endStepMs } = windowEnds(subquery, { query, grid: outer });
  const afterMs = endMs - rangeMs;
  const startMs = (Math.floor(afterMs / stepMs) + 1) * stepMs;
  const lastMs = endMs + endStepMs * (outer.steps - 1);
  return { startMs, stepMs, steps: Math.floor((lastMs - startMs) / stepMs) + 1 };
}

/** For each step the newest sample that is not older than the look-back and not a staleness marker. */
export async function selectInstant(selector: VectorSelector, context: EvalContext): Promise<Vector> {
  const series = dataOf(selector, context);
  return instantOf(
    series,
    { ...windowEnds(selector, context), extension: selector.extension, place: selector },
    context,
    false,
  );
}

function dataOf(selector: VectorSelector, { query }: EvalContext): readonly SeriesSamples[] {
  return query.data.get(selector) ?? [];
}

/** The same with the samples' times, in seconds, as values. */
export async function selectTimestamps(selector: VectorSelector, context: EvalContext): Promise<Vector> {
  return instantOf(dataOf(selector, context), windowEnds(selector, context), context, true);
}

/** The same with the times since when the samples count, in seconds and 0 where unknown, as values. */
export async function selectStartTimes(selector: VectorSelector, context: EvalContext): Promise<Vector> {
  const starts = dataOf(selector, context).map((series) => ({
    labels: series.labels,
    timesMs: series.timesMs,
    values: startSeconds(series),
  }));
  return instantOf(starts, windowEnds(selector, context), context, false);
}

/** Staleness markers stay. */
function startSeconds({ values, startsMs }: SeriesSamples): Float64Array {
  const bits = bitsOf(values);
  const seconds = new Float64Array(values.length);
  const secondsBits = bitsOf(seconds);
  for (let i = 0; i < values.length; i++) {
    if (Number.isNaN(values[i]) && isStaleAt(bits, i)) setStaleAt(secondsBits, i);
    else seconds[i] = (startsMs?.[i] ?? 0) / 1000;
  }
  return seconds;
}

/** The times at which steps look, and how. */
export interface Looks {
  readonly endMs: number;
  readonly endStepMs: number;
  readonly extension?: Extension | undefined;
  /** Where remarks belong. */
  readonly place?: SourceRange;
}

/** What each step sees of some series; with `timestamps` when its samples were taken, in seconds. */
export async function instantOf(
  series: readonly SeriesSamples[],
  looks: Looks,
  context: EvalContext,
  timestamps: boolean,
): Promise<Vector> {
  const { query, grid } = context;
  const { endMs, endStepMs } = looks;
  query.budget.hold(series.length * grid.steps);
  const vector = emptyVector(
    series.map((one) => one.labels),
    series.map(() => false),
    grid.steps,
  );
  const histograms: Histograms | undefined =
    !timestamps && series.some((one) => one.histograms) ? new Array(vector.values.length).fill(undefined) : undefined;
  for (let i = 0; i < series.length; i++) {
    if (looks.extension) fillSmoothed(withoutMarkers(series[i]), looks, query.lookbackMs, vector, i);
    else fillInstant(series[i], endMs, endStepMs, query.lookbackMs, vector, i, timestamps);
    if (histograms && series[i].histograms) {
      if (looks.extension) fillSmoothedHistograms(series[i], looks, context, vector, histograms, i);
      else fillHistograms(series[i], looks, vector, histograms, i);
    }
    if (query.budget.due(grid.steps)) await query.budget.pause();
  }
  return histograms ? { ...vector, histograms } : vector;
}

function fillInstant(
  series: SeriesSamples,
  endMs: number,
  endStepMs: number,
  lookbackMs: number,
  vector: Vector,
  row: number,
  timestamps: boolean,
): void {
  const { timesMs, values } = series;
  const { steps } = vector;
  const count = timesMs.length;
  const bits = bitsOf(values);
  let next = 0;
  let timeMs = endMs;
  for (let cell = row * steps; cell < (row + 1) * steps; cell++, timeMs += endStepMs) {
    while (next < count && timesMs[next] <= timeMs) next++;
    const last = next - 1;
    if (last < 0 || timesMs[last] <= timeMs - lookbackMs) continue;
    const value = values[last];
    if (Number.isNaN(value) && isStaleAt(bits, last)) continue;
    vector.values[cell] = timestamps ? timesMs[last] / 1000 : value;
    vector.present[cell] = 1;
  }
}

/** The points that have a histogram in reach anew. */
function fillSmoothedHistograms(
  series: SeriesSamples,
  looks: Looks,
  { query }: EvalContext,
  vector: Vector,
  out: Histograms,
  row: number,
): void {
  const { steps } = vector;
  const notes = new HistogramNotes(query.annotations, looks.place ?? { from: 0, to: 0 });
  const of = new HistogramSeries(withoutMarkers(series), nameOf(series.labels), notes, () => {});
  for (const [step, point] of smoothedPoints(of, { ...looks, steps }, query.lookbackMs)) {
    if (point === "float") continue;
    const cell = row * steps + step;
    vector.present[cell] = typeof point === "object" ? 1 : 0;
    if (typeof point === "object") out[cell] = point;
  }
}

/** Beside the points that are there already: the histograms among them. */
function fillHistograms(series: SeriesSamples, looks: Looks, vector: Vector, out: Histograms, row: number): void {
  const { timesMs, histograms = [] } = series;
  let next = 0;
  let timeMs = looks.endMs;
  for (let cell = row * vector.steps; cell < (row + 1) * vector.steps; cell++, timeMs += looks.endStepMs) {
    while (next < timesMs.length && timesMs[next] <= timeMs) next++;
    if (vector.present[cell] === 1) out[cell] = histograms[next - 1];
  }
}

export function selectRange(expr: MatrixSelector, context: EvalContext): RangeVector {
  const series = context.query.data.get(expr.selector) ?? [];
  return {
    kind: "matrix",
    series: series.map(withoutMarkers),
    rangeMs: context.query.resolve(expr.range, true),
    ...windowEnds(expr.selector, context),
    extension: expr.selector.extension,
  };
}

function withoutMarkers(series: SeriesSamples): RangeSeries {
  const { labels, timesMs, values, startsMs, counts, histograms } = series;
  const bits = bitsOf(values);
  let markers = 0;
  for (let i = 0; i < values.length; i++) if (Number.isNaN(values[i]) && isStaleAt(bits, i)) markers++;
  if (markers === 0) return { labels, dropName: false, timesMs, values, startsMs, counts, histograms };
  const isSample = (_: unknown, i: number) => !(Number.isNaN(values[i]) && isStaleAt(bits, i));
  const kept = {
    labels,
    dropName: false,
    timesMs: new Float64Array(values.length - markers),
    values: new Float64Array(values.length - markers),
    startsMs: startsMs?.filter(isSample),
    counts: counts?.filter(isSample),
    histograms: histograms?.filter(isSample),
  };
  let n = 0;
  for (let i = 0; i < values.length; i++) {
    if (Number.isNaN(values[i]) && isStaleAt(bits, i)) continue;
    kept.timesMs[n] = timesMs[i];
    kept.values[n++] = values[i];
  }
  return kept;
}

/** The results of a subquery's inner expression as samples. */
export async function rangeOfSubquery(
  expr: Subquery,
  context: EvalContext,
  inner: Vector,
  grid: Grid,
): Promise<RangeVector> {
  const series: RangeSeries[] = [];
  const { steps } = grid;
  await eachRow(context.query.budget, inner.labels.length, steps, (i) => {
    let points = 0;
    for (let s = 0; s < steps; s++) points += inner.present[i * steps + s];
    if (points === 0) return;
    const timesMs = new Float64Array(points);
    const values = new Float64Array(points);
    let n = 0;
    for (let s = 0; s < steps; s++) {
      if (inner.present[i * steps + s] === 0) continue;
      timesMs[n] = grid.startMs + s * grid.stepMs;
      values[n++] = inner.values[i * steps + s];
    }
    const row = inner.histograms?.slice(i * steps, (i + 1) * steps);
    const histograms = row?.some((one) => one !== undefined)
      ? row.filter((_, s) => inner.present[i * steps + s] === 1).map(withoutHint)
      : undefined;
    series.push({ labels: inner.labels[i], dropName: inner.dropName[i], timesMs, values, histograms });
  });
  return { kind: "matrix", series, rangeMs: context.query.resolve(expr.range, true), ...windowEnds(expr, context) };
}
