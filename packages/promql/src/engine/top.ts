// Aggregations that pick series: topk, bottomk, limitk, limit_ratio.
import type { AggregateExpr } from "../parser/ast.ts";
import { formatFloat } from "../parser/text.ts";
import type { EvalContext } from "./context.ts";
import { groupSeries, membersOf } from "./grouping.ts";
import { withoutHistograms } from "./histogram/aggregate.ts";
import { labelsHash64 } from "./labels-hash.ts";
import { pickRows, type Scalar, type Vector, withPresence } from "./vector.ts";

/** Go's int64; a parameter beyond it is refused. */
const INT64_MAX = 2 ** 63;

/** The k largest or smallest of each group at each step, NaN last. An instant result is in that order. */
export async function aggregateTopK(
  expr: AggregateExpr,
  all: Vector,
  k: Scalar,
  context: EvalContext,
): Promise<Vector> {
  checkCount(k, context);
  const vector = withoutHistograms(expr, all, context);
  const { steps } = vector;
  const present = new Uint8Array(vector.present.length);
  const sign = expr.operator === "topk" ? 1 : -1;
  const order: number[] = [];
  for (const rows of membersOf(groupSeries(expr, vector))) {
    for (let s = 0; s < steps; s++) {
      const count = Math.trunc(k.values[s]);
      if (count < 1) continue;
      const top = best(vector, rows, s, count, sign);
      for (const row of top) present[row * steps + s] = 1;
      if (steps === 1) order.push(...top);
      if (context.query.budget.due(rows.length)) await context.query.budget.pause();
    }
  }
  const picked = withPresence(vector, present);
  return steps === 1 ? pickRows(picked, order) : picked;
}

/** Rows in order; of equal values the earlier rows. */
function best(vector: Vector, rows: readonly number[], step: number, count: number, sign: number): number[] {
  const { steps, values } = vector;
  const candidates = rows.filter((row) => vector.present[row * steps + step] === 1);
  const compare = (a: number, b: number) => {
    const x = values[a * steps + step];
    const y = values[b * steps + step];
    if (Number.isNaN(x) || Number.isNaN(y)) return Number(Number.isNaN(x)) - Number(Number.isNaN(y));
    return x === y ? 0 : x > y ? -sign : sign;
  };
  if (count === 1) {
    let top = candidates[0];
    for (const row of candidates) if (compare(row, top) < 0) top = row;
    return top === undefined ? [] : [top];
  }
  return candidates.sort(compare).slice(0, count);
}

/** The first k series of each group, or a share of all series chosen by their labels' hash. */
export async function aggregateLimit(
  expr: AggregateExpr,
  vector: Vector,
  param: Scalar,
  context: EvalContext,
): Promise<Vector> {
  const ratios = expr.operator === "limit_ratio" ? checkRatio(expr, param, context) : undefined;
  if (!ratios) checkCount(param, context);
  const { steps } = vector;
  const present = new Uint8Array(vector.present.length);
  const offsets = ratios && vector.labels.map((labels) => Number(labelsHash64(labels)) / 2 ** 64);
  for (const rows of membersOf(groupSeries(expr, vector))) {
    for (let s = 0; s < steps; s++) {
      let taken = 0;
      for (const row of rows) {
        const cell = row * steps + s;
        if (vector.present[cell] === 0) continue;
        const wanted = ratios ? inRatio(ratios[s], offsets![row]) : taken < Math.trunc(param.values[s]);
        if (!wanted) continue;
        present[cell] = 1;
        taken++;
      }
    }
    if (context.query.budget.due(rows.length * steps)) await context.query.budget.pause();
  }
  return withPresence(vector, present);
}

/** A negative ratio takes the series that 1 + ratio leaves out. */
function inRatio(ratio: number, offset: number): boolean {
  return ratio >= 0 ? offset < ratio : offset >= 1 + ratio;
}

function checkCount(k: Scalar, context: EvalContext): void {
  for (const value of k.values) {
    if (Number.isNaN(value)) context.query.fail("Parameter value is NaN");
    if (value >= INT64_MAX) context.query.fail(`Scalar value ${formatFloat(value)} overflows int64`);
    if (value <= -INT64_MAX) context.query.fail(`Scalar value ${formatFloat(value)} underflows int64`);
  }
}

function checkRatio(expr: AggregateExpr, param: Scalar, context: EvalContext): Float64Array {
  return param.values.map((value) => {
    if (Number.isNaN(value)) context.query.fail("Ratio value is NaN");
    if (value >= -1 && value <= 1) return value;
    const capped = value > 0 ? 1 : -1;
    context.query.annotations.warn(
      `ratio value should be between -1 and 1, got ${formatFloat(value)}, capping to ${capped}`,
      expr.param!,
    );
    return capped;
  });
}
