import type { Cell } from "./frames.ts";

type Reducer = (values: readonly number[], all: readonly Cell[]) => number | null;

const last: Reducer = (_, all) => (typeof all[all.length - 1] === "number" ? (all[all.length - 1] as number) : null);
const lastNotNull: Reducer = (values) => values[values.length - 1] ?? null;
const sum: Reducer = (values) => values.reduce((total, value) => total + value, 0);
const mean: Reducer = (values, all) => (values.length === 0 ? null : (sum(values, all) ?? 0) / values.length);
const min: Reducer = (values) => values.reduce((low, value) => Math.min(low, value), Number.POSITIVE_INFINITY);
const max: Reducer = (values) => values.reduce((high, value) => Math.max(high, value), Number.NEGATIVE_INFINITY);

function variance(values: readonly number[], all: readonly Cell[]): number {
  const middle = mean(values, all) ?? 0;
  return values.reduce((total, value) => total + (value - middle) ** 2, 0) / values.length;
}

function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.max(0, Math.ceil(share * sorted.length) - 1))];
}

/** Counters start anew at a reset: the growth across it is what came after. */
function delta(values: readonly number[]): number {
  let total = 0;
  for (let i = 1; i < values.length; i++) total += values[i] >= values[i - 1] ? values[i] - values[i - 1] : values[i];
  return total;
}

const REDUCERS: Readonly<Record<string, Reducer>> = {
  last,
  lastNotNull,
  first: (_, all) => (typeof all[0] === "number" ? all[0] : null),
  firstNotNull: (values) => values[0] ?? null,
  min,
  max,
  mean,
  sum,
  count: (_, all) => all.length,
  range: (values, all) => (max(values, all) ?? 0) - (min(values, all) ?? 0),
  delta,
  diff: (values) => values[values.length - 1] - values[0],
  diffperc: (values) => (values[values.length - 1] - values[0]) / values[0],
  step: (values) =>
    values.slice(1).reduce((low, value, i) => Math.min(low, value - values[i]), Number.POSITIVE_INFINITY),
  median: (values) => percentile(values, 0.5),
  variance,
  stdDev: (values, all) => Math.sqrt(variance(values, all)),
  changeCount: (_, all) => all.slice(1).filter((value, i) => value !== all[i]).length,
  distinctCount: (_, all) => new Set(all).size,
  logmin: (values) =>
    values.filter((value) => value > 0).reduce((low, value) => Math.min(low, value), Number.POSITIVE_INFINITY),
  allIsZero: (values) => Number(values.every((value) => value === 0)),
  allIsNull: (values) => Number(values.length === 0),
};

/** One value of many by Grafana's names; percentiles as p1 … p99. null when there is nothing to reduce. */
export function reduceValues(values: readonly Cell[], calc: string): number | null {
  const numbers = values.filter((value): value is number => typeof value === "number");
  if (numbers.length === 0) return calc === "count" ? values.length : calc === "allIsNull" ? 1 : null;
  const share = /^p(\d{1,2})$/.exec(calc);
  const reduced = share
    ? percentile(numbers, Number(share[1]) / 100)
    : (REDUCERS[calc] ?? lastNotNull)(numbers, values);
  return reduced !== null && Number.isFinite(reduced) ? reduced : null;
}
