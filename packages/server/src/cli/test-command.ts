import { existsSync } from "node:fs";
import path from "node:path";
import { systemClock } from "../kernel/clock.ts";
import { testRules } from "../rules/index.ts";
import type { CheckFlags } from "./check-command.ts";
import { formatFindings } from "./format.ts";
import { type CommandContext, type ExitCode, UsageError } from "./output.ts";

/** Prints what failed on stdout and, for people, a line per file on stderr. 1 when a test failed. */
export async function runRuleTests(
  files: readonly string[],
  flags: CheckFlags,
  { out, err, workingDir }: CommandContext,
): Promise<ExitCode> {
  for (const file of files) {
    if (!existsSync(path.resolve(workingDir, file))) throw new UsageError(`${file}: there is no such file`);
  }
  const results = await testRules(files, { clock: systemClock });
  const findings = results.flatMap((result) => result.findings);
  out(formatFindings(findings, flags.format));
  if (flags.format === "text") {
    for (const result of results) {
      const isGood = !result.findings.some(({ severity }) => severity === "error");
      err(`${result.file}: ${isGood ? "passed" : "FAILED"} (${result.tests} tests)\n`);
    }
  }
  return findings.some(({ severity }) => severity === "error") ? 1 : 0;
}
