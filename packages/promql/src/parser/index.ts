export {
  type AggregateExpr,
  type AggregateOperator,
  type AtModifier,
  type BinaryExpr,
  type BinaryOperator,
  type CallExpr,
  type Duration,
  type Expr,
  type MatrixSelector,
  type NumberLiteral,
  type ParenExpr,
  type SourceRange,
  type StringLiteral,
  type Subquery,
  type UnaryExpr,
  unwrapParens,
  type ValueType,
  type VectorMatching,
  type VectorSelector,
} from "./ast.ts";
export { typeOf } from "./check.ts";
export { ParseError, positionAt, type TextPosition } from "./error.ts";
export { AGGREGATIONS, FUNCTIONS, type FunctionSignature } from "./functions.ts";
export { type Token, type TokenType, tokenize } from "./lexer.ts";
export { parseMetric, parseMetricSelector } from "./metric.ts";
export { parseExpression } from "./parse.ts";
export { prettyExpression, printExpression } from "./print.ts";
export type { ParseOptions } from "./reader.ts";
export { formatFloat, parseNumberText, quoteString, unquote } from "./text.ts";
export {
  addMatcher,
  type CollectedSelector,
  childrenOf,
  collectSelectors,
  mapSelectors,
  visit,
  withTime,
} from "./walk.ts";
