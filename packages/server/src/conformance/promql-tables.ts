// Upstream's table tests of the PromQL parser: what it accepts and rejects, and how it prints.
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { ParseError, parseExpression, printExpression } from "@storewatch/promql/parser";
import { parseSeriesLine, SeriesSyntaxError } from "@storewatch/promql/promqltest";
import type { Suite, SuiteReport } from "./suite.ts";

type Json = Readonly<Record<string, unknown>>;

interface Table {
  readonly func: string;
  readonly cases: readonly { readonly case: Json; readonly line: number }[];
}

async function readTables(dataDir: string, file: string): Promise<Table[]> {
  return JSON.parse(await readFile(join(dataDir, "tables", file), "utf8")) as Table[];
}

/** Undefined when accepted, the error's text when rejected. Anything but a ParseError is a bug and passes through. */
function rejection(parse: () => void): string | undefined {
  try {
    parse();
    return undefined;
  } catch (error) {
    if (error instanceof ParseError || error instanceof SeriesSyntaxError) return error.message;
    throw error;
  }
}

const PARSERS: ReadonlyMap<string, (input: string) => void> = new Map<string, (input: string) => void>([
  ["var testExpr", (input) => parseExpression(input, { experimental: true })],
  ["var testSeries", (input) => parseSeriesLine(input)],
  ["TestParseSeriesDesc", (input) => parseSeriesLine(input)],
  ["TestExtractSelectors", (input) => parseExpression(input, { experimental: true })],
]);

function checkParse(func: string, row: Json, name: string, report: SuiteReport): void {
  const parse = PARSERS.get(func);
  const input = row.input ?? "";
  if (!parse || typeof input !== "string") {
    const lacking = "about native histograms, which are not in this version";
    report.skip(name, parse ? "the input is a Go expression" : lacking);
    return;
  }
  const mustFail = row.fail === true || row.errors !== undefined || row.expectError !== undefined;
  const error = rejection(() => parse(input));
  if ((error !== undefined) === mustFail) report.pass(name);
  else report.fail(name, mustFail ? `accepted ${input}` : `rejected ${input}: ${error}`);
}

export const promqlParseSuite: Suite = {
  name: "promql-parse",
  needs: "tables/promql_parse.json",
  async run(dataDir, report) {
    for (const table of await readTables(dataDir, "promql_parse.json")) {
      for (const { case: row, line } of table.cases) checkParse(table.func, row, `${table.func}:${line}`, report);
    }
  },
};

export const promqlPrinterSuite: Suite = {
  name: "promql-printer",
  needs: "tables/promql_printer.json",
  async run(dataDir, report) {
    for (const table of await readTables(dataDir, "promql_printer.json")) {
      for (const { case: row, line } of table.cases) {
        const name = `${table.func}:${line}`;
        const input = row.in ?? row.input;
        if (typeof input !== "string") {
          report.skip(name, "the input is a tree, not a text");
          continue;
        }
        const want = row.out ?? row.expected ?? input;
        const got = printExpression(parseExpression(input, { experimental: true }));
        if (got === want) report.pass(name);
        else report.fail(name, `expected ${String(want)}, got ${got}`);
      }
    }
  },
};
