// What expressions evaluate to. A query's steps are evaluated together: a vector is a table of series × steps, so
// that labels are matched and grouped once for each query and not once for each step.
import { type Labels, METRIC_NAME, type NativeHistogram, type SeriesSamples } from "@storewatch/model";
import type { Extension } from "../parser/ast.ts";

/** The fields of a histogram beside its buckets, as samples of 8 bytes. */
const HISTOGRAM_CELLS = 16;

/** The times at which an expression is evaluated: startMs, startMs + stepMs, … */
export interface Grid {
  readonly startMs: number;
  readonly stepMs: number;
  /** How many, at least 1. */
  readonly steps: number;
}

export function gridEnd(grid: Grid): number {
  return grid.startMs + (grid.steps - 1) * grid.stepMs;
}

/** Series × steps. Cell `i * steps + s` is series i at step s; where `present` is 0 the value means nothing. */
export interface Vector {
  readonly kind: "vector";
  readonly steps: number;
  readonly labels: readonly Labels[];
  /** Series whose name is to be dropped from the result. */
  readonly dropName: readonly boolean[];
  readonly values: Float64Array;
  readonly present: Uint8Array;
  /** Only where there is any: the histogram of each cell that holds one; `values` means nothing there. */
  readonly histograms?: Histograms | undefined;
}

/** By cell or by sample; undefined for floats. */
export type Histograms = (NativeHistogram | undefined)[];

/** What histograms take in memory, in samples: a bucket is 8 bytes, as a value is. */
export function histogramCells(histograms: Histograms | SeriesSamples["histograms"]): number {
  let cells = 0;
  if (histograms) for (const one of histograms) if (one) cells += histogramSize(one);
  return cells;
}

export function histogramSize({ positiveBuckets, negativeBuckets }: NativeHistogram): number {
  return HISTOGRAM_CELLS + positiveBuckets.length + negativeBuckets.length;
}

/** A number for each step. */
export interface Scalar {
  readonly kind: "scalar";
  readonly values: Float64Array;
}

export interface StringValue {
  readonly kind: "string";
  readonly value: string;
}

/** The samples of one series, without staleness markers. */
export interface RangeSeries {
  readonly labels: Labels;
  readonly dropName: boolean;
  readonly timesMs: Float64Array;
  readonly values: Float64Array;
  /** Since when the counter counts, in ms and 0 where unknown; undefined when its source never says. */
  readonly startsMs?: Float64Array | undefined;
  /** How many samples each one stands for, when it is answered from intervals: see SeriesSamples. */
  readonly counts?: Float64Array | undefined;
  /** Only where there is any: at the places of histogram samples the histogram; `values` means nothing there. */
  readonly histograms?: readonly (NativeHistogram | undefined)[] | undefined;
}

/** Series and the window that each step sees of them: (end - rangeMs, end] with end = endMs + step * endStepMs. */
export interface RangeVector {
  readonly kind: "matrix";
  readonly series: readonly RangeSeries[];
  readonly rangeMs: number;
  readonly endMs: number;
  /** 0 when `@` pins the window. */
  readonly endStepMs: number;
  readonly extension?: Extension | undefined;
}

export type Value = Vector | Scalar | StringValue;

/** A vector whose cells are all absent. */
export function emptyVector(labels: readonly Labels[], dropName: readonly boolean[], steps: number): Vector {
  const cells = labels.length * steps;
  return { kind: "vector", steps, labels, dropName, values: new Float64Array(cells), present: new Uint8Array(cells) };
}

/** The same cells under other labels. */
export function relabel(vector: Vector, labels: readonly Labels[], dropName: readonly boolean[]): Vector {
  return { ...vector, labels, dropName };
}

/** The same series with their names marked for dropping; at once when names are not dropped later. */
export function withoutNames(vector: Vector, delayed: boolean): Vector {
  if (delayed) return { ...vector, dropName: vector.labels.map(() => true) };
  return { ...vector, labels: vector.labels.map((labels) => labels.withoutMetricName()) };
}

/** The same series with the cells of `keep` only. */
export function withPresence(vector: Vector, present: Uint8Array): Vector {
  return { ...vector, present };
}

/** Rows chosen by index, in that order. */
export function pickRows(vector: Vector, rows: readonly number[]): Vector {
  const { steps } = vector;
  const picked = emptyVector(
    rows.map((row) => vector.labels[row]),
    rows.map((row) => vector.dropName[row]),
    steps,
  );
  rows.forEach((row, i) => {
    picked.values.set(vector.values.subarray(row * steps, (row + 1) * steps), i * steps);
    picked.present.set(vector.present.subarray(row * steps, (row + 1) * steps), i * steps);
  });
  const { histograms } = vector;
  if (!histograms) return picked;
  return { ...picked, histograms: rows.flatMap((row) => histograms.slice(row * steps, (row + 1) * steps)) };
}

/** The same without its histograms: their cells are absent then. */
export function floatsOnly(vector: Vector): Vector {
  const { histograms, ...floats } = vector;
  if (!histograms) return vector;
  return { ...floats, present: vector.present.map((present, cell) => (histograms[cell] ? 0 : present)) };
}

/** The rows of several vectors one below the other. */
export function concatenate(parts: readonly Vector[], steps: number): Vector {
  const out = emptyVector(
    parts.flatMap((part) => part.labels),
    parts.flatMap((part) => part.dropName),
    steps,
  );
  let at = 0;
  for (const part of parts) {
    out.values.set(part.values, at);
    out.present.set(part.present, at);
    at += part.values.length;
  }
  if (!parts.some((part) => part.histograms)) return out;
  return {
    ...out,
    histograms: parts.flatMap(({ histograms, values }) => histograms ?? new Array(values.length).fill(undefined)),
  };
}

export function rowHasPoints(vector: Vector, row: number): boolean {
  const { present, steps } = vector;
  for (let i = row * steps; i < (row + 1) * steps; i++) if (present[i] === 1) return true;
  return false;
}

/**
 * Series with equal labels joined into one. Undefined when two of them have a point at the same step. A series whose
 * name is to be dropped stays apart from one that keeps it: they are not the same in the result.
 */
export function mergeEqualLabels(vector: Vector): Vector | undefined {
  const rows = new Map<string, number>();
  const target: number[] = [];
  vector.labels.forEach((labels, i) => {
    const key = vector.dropName[i] ? `${labels.key}\u0000` : labels.key;
    const row = rows.get(key) ?? rows.size;
    rows.set(key, row);
    target.push(row);
  });
  if (rows.size === vector.labels.length) return collides(vector) ? undefined : vector;
  const first: number[] = [];
  target.forEach((row, i) => {
    if (first[row] === undefined) first[row] = i;
  });
  const { steps } = vector;
  const merged = emptyVector(
    first.map((i) => vector.labels[i]),
    first.map((i) => vector.dropName[i]),
    steps,
  );
  const histograms: Histograms | undefined = vector.histograms && new Array(merged.values.length).fill(undefined);
  for (let i = 0; i < target.length; i++) {
    for (let s = 0; s < steps; s++) {
      if (vector.present[i * steps + s] === 0) continue;
      const cell = target[i] * steps + s;
      if (merged.present[cell] === 1) return undefined;
      merged.present[cell] = 1;
      merged.values[cell] = vector.values[i * steps + s];
      if (histograms) histograms[cell] = vector.histograms?.[i * steps + s];
    }
  }
  if (collides(merged)) return undefined;
  return histograms ? { ...merged, histograms } : merged;
}

/** True when a series that keeps its name has a point where one with equal labels that loses it has one too. */
function collides({ labels, dropName, present, steps }: Vector): boolean {
  if (dropName.every((drop) => drop === dropName[0])) return false;
  const dropped = new Map<string, number>();
  labels.forEach((one, row) => {
    if (dropName[row]) dropped.set(one.key, row);
  });
  return labels.some((one, row) => {
    const other = dropName[row] ? undefined : dropped.get(one.key);
    if (other === undefined) return false;
    for (let s = 0; s < steps; s++) if (present[row * steps + s] === 1 && present[other * steps + s] === 1) return true;
    return false;
  });
}

/** A one-step value repeated over all steps; a value that has them already as it is. */
export function broadcast(value: Value, steps: number): Value {
  if (value.kind === "string" || steps === 1) return value;
  if ((value.kind === "scalar" ? value.values.length : value.steps) === steps) return value;
  if (value.kind === "scalar") return { kind: "scalar", values: new Float64Array(steps).fill(value.values[0]) };
  const wide = emptyVector(value.labels, value.dropName, steps);
  for (let i = 0; i < value.labels.length; i++) {
    wide.values.fill(value.values[i], i * steps, (i + 1) * steps);
    wide.present.fill(value.present[i], i * steps, (i + 1) * steps);
  }
  if (!value.histograms) return wide;
  return { ...wide, histograms: value.histograms.flatMap((one) => new Array(steps).fill(one)) };
}

/** `{__name__="up", job="a"}`: label sets in messages, as Go prints them. */
export function describeLabels(labels: Labels): string {
  return `{${[...labels].map(([name, value]) => `${name}=${JSON.stringify(value)}`).join(", ")}}`;
}

export function nameOf(labels: Labels): string {
  return labels.get(METRIC_NAME);
}
