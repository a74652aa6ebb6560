// Prometheus files that must be accepted or refused, and the words of the refusal.
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { fileSources, parsePrometheusConfig } from "../collect/prometheus-config.ts";
import { ConfigError } from "../config/document.ts";
import type { Suite, SuiteReport } from "./suite.ts";
import { readTable } from "./tables.ts";

export const promconfigSuite: Suite = {
  name: "promconfig",
  needs: "promconfig",
  async run(dataDir, report) {
    const dir = join(dataDir, "promconfig");
    for (const file of readdirSync(dir)
      .filter((name) => name.endsWith(".yml"))
      .sort()) {
      checkVerdict(file, refusal(join(dir, file)), report);
    }
    for (const { name, func, fields } of await readTable(dataDir, "config_errors.json").catch(() => [])) {
      if (func !== "var expectedErrors") continue;
      checkWords(`${name} ${fields.filename}`, dir, String(fields.filename), String(fields.errMsg), report);
    }
  },
};

/**
 * `.bad` must be refused, and so must what carries no mark but is refused by the original's own test: a translation
 * that needs UTF-8 names where they are forbidden, and the Alertmanager API v1 that has gone.
 */
const isRefused = (file: string): boolean => /\.(bad|incompatible)\.yml$|deprecated/.test(file);

function checkVerdict(file: string, problem: string | undefined, report: SuiteReport): void {
  if (isRefused(file) === (problem !== undefined)) report.pass(file);
  else report.fail(file, problem === undefined ? "accepted" : `refused: ${problem}`);
}

function checkWords(name: string, dir: string, file: string, words: string, report: SuiteReport): void {
  if (!existsSync(join(dir, file))) {
    report.skip(name, "file not present");
    return;
  }
  // The original puts the file's path, as its own test gave it, before the reason; ours stands beside it.
  const problem = refusal(join(dir, file));
  const got = `parsing YAML file testdata/${file}: ${problem ?? ""}`;
  const reason = words.replace(`parsing YAML file testdata/${file}: `, "");
  if (problem?.includes(reason)) report.pass(name);
  else report.fail(name, `got ${got}\nexpected ${words}`);
}

function refusal(file: string): string | undefined {
  try {
    parsePrometheusConfig(file, fileSources({}));
    return undefined;
  } catch (error) {
    if (error instanceof ConfigError) return error.findings.map((finding) => finding.message).join("\n");
    throw error;
  }
}
