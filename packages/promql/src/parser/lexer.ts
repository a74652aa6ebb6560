// Text → tokens. Keywords are plain identifiers here: whether `sum` is an operator or a metric's name is for the
// grammar to say.
import { ParseError } from "./error.ts";
import { readEscape, StringSyntaxError } from "./text.ts";

export type TokenType = "identifier" | "number" | "duration" | "string" | "operator" | "end";

export interface Token {
  readonly type: TokenType;
  readonly text: string;
  readonly from: number;
  readonly to: number;
}

const SPACE = /(?:[ \t\r\n]+|#[^\n]*)+/y;
const IDENTIFIER = /[a-zA-Z_:][a-zA-Z0-9_:]*/y;
const LABEL_NAME = /[a-zA-Z_][a-zA-Z0-9_]*/y;
const DURATION = /(?=\d)(?:\d+y)?(?:\d+w)?(?:\d+d)?(?:\d+h)?(?:\d+m(?!s))?(?:\d+s)?(?:\d+ms)?/y;
/** An underscore stands between two digits only. */
const NUMBER =
  /0[xX][0-9a-fA-F]+(?:_[0-9a-fA-F]+)*|(?:\d+(?:_\d+)*(?:\.(?:\d+(?:_\d+)*)?)?|\.\d+(?:_\d+)*)(?:[eE][+-]?\d+(?:_\d+)*)?/y;
const OPERATOR = /==|!=|=~|!~|>=|<=|<\/|>\/|[-+*/%^@(){}[\],:=<>]/y;
const WORD_CHAR = /[a-zA-Z0-9_]/;

export class Lexer {
  private at = 0;
  /** Inside braces only label matchers are words; inside brackets a colon is an operator. */
  private inBraces = false;
  private bracketDepth = 0;

  constructor(private readonly text: string) {}

  next(): Token {
    this.skip(SPACE);
    if (this.at >= this.text.length) return { type: "end", text: "", from: this.text.length, to: this.text.length };
    const char = this.text[this.at];
    if (char === '"' || char === "'" || char === "`") {
      if (this.bracketDepth > 0 && !this.inBraces) {
        throw this.error(`unexpected character in duration expression: ${quoteChar(char)}`);
      }
      return this.string(char);
    }
    if (this.inBraces) return this.insideBraces();
    if ((char >= "0" && char <= "9") || (char === "." && /\d/.test(this.text[this.at + 1] ?? ""))) return this.number();
    const word = this.match(this.bracketDepth > 0 ? LABEL_NAME : IDENTIFIER);
    if (word) return this.take("identifier", word);
    return this.operator();
  }

  private insideBraces(): Token {
    const word = this.match(LABEL_NAME);
    if (word) return this.take("identifier", word);
    const operator = this.match(/=~|!~|!=|[=,}]/y);
    if (!operator) throw this.error(`unexpected character inside braces: ${quoteChar(this.charAt())}`);
    if (operator === "}") this.inBraces = false;
    return this.take("operator", operator);
  }

  private operator(): Token {
    const operator = this.match(OPERATOR);
    if (!operator) {
      const char = this.charAt();
      if (char === "!") throw this.error(`unexpected character after '!': ${quoteChar(this.text[this.at + 1] ?? "")}`);
      throw this.error(`unexpected character: ${quoteChar(char)}`);
    }
    if (operator === "=~" || operator === "!~") {
      throw this.error(`unexpected character after '${operator[0]}': '~'`);
    }
    if (operator === "{") this.inBraces = true;
    else if (operator === "}") throw this.error("unexpected character: '}'");
    else if (operator === "[") this.bracketDepth++;
    else if (operator === "]") this.bracketDepth = Math.max(0, this.bracketDepth - 1);
    return this.take("operator", operator);
  }

  private number(): Token {
    const duration = this.match(DURATION) ?? "";
    if (duration !== "" && !WORD_CHAR.test(this.text[this.at + duration.length] ?? "")) {
      return this.take("duration", duration);
    }
    const number = this.match(NUMBER) ?? "";
    const after = this.text[this.at + number.length] ?? "";
    if (number !== "" && !WORD_CHAR.test(after)) return this.take("number", number);
    const rest = this.match(/[0-9a-zA-Z_.]+/y) ?? this.charAt();
    const isUnits = /^(?:\d+(?:ms|[ywdhms]))+$/.test(rest);
    if (isUnits) throw this.error(`not a valid duration string: "${rest}"`);
    const read = duration.length > number.length ? duration : number;
    const bad = this.text.slice(this.at, this.at + read.length + 1);
    throw this.error(`bad number or duration syntax: "${bad}"`);
  }

  private string(mark: string): Token {
    const from = this.at;
    let i = from + 1;
    for (;;) {
      const char = this.text[i];
      if (char === undefined || (char === "\n" && mark !== "`")) {
        this.at = i;
        throw this.error(mark === "`" ? "unterminated raw string" : "unterminated quoted string", from);
      }
      if (char === mark) break;
      if (char === "\ufffd") throw this.error("invalid UTF-8 rune", from);
      i = char === "\\" && mark !== "`" ? this.escapeEnd(i, mark, from) : i + 1;
    }
    return this.take("string", this.text.slice(from, i + 1));
  }

  private escapeEnd(at: number, mark: string, from: number): number {
    try {
      return readEscape(this.text, at + 1, mark).next;
    } catch (error) {
      if (error instanceof StringSyntaxError) throw this.error(error.message, from);
      throw error;
    }
  }

  private match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.at;
    return pattern.exec(this.text)?.[0];
  }

  private skip(pattern: RegExp): void {
    this.at += this.match(pattern)?.length ?? 0;
  }

  private take(type: TokenType, text: string): Token {
    const from = this.at;
    this.at += text.length;
    return { type, text, from, to: this.at };
  }

  private charAt(): string {
    return String.fromCodePoint(this.text.codePointAt(this.at)!);
  }

  private error(reason: string, at = this.at): ParseError {
    return new ParseError(reason, this.text, at);
  }
}

function quoteChar(char: string): string {
  return `'${char}'`;
}

/** Real expressions stay below 1000 tokens; a text of this many takes about 10 ms to read. */
const TOKENS_MAX = 20_000;

/** All tokens of a text, the end token included. Throws ParseError. */
export function tokenize(text: string): Token[] {
  const lexer = new Lexer(text);
  const tokens: Token[] = [];
  for (;;) {
    const token = lexer.next();
    tokens.push(token);
    if (tokens.length > TOKENS_MAX) throw new ParseError("expression is too long", text, token.from);
    if (token.type === "end") return tokens;
  }
}
