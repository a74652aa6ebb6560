// Rule files from disk: patterns to groups, with everything that is wrong with any of the files.
import { readFileSync } from "node:fs";
import path from "node:path";
import type { Finding } from "@storewatch/model";
import { ConfigError } from "../config/document.ts";
import { expandGlob, isGlob } from "./glob.ts";
import { parseRuleFile, type RuleFileOptions, type RuleGroupConfig } from "./rule-file.ts";

/** Groups of all files that the patterns name, relative to `baseDir`. Throws ConfigError with the findings of all files. */
export function loadRuleFiles(
  patterns: readonly string[],
  baseDir: string,
  options: RuleFileOptions = {},
): RuleGroupConfig[] {
  const groups: RuleGroupConfig[] = [];
  const findings: Finding[] = [];
  const seen = new Set<string>();
  for (const pattern of patterns) {
    const absolute = path.resolve(baseDir, pattern);
    const files = expandGlob(absolute);
    if (files.length === 0 && !isGlob(pattern)) findings.push(missing(absolute));
    for (const file of files) {
      if (seen.has(file)) continue;
      seen.add(file);
      try {
        groups.push(...parseRuleFile(file, readFileSync(file, "utf8"), options));
      } catch (error) {
        if (error instanceof ConfigError) findings.push(...error.findings);
        else findings.push({ ...missing(file), message: `cannot be read: ${String(error)}` });
      }
    }
  }
  if (findings.length > 0) throw new ConfigError(findings);
  return groups;
}

function missing(file: string): Finding {
  return { code: "RULE_FILE", severity: "error", file, line: 1, column: 1, message: "no such rule file" };
}
