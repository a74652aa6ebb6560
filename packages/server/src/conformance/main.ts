// `npm run conformance -- DIR`: runs every suite whose data is found under DIR.
import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import type { Suite, SuiteReport } from "./suite.ts";
import { SUITES } from "./suites.ts";

interface Case {
  readonly name: string;
  readonly reason: string;
}

class Report implements SuiteReport {
  passed = 0;
  readonly failures: Case[] = [];
  readonly skips: Case[] = [];

  pass(): void {
    this.passed += 1;
  }

  fail(name: string, reason: string): void {
    this.failures.push({ name, reason });
  }

  skip(name: string, reason: string): void {
    this.skips.push({ name, reason });
  }
}

async function runSuite(suite: Suite, dataDir: string): Promise<Report> {
  const report = new Report();
  try {
    await suite.run(dataDir, report);
  } catch (error) {
    report.fail("(the suite itself)", error instanceof Error ? (error.stack ?? error.message) : String(error));
  }
  return report;
}

function print(suite: Suite, report: Report, verbose: boolean): void {
  const skipped = report.skips.length > 0 ? `, ${report.skips.length} skipped` : "";
  console.log(`${suite.name}: ${report.passed} passed, ${report.failures.length} failed${skipped}`);
  if (!verbose) return;
  for (const { name, reason } of report.failures) console.log(`  ✗ ${name}: ${reason.replaceAll("\n", "\n    ")}`);
  for (const { name, reason } of report.skips) console.log(`  – ${name}: skipped: ${reason}`);
}

async function main(argv: readonly string[]): Promise<number> {
  const verbose = argv.includes("--verbose");
  const only = optionOf(argv, "--suite");
  const knownFile = optionOf(argv, "--known");
  const dir = argv.find((arg) => !arg.startsWith("--") && arg !== only && arg !== knownFile);
  if (!dir) {
    console.error("usage: npm run conformance -- DIR [--verbose] [--suite NAME] [--known FILE]");
    return 2;
  }
  const known = knownFile === undefined ? new Set<string>() : readKnown(knownFile);
  const dataDir = path.resolve(dir);
  if (!existsSync(dataDir)) {
    console.log("skipped: no conformance data");
    return 0;
  }
  let passed = 0;
  let failed = 0;
  const unknown: string[] = [];
  for (const suite of SUITES) {
    if (only && suite.name !== only) continue;
    if (!existsSync(path.join(dataDir, suite.needs))) {
      console.log(`${suite.name}: skipped: no ${suite.needs} in the data`);
      continue;
    }
    const report = await runSuite(suite, dataDir);
    print(suite, report, verbose);
    passed += report.passed;
    failed += report.failures.length;
    unknown.push(...report.failures.map(({ name }) => `${suite.name}: ${name}`).filter((line) => !known.has(line)));
  }
  console.log(`${passed} passed, ${failed} failed`);
  if (knownFile !== undefined) for (const line of unknown) console.error(`not among the known failures: ${line}`);
  return unknown.length > 0 ? 1 : 0;
}

function optionOf(argv: readonly string[], name: string): string | undefined {
  return argv.includes(name) ? argv[argv.indexOf(name) + 1] : undefined;
}

/** Lines `suite: case`; empty lines and comments are passed over. */
function readKnown(file: string): Set<string> {
  const lines = readFileSync(file, "utf8").split("\n");
  return new Set(lines.map((line) => line.trim()).filter((line) => line !== "" && !line.startsWith("#")));
}

process.exit(await main(process.argv.slice(2)));
