// Rule files that must be accepted or refused, by their names.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { ConfigError } from "../config/document.ts";
import { parseRuleFile } from "../rules/index.ts";
import type { Suite, SuiteReport } from "./suite.ts";

const MUST_BE_REFUSED = /\.bad\.ya?ml$|^invalid_/;

function judge(dir: string, file: string, report: SuiteReport): void {
  const mustFail = MUST_BE_REFUSED.test(file);
  let problem = "";
  try {
    parseRuleFile(file, readFileSync(path.join(dir, file), "utf8"));
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    problem = error.message;
  }
  if ((problem !== "") === mustFail) report.pass(file);
  else report.fail(file, mustFail ? "accepted, but must be refused" : problem);
}

export const rulefmtSuite: Suite = {
  name: "rulefmt",
  needs: "rulefmt",
  async run(dataDir, report) {
    for (const folder of ["rulefmt", "rules-fixtures"]) {
      const dir = path.join(dataDir, folder);
      if (!existsSync(dir)) continue;
      for (const file of readdirSync(dir).sort()) if (/\.ya?ml$/.test(file)) judge(dir, file, report);
    }
  },
};
