// Upstream's table tests of the PromQL parser: what it accepts and rejects and with which words, how it cuts a text
// into tokens, and how it prints.
import { Matcher, type MatchOperator } from "@storewatch/model";
import {
  type Expr,
  ParseError,
  parseExpression,
  printExpression,
  type Token,
  type TokenType,
  tokenize,
} from "@storewatch/promql/parser";
import { parseSeriesLine, SeriesSyntaxError } from "@storewatch/promql/promqltest";
import type { Suite, SuiteReport } from "./suite.ts";
import { callArguments, type Fields, goName, isFields, items, readTable, type Value } from "./tables.ts";

/** Undefined when accepted. Anything but an error of the text is a bug and passes through. */
function rejection(parse: () => void): ParseError | SeriesSyntaxError | undefined {
  try {
    parse();
    return undefined;
  } catch (error) {
    if (error instanceof ParseError || error instanceof SeriesSyntaxError) return error;
    throw error;
  }
}

const parse = (input: string) => parseExpression(input, { experimental: true });

const PARSERS: ReadonlyMap<string, (input: string) => void> = new Map<string, (input: string) => void>([
  ["var testExpr", parse],
  ["var testSeries", parseSeriesLine],
  ["TestParseSeriesDesc", parseSeriesLine],
  ["TestParseHistogramSeries", parseSeriesLine],
  ["TestExtractSelectors", parse],
]);

/** The inputs and words that the table gives as Go expressions. */
const GO_TEXTS: ReadonlyMap<string, string> = new Map([
  ['"(" + strings.Repeat("-{}-1", 10000) + ")" + strings.Repeat("[1m:]", 1000)', deepText()],
]);
const GO_NUMBERS: ReadonlyMap<string, number> = new Map([["float64(math.MinInt64) - 1", -(2 ** 63)]]);

function deepText(): string {
  return `(${"-{}-1".repeat(10_000)})${"[1m:]".repeat(1000)}`;
}

/** A text, written out or made by errors.New, fmt.Errorf or fmt.Sprintf with %f. */
function textOf(value: Value | undefined): string | undefined {
  if (value === undefined) return "";
  if (typeof value === "string") return value;
  if (goName(value) !== "") return GO_TEXTS.get(goName(value));
  const [format, number] = callArguments(value);
  if (typeof format !== "string") return undefined;
  if (number === undefined) return format;
  return format.replace("%f", GO_NUMBERS.get(goName(number))?.toFixed(6) ?? "%f");
}

/** Where and why upstream rejects a text: its first error. */
function wantedError(fields: Fields): { reason: string; position: number } | undefined {
  const [first] = items(fields.errors);
  if (!isFields(first)) return undefined;
  const reason = textOf(first.Err);
  const range = first.PositionRange;
  const start = isFields(range) && typeof range.Start === "number" ? range.Start : 0;
  return reason === undefined ? undefined : { reason, position: start };
}

/** Upstream counts bytes. */
function byteOffset(text: string, offset: number): number {
  return new TextEncoder().encode(text.slice(0, offset)).length;
}

function checkParse(func: string, fields: Fields, name: string, report: SuiteReport): void {
  const parseIt = PARSERS.get(func);
  const input = textOf(fields.input);
  if (!parseIt || input === undefined) {
    report.skip(name, parseIt ? "the input is a Go expression" : "prints a histogram that is given as a Go value");
    return;
  }
  const mustFail = fields.fail === true || fields.errors !== undefined || fields.expectError !== undefined;
  const error = rejection(() => parseIt(input));
  if ((error !== undefined) !== mustFail) {
    report.fail(name, error ? `rejected ${input}: ${error.message}` : `accepted ${input}`);
    return;
  }
  const wanted = wantedError(fields);
  if (wanted && error instanceof ParseError) {
    const got = { reason: error.reason, position: byteOffset(input, error.position) };
    if (got.reason !== wanted.reason || got.position !== wanted.position) {
      report.fail(name, `${input}: expected ${JSON.stringify(wanted)}, got ${JSON.stringify(got)}`);
      return;
    }
  }
  report.pass(name);
}

export const promqlParseSuite: Suite = {
  name: "promql-parse",
  needs: "tables/promql_parse.json",
  async run(dataDir, report) {
    for (const { func, fields, name } of await readTable(dataDir, "promql_parse.json")) {
      checkParse(func, fields, name, report);
    }
  },
};

const TOKEN_TYPES: ReadonlyMap<string, TokenType> = new Map([
  ["NUMBER", "number"],
  ["DURATION", "duration"],
  ["STRING", "string"],
  ["IDENTIFIER", "identifier"],
  ["METRIC_IDENTIFIER", "identifier"],
  ["LEFT_BRACE", "operator"],
]);

function checkTokens(test: Fields, name: string, report: SuiteReport): void {
  const input = textOf(test.input) ?? "";
  if (test.seriesDesc === true) {
    const error = rejection(() => parseSeriesLine(input));
    if ((error !== undefined) === (test.fail === true)) report.pass(name);
    else report.fail(name, `${input}: ${error?.message ?? "accepted"}`);
    return;
  }
  let tokens: readonly Token[] = [];
  const error = rejection(() => {
    tokens = tokenize(input);
  });
  if (test.fail === true) {
    // Some of what upstream's lexer refuses is for our grammar to refuse.
    if (error ?? rejection(() => parse(input))) report.pass(name);
    else report.fail(name, `accepted ${input}`);
    return;
  }
  const wanted = items(test.expected)
    .map(items)
    .filter(([type]) => goName(type) !== "COMMENT");
  const got = tokens.slice(0, -1);
  const wrong = wanted.findIndex(([type, position, text], i) => {
    const kind = TOKEN_TYPES.get(goName(type));
    const token = got[i];
    if (!token || token.text !== text || token.from !== position) return true;
    // NaN and Inf are words here: what they mean is for the grammar to say.
    return kind !== undefined && token.type !== kind && !/^(?:nan|inf)$/i.test(token.text);
  });
  if (!error && wrong < 0 && got.length === wanted.length) report.pass(name);
  else report.fail(name, `${input}: ${error?.message ?? JSON.stringify(got)}`);
}

export const promqlLexSuite: Suite = {
  name: "promql-lex",
  needs: "tables/promql_lex.json",
  async run(dataDir, report) {
    for (const { fields } of await readTable(dataDir, "promql_lex.json")) {
      items(fields.tests).forEach((test, i) => {
        if (isFields(test)) checkTokens(test, `${String(fields.name)}:${i + 1}`, report);
      });
    }
  },
};

const MATCH_OPERATORS: ReadonlyMap<string, MatchOperator> = new Map([
  ["labels.MatchEqual", "="],
  ["labels.MatchNotEqual", "!="],
  ["labels.MatchRegexp", "=~"],
  ["labels.MatchNotRegexp", "!~"],
]);

/** A selector given as a tree. */
function selectorOf(fields: Fields): Expr {
  const matchers = items(fields.LabelMatchers).map((call) => {
    const [operator, name, value] = callArguments(call);
    const label = goName(name) === "labels.MetricName" ? "__name__" : String(name);
    return new Matcher(MATCH_OPERATORS.get(goName(operator)) ?? "=", label, textOf(value) ?? "");
  });
  const name = textOf(fields.Name) ?? "";
  return { kind: "selector", name, matchers, offset: undefined, at: undefined, extension: undefined, from: 0, to: 0 };
}

export const promqlPrinterSuite: Suite = {
  name: "promql-printer",
  needs: "tables/promql_printer.json",
  async run(dataDir, report) {
    for (const { fields, name } of await readTable(dataDir, "promql_printer.json")) {
      const input = fields.in ?? fields.input;
      const tree = typeof input === "string" ? parse(input) : isFields(fields.vs) ? selectorOf(fields.vs) : undefined;
      if (!tree) {
        report.skip(name, "the input is neither a text nor a selector");
        continue;
      }
      const want = fields.out ?? fields.expected ?? input;
      const got = printExpression(tree);
      if (got === want) report.pass(name);
      else report.fail(name, `expected ${String(want)}, got ${got}`);
    }
  },
};
