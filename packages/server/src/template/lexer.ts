// text/template's tokens. Positions are UTF-16 offsets into the text.
import { TemplateError } from "./interface.ts";

export type TokenType =
  | "text"
  | "left"
  | "right"
  | "space"
  | "bool"
  | "nil"
  | "dot"
  | "field"
  | "variable"
  | "identifier"
  | "keyword"
  | "number"
  | "char"
  | "string"
  | "raw"
  | "pipe"
  | "comma"
  | "declare"
  | "assign"
  | "("
  | ")"
  | "eof";

export interface Token {
  readonly type: TokenType;
  readonly text: string;
  readonly at: number;
}

const KEYWORDS = new Set(["block", "break", "continue", "define", "else", "end", "if", "range", "template", "with"]);
const SPACE = /[ \t\r\n]/;
const NUMBER =
  /[+-]?(?:0[xX][0-9a-fA-F_.]+(?:[pP][+-]?[0-9_]+)?|0[bB][01_]+|0[oO][0-7_]+|[0-9_]*\.?[0-9_]*(?:[eE][+-]?[0-9_]+)?)i?/y;
const WORD = /[\p{L}\p{Nd}_]/u;

export function lex(name: string, text: string): Token[] {
  return new Lexer(name, text).run();
}

export function lineOf(text: string, at: number): number {
  let line = 1;
  for (let i = text.indexOf("\n"); i >= 0 && i < at; i = text.indexOf("\n", i + 1)) line++;
  return line;
}

class Lexer {
  private at = 0;
  private readonly tokens: Token[] = [];
  private depth = 0;

  constructor(
    private readonly name: string,
    private readonly text: string,
  ) {}

  run(): Token[] {
    let trimNext = false;
    while (this.at < this.text.length) {
      const open = this.text.indexOf("{{", this.at);
      const end = open < 0 ? this.text.length : open;
      const trimsHere = open >= 0 && this.text[open + 2] === "-" && SPACE.test(this.text[open + 3] ?? "");
      this.emitText(this.at, end, trimNext, trimsHere);
      if (open < 0) break;
      this.at = open + 2 + (trimsHere ? 1 : 0);
      trimNext = this.action(open, trimsHere);
    }
    this.push("eof", this.text.length, "");
    return this.tokens;
  }

  private push(type: TokenType, at: number, text: string): void {
    this.tokens.push({ type, text, at });
  }

  private fail(message: string): never {
    throw new TemplateError(`template: ${this.name}:${lineOf(this.text, this.at)}: ${message}`);
  }

  private emitText(from: number, to: number, trimStart: boolean, trimEnd: boolean): void {
    let start = from;
    let end = to;
    if (trimStart) while (start < end && SPACE.test(this.text[start])) start++;
    if (trimEnd) while (end > start && SPACE.test(this.text[end - 1])) end--;
    if (end > start) this.push("text", start, this.text.slice(start, end));
  }

  /** Lexes one action or comment; returns whether the text after it is trimmed. */
  private action(open: number, trimmed: boolean): boolean {
    const comment = trimmed ? /^\s*\/\*/.exec(this.text.slice(this.at, this.at + 64)) : undefined;
    if (comment || this.text.startsWith("/*", this.at)) return this.comment();
    this.push("left", open, "{{");
    this.depth = 0;
    for (;;) {
      const right = this.rightDelimiter();
      if (right !== undefined) {
        if (this.depth > 0) this.fail("unclosed left paren");
        this.push("right", this.at, "}}");
        this.at += right ? 4 : 2;
        return right;
      }
      if (this.at >= this.text.length) this.unclosed(open);
      this.token();
    }
  }

  private unclosed(open: number): never {
    const opened = lineOf(this.text, open);
    const started = opened === lineOf(this.text, this.at) ? "" : ` started at ${this.name}:${opened}`;
    this.fail(`unclosed action${started}`);
  }

  private comment(): boolean {
    const close = this.text.indexOf("*/", this.at);
    if (close < 0) this.fail("unclosed comment");
    this.at = close + 2;
    const right = this.rightDelimiter();
    if (right === undefined) this.fail("comment ends before closing delimiter");
    this.at += right ? 4 : 2;
    return right;
  }

  /** undefined: not here; true: with a trim marker. */
  private rightDelimiter(): boolean | undefined {
    if (SPACE.test(this.text[this.at] ?? "") && this.text.startsWith("-}}", this.at + 1)) return true;
    return this.text.startsWith("}}", this.at) ? false : undefined;
  }

  private token(): void {
    const { text, at } = this;
    const c = text[at];
    if (SPACE.test(c)) this.space();
    else if (c === '"') this.quoted('"', "string", "unterminated quoted string");
    else if (c === "'") this.quoted("'", "char", "unterminated character constant");
    else if (c === "`") this.rawString();
    else if (c === "$") this.prefixed("variable");
    else if (c === "." && !/[0-9]/.test(text[at + 1] ?? "")) this.dot();
    else if (/[0-9+\-.]/.test(c)) this.number();
    else if (WORD.test(codePointAt(text, at))) this.word();
    else if (!this.punctuation(c)) this.fail(`unexpected ${JSON.stringify(c)} in command`);
  }

  private punctuation(c: string): boolean {
    const { at } = this;
    if (c === "=") this.push("assign", at, "=");
    else if (c === ":" && this.text[at + 1] === "=") this.push("declare", at, ":=");
    else if (c === ":") this.fail("expected :=");
    else if (c === "|") this.push("pipe", at, "|");
    else if (c === ",") this.push("comma", at, ",");
    else if (c === "(") {
      this.push("(", at, "(");
      this.depth++;
    } else if (c === ")") {
      this.push(")", at, ")");
      if (--this.depth < 0) this.fail('unexpected ")" in command');
    } else return false;
    this.at += c === ":" ? 2 : 1;
    return true;
  }

  private space(): void {
    const start = this.at;
    while (this.at < this.text.length && SPACE.test(this.text[this.at])) {
      if (this.text.startsWith("-}}", this.at + 1)) break;
      this.at++;
    }
    if (this.at > start) this.push("space", start, " ");
  }

  private quoted(mark: string, type: TokenType, message: string): void {
    const start = this.at++;
    for (;;) {
      const c = this.text[this.at];
      if (c === undefined || c === "\n") this.fail(message);
      this.at++;
      if (c === "\\") {
        if (this.text[this.at] === undefined || this.text[this.at] === "\n") this.fail(message);
        this.at++;
      } else if (c === mark) break;
    }
    this.push(type, start, this.text.slice(start, this.at));
  }

  private rawString(): void {
    const end = this.text.indexOf("`", this.at + 1);
    if (end < 0) this.fail("unterminated raw quoted string");
    this.push("raw", this.at, this.text.slice(this.at, end + 1));
    this.at = end + 1;
  }

  private dot(): void {
    if (WORD.test(codePointAt(this.text, this.at + 1))) {
      this.prefixed("field");
      return;
    }
    this.push("dot", this.at, ".");
    this.at++;
    this.mustEnd(".");
  }

  private prefixed(type: "variable" | "field"): void {
    const start = this.at++;
    this.skipWord();
    const text = this.text.slice(start, this.at);
    this.mustEnd(text);
    this.push(type, start, text);
  }

  private word(): void {
    const start = this.at;
    this.skipWord();
    const text = this.text.slice(start, this.at);
    this.mustEnd(text);
    const isBool = text === "true" || text === "false";
    const type = KEYWORDS.has(text) ? "keyword" : isBool ? "bool" : text === "nil" ? "nil" : "identifier";
    this.push(type, start, text);
  }

  private skipWord(): void {
    for (;;) {
      const c = codePointAt(this.text, this.at);
      if (c === "" || !WORD.test(c)) return;
      this.at += c.length;
    }
  }

  /** What may follow a word, field or variable. */
  private mustEnd(text: string): void {
    const c = this.text[this.at];
    if (c === undefined || SPACE.test(c) || ".,|:=()".includes(c) || this.text.startsWith("}}", this.at)) return;
    this.fail(`bad character U+${c.charCodeAt(0).toString(16).toUpperCase().padStart(4, "0")} '${c}' after ${text}`);
  }

  private number(): void {
    const start = this.at;
    const first = this.numberAt(start);
    let end = start + first.length;
    // Complex: 1+2i, without blanks.
    if (first !== "" && !first.endsWith("i") && /[+-]/.test(this.text[end] ?? "")) {
      const imaginary = this.numberAt(end);
      if (imaginary.endsWith("i")) end += imaginary.length;
    }
    const found = this.text.slice(start, end);
    const next = this.text[end] ?? "";
    const bad = first === "" || /[\p{L}\p{Nd}_+-]/u.test(next);
    if (bad) this.fail(`bad number syntax: ${JSON.stringify(found + next)}`);
    this.push("number", start, found);
    this.at = end;
  }

  /** The number that starts here; "" when there is none. */
  private numberAt(at: number): string {
    NUMBER.lastIndex = at;
    const found = NUMBER.exec(this.text)?.[0] ?? "";
    return /[0-9]/.test(found) ? found : "";
  }
}

function codePointAt(text: string, at: number): string {
  const code = text.codePointAt(at);
  return code === undefined ? "" : String.fromCodePoint(code);
}
