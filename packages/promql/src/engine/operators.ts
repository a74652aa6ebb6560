// Arithmetic and comparisons of numbers, as Go computes them.
import type { BinaryOperator } from "../parser/ast.ts";

const ARITHMETIC: ReadonlySet<BinaryOperator> = new Set(["+", "-", "*", "/", "%", "^", "atan2"]);

export function isArithmetic(operator: BinaryOperator): boolean {
  return ARITHMETIC.has(operator);
}

/** The operators that cut histograms. */
export function isTrim(operator: BinaryOperator): boolean {
  return operator === "</" || operator === ">/";
}

/** Go's math.Pow: pow(1, y) and pow(-1, ±Inf) are 1, unlike in JavaScript. */
function power(base: number, exponent: number): number {
  if (base === 1) return 1;
  if (base === -1 && (exponent === Number.POSITIVE_INFINITY || exponent === Number.NEGATIVE_INFINITY)) return 1;
  return base ** exponent;
}

/** The result of an arithmetic operator, or 1 and 0 for a comparison. */
export function numberOperator(operator: BinaryOperator): (left: number, right: number) => number {
  switch (operator) {
    case "+":
      return (left, right) => left + right;
    case "-":
      return (left, right) => left - right;
    case "*":
      return (left, right) => left * right;
    case "/":
      return (left, right) => left / right;
    case "%":
      return (left, right) => left % right;
    case "^":
      return power;
    case "atan2":
      return Math.atan2;
    case "==":
      return (left, right) => (left === right ? 1 : 0);
    case "!=":
      return (left, right) => (left !== right ? 1 : 0);
    case ">":
      return (left, right) => (left > right ? 1 : 0);
    case "<":
      return (left, right) => (left < right ? 1 : 0);
    case ">=":
      return (left, right) => (left >= right ? 1 : 0);
    case "<=":
      return (left, right) => (left <= right ? 1 : 0);
    default:
      throw new Error(`operator ${operator} does not work on numbers`);
  }
}
