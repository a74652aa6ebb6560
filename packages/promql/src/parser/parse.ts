// The grammar: precedence climbing over the token stream.
//
// The operators, loosest first: or · and unless · comparisons · + - · * / % atan2 · unary sign · ^ (to the right) ·
// postfix parts (brackets, offset, @), which bind to the operand itself: -foo[5m] negates a range, -1^2 is -(1^2).
import { parseDurationMs } from "@storewatch/model";
import type { AggregateOperator, AtModifier, BinaryOperator, Expr, NumberLiteral } from "./ast.ts";
import {
  checkAggregate,
  checkBinary,
  checkCall,
  checkRange,
  checkUnary,
  typeOf,
  type WrittenMatching,
} from "./check.ts";
import { parseBracketDuration, parseOffsetDuration } from "./duration.ts";
import { AGGREGATIONS } from "./functions.ts";
import { CHAIN_LIMIT, type ParseOptions, TokenReader } from "./reader.ts";
import { parseSelector } from "./selector.ts";
import { parseNumberText, unquote } from "./text.ts";

const PRECEDENCE: ReadonlyMap<string, number> = new Map([
  ["or", 1],
  ...["and", "unless"].map((operator) => [operator, 2] as const),
  ...["==", "!=", ">", "<", ">=", "<=", "</", ">/"].map((operator) => [operator, 3] as const),
  ...["+", "-"].map((operator) => [operator, 4] as const),
  ...["*", "/", "%", "atan2"].map((operator) => [operator, 5] as const),
  ["^", 7],
]);
const UNARY_PRECEDENCE = 6;
/** Words that cannot start an expression as a metric's name. */
const RESERVED: ReadonlySet<string> = new Set(["bool", "on", "ignoring", "group_left", "group_right"]);
/** Go's int64 milliseconds, the bounds of `@`. */
const AT_SECONDS_MAX = 9.223372036854776e15;

/** Parses and checks a PromQL expression. Throws ParseError. */
export function parseExpression(text: string, options: ParseOptions = {}): Expr {
  const reader = new TokenReader(text, options);
  if (reader.token.type === "end") reader.fail("no expression found in input", 0);
  const expr = new ExpressionParser(reader).binary(0);
  if (reader.token.type !== "end") reader.unexpected();
  return expr;
}

class ExpressionParser {
  private chain = 0;

  constructor(private readonly reader: TokenReader) {}

  /** An expression of operators that bind at least as tightly as `precedenceMin`. */
  binary(precedenceMin: number): Expr {
    return this.reader.nested(() => {
      let left = this.unary();
      for (;;) {
        const token = this.reader.token;
        const operator = token.type === "operator" ? token.text : this.reader.word;
        const precedence = PRECEDENCE.get(operator) ?? 0;
        if (precedence === 0 || precedence < precedenceMin) return left;
        this.countPart();
        this.reader.advance();
        const modifiers = this.matching(left.from);
        const right = this.binary(operator === "^" ? precedence : precedence + 1);
        const matching = checkBinary(this.reader, operator as BinaryOperator, token, modifiers, left, right);
        left = {
          kind: "binary",
          operator: operator as BinaryOperator,
          left,
          right,
          returnBool: modifiers.returnBool,
          matching,
          from: left.from,
          to: right.to,
        };
      }
    });
  }

  private unary(): Expr {
    const sign = this.reader.takeOperator("-") ?? this.reader.takeOperator("+");
    if (!sign) return this.postfix(this.primary());
    const expr = this.binary(UNARY_PRECEDENCE);
    if (expr.kind === "number")
      return { ...expr, value: sign.text === "-" ? -expr.value : expr.value, from: sign.from };
    checkUnary(this.reader, expr, sign.from);
    return { kind: "unary", operator: sign.text as "-" | "+", expr, from: sign.from, to: expr.to };
  }

  private primary(): Expr {
    const reader: TokenReader = this.reader;
    const token = reader.token;
    switch (token.type) {
      case "number":
      case "duration":
        return this.number();
      case "string":
        reader.advance();
        return { kind: "string", value: unquote(token.text), from: token.from, to: token.to };
      case "identifier":
        return this.identifier();
      case "operator":
        if (token.text === "{") return parseSelector(reader);
        if (token.text === "(") {
          reader.advance();
          const expr = this.binary(0);
          const close = this.closeParen();
          return { kind: "paren", expr, from: token.from, to: close };
        }
        return reader.unexpected();
      case "end":
        return reader.unexpected();
    }
  }

  private identifier(): Expr {
    const reader: TokenReader = this.reader;
    const token = reader.token;
    const word = reader.word;
    const next = reader.peek();
    const opens = next.type === "operator" && next.text === "(";
    if (word === "nan" || word === "inf") {
      reader.advance();
      const value = word === "nan" ? Number.NaN : Number.POSITIVE_INFINITY;
      return { kind: "number", value, isDuration: false, from: token.from, to: token.to };
    }
    const nextWord = next.type === "identifier" ? next.text.toLowerCase() : "";
    if (AGGREGATIONS.has(word) && (opens || nextWord === "by" || nextWord === "without")) return this.aggregate();
    if (RESERVED.has(word)) reader.unexpected();
    if (opens) return this.call();
    return parseSelector(reader);
  }

  private number(): NumberLiteral {
    const token = this.reader.advance();
    const isDuration = token.type === "duration";
    const value = isDuration ? (parseDurationMs(token.text) ?? Number.NaN) / 1000 : parseNumberText(token.text);
    if (Number.isNaN(value)) this.reader.fail(`bad number or duration syntax: "${token.text}"`, token.from);
    if (!Number.isFinite(value)) {
      const reason = `error parsing number: strconv.ParseFloat: parsing "${token.text}": value out of range`;
      this.reader.fail(reason, token.from);
    }
    return { kind: "number", value, isDuration, from: token.from, to: token.to };
  }

  /** The offset behind the closing parenthesis. */
  private closeParen(): number {
    const reader: TokenReader = this.reader;
    if (reader.token.type === "end") reader.fail("unclosed left parenthesis", reader.token.from);
    return reader.expectOperator(")", "", "").to;
  }

  /** The arguments of a call; `func` is "" for an aggregation. */
  private args(func: string): Expr[] {
    const reader: TokenReader = this.reader;
    reader.expectOperator("(", "function call");
    const args: Expr[] = [];
    if (!reader.isOperator(")")) {
      if (reader.token.type === "end") reader.fail("unclosed left parenthesis", reader.token.from);
      args.push(this.binary(0));
      while (reader.isOperator(",")) {
        const comma = reader.advance();
        if (reader.isOperator(")")) reader.fail("trailing commas not allowed in function call args", comma.from);
        // The second argument of info() picks labels, so that it need not pick series.
        reader.allowEmptyMatchers = func === "info";
        args.push(this.binary(0));
        reader.allowEmptyMatchers = false;
      }
    }
    this.closeParen();
    return args;
  }

  private call(): Expr {
    const token = this.reader.advance();
    const args = this.args(token.text);
    checkCall(this.reader, token.text, args, token.from);
    return { kind: "call", func: token.text, args, from: token.from, to: this.reader.lastEnd };
  }

  private aggregate(): Expr {
    const reader: TokenReader = this.reader;
    const token = reader.advance();
    const operator = token.text.toLowerCase() as AggregateOperator;
    let modifier = this.aggregateModifier();
    const args = this.args("");
    modifier ??= this.aggregateModifier();
    const { param, expr } = checkAggregate(reader, operator, args, token.from);
    return {
      kind: "aggregate",
      operator,
      expr,
      param,
      grouping: modifier?.labels ?? [],
      without: modifier?.without ?? false,
      from: token.from,
      to: reader.lastEnd,
    };
  }

  private aggregateModifier(): { without: boolean; labels: string[] } | undefined {
    const word = this.reader.word;
    if (word !== "by" && word !== "without") return undefined;
    this.reader.advance();
    return { without: word === "without", labels: this.labelList() };
  }

  private labelList(): string[] {
    const reader: TokenReader = this.reader;
    const context = "grouping opts";
    reader.expectOperator("(", context);
    const labels: string[] = [];
    while (!reader.takeOperator(")")) {
      const token = reader.token;
      if (token.type === "string") labels.push(unquote(token.text));
      else if (token.type === "identifier" && !token.text.includes(":")) labels.push(token.text);
      else reader.unexpected(context, "label");
      reader.advance();
      if (!reader.isOperator(")") && !reader.takeOperator(",")) reader.unexpected(context, '"," or ")"');
    }
    return labels;
  }

  /** `from`: where the whole binary expression begins. */
  private matching(from: number): WrittenMatching {
    const reader: TokenReader = this.reader;
    const returnBool = reader.takeWord("bool") !== undefined;
    const kind = reader.takeWord("on") ?? reader.takeWord("ignoring");
    const labels = kind ? this.labelList() : [];
    let group: "left" | "right" | undefined;
    let include: string[] = [];
    const grouping = kind && (reader.takeWord("group_left") ?? reader.takeWord("group_right"));
    if (grouping) {
      group = grouping.text.toLowerCase() === "group_left" ? "left" : "right";
      if (reader.isOperator("(")) include = this.labelList();
    }
    const fills = this.fills(from);
    const on = kind?.text.toLowerCase() === "on";
    return { returnBool, written: kind !== undefined, on, labels, group, include, ...fills };
  }

  /** `fill(0)`, `fill_left(0)`, `fill_right(0)`; a word not followed by a parenthesis is a metric's name. */
  private fills(from: number): { fillLeft: number | undefined; fillRight: number | undefined } {
    const reader: TokenReader = this.reader;
    let fillLeft: number | undefined;
    let fillRight: number | undefined;
    while (["fill", "fill_left", "fill_right"].includes(reader.word) && reader.peek().text === "(") {
      reader.requireExperimental("binop fill modifiers are experimental and not enabled", from);
      const word = reader.word;
      if (word !== "fill_right" && fillLeft !== undefined) reader.unexpected();
      if (word !== "fill_left" && fillRight !== undefined) reader.unexpected();
      reader.advance();
      reader.advance();
      const value = this.unary();
      if (value.kind !== "number") reader.fail("expected a number in fill modifier", value.from);
      this.closeParen();
      if (word !== "fill_right") fillLeft = value.value;
      if (word !== "fill_left") fillRight = value.value;
    }
    return { fillLeft, fillRight };
  }

  private countPart(): void {
    if (++this.chain > CHAIN_LIMIT) this.reader.fail("expression is too long", this.reader.token.from);
  }

  private postfix(operand: Expr): Expr {
    const reader: TokenReader = this.reader;
    let expr = operand;
    for (;;) {
      const word = reader.word;
      const isAnchor = word === "anchored" || word === "smoothed";
      if (!reader.isOperator("[") && !reader.isOperator("@") && word !== "offset" && !isAnchor) return expr;
      this.countPart();
      if (reader.isOperator("[")) expr = this.brackets(expr);
      else if (reader.isOperator("@")) expr = this.at(expr);
      else if (word === "offset") expr = this.offset(expr);
      else expr = this.extension(expr, word as "anchored" | "smoothed");
    }
  }

  private brackets(operand: Expr): Expr {
    const reader: TokenReader = this.reader;
    const open = reader.advance();
    const range = parseBracketDuration(reader);
    if (!reader.isOperator("]") && !reader.isOperator(":")) {
      const first = reader.token.text[0];
      if (first === undefined) reader.fail("unexpected end of input in duration expression", reader.token.from);
      reader.fail(`unexpected character: '${first}', expected ':'`, reader.token.from);
    }
    if (reader.takeOperator("]")) {
      checkRange(reader, operand, open.from);
      if (operand.kind !== "selector") throw new Error("checked to be a selector");
      return { kind: "matrix", selector: operand, range, from: operand.from, to: reader.lastEnd };
    }
    reader.advance();
    const step = reader.isOperator("]") ? undefined : parseBracketDuration(reader);
    reader.expectOperator("]", "subquery selector");
    const type = typeOf(operand);
    if (type !== "vector") {
      reader.fail(`subquery is only allowed on instant vector, got ${type} instead`, operand.from);
    }
    const modifiers = { offset: undefined, at: undefined };
    return { kind: "subquery", expr: operand, range, step, ...modifiers, from: operand.from, to: reader.lastEnd };
  }

  private offset(operand: Expr): Expr {
    const reader: TokenReader = this.reader;
    reader.advance();
    const offset = parseOffsetDuration(reader);
    const to = reader.lastEnd;
    const target = this.modifiable(operand, "offset");
    if (target.offset) reader.fail("offset may not be set multiple times", operand.from);
    if (operand.kind === "matrix") return { ...operand, selector: { ...operand.selector, offset }, to };
    return { ...(operand as typeof target), offset, to };
  }

  private at(operand: Expr): Expr {
    const reader: TokenReader = this.reader;
    const from = reader.advance().from;
    const at = this.atValue(operand, from);
    const to = reader.lastEnd;
    const target = this.modifiable(operand, "@");
    if (target.at) reader.fail("@ <timestamp> may not be set multiple times", operand.from);
    if (operand.kind === "matrix") return { ...operand, selector: { ...operand.selector, at }, to };
    return { ...(operand as typeof target), at, to };
  }

  private atValue(operand: Expr, from: number): AtModifier {
    const reader: TokenReader = this.reader;
    const word = reader.word;
    if ((word === "start" || word === "end") && reader.peek().text === "(") {
      reader.advance();
      reader.advance();
      reader.expectOperator(")", "@");
      return { type: word };
    }
    const value = this.signedNumber();
    if (value === undefined) reader.unexpected("@", "timestamp");
    if (!Number.isFinite(value) || Math.abs(value) >= AT_SECONDS_MAX) {
      const text = Number.isFinite(value)
        ? value.toFixed(6)
        : Number.isNaN(value)
          ? "NaN"
          : value > 0
            ? "+Inf"
            : "-Inf";
      reader.fail(`timestamp out of bounds for @ modifier: ${text}`, operand.from === from ? from : operand.from);
    }
    return { type: "time", ms: Math.round(value * 1000) };
  }

  private signedNumber(): number | undefined {
    const reader: TokenReader = this.reader;
    const sign = reader.takeOperator("-") ?? reader.takeOperator("+");
    const isWord = reader.word === "inf" || reader.word === "nan";
    if (reader.token.type !== "number" && reader.token.type !== "duration" && !isWord) return undefined;
    const literal = isWord ? this.identifier() : this.number();
    if (literal.kind !== "number") return undefined;
    return sign?.text === "-" ? -literal.value : literal.value;
  }

  private extension(operand: Expr, extension: "anchored" | "smoothed"): Expr {
    const reader: TokenReader = this.reader;
    const token = reader.advance();
    reader.requireExperimental(`${extension} modifier is experimental and not enabled`, operand.from);
    if (operand.kind !== "selector" && operand.kind !== "matrix") {
      reader.fail(`${extension} modifier must be preceded by a vector selector`, operand.from);
    }
    const selector = operand.kind === "matrix" ? operand.selector : operand;
    if (selector.extension && selector.extension !== extension) {
      reader.fail("anchored and smoothed modifiers cannot be used together", operand.from);
    }
    if (operand.kind === "matrix") return { ...operand, selector: { ...selector, extension }, to: token.to };
    return { ...selector, extension, to: token.to };
  }

  /** The node that carries offset and @ of an operand. */
  private modifiable(operand: Expr, what: "offset" | "@") {
    if (operand.kind === "selector" || operand.kind === "subquery") return operand;
    if (operand.kind === "matrix") return operand.selector;
    return this.reader.fail(
      `${what === "@" ? "@ modifier" : "offset modifier"} must be preceded by an instant vector selector or range vector selector or a subquery`,
      operand.from,
    );
  }
}
