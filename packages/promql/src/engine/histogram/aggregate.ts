// Aggregations where histograms are among the samples.
import type { NativeHistogram } from "@storewatch/model";
import type { AggregateExpr } from "../../parser/ast.ts";
import type { EvalContext } from "../context.ts";
import { groupSeries, membersOf } from "../grouping.ts";
import { floatsOnly, type Histograms, histogramSize, nameOf, type Vector } from "../vector.ts";
import { HistogramNotes } from "./annotations.ts";
import { hasCustomBuckets } from "./bounds.ts";
import { averageOf, sumOf } from "./sum.ts";

/** For aggregations that cannot take histograms: the vector without them, with a remark when there are any. */
export function withoutHistograms(expr: AggregateExpr, vector: Vector, context: EvalContext): Vector {
  if (!vector.histograms) return vector;
  if (vector.histograms.some((one, cell) => one && vector.present[cell] === 1)) {
    new HistogramNotes(context.query.annotations, expr.expr).ignoredInAggregation(expr.operator);
  }
  return floatsOnly(vector);
}

/** sum and avg: `floats` is the result of the floats alone. A group that mixes both has no result. */
export async function aggregateMixed(
  expr: AggregateExpr,
  vector: Vector,
  floats: Vector,
  context: EvalContext,
): Promise<Vector> {
  if (!vector.histograms) return floats;
  const { steps } = vector;
  const { budget } = context.query;
  const notes = new HistogramNotes(context.query.annotations, expr.expr);
  const groups = membersOf(groupSeries(expr, vector));
  const present = new Uint8Array(floats.present);
  const histograms: Histograms = new Array(floats.values.length).fill(undefined);
  for (const [group, rows] of groups.entries()) {
    for (let s = 0; s < steps; s++) {
      const found = histogramsAt(vector, rows, s);
      if (found.length === 0) continue;
      const cell = group * steps + s;
      const isMixed = present[cell] === 1;
      if (isMixed) notes.mixedTypesInAggregation();
      const result = isMixed ? undefined : combine(expr, vector, found, notes);
      present[cell] = result ? 1 : 0;
      histograms[cell] = result;
      if (result) budget.hold(histogramSize(result));
      if (budget.due(found.length * found[0].histogram.positiveBuckets.length)) await budget.pause();
    }
  }
  return { ...floats, present, histograms };
}

interface Found {
  readonly row: number;
  readonly histogram: NativeHistogram;
}

function histogramsAt(vector: Vector, rows: readonly number[], step: number): Found[] {
  const found: Found[] = [];
  for (const row of rows) {
    const cell = row * vector.steps + step;
    const histogram = vector.histograms?.[cell];
    if (histogram && vector.present[cell] === 1) found.push({ row, histogram });
  }
  return found;
}

function combine(
  expr: AggregateExpr,
  vector: Vector,
  found: readonly Found[],
  notes: HistogramNotes,
): NativeHistogram | undefined {
  const histograms = found.map(({ histogram }) => histogram);
  const result = expr.operator === "sum" ? sumOf(histograms) : averageOf(histograms);
  if (!result) {
    const custom = hasCustomBuckets(histograms[0]);
    const other = found.find(({ histogram }) => hasCustomBuckets(histogram) !== custom);
    notes.mixedSchemas(other ? nameOf(vector.labels[other.row]) : "");
    return undefined;
  }
  if (result.collision) notes.conflictingResets("aggregation");
  if (result.reconciled) notes.reconciled("aggregation");
  return result.histogram;
}
