// Durations after `offset` and inside brackets: a literal, or an experimental expression over them.
import { parseDurationMs } from "@storewatch/model";
import type { Duration, DurationExpr, DurationOperator } from "./ast.ts";
import type { TokenReader } from "./reader.ts";
import { parseNumberText } from "./text.ts";

/** Go's time.Duration holds ±2^63 ns. */
const SECONDS_MAX = 9_223_372_036;
const BINARY_PRECEDENCE: Readonly<Record<string, number>> = { "+": 1, "-": 1, "*": 2, "/": 2, "%": 2, "^": 4 };
const UNARY_PRECEDENCE = 3;

/** What step() and range() stand for while a query runs. */
export interface DurationContext {
  readonly stepMs: number;
  readonly rangeMs: number;
}

/** The range of `[…]` or the step of a subquery. */
export function parseBracketDuration(reader: TokenReader): Duration {
  if (reader.token.type === "end") reader.fail("unexpected end of input in duration expression", reader.token.from);
  return finish(reader, parseBinary(reader, 0), true);
}

/** The duration after `offset`: a signed primary; an expression needs parentheses. */
export function parseOffsetDuration(reader: TokenReader): Duration {
  return finish(reader, parseUnary(reader, true), false);
}

function finish(reader: TokenReader, expr: DurationExpr, positive: boolean): Duration {
  const literal = literalSeconds(expr);
  if (literal === undefined) {
    reader.requireExperimental("experimental duration expression is not enabled", expr.from);
  }
  const seconds = literal ?? evaluateDuration(expr, undefined, (reason, at) => reader.fail(reason, at));
  if (seconds !== undefined && Math.abs(seconds) > SECONDS_MAX) reader.fail("duration out of range", expr.from);
  // An expression is only known to be positive when the query runs.
  if (literal !== undefined && positive && Math.round(literal * 1000) <= 0) {
    reader.fail("duration must be greater than 0", expr.from);
  }
  return {
    ms: seconds === undefined ? undefined : Math.round(seconds * 1000),
    expr: literal === undefined ? expr : undefined,
  };
}

/** Seconds of a literal or a negated literal. */
function literalSeconds(expr: DurationExpr): number | undefined {
  if (expr.kind === "literal") return expr.seconds;
  if (expr.kind === "negate" && expr.inner.kind === "literal") return -expr.inner.seconds;
  return undefined;
}

/** The milliseconds of a duration in a query. */
export function durationMs(duration: Duration, context: DurationContext, fail: (reason: string) => never): number {
  if (duration.ms !== undefined || !duration.expr) return duration.ms ?? 0;
  const seconds = evaluateDuration(duration.expr, context, fail);
  return Math.round((seconds ?? 0) * 1000);
}

/** Seconds; undefined when there is no context for step() or range(). */
function evaluateDuration(
  expr: DurationExpr,
  context: DurationContext | undefined,
  fail: (reason: string, at: number) => never,
): number | undefined {
  const inner = (part: DurationExpr) => evaluateDuration(part, context, fail);
  switch (expr.kind) {
    case "literal":
      return expr.seconds;
    case "step":
      return context && context.stepMs / 1000;
    case "range":
      return context && context.rangeMs / 1000;
    case "paren":
      return inner(expr.inner);
    case "negate": {
      const value = inner(expr.inner);
      return value === undefined ? undefined : -value;
    }
    default: {
      const left = inner(expr.left);
      const right = inner(expr.right);
      if (expr.kind === "binary" && right === 0 && (expr.operator === "/" || expr.operator === "%")) {
        fail(expr.operator === "/" ? "division by zero" : "modulo by zero", expr.operatorFrom);
      }
      if (left === undefined || right === undefined) return undefined;
      if (expr.kind === "binary") return applyOperator(expr.operator, left, right);
      return expr.kind === "min_of" ? Math.min(left, right) : Math.max(left, right);
    }
  }
}

function applyOperator(operator: DurationOperator, left: number, right: number): number {
  switch (operator) {
    case "+":
      return left + right;
    case "-":
      return left - right;
    case "*":
      return left * right;
    case "/":
      return left / right;
    case "%":
      return left % right;
    case "^":
      return left ** right;
  }
}

function parseBinary(reader: TokenReader, precedenceMin: number): DurationExpr {
  let left = reader.nested(() => parseUnary(reader, false));
  for (;;) {
    const operator = reader.token.type === "operator" ? reader.token.text : "";
    const precedence = BINARY_PRECEDENCE[operator] ?? 0;
    if (precedence === 0 || precedence < precedenceMin) return left;
    const operatorFrom = reader.advance().from;
    const right = reader.nested(() => parseBinary(reader, operator === "^" ? precedence : precedence + 1));
    const places = { operatorFrom, from: left.from, to: right.to };
    left = { kind: "binary", operator: operator as DurationOperator, left, right, ...places };
  }
}

function parseUnary(reader: TokenReader, offset: boolean): DurationExpr {
  const sign = reader.takeOperator("-") ?? reader.takeOperator("+");
  if (!sign) return parsePrimary(reader);
  const inner = reader.nested(() => (offset ? parseUnary(reader, true) : parseBinary(reader, UNARY_PRECEDENCE)));
  // A plus has no effect and is not kept, as upstream prints it.
  return sign.text === "+" ? { ...inner, from: sign.from } : { kind: "negate", inner, from: sign.from, to: inner.to };
}

function parsePrimary(reader: TokenReader): DurationExpr {
  const token = reader.token;
  if (token.type === "duration" || token.type === "number") {
    reader.advance();
    const isDuration = token.type === "duration";
    const seconds = isDuration ? (parseDurationMs(token.text) ?? Number.NaN) / 1000 : parseNumberText(token.text);
    if (Number.isNaN(seconds)) reader.fail("duration out of range", token.from);
    return { kind: "literal", seconds, isDuration, from: token.from, to: token.to };
  }
  if (reader.takeOperator("(")) {
    const inner = reader.nested(() => parseBinary(reader, 0));
    const close = reader.expectOperator(")", "duration expression");
    return { kind: "paren", inner, from: token.from, to: close.to };
  }
  const word = reader.word;
  const called = reader.peek().type === "operator" && reader.peek().text === "(";
  if ((word === "step" || word === "range") && called) {
    reader.advance();
    reader.advance();
    const close = reader.expectOperator(")", "duration expression");
    return { kind: word, from: token.from, to: close.to };
  }
  if ((word === "min_of" || word === "max_of") && called) return parseExtreme(reader, word);
  // Such a word can only be a call: what is wrong is what follows it.
  if (word === "step" || word === "range") reader.advance();
  return reader.unexpected("subquery or range selector", "number, duration, step(), or range()");
}

function parseExtreme(reader: TokenReader, kind: "min_of" | "max_of"): DurationExpr {
  const from = reader.advance().from;
  reader.advance();
  const left = reader.nested(() => parseBinary(reader, 0));
  reader.expectOperator(",", "duration expression");
  const right = reader.nested(() => parseBinary(reader, 0));
  const close = reader.expectOperator(")", "duration expression");
  return { kind, left, right, from, to: close.to };
}
