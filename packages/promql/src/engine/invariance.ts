// Expressions that give the same at every step, because `@` pins all their selectors: evaluated once for each query.
import type { Expr } from "../parser/ast.ts";
import { childrenOf } from "../parser/walk.ts";
import type { QueryContext } from "./context.ts";
import { CALENDAR_FUNCTIONS } from "./math-functions.ts";

/** Functions that look at the step's time. */
const TIME_FUNCTIONS: ReadonlySet<string> = new Set([
  "time",
  "timestamp",
  "predict_linear",
  "info",
  "sort",
  "sort_desc",
  "sort_by_label",
  "sort_by_label_desc",
  ...CALENDAR_FUNCTIONS.keys(),
]);

/** True only for expressions with a selector: evaluating a constant once is not worth the copy. */
export function isInvariant(expr: Expr, query: QueryContext): boolean {
  return hasSelector(expr) && isFixed(expr, query);
}

function isFixed(expr: Expr, query: QueryContext): boolean {
  const known = query.invariance.get(expr);
  if (known !== undefined) return known;
  const fixed = decide(expr, query);
  query.invariance.set(expr, fixed);
  return fixed;
}

function decide(expr: Expr, query: QueryContext): boolean {
  switch (expr.kind) {
    case "selector":
    case "subquery":
      return expr.at !== undefined;
    case "matrix":
      return expr.selector.at !== undefined;
    case "call":
      if (TIME_FUNCTIONS.has(expr.func)) return false;
      break;
    default:
      break;
  }
  return childrenOf(expr).every((child) => isFixed(child, query));
}

function hasSelector(expr: Expr): boolean {
  if (expr.kind === "selector" || expr.kind === "matrix") return true;
  return childrenOf(expr).some(hasSelector);
}
