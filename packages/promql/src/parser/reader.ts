// The token stream as the grammar functions see it.

import { ParseError } from "./error.ts";
import { AGGREGATIONS } from "./functions.ts";
import { type Token, tokenize } from "./lexer.ts";

const WORD_OPERATORS: ReadonlySet<string> = new Set(["and", "or", "unless", "atan2"]);
const KEYWORDS: ReadonlySet<string> = new Set([
  "offset",
  "by",
  "without",
  "on",
  "ignoring",
  "group_left",
  "group_right",
  "bool",
  "anchored",
  "smoothed",
  "fill",
  "fill_left",
  "fill_right",
]);
const PUNCTUATION: ReadonlySet<string> = new Set(["(", ")", "{", "}", "[", "]", ",", ":", "=", "=~", "!~"]);

export interface ParseOptions {
  /** Allows experimental functions, aggregations and duration expressions. Default false. */
  readonly experimental?: boolean;
}

export class TokenReader {
  private readonly tokens: readonly Token[];
  private at = 0;
  private depth = 0;
  /** Selectors may be such that every series matches. */
  allowEmptyMatchers = false;

  constructor(
    readonly text: string,
    readonly options: ParseOptions,
  ) {
    this.tokens = tokenize(text);
  }

  get token(): Token {
    return this.tokens[this.at];
  }

  peek(distance = 1): Token {
    return this.tokens[Math.min(this.at + distance, this.tokens.length - 1)];
  }

  /** Where the last consumed token ended. */
  get lastEnd(): number {
    return this.at === 0 ? 0 : this.tokens[this.at - 1].to;
  }

  advance(): Token {
    const token = this.token;
    if (token.type !== "end") this.at++;
    return token;
  }

  isOperator(text: string): boolean {
    return this.token.type === "operator" && this.token.text === text;
  }

  /** The word in lower case when the token is an identifier, else "". */
  get word(): string {
    return this.token.type === "identifier" ? this.token.text.toLowerCase() : "";
  }

  takeOperator(text: string): Token | undefined {
    return this.isOperator(text) ? this.advance() : undefined;
  }

  takeWord(word: string): Token | undefined {
    return this.word === word ? this.advance() : undefined;
  }

  /** `context` and `expected` make "unexpected X in CONTEXT, expected Y". */
  expectOperator(text: string, context: string, expected = `"${text}"`): Token {
    return this.takeOperator(text) ?? this.unexpected(context, expected);
  }

  unexpected(context = "", expected = ""): never {
    const where = context === "" ? "" : ` in ${context}`;
    const wanted = expected === "" ? "" : `, expected ${expected}`;
    this.fail(`unexpected ${describe(this.token)}${where}${wanted}`, this.token.from);
  }

  fail(reason: string, at: number): never {
    throw new ParseError(reason, this.text, at);
  }

  /** Fails, as upstream words it, unless experimental parts are allowed. */
  requireExperimental(refusal: string, at: number): void {
    if (!this.options.experimental) this.fail(refusal, at);
  }

  /** Guards the recursion of the grammar (and of whoever walks the tree) against a stack overflow. */
  nested<T>(parse: () => T): T {
    if (++this.depth > DEPTH_LIMIT) this.fail("expression is nested too deeply", this.token.from);
    const result = parse();
    this.depth--;
    return result;
  }
}

/** Nested parentheses, calls and operators; real queries stay below 50. */
const DEPTH_LIMIT = 400;
/** Operators and postfix parts in one expression. A chain leans to the left: as deep as it is long. */
export const CHAIN_LIMIT = 2000;

export function describe(token: Token): string {
  switch (token.type) {
    case "end":
      return "end of input";
    case "number":
    case "duration":
      return `${token.type} "${token.text}"`;
    case "string":
      return `string ${JSON.stringify(token.text)}`;
    case "operator":
      return PUNCTUATION.has(token.text) ? `"${token.text}"` : `<op:${token.text}>`;
    case "identifier": {
      const word = token.text.toLowerCase();
      if (WORD_OPERATORS.has(word)) return `<op:${word}>`;
      if (AGGREGATIONS.has(word)) return `<aggr:${word}>`;
      if (KEYWORDS.has(word)) return `<${word}>`;
      return `${token.text.includes(":") ? "metric identifier" : "identifier"} "${token.text}"`;
    }
  }
}
