// The text format 0.0.4 (with quoted names, as Prometheus 3 takes it), one entry at a time, exactly as strict as
// Prometheus' own lexer: this is the reference that the line cache must agree with, and its slow path.
import { isUtf8 } from "node:buffer";
import { canonicalBucketBound, GoFloatError, goQuote, parseGoFloat } from "./go-text.ts";

/** `untyped` is the text format's word, `unknown` that of OpenMetrics; the last four are in OpenMetrics only. */
export type MetricType =
  | "counter"
  | "gauge"
  | "histogram"
  | "summary"
  | "untyped"
  | "unknown"
  | "gaugehistogram"
  | "stateset"
  | "info";

/** Pairs name, value as they stand, in order; values may be empty. Escapes are undone. */
export interface ExposedSeries {
  readonly metric: string;
  readonly labels: ReadonlyArray<readonly [string, string]>;
}

/** Labels in the order of the page. */
export interface ExposedExemplar {
  readonly labels: ReadonlyArray<readonly [string, string]>;
  readonly value: number;
  /** ms since the epoch, when the exemplar has a time. */
  readonly timeMs: number | undefined;
}

export type Entry =
  | { readonly kind: "end" }
  | { readonly kind: "comment" }
  | { readonly kind: "help"; readonly family: string; readonly text: string }
  | { readonly kind: "type"; readonly family: string; readonly type: MetricType }
  | { readonly kind: "unit"; readonly family: string; readonly unit: string }
  | {
      readonly kind: "series";
      readonly series: ExposedSeries;
      readonly value: number;
      /** ms since the epoch, when the line has one. */
      readonly timeMs: number | undefined;
      /** Where the value starts: what stands before names the series. */
      readonly valueAt: number;
      readonly exemplar: ExposedExemplar | undefined;
    };

/** A page's entries one by one: of the text format, or of OpenMetrics. */
export interface EntryParser {
  /** Starts on a page; a type that was seen on an earlier page is forgotten. */
  reset(page: Buffer, length: number): void;
  /** Where the next entry starts. */
  readonly position: number;
  /** Where the last entry started: its first byte that is no blank. */
  readonly entryAt: number;
  /** The type of the family that the following lines belong to, when its TYPE line was not parsed here. */
  setType(type: MetricType): void;
  /** An error about the last entry as a whole. */
  errorAtEntry(reason: string): ExpositionError;
  /** Goes on at a line's start. */
  seek(position: number): void;
  /** Throws ExpositionError. */
  next(): Entry;
}

/** A page that is not in the format. `line` and `column` count from 1; the column counts bytes. */
export class ExpositionError extends Error {
  constructor(
    readonly reason: string,
    readonly line: number,
    readonly column: number,
  ) {
    super(`line ${line}, column ${column}: ${reason}`);
  }
}

type Token =
  | "INVALID"
  | "EOF"
  | "LINEBREAK"
  | "HELP"
  | "TYPE"
  | "TEXT"
  | "COMMENT"
  | "MNAME"
  | "QSTRING"
  | "BOPEN"
  | "BCLOSE"
  | "LNAME"
  | "LVALUE"
  | "COMMA"
  | "EQUAL"
  | "TIMESTAMP"
  | "VALUE";

type State = "init" | "comment" | "meta-name" | "meta-text" | "labels" | "label-value" | "value" | "timestamp";

const NEWLINE = 10;
const SPACE = 32;
const TAB = 9;
const QUOTE = 34;
const HASH = 35;
const COMMA = 44;
const EQUAL = 61;
const BACKSLASH = 92;
const BRACE_OPEN = 123;
const BRACE_CLOSE = 125;
const MAX_INT64 = 9_223_372_036_854_775_807n;

const isBlank = (c: number): boolean => c === SPACE || c === TAB;
const isDigit = (c: number): boolean => c >= 48 && c <= 57;
const isLetter = (c: number): boolean => (c >= 97 && c <= 122) || (c >= 65 && c <= 90) || c === 95;
const isNameStart = (c: number): boolean => isLetter(c) || c === 58;

/** `page[length]` must be a line break: the lexer's sentinel, so that a last line needs none of its own. */
export class ExpositionParser implements EntryParser {
  private at = 0;
  private tokenStart = 0;
  private entryStart = 0;
  private state: State = "init";
  private lastType: MetricType = "untyped";
  private page: Buffer = Buffer.alloc(1, NEWLINE);
  private length = 0;
  private end = 1;

  reset(page: Buffer, length: number): void {
    this.page = page;
    this.length = length;
    this.end = length + 1;
    this.lastType = "untyped";
    this.seek(0);
  }

  get position(): number {
    return this.at;
  }

  get entryAt(): number {
    return this.entryStart;
  }

  setType(type: MetricType): void {
    this.lastType = type;
  }

  errorAtEntry(reason: string): ExpositionError {
    this.tokenStart = this.entryStart;
    return this.error(reason);
  }

  seek(position: number): void {
    this.at = position;
    this.state = "init";
  }

  next(): Entry {
    for (;;) {
      this.entryStart = this.at;
      const token = this.token();
      switch (token) {
        case "EOF":
          return { kind: "end" };
        case "LINEBREAK":
          continue;
        case "HELP":
        case "TYPE":
          return this.metadata(token);
        case "COMMENT":
          this.expect(this.token(), "LINEBREAK", "linebreak expected after comment");
          return { kind: "comment" };
        case "BOPEN":
          return this.series(undefined);
        case "MNAME":
          return this.series(this.text(this.tokenStart, this.at));
        default:
          throw this.unexpected("expected a valid start token", token);
      }
    }
  }

  private metadata(kind: "HELP" | "TYPE"): Entry {
    this.expect(this.token(), "MNAME", `expected metric name after ${kind}`);
    const quoted = this.page[this.tokenStart] === QUOTE;
    const family = quoted ? this.text(this.tokenStart + 1, this.at - 1) : this.text(this.tokenStart, this.at);
    const token = this.token();
    if (token !== "TEXT") throw this.error(`expected text in ${kind}, got ${token}`);
    // The byte after the name is the separator, whatever it is: the peers take it so.
    const start = Math.min(this.tokenStart + 1, this.at);
    const bytes = this.page.subarray(start, this.at);
    if (kind === "TYPE") {
      const type = parseType(bytes.toString("latin1"));
      if (!type) throw this.error(`invalid metric type ${goQuote(bytes)}`);
      this.lastType = type;
      this.expect(this.token(), "LINEBREAK", "linebreak expected after metadata");
      return { kind: "type", family, type };
    }
    if (!isUtf8(bytes)) throw this.error(`help text ${goQuote(bytes)} is not a valid utf8 string`);
    const text = bytes.toString("utf8");
    this.expect(this.token(), "LINEBREAK", "linebreak expected after metadata");
    return { kind: "help", family, text: text.replace(/\\([\\n])/g, (_, c: string) => (c === "n" ? "\n" : "\\")) };
  }

  private series(name: string | undefined): Entry {
    const labels: Array<readonly [string, string]> = [];
    let metric = name;
    let token: Token = "BOPEN";
    if (name !== undefined) token = this.token();
    if (token === "BOPEN") {
      metric = this.labelPairs(metric, labels);
      token = this.token();
    }
    if (metric === undefined) throw this.error(`metric name not set while parsing: ${this.soFar()}`);
    this.expect(token, "VALUE", "expected value after metric");
    const valueAt = this.tokenStart;
    const value = parseGoFloat(this.page.toString("latin1", this.tokenStart, this.at));
    if (value instanceof GoFloatError) throw this.error(`${value.message} while parsing: ${this.soFar()}`);
    const timeMs = this.timestamp();
    return { kind: "series", series: { metric, labels }, value, timeMs, valueAt, exemplar: undefined };
  }

  private timestamp(): number | undefined {
    const token = this.token();
    if (token === "LINEBREAK") return undefined;
    this.expect(token, "TIMESTAMP", "expected timestamp or new record");
    const text = this.page.toString("latin1", this.tokenStart, this.at);
    if (text.length > 15 && BigInt(text) > MAX_INT64) {
      const reason = `strconv.ParseInt: parsing ${goQuote(text)}: value out of range`;
      throw this.error(`${reason} while parsing: ${this.soFar()}`);
    }
    this.expect(this.token(), "LINEBREAK", "expected next entry after timestamp");
    return Number(text);
  }

  /** What stands in the braces, the closing one included; gives the metric's name, which may stand there in quotes. */
  private labelPairs(name: string | undefined, labels: Array<readonly [string, string]>): string | undefined {
    let metric = name;
    let token = this.token();
    for (;;) {
      const start = this.tokenStart;
      const end = this.at;
      if (token === "BCLOSE") return metric;
      const quoted = token === "QSTRING";
      if (!quoted) this.expect(token, "LNAME", "expected label name");
      token = this.token();
      if (quoted && (token === "COMMA" || token === "BCLOSE")) {
        if (metric !== undefined) throw this.error(`metric name already set while parsing: ${this.soFar()}`);
        metric = unescapeText(this.utf8Text(start + 1, end - 1, "metric name"));
        if (token === "BCLOSE") return metric;
        token = this.token();
        continue;
      }
      this.expect(token, "EQUAL", "expected equal");
      const label = quoted ? unescapeText(this.utf8Text(start + 1, end - 1, "label name")) : this.text(start, end);
      this.expect(this.token(), "LVALUE", "expected label value");
      const text = this.text(this.tokenStart + 1, this.at - 1);
      // Decoding turns what is no UTF-8 into U+FFFD; a value may also hold that character itself.
      if (text.includes("\ufffd") && !isUtf8(this.page.subarray(this.tokenStart, this.at))) {
        throw this.error(`invalid UTF-8 label value: ${goQuote(this.page.subarray(this.tokenStart, this.at))}`);
      }
      const value = unescapeText(text);
      labels.push([label, this.isBound(label) ? canonicalBucketBound(value) : value]);
      token = this.token();
      if (token === "COMMA") token = this.token();
    }
  }

  private isBound(label: string): boolean {
    return (label === "le" && this.lastType === "histogram") || (label === "quantile" && this.lastType === "summary");
  }

  private utf8Text(start: number, end: number, what: string): string {
    const bytes = this.page.subarray(start, end);
    if (!isUtf8(bytes)) throw this.error(`invalid UTF-8 ${what}: ${goQuote(bytes)}`);
    return bytes.toString("utf8");
  }

  private text(start: number, end: number): string {
    return this.page.toString("utf8", start, end);
  }

  private expect(token: Token, wanted: Token, expectation: string): void {
    if (token !== wanted) throw this.unexpected(expectation, token);
  }

  private unexpected(expectation: string, token: Token): ExpositionError {
    const end = Math.min(this.end, this.at + 1);
    const got = goQuote(this.page.subarray(this.tokenStart, end));
    const parsed = goQuote(this.page.subarray(this.entryStart, end));
    return this.error(`${expectation}, got ${got} ("${token}") while parsing: ${parsed}`);
  }

  private soFar(): string {
    return goQuote(this.page.subarray(this.entryStart, this.at));
  }

  private error(reason: string): ExpositionError {
    return errorAt(this.page, Math.min(this.tokenStart, this.length), reason);
  }

  /** The next token; blanks are skipped. */
  private token(): Token {
    for (;;) {
      if (this.at >= this.end) {
        this.tokenStart = this.at;
        return "EOF";
      }
      this.tokenStart = this.at;
      if (!(this.state === "meta-text" || !isBlank(this.page[this.at]))) {
        this.skipBlanks();
        continue;
      }
      return this.tokenInState();
    }
  }

  private tokenInState(): Token {
    switch (this.state) {
      case "init":
        return this.startToken();
      case "comment":
        return this.commentToken();
      case "meta-name":
        return this.familyToken();
      case "meta-text":
        while (this.page[this.at] !== NEWLINE) this.at += 1;
        this.state = "init";
        return "TEXT";
      case "labels":
        return this.labelsToken();
      case "label-value":
        return this.page[this.at] === QUOTE && this.quotedString(true) ? this.enter("labels", "LVALUE") : "INVALID";
      case "value":
        return this.valueToken();
      case "timestamp":
        return this.timestampToken();
    }
  }

  private startToken(): Token {
    const c = this.page[this.at];
    if (c === 0) return "EOF";
    if (c === NEWLINE) return this.single("init", "LINEBREAK");
    if (c === BRACE_OPEN) return this.single("labels", "BOPEN");
    if (isNameStart(c)) return this.name(isNameStart, "value", "MNAME");
    if (c !== HASH) return "INVALID";
    if (!isBlank(this.page[this.at + 1])) return this.restOfComment();
    this.at += 1;
    this.skipBlanks();
    this.state = "comment";
    return this.commentToken();
  }

  private commentToken(): Token {
    const word = this.page.toString("latin1", this.at, this.at + 4);
    if ((word === "HELP" || word === "TYPE") && isBlank(this.page[this.at + 4])) {
      this.at += 4;
      this.skipBlanks();
      return this.enter("meta-name", word);
    }
    return this.restOfComment();
  }

  private restOfComment(): Token {
    while (this.page[this.at] !== NEWLINE) {
      // The peers' lexer takes a zero byte for the end of the page, save where it expects free text.
      if (this.page[this.at] === 0 && this.state !== "comment") return "EOF";
      this.at += 1;
    }
    return this.enter("init", "COMMENT");
  }

  private familyToken(): Token {
    const c = this.page[this.at];
    if (c === QUOTE) return this.quotedString(false) ? this.enter("meta-text", "MNAME") : "INVALID";
    return isNameStart(c) ? this.name(isNameStart, "meta-text", "MNAME") : "INVALID";
  }

  private labelsToken(): Token {
    const c = this.page[this.at];
    if (c === COMMA) return this.single("labels", "COMMA");
    if (c === EQUAL) return this.single("label-value", "EQUAL");
    if (c === BRACE_CLOSE) return this.single("value", "BCLOSE");
    if (c === QUOTE) return this.quotedString(false) ? "QSTRING" : "INVALID";
    return isLetter(c) ? this.name(isLetter, "labels", "LNAME") : "INVALID";
  }

  private valueToken(): Token {
    if (this.page[this.at] === BRACE_OPEN) return this.single("labels", "BOPEN");
    const start = this.at;
    for (;;) {
      const c = this.page[this.at];
      if (isBlank(c) || c === NEWLINE || c === BRACE_OPEN || c === 0) break;
      this.at += 1;
    }
    return this.at > start ? this.enter("timestamp", "VALUE") : "INVALID";
  }

  private timestampToken(): Token {
    if (this.page[this.at] === NEWLINE) return this.single("init", "LINEBREAK");
    if (!isDigit(this.page[this.at])) return "INVALID";
    while (isDigit(this.page[this.at])) this.at += 1;
    return "TIMESTAMP";
  }

  /** From the opening quote past the closing one; line breaks may stand inside, zero bytes in label values only. */
  private quotedString(zeroAllowed: boolean): boolean {
    this.at += 1;
    for (; this.at < this.end; this.at++) {
      const c = this.page[this.at];
      if (c === QUOTE) {
        this.at += 1;
        return true;
      }
      if (c === 0 && !zeroAllowed) return false;
      if (c !== BACKSLASH) continue;
      this.at += 1;
      while (zeroAllowed && this.at < this.end && this.page[this.at] === 0) this.at += 1;
      if (this.at >= this.end || this.page[this.at] === NEWLINE || this.page[this.at] === 0) return false;
    }
    return false;
  }

  private name(isStart: (c: number) => boolean, state: State, token: Token): Token {
    do this.at += 1;
    while (isStart(this.page[this.at]) || isDigit(this.page[this.at]));
    return this.enter(state, token);
  }

  private single(state: State, token: Token): Token {
    this.at += 1;
    return this.enter(state, token);
  }

  private enter(state: State, token: Token): Token {
    this.state = state;
    return token;
  }

  private skipBlanks(): void {
    while (this.at < this.end && isBlank(this.page[this.at])) this.at += 1;
  }
}

export function errorAt(page: Buffer, at: number, reason: string): ExpositionError {
  let line = 1;
  let lineStart = 0;
  for (let i = page.indexOf(NEWLINE); i >= 0 && i < at; i = page.indexOf(NEWLINE, i + 1)) {
    line += 1;
    lineStart = i + 1;
  }
  return new ExpositionError(reason.length > 600 ? `${reason.slice(0, 600)}…` : reason, line, at - lineStart + 1);
}

function parseType(text: string): MetricType | undefined {
  switch (text) {
    case "counter":
    case "gauge":
    case "histogram":
    case "summary":
    case "untyped":
      return text;
    default:
      return undefined;
  }
}

/** Undoes the escapes of label values and quoted names. */
export function unescapeText(text: string): string {
  if (!text.includes("\\")) return text;
  return text.replace(/\\([\\"n])/g, (_, c: string) => (c === "n" ? "\n" : c));
}
