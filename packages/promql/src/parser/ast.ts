// The syntax tree. Every node knows its place in the text (UTF-16 offsets), so that messages can point at it.
import type { Matcher } from "@storewatch/model";

export interface SourceRange {
  readonly from: number;
  /** Exclusive. */
  readonly to: number;
}

export type ValueType = "scalar" | "string" | "vector" | "matrix";

export interface NumberLiteral extends SourceRange {
  readonly kind: "number";
  readonly value: number;
  /** Written as a duration (`5m`); the value is in seconds. */
  readonly isDuration: boolean;
}

export interface StringLiteral extends SourceRange {
  readonly kind: "string";
  readonly value: string;
}

/** What follows `@`. */
export type AtModifier = { readonly type: "time"; readonly ms: number } | { readonly type: "start" | "end" };

/** A duration: a constant, or an expression over step() and range() that only a query can work out. */
export interface Duration {
  /** Milliseconds; undefined when the value depends on the query. */
  readonly ms: number | undefined;
  /** How it was written, when it was more than one literal. */
  readonly expr: DurationExpr | undefined;
}

export type DurationOperator = "+" | "-" | "*" | "/" | "%" | "^";

/** Values are in seconds. */
export type DurationExpr = DurationLiteral | DurationWord | DurationExtreme | DurationWrap | DurationBinary;

interface DurationLiteral extends SourceRange {
  readonly kind: "literal";
  readonly seconds: number;
  readonly isDuration: boolean;
}

interface DurationWord extends SourceRange {
  readonly kind: "step" | "range";
}

interface DurationExtreme extends SourceRange {
  readonly kind: "min_of" | "max_of";
  readonly left: DurationExpr;
  readonly right: DurationExpr;
}

interface DurationWrap extends SourceRange {
  readonly kind: "negate" | "paren";
  readonly inner: DurationExpr;
}

interface DurationBinary extends SourceRange {
  readonly kind: "binary";
  readonly operator: DurationOperator;
  /** Where the operator stands. */
  readonly operatorFrom: number;
  readonly left: DurationExpr;
  readonly right: DurationExpr;
}

/** `offset` and `@`, which selectors and subqueries share. */
export interface TimeModifiers {
  readonly offset: Duration | undefined;
  readonly at: AtModifier | undefined;
}

/** Experimental range modifiers. */
export type Extension = "anchored" | "smoothed";

export interface VectorSelector extends SourceRange, TimeModifiers {
  readonly kind: "selector";
  /** The name before the braces, or "". */
  readonly name: string;
  /** All matchers; the one that `name` stands for is the last. */
  readonly matchers: readonly Matcher[];
  readonly extension: Extension | undefined;
}

export interface MatrixSelector extends SourceRange {
  readonly kind: "matrix";
  readonly selector: VectorSelector;
  readonly range: Duration;
}

export interface Subquery extends SourceRange, TimeModifiers {
  readonly kind: "subquery";
  readonly expr: Expr;
  readonly range: Duration;
  /** Undefined: the engine's default step. */
  readonly step: Duration | undefined;
}

export interface UnaryExpr extends SourceRange {
  readonly kind: "unary";
  readonly operator: "-" | "+";
  readonly expr: Expr;
}

export type ArithmeticOperator = "+" | "-" | "*" | "/" | "%" | "^" | "atan2";
export type ComparisonOperator = "==" | "!=" | ">" | "<" | ">=" | "<=";
export type SetOperator = "and" | "or" | "unless";
/** `</` and `>/` cut native histograms. */
export type TrimOperator = "</" | ">/";
export type BinaryOperator = ArithmeticOperator | ComparisonOperator | SetOperator | TrimOperator;

export interface VectorMatching {
  readonly card: "one-to-one" | "many-to-one" | "one-to-many" | "many-to-many";
  /** `on` (true) or `ignoring`. */
  readonly on: boolean;
  readonly labels: readonly string[];
  /** Labels that group_left or group_right copies from the "one" side. */
  readonly include: readonly string[];
  readonly fillLeft: number | undefined;
  readonly fillRight: number | undefined;
}

export interface BinaryExpr extends SourceRange {
  readonly kind: "binary";
  readonly operator: BinaryOperator;
  readonly left: Expr;
  readonly right: Expr;
  readonly returnBool: boolean;
  /** Set when both sides are instant vectors. */
  readonly matching: VectorMatching | undefined;
}

export type AggregateOperator =
  | "sum"
  | "min"
  | "max"
  | "avg"
  | "group"
  | "stddev"
  | "stdvar"
  | "count"
  | "count_values"
  | "bottomk"
  | "topk"
  | "quantile"
  | "limitk"
  | "limit_ratio";

export interface AggregateExpr extends SourceRange {
  readonly kind: "aggregate";
  readonly operator: AggregateOperator;
  readonly expr: Expr;
  readonly param: Expr | undefined;
  readonly grouping: readonly string[];
  readonly without: boolean;
}

export interface CallExpr extends SourceRange {
  readonly kind: "call";
  readonly func: string;
  readonly args: readonly Expr[];
}

export interface ParenExpr extends SourceRange {
  readonly kind: "paren";
  readonly expr: Expr;
}

export type Expr =
  | NumberLiteral
  | StringLiteral
  | VectorSelector
  | MatrixSelector
  | Subquery
  | UnaryExpr
  | BinaryExpr
  | AggregateExpr
  | CallExpr
  | ParenExpr;

export const SET_OPERATORS: ReadonlySet<string> = new Set(["and", "or", "unless"]);
export const COMPARISON_OPERATORS: ReadonlySet<string> = new Set(["==", "!=", ">", "<", ">=", "<="]);

/** The expression inside any number of parentheses. */
export function unwrapParens(expr: Expr): Expr {
  let inner = expr;
  while (inner.kind === "paren") inner = inner.expr;
  return inner;
}
