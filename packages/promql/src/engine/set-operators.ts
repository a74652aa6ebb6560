// and, or, unless.
import type { BinaryExpr, SetOperator, VectorMatching } from "../parser/ast.ts";
import type { EvalContext } from "./context.ts";
import { signatures } from "./signature.ts";
import { emptyVector, mergeEqualLabels, type Vector } from "./vector.ts";

export function evaluateSetOperator(
  expr: BinaryExpr,
  operator: SetOperator,
  left: Vector,
  right: Vector,
  context: EvalContext,
): Vector {
  const matching = expr.matching!;
  context.query.budget.hold(left.values.length);
  if (operator === "or") return union(left, right, matching, context);
  return masked(left, right, matching, operator === "and" ? 1 : 0);
}

/** For each group of series the steps at which any of them has a point. */
function presence(vector: Vector, keys: readonly string[]): Map<string, Uint8Array> {
  const groups = new Map<string, Uint8Array>();
  const { steps } = vector;
  keys.forEach((key, i) => {
    let group = groups.get(key);
    if (!group) {
      group = new Uint8Array(steps);
      groups.set(key, group);
    }
    for (let s = 0; s < steps; s++) group[s] |= vector.present[i * steps + s];
  });
  return groups;
}

/** The points of `vector` at steps where the other side's group has a point (`wanted` 1) or has none (0). */
function masked(vector: Vector, other: Vector, matching: VectorMatching, wanted: 0 | 1): Vector {
  const groups = presence(other, signatures(other, matching));
  const present = new Uint8Array(vector.present);
  const { steps } = vector;
  signatures(vector, matching).forEach((signature, i) => {
    const group = groups.get(signature);
    for (let s = 0; s < steps; s++) if ((group?.[s] ?? 0) !== wanted) present[i * steps + s] = 0;
  });
  return { ...vector, present };
}

function union(left: Vector, right: Vector, matching: VectorMatching, context: EvalContext): Vector {
  const rest = masked(right, left, matching, 0);
  const { steps } = left;
  const joined = emptyVector([...left.labels, ...rest.labels], [...left.dropName, ...rest.dropName], steps);
  context.query.budget.hold(rest.values.length);
  joined.values.set(left.values);
  joined.values.set(rest.values, left.values.length);
  joined.present.set(left.present);
  joined.present.set(rest.present, left.present.length);
  return mergeEqualLabels(joined) ?? joined;
}
