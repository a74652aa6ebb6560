// From query results to what the overview computes with.
import { TENANT_LABEL } from "@storewatch/model";
import type { MatrixSeries, QueryResult, VectorSample } from "@storewatch/promql/engine";

export function vectorOf(result: QueryResult): readonly VectorSample[] {
  return result.value.type === "vector" ? result.value.samples : [];
}

export function matrixOf(result: QueryResult): readonly MatrixSeries[] {
  return result.value.type === "matrix" ? result.value.series : [];
}

/** Finite values by shop; series without a shop stand under "". */
export function byTenant(result: QueryResult): Map<string, number> {
  const values = new Map<string, number>();
  for (const sample of vectorOf(result)) {
    if (Number.isFinite(sample.value)) values.set(sample.labels.get(TENANT_LABEL), sample.value);
  }
  return values;
}

export function sumOf(values: ReadonlyMap<string, number>): number | null {
  if (values.size === 0) return null;
  let sum = 0;
  for (const value of values.values()) sum += value;
  return sum;
}

export function firstOf(result: QueryResult): number | null {
  const value = vectorOf(result)[0]?.value;
  return value !== undefined && Number.isFinite(value) ? value : null;
}

/** The time axis of a range query. */
export interface Axis {
  readonly startMs: number;
  readonly endMs: number;
  readonly stepMs: number;
}

export const axisLength = (axis: Axis): number => Math.floor((axis.endMs - axis.startMs) / axis.stepMs) + 1;

export function axisTimes(axis: Axis): number[] {
  return Array.from({ length: axisLength(axis) }, (_, i) => axis.startMs + i * axis.stepMs);
}

/** A series' values at the places of the axis; null where it has none. */
export function onAxis(series: MatrixSeries, axis: Axis): (number | null)[] {
  const values: (number | null)[] = new Array(axisLength(axis)).fill(null);
  for (let i = 0; i < series.timesMs.length; i++) {
    const place = Math.round((series.timesMs[i] - axis.startMs) / axis.stepMs);
    if (place >= 0 && place < values.length && Number.isFinite(series.values[i])) values[place] = series.values[i];
  }
  return values;
}

/** Sums lines place by place; null only where all are null. */
export function sumLines(lines: readonly (readonly (number | null)[])[], length: number): (number | null)[] {
  const sum: (number | null)[] = new Array(length).fill(null);
  for (const line of lines) {
    line.forEach((value, i) => {
      if (value !== null) sum[i] = (sum[i] ?? 0) + value;
    });
  }
  return sum;
}

/** A round step (ms) that gives about `points` points over the range. */
export function chartStep(rangeMs: number, points: number): number {
  const wanted = rangeMs / points;
  const steps = [5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 21_600, 86_400].map((s) => s * 1000);
  return steps.find((step) => step >= wanted) ?? steps[steps.length - 1];
}

/** The axis ends on a multiple of the step, so that points keep their places from one refresh to the next. */
export function alignedAxis(fromMs: number, toMs: number, points: number): Axis {
  const stepMs = chartStep(toMs - fromMs, points);
  const endMs = Math.floor(toMs / stepMs) * stepMs;
  return { startMs: Math.ceil(fromMs / stepMs) * stepMs, endMs, stepMs };
}
