// The engine: parse, fetch, evaluate, shape the result.
import { Labels, RegexError } from "@storewatch/model";
import type { Expr } from "../parser/ast.ts";
import { typeOf } from "../parser/check.ts";
import { ParseError } from "../parser/error.ts";
import { parseExpression } from "../parser/parse.ts";
import { eachRow, QueryContext, type SharedBudget } from "./context.ts";
import { evaluate, evaluateRange } from "./evaluate.ts";
import {
  type Engine,
  type EngineOptions,
  type MatrixSeries,
  type Queryable,
  QueryError,
  type QueryRequest,
  type QueryResult,
  type QueryValue,
  type VectorSample,
} from "./queryable.ts";
import { fetchSelectors } from "./select.ts";
import {
  type Grid,
  type Histograms,
  mergeEqualLabels,
  pickRows,
  relabel,
  rowHasPoints,
  type Value,
  type Vector,
} from "./vector.ts";

/** Points that one series of a range result may have, as upstream. */
const STEPS_MAX = 11_000_000;

export function createEngine(options: EngineOptions): Engine {
  const shared: SharedBudget = { held: 0, running: new Set() };
  return {
    instant: (store, request, timeMs) =>
      run(options, shared, store, request, { startMs: timeMs, stepMs: 0, steps: 1 }, timeMs, true),
    range: (store, request, startMs, endMs, stepMs) => {
      if (!(stepMs > 0)) return Promise.reject(new QueryError("execution", "the step must be greater than 0"));
      if (endMs < startMs) return Promise.reject(new QueryError("execution", "the end must not be before the start"));
      const steps = Math.floor((endMs - startMs) / stepMs) + 1;
      if (steps > STEPS_MAX) return Promise.reject(new QueryError("limit", "the query has too many steps"));
      return run(options, shared, store, request, { startMs, stepMs, steps }, endMs, false);
    },
  };
}

async function run(
  options: EngineOptions,
  shared: SharedBudget,
  store: Queryable,
  request: QueryRequest,
  grid: Grid,
  endMs: number,
  instant: boolean,
): Promise<QueryResult> {
  const expr = request.tree ?? parse(request.expression, options);
  const query = new QueryContext(options, request, grid, grid.startMs, endMs, shared);
  try {
    await query.budget.start();
    const value = await execute(expr, query, store, grid, instant);
    query.budget.check();
    const { warnings, infos } = query.annotations;
    query.budget.endSlice();
    const { samplesRead, peakSamples, busyMs } = query.budget;
    return { value, warnings, infos, stats: { samplesRead, peakSamples, busyMs } };
  } finally {
    query.budget.release();
  }
}

function parse(text: string, options: EngineOptions): Expr {
  try {
    return parseExpression(text, { experimental: options.experimental ?? false });
  } catch (error) {
    if (error instanceof ParseError) throw new QueryError("parse", error.message);
    throw error;
  }
}

async function execute(
  expr: Expr,
  query: QueryContext,
  store: Queryable,
  grid: Grid,
  instant: boolean,
): Promise<QueryValue> {
  const type = typeOf(expr);
  if (!instant && type !== "scalar" && type !== "vector") {
    const name = type === "matrix" ? "range vector" : type;
    throw new QueryError(
      "execution",
      `invalid expression type "${name}" for range query, must be Scalar or instant Vector`,
    );
  }
  query.store = store;
  await fetchSelectors(expr, query, store);
  const context = { query, grid };
  try {
    if (type === "matrix") return await rangeResult(expr, context);
    const value = await evaluate(expr, context);
    return instant ? instantResult(value, query) : await matrixResult(value, query);
  } catch (error) {
    if (error instanceof RegexError) throw new QueryError("execution", error.message);
    throw error;
  }
}

/** Drops the names that functions marked, and joins what is the same series then. */
function finish(all: Vector, query: QueryContext): Vector {
  const vector = withPointsOnly(all);
  const labels = vector.labels.map((one, i) => (vector.dropName[i] ? one.withoutMetricName() : one));
  const merged = mergeEqualLabels(relabel(vector, labels, vector.dropName));
  return merged ?? query.fail("vector cannot contain metrics with the same labelset");
}

/** Conditions leave few rows of many: label sets and their keys are made for those only. */
function withPointsOnly(vector: Vector): Vector {
  const rows: number[] = [];
  for (let row = 0; row < vector.labels.length; row++) if (rowHasPoints(vector, row)) rows.push(row);
  return rows.length === vector.labels.length ? vector : pickRows(vector, rows);
}

function instantResult(value: Value, query: QueryContext): QueryValue {
  const timeMs = query.grid.startMs;
  if (value.kind === "string") return { type: "string", timeMs, value: value.value };
  if (value.kind === "scalar") return { type: "scalar", timeMs, value: value.values[0] };
  const vector = finish(value, query);
  const samples: VectorSample[] = [];
  vector.labels.forEach((labels, i) => {
    if (vector.present[i] === 0) return;
    const histogram = vector.histograms?.[i];
    samples.push(
      histogram ? { labels, timeMs, value: Number.NaN, histogram } : { labels, timeMs, value: vector.values[i] },
    );
  });
  return { type: "vector", samples };
}

async function matrixResult(value: Value, query: QueryContext): Promise<QueryValue> {
  if (value.kind === "string") return query.fail("a range query cannot give a string");
  const { startMs, stepMs, steps } = query.grid;
  const allTimes = Float64Array.from({ length: steps }, (_, s) => startMs + s * stepMs);
  if (value.kind === "scalar") {
    return { type: "matrix", series: [{ labels: Labels.empty, timesMs: allTimes, values: value.values }] };
  }
  const vector = finish(value, query);
  const series: MatrixSeries[] = [];
  await eachRow(query.budget, vector.labels.length, steps, (i) => {
    const labels = vector.labels[i];
    const present = vector.present.subarray(i * steps, (i + 1) * steps);
    const values = vector.values.subarray(i * steps, (i + 1) * steps);
    let points = 0;
    for (let s = 0; s < steps; s++) points += present[s];
    const histograms = vector.histograms?.slice(i * steps, (i + 1) * steps);
    if (points > 0 && histograms?.some((one) => one !== undefined)) {
      series.push(mixedSeries(labels, allTimes, values, present, histograms));
    } else if (points === steps) series.push({ labels, timesMs: allTimes, values });
    else if (points > 0) {
      const keep = (_: number, s: number) => present[s] === 1;
      series.push({ labels, timesMs: allTimes.filter(keep), values: values.filter(keep) });
    }
  });
  series.sort((a, b) => Labels.compare(a.labels, b.labels));
  return { type: "matrix", series };
}

function mixedSeries(
  labels: Labels,
  allTimes: Float64Array,
  values: Float64Array,
  present: Uint8Array,
  histograms: Histograms,
): MatrixSeries {
  const keep = (_: unknown, s: number) => present[s] === 1;
  return {
    labels,
    timesMs: allTimes.filter(keep),
    values: values.map((value, s) => (histograms[s] ? Number.NaN : value)).filter(keep),
    histograms: histograms.filter(keep),
  };
}

/** A range vector as the result of an instant query: the samples themselves. */
async function rangeResult(expr: Expr, context: { query: QueryContext; grid: Grid }): Promise<QueryValue> {
  const range = await evaluateRange(expr, context);
  const series: MatrixSeries[] = [];
  for (const { labels, dropName, timesMs, values, histograms } of range.series) {
    const inWindow = (_: unknown, i: number) => timesMs[i] > range.endMs - range.rangeMs && timesMs[i] <= range.endMs;
    const kept = timesMs.filter(inWindow);
    if (kept.length === 0) continue;
    series.push({
      labels: dropName ? labels.withoutMetricName() : labels,
      timesMs: kept,
      values: values.filter(inWindow),
      ...(histograms && { histograms: histograms.filter(inWindow) }),
    });
  }
  series.sort((a, b) => Labels.compare(a.labels, b.labels));
  return { type: "matrix", series };
}
