// promtool's unit-test files: each file must come out as it does with promtool 3.x.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { parseConfigDocument } from "../config/document.ts";
import { systemClock } from "../kernel/clock.ts";
import { type RuleTestResult, testRules } from "../rules/index.ts";
import type { Suite, SuiteReport } from "./suite.ts";

/** Files of promtool's own tests that are meant to fail say so in their names. */
const MEANT_TO_FAIL = /bad|failing|_no_fuzzy|duplicates|extrafields/;

function filesUnder(dir: string): string[] {
  if (!existsSync(dir)) return [];
  return readdirSync(dir, { withFileTypes: true })
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap((entry) => (entry.isDirectory() ? filesUnder(path.join(dir, entry.name)) : [path.join(dir, entry.name)]));
}

function isTestFile(file: string): boolean {
  if (!/\.ya?ml$/.test(file)) return false;
  try {
    const { data } = parseConfigDocument(file, readFileSync(file, "utf8"));
    return typeof data === "object" && data !== null && "tests" in data;
  } catch {
    return false;
  }
}

function describe(result: RuleTestResult): string {
  return result.findings.map((finding) => `${finding.line}: ${finding.message}`).join("\n");
}

/** Tests that are called wrong must fail and all others pass: promtool runs such files one test at a time. */
async function judgeByName(file: string): Promise<string> {
  const isWrong = (name: string) => /^wrong\b/.test(name);
  const options = { clock: systemClock };
  const [right] = await testRules([file], { ...options, only: (name) => !isWrong(name) });
  if (right.findings.length > 0) return describe(right);
  const [wrong] = await testRules([file], { ...options, only: isWrong });
  return wrong.findings.length > 0 ? "" : "the tests that are wrong on purpose passed";
}

async function judge(file: string, name: string, report: SuiteReport): Promise<void> {
  const shouldFail = MEANT_TO_FAIL.test(path.basename(file));
  const hasWrongTests = !shouldFail && /^\s*-?\s*name: wrong\b/m.test(readFileSync(file, "utf8"));
  if (hasWrongTests) {
    const problem = await judgeByName(file);
    if (problem === "") report.pass(name);
    else report.fail(name, problem);
    return;
  }
  const [result] = await testRules([file], { clock: systemClock });
  const failed = result.findings.length > 0;
  if (failed === shouldFail) report.pass(name);
  else report.fail(name, failed ? describe(result) : "passed, but is meant to fail");
}

function unitTestSuite(name: string, needs: string): Suite {
  return {
    name,
    needs,
    async run(dataDir, report) {
      const root = path.join(dataDir, needs);
      for (const file of filesUnder(root).filter(isTestFile)) await judge(file, path.relative(root, file), report);
    },
  };
}

export const ruleUnitTestsSuite: Suite = unitTestSuite("rule-unit-tests", "unit-tests");
export const promtoolTestsSuite: Suite = unitTestSuite("promtool-tests", "promtool-testdata");
