// OpenMetrics 1.0 (and 0.0.1) text, one entry at a time, exactly as strict as Prometheus' own parser. Stricter than the
// text format: single blanks, no other comments, no empty lines, and `# EOF` at the end, so that a page that was cut off
// is never taken for a whole one.
import { isUtf8 } from "node:buffer";
import {
  type Entry,
  type EntryParser,
  type ExposedExemplar,
  type ExpositionError,
  errorAt,
  type MetricType,
  unescapeText,
} from "./exposition.ts";
import { canonicalBucketBound, formatGoFloat, GoFloatError, goQuote, parseGoFloat } from "./go-text.ts";

type Token =
  | "INVALID"
  | "EOF"
  | "EOFWORD"
  | "LINEBREAK"
  | "HELP"
  | "TYPE"
  | "UNIT"
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

type State =
  | "init"
  | "meta-name"
  | "meta-text"
  | "labels"
  | "label-value"
  | "value"
  | "timestamp"
  | "exemplar"
  | "exemplar-value"
  | "exemplar-timestamp";

const NEWLINE = 10;
const SPACE = 32;
const QUOTE = 34;
const HASH = 35;
const COMMA = 44;
const EQUAL = 61;
const BACKSLASH = 92;
const BRACE_OPEN = 123;
const BRACE_CLOSE = 125;

const TYPES: ReadonlySet<string> = new Set<MetricType>([
  "counter",
  "gauge",
  "histogram",
  "gaugehistogram",
  "summary",
  "info",
  "stateset",
  "unknown",
]);

const isDigit = (c: number): boolean => c >= 48 && c <= 57;
const isLetter = (c: number): boolean => (c >= 97 && c <= 122) || (c >= 65 && c <= 90) || c === 95;
const isNameStart = (c: number): boolean => isLetter(c) || c === 58;

type Pairs = Array<readonly [string, string]>;

export class OpenMetricsParser implements EntryParser {
  private at = 0;
  private tokenStart = 0;
  private entryStart = 0;
  private state: State = "init";
  private lastType: MetricType = "unknown";
  private page: Buffer = Buffer.alloc(0);
  private length = 0;

  reset(page: Buffer, length: number): void {
    this.page = page;
    this.length = length;
    this.lastType = "unknown";
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
    this.entryStart = this.at;
    const token = this.token();
    switch (token) {
      case "EOFWORD":
        if (this.token() !== "EOF") throw this.error("unexpected data after # EOF");
        return { kind: "end" };
      case "EOF":
        throw this.error("data does not end with # EOF");
      case "HELP":
      case "TYPE":
      case "UNIT":
        return this.metadata(token);
      case "BOPEN":
        return this.series(undefined);
      case "MNAME":
        return this.series(this.text(this.tokenStart, this.at));
      default:
        throw this.unexpected("expected a valid start token", token);
    }
  }

  private metadata(kind: "HELP" | "TYPE" | "UNIT"): Entry {
    this.expect(this.token(), "MNAME", `expected metric name after ${kind}`);
    const quoted = this.page[this.tokenStart] === QUOTE;
    const family = quoted
      ? unescapeText(this.text(this.tokenStart + 1, this.at - 1))
      : this.text(this.tokenStart, this.at);
    if (this.token() !== "TEXT") throw this.error(`expected text in ${kind}`);
    // Without the blank before and the line break after it.
    const bytes = this.page.subarray(this.tokenStart + 1, this.at - 1);
    if (kind === "TYPE") {
      const type = bytes.toString("latin1");
      if (!isType(type)) throw this.error(`invalid metric type ${goQuote(bytes)}`);
      this.lastType = type;
      return { kind: "type", family, type };
    }
    if (kind === "UNIT") {
      const unit = bytes.toString("utf8");
      if (unit !== "" && !family.endsWith(`_${unit}`)) {
        throw this.error(`unit ${goQuote(bytes)} not a suffix of metric ${goQuote(family)}`);
      }
      return { kind: "unit", family, unit };
    }
    if (!isUtf8(bytes)) throw this.error(`help text ${goQuote(bytes)} is not a valid utf8 string`);
    return { kind: "help", family, text: unescapeText(bytes.toString("utf8")) };
  }

  private series(name: string | undefined): Entry {
    const labels: Pairs = [];
    let metric = name;
    let token: Token = "BOPEN";
    if (name !== undefined) token = this.token();
    if (token === "BOPEN") {
      metric = this.labelPairs(metric, labels, false);
      token = this.token();
    }
    if (metric === undefined) throw this.error(`metric name not set while parsing: ${this.soFar()}`);
    const value = this.value(token, "metric");
    const valueAt = this.tokenStart + 1;
    let timeMs: number | undefined;
    let exemplar: ExposedExemplar | undefined;
    token = this.token();
    if (token === "EOF") throw this.error("data does not end with # EOF");
    if (token === "TIMESTAMP") {
      timeMs = this.time("timestamp");
      token = this.token();
      if (token === "EOF") throw this.error("data does not end with # EOF");
      if (token !== "LINEBREAK" && token !== "COMMENT") {
        throw this.unexpected("expected next entry after timestamp", token);
      }
    }
    if (token === "COMMENT") exemplar = this.exemplar();
    else this.expect(token, "LINEBREAK", "expected timestamp or # symbol");
    return { kind: "series", series: { metric, labels }, value, timeMs, valueAt, exemplar };
  }

  private exemplar(): ExposedExemplar {
    const labels: Pairs = [];
    this.labelPairs(undefined, labels, true);
    const value = this.value(this.token(), "exemplar labels");
    let timeMs: number | undefined;
    let token = this.token();
    if (token === "EOF") throw this.error("data does not end with # EOF");
    if (token === "TIMESTAMP") {
      timeMs = this.time("exemplar timestamp");
      token = this.token();
      this.expect(token, "LINEBREAK", "expected next entry after exemplar timestamp");
    } else this.expect(token, "LINEBREAK", "expected timestamp or comment");
    return { labels, value, timeMs };
  }

  /** The number of a VALUE token, whose first byte is the blank before it. */
  private value(token: Token, after: string): number {
    this.expect(token, "VALUE", `expected value after ${after}`);
    return this.number();
  }

  private number(): number {
    const value = parseGoFloat(this.page.toString("latin1", this.tokenStart + 1, this.at));
    if (value instanceof GoFloatError) throw this.error(`${value.message} while parsing: ${this.soFar()}`);
    return value;
  }

  /** Seconds in the page; whole ms here. */
  private time(what: string): number {
    const seconds = this.number();
    if (!Number.isFinite(seconds)) throw this.error(`invalid ${what} ${formatGoFloat(seconds)}`);
    return Math.trunc(seconds * 1000);
  }

  /** What stands in the braces, the closing one included; gives the metric's name, which may stand there in quotes. */
  private labelPairs(name: string | undefined, labels: Pairs, ofExemplar: boolean): string | undefined {
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
        if (ofExemplar) throw this.unexpected("expected label name", token);
        if (metric !== undefined) throw this.error(`metric name already set while parsing: ${this.soFar()}`);
        metric = unescapeText(this.utf8Text(start + 1, end - 1, "metric name"));
        if (token === "BCLOSE") return metric;
        token = this.token();
        continue;
      }
      this.expect(token, "EQUAL", "expected equal");
      const label = quoted ? unescapeText(this.utf8Text(start + 1, end - 1, "label name")) : this.text(start, end);
      this.expect(this.token(), "LVALUE", "expected label value");
      const bytes = this.page.subarray(this.tokenStart, this.at);
      if (!isUtf8(bytes)) throw this.error(`invalid UTF-8 label value: ${goQuote(bytes)}`);
      const value = unescapeText(this.text(this.tokenStart + 1, this.at - 1));
      labels.push([label, !ofExemplar && this.isBound(label) ? canonicalBucketBound(value) : value]);
      token = this.token();
      if (token === "COMMA") token = this.token();
      else if (token !== "BCLOSE") throw this.unexpected("expected comma or brace close", token);
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
    const end = Math.min(this.length, this.at + 1);
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

  /** The byte at `at`; 0, which no rule of the format takes, behind the end. */
  private peek(): number {
    return this.at < this.length ? this.page[this.at] : 0;
  }

  private token(): Token {
    // The start stays where it was: error texts quote the last token then, as the peers' do.
    if (this.at >= this.length) return "EOF";
    this.tokenStart = this.at;
    const c = this.page[this.at];
    switch (this.state) {
      case "init":
        return this.startToken(c);
      case "meta-name":
        if (c === QUOTE) return this.quotedString(false, true) ? this.enter("meta-text", "MNAME") : "INVALID";
        return isNameStart(c) ? this.name(isNameStart, "meta-text", "MNAME") : "INVALID";
      case "meta-text":
        return this.metaText(c);
      case "labels":
        return this.labelsToken(c, "label-value", "value");
      case "exemplar":
        return this.labelsToken(c, "exemplar-value", "exemplar-value");
      case "label-value":
        return c === QUOTE && this.quotedString(true, false) ? this.enter("labels", "LVALUE") : "INVALID";
      case "value":
        if (c === BRACE_OPEN) return this.single("labels", "BOPEN");
        return c === SPACE ? this.word("timestamp", "VALUE") : "INVALID";
      case "exemplar-value":
        if (c === QUOTE) return this.quotedString(false, false) ? this.enter("exemplar", "LVALUE") : "INVALID";
        return c === SPACE ? this.word("exemplar-timestamp", "VALUE") : "INVALID";
      case "timestamp":
        return this.afterValue(c);
      case "exemplar-timestamp":
        if (c === NEWLINE) return this.single("init", "LINEBREAK");
        return c === SPACE ? this.word("exemplar-timestamp", "TIMESTAMP") : "INVALID";
    }
  }

  private startToken(c: number): Token {
    if (c === BRACE_OPEN) return this.single("labels", "BOPEN");
    if (isNameStart(c)) return this.name(isNameStart, "value", "MNAME");
    if (c !== HASH) return "INVALID";
    this.at += 1;
    if (this.peek() !== SPACE) return "INVALID";
    this.at += 1;
    if (this.literal("EOF")) {
      if (this.peek() === NEWLINE) this.at += 1;
      return this.enter("init", "EOFWORD");
    }
    for (const word of ["HELP", "TYPE", "UNIT"] as const) {
      if (this.peek() !== word.charCodeAt(0)) continue;
      if (!this.literal(word) || this.peek() !== SPACE) return "INVALID";
      this.at += 1;
      return this.enter("meta-name", word);
    }
    return "INVALID";
  }

  /** Goes past the word as far as it stands there; true when all of it does. */
  private literal(word: string): boolean {
    if (this.peek() !== word.charCodeAt(0)) return false;
    for (let i = 0; i < word.length; i++, this.at++) if (this.peek() !== word.charCodeAt(i)) return false;
    return true;
  }

  private metaText(c: number): Token {
    if (c !== SPACE) return "INVALID";
    const end = this.page.indexOf(NEWLINE, this.at);
    if (end < 0 || end >= this.length) {
      this.at = this.length;
      return "INVALID";
    }
    this.at = end + 1;
    return this.enter("init", "TEXT");
  }

  private labelsToken(c: number, atValue: State, afterBraces: State): Token {
    if (c === COMMA) return this.single(this.state, "COMMA");
    if (c === EQUAL) return this.single(atValue, "EQUAL");
    if (c === BRACE_CLOSE) return this.single(afterBraces, "BCLOSE");
    if (c === QUOTE) return this.quotedString(false, this.state === "labels") ? "QSTRING" : "INVALID";
    return isLetter(c) ? this.name(isLetter, this.state, "LNAME") : "INVALID";
  }

  private afterValue(c: number): Token {
    if (c === NEWLINE) return this.single("init", "LINEBREAK");
    if (c !== SPACE) return "INVALID";
    const isExemplar =
      this.at + 3 < this.length &&
      this.page[this.at + 1] === HASH &&
      this.page[this.at + 2] === SPACE &&
      this.page[this.at + 3] === BRACE_OPEN;
    if (!isExemplar) return this.word("timestamp", "TIMESTAMP");
    this.at += 4;
    return this.enter("exemplar", "COMMENT");
  }

  /** A blank and what follows up to the next blank or line break: at least one byte. */
  private word(state: State, token: Token): Token {
    const start = ++this.at;
    while (this.peek() !== SPACE && this.peek() !== NEWLINE && this.peek() !== 0) this.at += 1;
    return this.at > start ? this.enter(state, token) : "INVALID";
  }

  /** From the opening quote past the closing one. */
  private quotedString(zeroAllowed: boolean, breakAllowed: boolean): boolean {
    this.at += 1;
    for (; this.at < this.length; this.at++) {
      const c = this.page[this.at];
      if (c === QUOTE) {
        this.at += 1;
        return true;
      }
      if ((c === 0 && !zeroAllowed) || (c === NEWLINE && !breakAllowed)) return false;
      if (c !== BACKSLASH) continue;
      this.at += 1;
      while (zeroAllowed && this.at < this.length && this.page[this.at] === 0) this.at += 1;
      if (this.peek() === NEWLINE || this.peek() === 0) return false;
    }
    return false;
  }

  private name(isStart: (c: number) => boolean, state: State, token: Token): Token {
    do this.at += 1;
    while (isStart(this.peek()) || isDigit(this.peek()));
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
}

function isType(text: string): text is MetricType {
  return TYPES.has(text);
}
