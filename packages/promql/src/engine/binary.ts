// Binary operators where one side is a scalar, and the choice between the kinds.
import type { BinaryExpr } from "../parser/ast.ts";
import { type EvalContext, eachRow } from "./context.ts";
import { matchVectors } from "./matching.ts";
import { isArithmetic, numberOperator } from "./operators.ts";
import { evaluateSetOperator } from "./set-operators.ts";
import { emptyVector, type Scalar, type Value, type Vector, withoutNames } from "./vector.ts";

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
    if (operator === "</" || operator === ">/") return trimFloats(expr, left, context);
    return matchVectors(expr, left, right, context);
  }
  if (operator === "</" || operator === ">/") {
    return left.kind === "vector" ? trimFloats(expr, left, context) : context.query.fail("cannot trim a scalar");
  }
  if (left.kind === "scalar" && right.kind === "scalar") return scalars(expr, left, right);
  if (left.kind === "vector" && right.kind === "scalar") return withScalar(expr, left, right, false, context);
  if (left.kind === "scalar" && right.kind === "vector") return withScalar(expr, right, left, true, context);
  return context.query.fail("binary expression must contain only scalar and instant vector types");
}

/** Trimming is for native histograms; floats are left out with a remark. */
function trimFloats(expr: BinaryExpr, left: Vector, context: EvalContext): Vector {
  if (left.present.includes(1)) {
    context.query.annotations.info(
      `incompatible sample types encountered for binary operator "${expr.operator}": float ${expr.operator} float`,
      expr,
    );
  }
  return emptyVector([], [], left.steps);
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
  const compute = numberOperator(expr.operator);
  const filters = !isArithmetic(expr.operator) && !expr.returnBool;
  const { steps } = vector;
  context.query.budget.hold(vector.values.length);
  const out = emptyVector(vector.labels, vector.dropName, steps);
  await eachRow(context.query.budget, vector.labels.length, steps, (row) => {
    for (let cell = row * steps, s = 0; s < steps; cell++, s++) {
      if (vector.present[cell] === 0) continue;
      const value = vector.values[cell];
      const result = swapped ? compute(scalar.values[s], value) : compute(value, scalar.values[s]);
      if (filters && result !== 1) continue;
      out.values[cell] = filters ? value : result;
      out.present[cell] = 1;
    }
  });
  return filters ? out : withoutNames(out, context.query.delayedNameRemoval);
}
