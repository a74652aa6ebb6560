// The scope of a caller, laid upon what they ask: as a matcher at series selection, and on the syntax tree of PromQL.
import { Matcher, parseTenantId, scopeAllows, TENANT_LABEL, type TenantScope } from "@storewatch/model";
import { QueryError } from "@storewatch/promql/engine";
import {
  addMatcher,
  collectSelectors,
  type Expr,
  ParseError,
  type ParseOptions,
  parseExpression,
} from "@storewatch/promql/parser";

/** No string matches: the matcher of a scope without shops. An empty alternative would match series without the label. */
const NOTHING = "[^\\x00-\\x{10FFFF}]";

/** What a series must match to lie in the scope; undefined when every series does. */
export function scopeMatcher(scope: TenantScope): Matcher | undefined {
  if (scope.kind === "all") return undefined;
  const ids = [...scope.ids].sort();
  if (ids.length === 0) return new Matcher("=~", TENANT_LABEL, NOTHING);
  if (ids.length === 1) return new Matcher("=", TENANT_LABEL, ids[0]);
  // Of the characters that an id may have, only the dot means something in a pattern.
  return new Matcher("=~", TENANT_LABEL, ids.map((id) => id.replaceAll(".", "\\.")).join("|"));
}

/** The tree with the scope's matcher on every selector, whatever matchers it has already. */
export function enforceOnTree(scope: TenantScope, expr: Expr): Expr {
  const matcher = scopeMatcher(scope);
  return matcher ? addMatcher(expr, matcher) : expr;
}

/** An expression for the engine: its text, and the tree that counts instead of it. */
interface ScopedExpression {
  readonly expression: string;
  readonly tree?: Expr;
}

/** The expression limited to the scope; remarks on it name places of the text as written. Throws QueryError (`parse`). */
export function enforceScope(scope: TenantScope, expression: string, options: ParseOptions = {}): ScopedExpression {
  if (scope.kind === "all") return { expression };
  try {
    return { expression, tree: enforceOnTree(scope, parseExpression(expression, options)) };
  } catch (error) {
    if (error instanceof ParseError) throw new QueryError("parse", error.message);
    throw error;
  }
}

/**
 * True when an expression speaks of a shop outside the scope: with that shop's id in a matcher on the tenant label. Such
 * an expression is not shown to the scope's people, because who else is a customer is not theirs to know.
 */
export function namesOtherTenants(scope: TenantScope, expression: string, options: ParseOptions = {}): boolean {
  if (scope.kind === "all") return false;
  try {
    return collectSelectors(parseExpression(expression, options)).some(({ matchers }) =>
      matchers.some(({ name, value }) => name === TENANT_LABEL && textNamesOthers(scope, value)),
    );
  } catch (error) {
    if (error instanceof ParseError) return true;
    throw error;
  }
}

/** Words of the text that may be ids: of a pattern, what stands between its signs. */
function textNamesOthers(scope: TenantScope, text: string): boolean {
  const words = text.match(/\w[\w.-]*/g) ?? [];
  return words.some((word) => parseTenantId(word) !== undefined && !scopeAllows(scope, word));
}
