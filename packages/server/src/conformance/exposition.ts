// What pages the parsers of the text format and of OpenMetrics accept: the tables of the peers' parser tests, and whole pages.
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { type EntryParser, ExpositionError, ExpositionParser } from "../collect/scrape/exposition.ts";
import { OpenMetricsParser } from "../collect/scrape/openmetrics.ts";
import { PageBuffer } from "../collect/scrape/page-buffer.ts";
import type { Suite, SuiteReport } from "./suite.ts";
import { readTable } from "./tables.ts";

export const expositionSuite: Suite = {
  name: "exposition",
  needs: "tables/textparse_prom.json",
  async run(dataDir, report) {
    await runTable(dataDir, "textparse_prom.json", new ExpositionParser(), report);
    await runTable(dataDir, "textparse_om.json", new OpenMetricsParser(), report);
    const dir = join(dataDir, "exposition");
    for (const file of (await readdir(dir).catch(() => [])).filter((one) => one.endsWith(".txt")).sort()) {
      // The text format has "# EOF" as a comment, so the name has to say which format a page is in.
      const parser = file.includes(".om.") ? new OpenMetricsParser() : new ExpositionParser();
      const problem = parseError(await readFile(join(dir, file)), parser);
      if (problem === undefined) report.pass(file);
      else report.fail(file, problem);
    }
  },
};

async function runTable(dataDir: string, table: string, parser: EntryParser, report: SuiteReport): Promise<void> {
  for (const { name, fields } of await readTable(dataDir, table)) {
    // "EOF" is how the peers' OpenMetrics parser says that the page was read to its end.
    const expected = fields.err === "EOF" ? "" : String(fields.err ?? "");
    const got = parseError(toBytes(String(fields.input), expected), parser) ?? "";
    if (got === expected) report.pass(name);
    else report.fail(name, `got ${got || "accepted"}\nexpected ${expected || "accepted"}`);
  }
}

/** JSON cannot carry the byte FF: the tables have U+FFFD in its place where the message speaks of \xff. */
function toBytes(input: string, expected: string): Buffer {
  if (!expected.includes("\\xff")) return Buffer.from(input);
  return Buffer.concat(
    input.split("\ufffd").flatMap((part, i) => [...(i > 0 ? [Buffer.of(0xff)] : []), Buffer.from(part)]),
  );
}

function parseError(bytes: Buffer, parser: EntryParser): string | undefined {
  const page = new PageBuffer();
  page.append(bytes, Number.MAX_SAFE_INTEGER);
  page.seal();
  parser.reset(page.bytes, page.length);
  try {
    while (parser.next().kind !== "end");
    return undefined;
  } catch (error) {
    if (error instanceof ExpositionError) return error.reason;
    throw error;
  }
}
