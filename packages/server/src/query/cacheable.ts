// Which range queries may be answered from kept steps: those where a step's points depend on the samples in a window
// before it alone, and not on the query's other steps.
import { type CallExpr, type Expr, FUNCTIONS, type VectorSelector } from "@storewatch/promql/parser";

/** Of aggregations the ones whose result hangs on the order of the rows: sums of floats, and picks among equals. */
const ORDER_MATTERS: ReadonlySet<string> = new Set([
  "sum",
  "avg",
  "stddev",
  "stdvar",
  "topk",
  "bottomk",
  "limitk",
  "count_values",
]);

/** Functions that group or merge rows: the order of their result depends on what the other steps hold. */
const REGROUPING: ReadonlySet<string> = new Set([
  "histogram_quantile",
  "histogram_fraction",
  "label_replace",
  "label_join",
  "absent",
  "absent_over_time",
]);

/**
 * How many ms before a step the oldest sample lies that its points depend on; undefined when the steps of the
 * expression cannot be told apart like that.
 */
export function stepWindowMs(expr: Expr, lookbackMs: number, subqueryStepMs: number): number | undefined {
  const windows = (parts: readonly Expr[]) => {
    let most = 0;
    for (const part of parts) {
      const window = stepWindowMs(part, lookbackMs, subqueryStepMs);
      if (window === undefined) return undefined;
      most = Math.max(most, window);
    }
    return most;
  };
  switch (expr.kind) {
    case "number":
    case "string":
      return 0;
    case "paren":
    case "unary":
      return windows([expr.expr]);
    case "selector":
      return expr.extension ? undefined : plus(offsetMs(expr), lookbackMs);
    case "matrix":
      return expr.selector.extension ? undefined : plus(offsetMs(expr.selector), constant(expr.range.ms));
    case "subquery": {
      const step = expr.step ? constant(expr.step.ms) : subqueryStepMs;
      return plus(plus(offsetMs(expr), constant(expr.range.ms)), plus(step, windows([expr.expr])));
    }
    case "binary":
      return windows([expr.left, expr.right]);
    case "call":
      return isStable(expr) ? windows(expr.args) : undefined;
    case "aggregate": {
      if (ORDER_MATTERS.has(expr.operator) && !keepsOrder(expr.expr)) return undefined;
      if (expr.operator === "limit_ratio") return undefined;
      return windows(expr.param ? [expr.param, expr.expr] : [expr.expr]);
    }
  }
}

function plus(a: number | undefined, b: number | undefined): number | undefined {
  return a === undefined || b === undefined ? undefined : a + b;
}

/** Undefined when it depends on the query, as step() does. */
function constant(ms: number | undefined): number | undefined {
  return ms !== undefined && ms >= 0 ? ms : undefined;
}

/** A negative offset looks at what is yet to come, and `@` at one time for all steps. */
function offsetMs({ offset, at }: Pick<VectorSelector, "offset" | "at">): number | undefined {
  if (at) return undefined;
  if (!offset) return 0;
  return offset.expr ? undefined : constant(offset.ms);
}

/** Experimental functions may ask about the query (step, range, start, end) or change their meaning. */
function isStable({ func }: CallExpr): boolean {
  return FUNCTIONS.get(func)?.experimental === false;
}

/** True when the rows of the result come in the order of the store's series, whatever the other steps hold. */
function keepsOrder(expr: Expr): boolean {
  switch (expr.kind) {
    case "aggregate":
      return false;
    case "call":
      return !REGROUPING.has(expr.func) && expr.args.every(keepsOrder);
    case "binary":
      return keepsOrder(expr.left) && keepsOrder(expr.right);
    case "paren":
    case "unary":
    case "subquery":
      return keepsOrder(expr.expr);
    default:
      return true;
  }
}
