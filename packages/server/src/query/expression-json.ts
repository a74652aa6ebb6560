// The syntax tree as Prometheus' parse_query answers it, for tree views of expressions.
import type { Matcher } from "@storewatch/model";
import {
  type AtModifier,
  type BinaryExpr,
  type Duration,
  type Expr,
  FUNCTIONS,
  type VectorSelector,
} from "@storewatch/promql/parser";
import { formatValue } from "./json-bytes.ts";

export function expressionJson(expr: Expr): unknown {
  switch (expr.kind) {
    case "number":
      return { type: "numberLiteral", val: plainNumber(expr.value) };
    case "string":
      return { type: "stringLiteral", val: expr.value };
    case "paren":
      return { type: "parenExpr", expr: expressionJson(expr.expr) };
    case "unary":
      return { type: "unaryExpr", op: expr.operator, expr: expressionJson(expr.expr) };
    case "selector":
      return { type: "vectorSelector", ...selectorJson(expr) };
    case "matrix":
      return { type: "matrixSelector", range: msOf(expr.range), ...selectorJson(expr.selector) };
    case "subquery":
      return {
        type: "subquery",
        expr: expressionJson(expr.expr),
        range: msOf(expr.range),
        offset: msOf(expr.offset),
        step: msOf(expr.step),
        ...timeJson(expr.at),
      };
    case "call": {
      const signature = FUNCTIONS.get(expr.func);
      return {
        type: "call",
        func: {
          name: expr.func,
          argTypes: signature?.args ?? [],
          variadic: signature?.variadic ?? 0,
          returnType: signature?.returns ?? "vector",
        },
        args: expr.args.map(expressionJson),
      };
    }
    case "aggregate":
      return {
        type: "aggregation",
        op: expr.operator,
        expr: expressionJson(expr.expr),
        param: expr.param ? expressionJson(expr.param) : null,
        grouping: expr.grouping,
        without: expr.without,
      };
    case "binary":
      return binaryJson(expr);
  }
}

function binaryJson({ operator, left, right, matching, returnBool }: BinaryExpr): unknown {
  return {
    type: "binaryExpr",
    op: operator,
    lhs: expressionJson(left),
    rhs: expressionJson(right),
    matching: matching
      ? {
          card: matching.card,
          labels: matching.labels,
          on: matching.on,
          include: matching.include,
          fillValues: { lhs: matching.fillLeft ?? null, rhs: matching.fillRight ?? null },
        }
      : null,
    bool: returnBool,
  };
}

function selectorJson({ name, matchers, offset, at, extension }: VectorSelector): Record<string, unknown> {
  return {
    name,
    offset: msOf(offset),
    matchers: matchers.map(matcherJson),
    ...timeJson(at),
    anchored: extension === "anchored",
    smoothed: extension === "smoothed",
  };
}

function matcherJson({ name, value, operator }: Matcher): unknown {
  return { name, value, type: operator };
}

/** `timestamp` in ms. */
function timeJson(at: AtModifier | undefined): { timestamp: number | null; startOrEnd: string | null } {
  return {
    timestamp: at?.type === "time" ? at.ms : null,
    startOrEnd: at && at.type !== "time" ? at.type : null,
  };
}

/** A duration that only a query can work out is 0, as upstream has it. */
function msOf(duration: Duration | undefined): number {
  return duration?.ms ?? 0;
}

/** All digits, never an exponent. */
function plainNumber(value: number): string {
  const text = formatValue(value);
  const [, sign, digits, exponent] = /^(-?)([\d.]+)e([+-]\d+)$/.exec(text) ?? [];
  if (exponent === undefined) return text;
  const [whole, fraction = ""] = digits.split(".");
  const point = whole.length + Number(exponent);
  const all = whole + fraction;
  if (point <= 0) return `${sign}0.${"0".repeat(-point)}${all}`;
  if (point >= all.length) return `${sign}${all}${"0".repeat(point - all.length)}`;
  return `${sign}${all.slice(0, point)}.${all.slice(point)}`;
}
