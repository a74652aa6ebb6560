import { systemEnvironment } from "../config/environment.ts";
import { checkFiles } from "./check-files.ts";
import { type Format, formatFindings } from "./format.ts";
import type { CommandContext, ExitCode } from "./output.ts";

export interface CheckFlags {
  readonly format: Format;
}

/** Prints the findings on stdout and, for people, a summary on stderr. 1 when there is an error among them. */
export async function runCheck(
  paths: readonly string[],
  flags: CheckFlags,
  context: CommandContext,
): Promise<ExitCode> {
  const { findings, files } = checkFiles(paths, context.workingDir, systemEnvironment());
  context.out(formatFindings(findings, flags.format));
  const count = (severity: string) => findings.filter((finding) => finding.severity === severity).length;
  const errors = count("error");
  if (flags.format === "text") {
    context.err(
      `${files.length} files checked: ${errors} errors, ${count("warning")} warnings, ${count("info")} remarks\n`,
    );
  }
  return errors > 0 ? 1 : 0;
}
