// What pages the text parser accepts: the tables of the peers' parser tests, and whole pages.
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { ExpositionError, ExpositionParser } from "../collect/scrape/exposition.ts";
import { PageBuffer } from "../collect/scrape/page-buffer.ts";
import type { Suite } from "./suite.ts";
import { readTable } from "./tables.ts";

const OPEN_METRICS = "OpenMetrics is not in this version: scrapes ask for the text format 0.0.4";

export const expositionSuite: Suite = {
  name: "exposition",
  needs: "tables/textparse_prom.json",
  async run(dataDir, report) {
    for (const { name, fields } of await readTable(dataDir, "textparse_prom.json")) {
      const expected = String(fields.err ?? "");
      const got = parseError(toBytes(String(fields.input), expected)) ?? "";
      if (got === expected) report.pass(name);
      else report.fail(name, `got ${got || "accepted"}\nexpected ${expected || "accepted"}`);
    }
    for (const { name } of await readTable(dataDir, "textparse_om.json").catch(() => []))
      report.skip(name, OPEN_METRICS);
    const dir = join(dataDir, "exposition");
    for (const file of (await readdir(dir).catch(() => [])).filter((one) => one.endsWith(".txt")).sort()) {
      // The text format has "# EOF" as a comment, so the name has to say which format a page is in.
      if (file.includes(".om.")) report.skip(file, OPEN_METRICS);
      else {
        const problem = parseError(await readFile(join(dir, file)));
        if (problem === undefined) report.pass(file);
        else report.fail(file, problem);
      }
    }
  },
};

/** JSON cannot carry the byte FF: the tables have U+FFFD in its place where the message speaks of \xff. */
function toBytes(input: string, expected: string): Buffer {
  if (!expected.includes("\\xff")) return Buffer.from(input);
  return Buffer.concat(
    input.split("\ufffd").flatMap((part, i) => [...(i > 0 ? [Buffer.of(0xff)] : []), Buffer.from(part)]),
  );
}

function parseError(bytes: Buffer): string | undefined {
  const page = new PageBuffer();
  page.append(bytes, Number.MAX_SAFE_INTEGER);
  page.seal();
  const parser = new ExpositionParser();
  parser.reset(page.bytes, page.length);
  try {
    while (parser.next().kind !== "end");
    return undefined;
  } catch (error) {
    if (error instanceof ExpositionError) return error.reason;
    throw error;
  }
}
