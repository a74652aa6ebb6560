// Types: what an expression yields, and whether the parts of one fit together. Nodes are checked as they are made.
import {
  type AggregateOperator,
  type BinaryOperator,
  COMPARISON_OPERATORS,
  type Expr,
  SET_OPERATORS,
  unwrapParens,
  type ValueType,
  type VectorMatching,
} from "./ast.ts";
import { AGGREGATIONS, FUNCTIONS } from "./functions.ts";
import type { Token } from "./lexer.ts";
import type { TokenReader } from "./reader.ts";

const TYPE_NAMES: Readonly<Record<ValueType, string>> = {
  scalar: "scalar",
  string: "string",
  vector: "instant vector",
  matrix: "range vector",
};

export function typeOf(expr: Expr): ValueType {
  switch (expr.kind) {
    case "number":
      return "scalar";
    case "string":
      return "string";
    case "selector":
    case "aggregate":
      return "vector";
    case "matrix":
    case "subquery":
      return "matrix";
    case "call":
      return FUNCTIONS.get(expr.func)!.returns;
    case "unary":
    case "paren":
      return typeOf(expr.expr);
    case "binary":
      return typeOf(expr.left) === "scalar" && typeOf(expr.right) === "scalar" ? "scalar" : "vector";
  }
}

export function typeName(expr: Expr): string {
  return TYPE_NAMES[typeOf(expr)];
}

function expectType(reader: TokenReader, expr: Expr, wanted: ValueType, context: string): void {
  if (typeOf(expr) !== wanted) {
    reader.fail(`expected type ${TYPE_NAMES[wanted]} in ${context}, got ${typeName(expr)}`, expr.from);
  }
}

export function checkUnary(reader: TokenReader, operand: Expr, from: number): void {
  const type = typeOf(operand);
  if (type !== "scalar" && type !== "vector") {
    const got = TYPE_NAMES[type];
    reader.fail(`unary expression only allowed on expressions of type scalar or instant vector, got "${got}"`, from);
  }
}

/** The matching modifiers as written, before it is known what they apply to. */
export interface WrittenMatching {
  readonly returnBool: boolean;
  readonly written: boolean;
  readonly on: boolean;
  readonly labels: readonly string[];
  readonly group: "left" | "right" | undefined;
  readonly include: readonly string[];
  readonly fillLeft: number | undefined;
  readonly fillRight: number | undefined;
}

/** Checks a binary expression and gives its vector matching, if both sides are vectors. */
export function checkBinary(
  reader: TokenReader,
  operator: BinaryOperator,
  operatorToken: Token,
  modifiers: WrittenMatching,
  left: Expr,
  right: Expr,
): VectorMatching | undefined {
  const at = operatorToken.from;
  const isSet = SET_OPERATORS.has(operator);
  const leftType = typeOf(left);
  const rightType = typeOf(right);
  if (modifiers.returnBool && !COMPARISON_OPERATORS.has(operator)) {
    reader.fail("bool modifier can only be used on comparison operators", at);
  }
  for (const [side, type] of [[left, leftType] as const, [right, rightType] as const]) {
    if (type !== "scalar" && type !== "vector") {
      reader.fail("binary expression must contain only scalar and instant vector types", side.from);
    }
  }
  const bothScalar = leftType === "scalar" && rightType === "scalar";
  if (COMPARISON_OPERATORS.has(operator) && !modifiers.returnBool && bothScalar) {
    reader.fail("comparisons between scalars must use BOOL modifier", at);
  }
  if (modifiers.group && isSet) reader.fail(`no grouping allowed for "${operator}" operation`, left.from);
  if (modifiers.on && modifiers.group) {
    const twice = modifiers.labels.find((label) => modifiers.include.includes(label));
    if (twice !== undefined) {
      reader.fail(`label "${twice}" must not occur in ON and GROUP clause at once`, at);
    }
  }
  const fills = modifiers.fillLeft !== undefined || modifiers.fillRight !== undefined;
  if (leftType !== "vector" || rightType !== "vector") {
    if (isSet) reader.fail(`set operator "${operator}" not allowed in binary scalar expression`, left.from);
    if (modifiers.written && modifiers.labels.length > 0) {
      reader.fail("vector matching only allowed between instant vectors", at);
    }
    if (fills) reader.fail("filling in missing series only allowed between instant vectors", at);
    return undefined;
  }
  if (isSet && fills) reader.fail("filling in missing series not allowed for set operators", at);
  const card = isSet
    ? "many-to-many"
    : modifiers.group === "left"
      ? "many-to-one"
      : modifiers.group === "right"
        ? "one-to-many"
        : "one-to-one";
  const { on, labels, include, fillLeft, fillRight } = modifiers;
  return { card, on, labels, include, fillLeft, fillRight };
}

/** Splits the arguments of an aggregation into parameter and operand. */
export function checkAggregate(
  reader: TokenReader,
  operator: AggregateOperator,
  args: readonly Expr[],
  from: number,
): { param: Expr | undefined; expr: Expr } {
  const { param: paramType, experimental } = AGGREGATIONS.get(operator)!;
  if (experimental) {
    const flag = "--enable-feature=promql-experimental-functions";
    reader.requireExperimental(`${operator}() is experimental and must be enabled with ${flag}`, from);
  }
  if (args.length === 0) reader.fail("no arguments for aggregate expression provided", from);
  const wanted = paramType ? 2 : 1;
  if (args.length !== wanted) {
    reader.fail(
      `wrong number of arguments for aggregate expression provided, expected ${wanted}, got ${args.length}`,
      from,
    );
  }
  const expr = args[wanted - 1];
  expectType(reader, expr, "vector", "aggregation expression");
  if (!paramType) return { param: undefined, expr };
  expectType(reader, args[0], paramType, "aggregation parameter");
  return { param: args[0], expr };
}

export function checkCall(reader: TokenReader, func: string, args: readonly Expr[], from: number): void {
  const signature = FUNCTIONS.get(func);
  if (!signature) reader.fail(`unknown function with name "${func}"`, from);
  if (signature.experimental) reader.requireExperimental(`function "${func}" is not enabled`, from);
  const { args: types, variadic } = signature;
  const least = types.length - Math.abs(variadic);
  const quoted = `argument(s) in call to "${func}", got ${args.length}`;
  if (variadic === 0 && args.length !== types.length) reader.fail(`expected ${types.length} ${quoted}`, from);
  if (args.length < least) reader.fail(`expected at least ${least} ${quoted}`, from);
  if (variadic > 0 && args.length > types.length) reader.fail(`expected at most ${types.length} ${quoted}`, from);
  args.forEach((arg, i) => {
    expectType(reader, arg, types[Math.min(i, types.length - 1)], `call to function "${func}"`);
  });
  if (func === "info" && args.length > 1) {
    const selector = args[1];
    if (selector.kind !== "selector") reader.fail("expected label selectors only", selector.from);
    if (selector.name !== "") reader.fail("expected label selectors only, got vector selector instead", selector.from);
  }
}

/** The selector that range brackets may follow. */
export function checkRange(reader: TokenReader, operand: Expr, at: number): void {
  const inner = unwrapParens(operand);
  if (operand.kind !== "selector" || inner.kind !== "selector") {
    reader.fail("ranges only allowed for vector selectors", at);
  }
  if (operand.offset) reader.fail("no offset modifiers allowed before range", at);
  if (operand.at) reader.fail("no @ modifiers allowed before range", at);
}
