// Matchers since 0.27: names may be any UTF-8, reserved characters need double quotes with Go's escapes.
import { Matcher, type MatchOperator } from "@storewatch/model";
import { goUnquote } from "../go-quote.ts";
import { MatcherError } from "./error.ts";

type Kind = "{" | "}" | "," | "operator" | "quoted" | "word" | "end";

interface Token {
  readonly kind: Kind;
  readonly text: string;
  /** Columns, counted in characters from 0; the end is exclusive. */
  readonly start: number;
  readonly end: number;
}

const RESERVED = new Set("{}!=~,\\\"'`");

export function isReserved(char: string): boolean {
  return RESERVED.has(char) || /\s/u.test(char);
}

const OPERATOR_WANTED = "expected an operator such as '=', '!=', '=~' or '!~'";
const SEPARATOR_WANTED = "expected a comma or close brace";

/** Parses a list of matchers, braces optional. Throws MatcherError or RegexError. */
export function parseUtf8Matchers(input: string): Matcher[] {
  const scanner = new Scanner(input);
  const matchers: Matcher[] = [];
  const open = scanner.peek("expected label name").kind === "{";
  if (open) scanner.next("");
  else if (scanner.peek("").kind === "}") throw scanner.braceError("}: expected opening brace");
  for (;;) {
    const token = scanner.peek(open ? SEPARATOR_WANTED : "expected label name");
    if (token.kind === "}" || token.kind === "end") break;
    matchers.push(parseOne(scanner));
    const separator = scanner.peek(SEPARATOR_WANTED);
    if (separator.kind === ",") scanner.next("");
    else if (separator.kind !== "}" && separator.kind !== "end") throw unexpected(separator, SEPARATOR_WANTED);
  }
  closeBrace(scanner, open);
  return matchers;
}

function closeBrace(scanner: Scanner, open: boolean): void {
  const token = scanner.next("expected close brace");
  if (open && token.kind === "end") throw scanner.braceError("end of input: expected close brace");
  if (!open && token.kind === "}") throw scanner.braceError("}: expected opening brace");
  const rest = open ? scanner.next("expected end of input") : token;
  if (rest.kind !== "end") throw unexpected(rest, "expected end of input");
}

function parseOne(scanner: Scanner): Matcher {
  const name = wordOf(scanner, "expected label name");
  const operator = scanner.next(OPERATOR_WANTED);
  if (operator.kind === "end") throw scanner.braceError(`end of input: ${OPERATOR_WANTED}`);
  if (operator.kind !== "operator") throw unexpected(operator, OPERATOR_WANTED);
  const value = wordOf(scanner, "expected label value");
  return new Matcher(operator.text as MatchOperator, name, value);
}

function wordOf(scanner: Scanner, wanted: string): string {
  const token = scanner.next(wanted);
  if (token.kind === "end") throw scanner.braceError(`end of input: ${wanted}`);
  if (token.kind === "word") return token.text;
  if (token.kind !== "quoted") throw unexpected(token, wanted);
  const text = goUnquote(token.text);
  if (text === undefined) throw new MatcherError(`${token.start}:${token.end}: ${token.text}: invalid input`);
  return text;
}

function unexpected(token: Token, wanted: string): MatcherError {
  return new MatcherError(`${token.start}:${token.end}: unexpected ${token.text}: ${wanted}`);
}

class Scanner {
  private readonly chars: readonly string[];
  private position = 0;
  private ahead: Token | undefined;

  constructor(input: string) {
    this.chars = [...input];
  }

  /** `wanted` ends the message when the input cannot be read. */
  peek(wanted: string): Token {
    this.ahead ??= this.scan(wanted);
    return this.ahead;
  }

  next(wanted: string): Token {
    const token = this.peek(wanted);
    this.ahead = undefined;
    return token;
  }

  braceError(message: string): MatcherError {
    return new MatcherError(`0:${this.chars.length}: ${message}`);
  }

  private scan(wanted: string): Token {
    while (this.position < this.chars.length && /\s/u.test(this.chars[this.position])) this.position++;
    const start = this.position;
    const char = this.chars[start];
    if (char === undefined) return { kind: "end", text: "", start, end: start };
    if (char === "{" || char === "}" || char === ",") return this.take(char, 1);
    if (char === "=" || char === "!") return this.operator(char);
    if (char === '"') return this.quoted();
    if (isReserved(char)) {
      throw new MatcherError(`${start}:${start + 1}: ${char}: invalid input${wanted === "" ? "" : `: ${wanted}`}`);
    }
    let end = start;
    while (end < this.chars.length && !isReserved(this.chars[end])) end++;
    return this.take("word", end - start);
  }

  private take(kind: Kind, count: number): Token {
    const start = this.position;
    this.position += count;
    return { kind, text: this.chars.slice(start, this.position).join(""), start, end: this.position };
  }

  private operator(first: string): Token {
    const second = this.chars[this.position + 1];
    if (second === "~" || (first === "!" && second === "=")) return this.take("operator", 2);
    if (first === "=") return this.take("operator", 1);
    const start = this.position;
    const text = second === undefined ? "!" : `!${second}`;
    throw new MatcherError(`${start}:${start + text.length}: ${text}: expected one of '=~'`);
  }

  private quoted(): Token {
    let end = this.position + 1;
    while (end < this.chars.length && this.chars[end] !== '"') end += this.chars[end] === "\\" ? 2 : 1;
    if (end >= this.chars.length) {
      const text = this.chars.slice(this.position).join("");
      throw new MatcherError(`${this.position}:${this.chars.length}: ${text}: missing end "`);
    }
    return this.take("quoted", end + 1 - this.position);
  }
}
