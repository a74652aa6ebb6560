// Binary operators where one side is a scalar, and the choice between the kinds.
import type { BinaryExpr } from "../parser/ast.ts";
import { type EvalContext, eachRow } from "./context.ts";
import { HistogramNotes } from "./histogram/annotations.ts";
import { histogramOperator } from "./histogram/operators.ts";
import { matchVectors } from "./matching.ts";
import { isArithmetic, isTrim, numberOperator } from "./operators.ts";
import { evaluateSetOperator } from "./set-operators.ts";
import {
  emptyVector,
  floatsOnly,
  type Histograms,
  histogramSize,
  type Scalar,
  type Value,
  type Vector,
  withoutNames,
} from "./vector.ts";

/** An operator on a histogram is about as much work as on this many numbers. */
const HISTOGRAM_WORK = 64;

export async function evaluateBinary(
  expr: BinaryExpr,
  left: Value,
  right: Value,
  context: EvalContext,
): Promise<Value> {
  const { operator } = expr;
  if (left.kind === "vector" && right.kind === "vector") {
    if (operator === "and" || operator === "or" || operator === "unless") {
      return evaluateSetOperator(expr, operator, left, right, context);
    }
    return matchVectors(expr, left, right, context);
  }
  if ((operator === "</" || operator === ">/") && left.kind !== "vector") {
    return context.query.fail("cannot trim a scalar");
  }
  if (left.kind === "scalar" && right.kind === "scalar") return scalars(expr, left, right);
  if (left.kind === "vector" && right.kind === "scalar") return withScalar(expr, left, right, false, context);
  if (left.kind === "scalar" && right.kind === "vector") return withScalar(expr, right, left, true, context);
  return context.query.fail("binary expression must contain only scalar and instant vector types");
}

function scalars(expr: BinaryExpr, left: Scalar, right: Scalar): Scalar {
  const compute = numberOperator(expr.operator);
  return { kind: "scalar", values: left.values.map((value, s) => compute(value, right.values[s])) };
}

/** `swapped`: the scalar is on the left. A comparison that filters keeps the vector's value either way. */
async function withScalar(
  expr: BinaryExpr,
  vector: Vector,
  scalar: Scalar,
  swapped: boolean,
  context: EvalContext,
): Promise<Vector> {
  const filters = !isArithmetic(expr.operator) && !isTrim(expr.operator) && !expr.returnBool;
  const { steps } = vector;
  context.query.budget.hold(vector.values.length);
  const out = emptyVector(vector.labels, vector.dropName, steps);
  const compute = isTrim(expr.operator) ? undefined : numberOperator(expr.operator);
  const floats = floatsOnly(vector);
  await eachRow(context.query.budget, compute ? vector.labels.length : 0, steps, (row) => {
    for (let cell = row * steps, s = 0; s < steps; cell++, s++) {
      if (floats.present[cell] === 0) continue;
      const value = vector.values[cell];
      const result = swapped ? compute!(scalar.values[s], value) : compute!(value, scalar.values[s]);
      if (filters && result !== 1) continue;
      out.values[cell] = filters ? value : result;
      out.present[cell] = 1;
    }
  });
  const all =
    vector.histograms || !compute ? await histogramsWithScalar(expr, vector, scalar, swapped, out, context) : out;
  return filters || isTrim(expr.operator) ? all : withoutNames(all, context.query.delayedNameRemoval);
}

/** Beside the floats' results those of histograms, and of operators for histograms. */
async function histogramsWithScalar(
  expr: BinaryExpr,
  vector: Vector,
  scalar: Scalar,
  swapped: boolean,
  out: Vector,
  { query }: EvalContext,
): Promise<Vector> {
  const notes = new HistogramNotes(query.annotations, expr);
  const { steps } = vector;
  const histograms: Histograms = new Array(out.values.length).fill(undefined);
  await eachRow(query.budget, vector.labels.length, steps * HISTOGRAM_WORK, (row) => {
    for (let cell = row * steps, s = 0; s < steps; cell++, s++) {
      const histogram = vector.histograms?.[cell];
      if (vector.present[cell] === 0 || (!histogram && !isTrim(expr.operator))) continue;
      const one = { value: vector.values[cell], histogram };
      const other = { value: scalar.values[s], histogram: undefined };
      const [left, right] = swapped ? [other, one] : [one, other];
      const result = histogramOperator(expr.operator, left, right, notes);
      if (typeof result === "object") {
        histograms[cell] = result;
        out.present[cell] = 1;
        query.budget.hold(histogramSize(result));
      }
    }
  });
  return { ...out, histograms };
}
