// Looking through trees and making changed copies of them.
import type { Matcher } from "@storewatch/model";
import type { AtModifier, Duration, Expr, VectorSelector } from "./ast.ts";

/** The expressions directly inside one. A matrix selector's vector selector is part of it, not inside it. */
export function childrenOf(expr: Expr): readonly Expr[] {
  switch (expr.kind) {
    case "number":
    case "string":
    case "selector":
    case "matrix":
      return [];
    case "subquery":
    case "unary":
    case "paren":
      return [expr.expr];
    case "binary":
      return [expr.left, expr.right];
    case "aggregate":
      return expr.param ? [expr.param, expr.expr] : [expr.expr];
    case "call":
      return expr.args;
  }
}

/** Calls for every expression, parents first. */
export function visit(expr: Expr, call: (expr: Expr) => void): void {
  call(expr);
  for (const child of childrenOf(expr)) visit(child, call);
}

/** A copy with `change` applied to every vector selector, those inside range selectors included. */
export function mapSelectors(expr: Expr, change: (selector: VectorSelector) => VectorSelector): Expr {
  const map = (child: Expr) => mapSelectors(child, change);
  switch (expr.kind) {
    case "number":
    case "string":
      return expr;
    case "selector":
      return change(expr);
    case "matrix":
      return { ...expr, selector: change(expr.selector) };
    case "subquery":
    case "unary":
    case "paren":
      return { ...expr, expr: map(expr.expr) };
    case "binary":
      return { ...expr, left: map(expr.left), right: map(expr.right) };
    case "aggregate":
      return { ...expr, expr: map(expr.expr), param: expr.param && map(expr.param) };
    case "call":
      return { ...expr, args: expr.args.map(map) };
  }
}

/** A copy in which every vector selector has this matcher too. Enforces a tenant's label. */
export function addMatcher(expr: Expr, matcher: Matcher): Expr {
  return mapSelectors(expr, (selector) => ({ ...selector, matchers: [...selector.matchers, matcher] }));
}

/**
 * A copy in which every selector and subquery that has no `@` gets this one. What is inside a subquery is evaluated at
 * the subquery's own times and stays as it is.
 */
export function withTime(expr: Expr, at: AtModifier): Expr {
  const pin = (child: Expr) => withTime(child, at);
  switch (expr.kind) {
    case "selector":
    case "subquery":
      return expr.at ? expr : { ...expr, at };
    case "matrix":
      return expr.selector.at ? expr : { ...expr, selector: { ...expr.selector, at } };
    case "unary":
    case "paren":
      return { ...expr, expr: pin(expr.expr) };
    case "binary":
      return { ...expr, left: pin(expr.left), right: pin(expr.right) };
    case "aggregate":
      return { ...expr, expr: pin(expr.expr), param: expr.param && pin(expr.param) };
    case "call":
      return { ...expr, args: expr.args.map(pin) };
    case "number":
    case "string":
      return expr;
  }
}

/** A selector and the window of time it looks at, as far as the text alone says. */
export interface CollectedSelector {
  readonly selector: VectorSelector;
  readonly matchers: readonly Matcher[];
  /** The range behind the selector; undefined for an instant selector. */
  readonly range: Duration | undefined;
  readonly offset: Duration | undefined;
  readonly at: AtModifier | undefined;
  /** The sum of the ranges and offsets of the subqueries around it, in ms; how much further back it looks. */
  readonly subqueryMs: number;
}

/** Every selector of an expression, in the order of the text. */
export function collectSelectors(expr: Expr): CollectedSelector[] {
  const found: CollectedSelector[] = [];
  collect(expr, 0, found);
  return found;
}

function collect(expr: Expr, subqueryMs: number, found: CollectedSelector[]): void {
  if (expr.kind === "selector" || expr.kind === "matrix") {
    const selector = expr.kind === "matrix" ? expr.selector : expr;
    const range = expr.kind === "matrix" ? expr.range : undefined;
    const { matchers, offset, at } = selector;
    found.push({ selector, matchers, range, offset, at, subqueryMs });
    return;
  }
  const inner = expr.kind === "subquery" ? subqueryMs + (expr.range.ms ?? 0) + (expr.offset?.ms ?? 0) : subqueryMs;
  for (const child of childrenOf(expr)) collect(child, inner, found);
}
