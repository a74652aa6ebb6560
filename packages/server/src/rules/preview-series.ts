// The value behind an alert's condition, for a chart: `latency > 0.5` is shown as the latency beside 0.5.
import type { RulePreview } from "@storewatch/model/api";
import type { MatrixSeries } from "@storewatch/promql/engine";
import { type Expr, printExpression } from "@storewatch/promql/parser";

export type Threshold = NonNullable<RulePreview["threshold"]>;

export interface ValueExpression {
  readonly expression: string;
  readonly threshold: Threshold | null;
}

const SERIES_MAX = 50;
/** Points of one series in the answer: what a chart can show. */
const POINTS_MAX = 600;
const FLIPPED = { ">": "<", ">=": "<=", "<": ">", "<=": ">=", "==": "==", "!=": "!=" } as const;

/**
 * The side of a comparison that is not a number; the expression itself where there is none. Conditions beside it
 * (`… > 0.5 and on (shop) traffic > 1`) say when it counts, not what is compared.
 */
export function valueExpression(parsed: Expr): ValueExpression {
  const expr = withoutParens(parsed);
  if (expr.kind === "binary" && (expr.operator === "and" || expr.operator === "unless")) {
    const value = valueExpression(expr.left);
    if (value.threshold) return value;
  }
  if (expr.kind === "binary" && isComparison(expr.operator)) {
    const left = numberOf(expr.left);
    const right = numberOf(expr.right);
    if (right !== undefined && left === undefined)
      return { expression: printExpression(expr.left), threshold: { operator: expr.operator, value: right } };
    if (left !== undefined && right === undefined)
      return { expression: printExpression(expr.right), threshold: { operator: FLIPPED[expr.operator], value: left } };
  }
  return { expression: printExpression(parsed), threshold: null };
}

function isComparison(operator: string): operator is Threshold["operator"] {
  return operator in FLIPPED;
}

function withoutParens(expr: Expr): Expr {
  return expr.kind === "paren" ? withoutParens(expr.expr) : expr;
}

/** The value of an expression of numbers; undefined for anything else. */
function numberOf(parsed: Expr): number | undefined {
  const expr = withoutParens(parsed);
  if (expr.kind === "number") return expr.value;
  if (expr.kind === "unary") {
    const value = numberOf(expr.expr);
    return value === undefined ? undefined : expr.operator === "-" ? -value : value;
  }
  if (expr.kind !== "binary") return undefined;
  const left = numberOf(expr.left);
  const right = numberOf(expr.right);
  return left === undefined || right === undefined ? undefined : arithmetic(expr.operator, left, right);
}

function arithmetic(operator: string, left: number, right: number): number | undefined {
  switch (operator) {
    case "+":
      return left + right;
    case "-":
      return left - right;
    case "*":
      return left * right;
    case "/":
      return left / right;
    case "^":
      return left ** right;
    default:
      return undefined;
  }
}

/** The series that come nearest to the condition, thinned so that the points that matter stay. */
export function chartSeries(series: readonly MatrixSeries[], threshold: Threshold | null): RulePreview["series"] {
  const sign = threshold?.operator === "<" || threshold?.operator === "<=" ? -1 : 1;
  const extreme = ({ values }: MatrixSeries) => values.reduce((best, value) => Math.max(best, sign * value), -Infinity);
  const ranked = series.map((one) => ({ one, rank: extreme(one) })).sort((a, b) => compare(b.rank, a.rank));
  return ranked.slice(0, SERIES_MAX).map(({ one }) => ({ labels: one.labels.toJSON(), points: thinned(one, sign) }));
}

/** NaN counts as lowest. */
function compare(a: number, b: number): number {
  if (a === b) return 0;
  return a > b || Number.isNaN(b) ? 1 : -1;
}

/** Of each run of points the one nearest to the condition: a spike that fires an alert is not lost. */
function thinned({ timesMs, values }: MatrixSeries, sign: 1 | -1): [number, number | null][] {
  const run = Math.ceil(values.length / POINTS_MAX);
  const points: [number, number | null][] = [];
  for (let from = 0; from < values.length; from += run) {
    let best = from;
    for (let i = from + 1; i < Math.min(values.length, from + run); i++)
      if (sign * values[i] > sign * values[best]) best = i;
    points.push([timesMs[best], jsonNumber(values[best])]);
  }
  return points;
}

export function jsonNumber(value: number): number | null {
  return Number.isFinite(value) ? value : null;
}
