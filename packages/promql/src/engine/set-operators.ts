// and, or, unless.
import type { BinaryExpr, SetOperator, VectorMatching } from "../parser/ast.ts";
import { type Budget, type EvalContext, eachRow } from "./context.ts";
import { signatures } from "./signature.ts";
import { concatenate, mergeEqualLabels, type Vector } from "./vector.ts";

export async function evaluateSetOperator(
  expr: BinaryExpr,
  operator: SetOperator,
  left: Vector,
  right: Vector,
  context: EvalContext,
): Promise<Vector> {
  const matching = expr.matching!;
  const { budget } = context.query;
  budget.hold(left.values.length);
  if (operator === "or") return union(left, right, matching, budget);
  return masked(left, right, matching, operator === "and" ? 1 : 0, budget);
}

/** For each group of series the steps at which any of them has a point. */
async function presence(
  vector: Vector,
  keys: readonly string[],
  budget: Budget,
): Promise<ReadonlyMap<string, Uint8Array>> {
  const groups = new Map<string, Uint8Array>();
  const { steps } = vector;
  await eachRow(budget, keys.length, steps, (i) => {
    const key = keys[i];
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
async function masked(
  vector: Vector,
  other: Vector,
  matching: VectorMatching,
  wanted: 0 | 1,
  budget: Budget,
): Promise<Vector> {
  const groups = await presence(other, signatures(other, matching), budget);
  const present = new Uint8Array(vector.present);
  const { steps } = vector;
  const own = signatures(vector, matching);
  await eachRow(budget, own.length, steps, (i) => {
    const group = groups.get(own[i]);
    for (let s = 0; s < steps; s++) if ((group?.[s] ?? 0) !== wanted) present[i * steps + s] = 0;
  });
  return { ...vector, present };
}

async function union(left: Vector, right: Vector, matching: VectorMatching, budget: Budget): Promise<Vector> {
  const rest = await masked(right, left, matching, 0, budget);
  const { steps } = left;
  budget.hold(left.values.length + rest.values.length);
  const joined = concatenate([left, rest], steps);
  return mergeEqualLabels(joined) ?? joined;
}
