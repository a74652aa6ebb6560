// Upstream's PromQL scripts: DIR/promqltest/*.test, one case for each eval.
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { type CaseResult, runScript } from "@storewatch/promql/promqltest";
import type { Suite, SuiteReport } from "./suite.ts";

const FOLDER = "promqltest";

/** Files about experimental features. */
const EXPERIMENTAL: ReadonlySet<string> = new Set([
  "duration_expression",
  "extended_vectors",
  "fill-modifier",
  "info",
  "limit",
  "start_timestamps",
  "type_and_unit",
]);

type Tier = "core" | "native" | "experimental";

function tierOf(file: string, result: CaseResult): Tier {
  if (EXPERIMENTAL.has(file)) return "experimental";
  return result.needsHistograms || file === "native_histograms" ? "native" : "core";
}

async function runTier(dataDir: string, tier: Tier, report: SuiteReport): Promise<void> {
  const folder = join(dataDir, FOLDER);
  const files = (await readdir(folder)).filter((name) => name.endsWith(".test")).sort();
  for (const fileName of files) {
    const file = fileName.slice(0, -".test".length);
    if (EXPERIMENTAL.has(file) !== (tier === "experimental")) continue;
    for (const result of await runScript(await readFile(join(folder, fileName), "utf8"))) {
      if (tierOf(file, result) === tier) reportCase(file, result, report);
    }
  }
}

function reportCase(file: string, result: CaseResult, report: SuiteReport): void {
  const name = `${file}:${result.line} ${result.expression}`;
  if (result.failure === undefined) report.pass(name);
  else report.fail(name, result.failure);
}

function suite(name: string, tier: Tier): Suite {
  return { name, needs: FOLDER, run: (dataDir, report) => runTier(dataDir, tier, report) };
}

/** Classic float PromQL: everything must pass. */
export const promqltestSuite = suite("promqltest", "core");
export const promqltestNativeSuite = suite("promqltest-native", "native");
export const promqltestExperimentalSuite = suite("promqltest-experimental", "experimental");
