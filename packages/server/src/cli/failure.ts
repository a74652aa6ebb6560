import { ConfigError } from "../config/document.ts";
import { StorewatchError } from "../kernel/errors.ts";
import { type CommandContext, type ExitCode, UsageError } from "./output.ts";

/** Tells a failure of a command, a line for each thing that is wrong, and gives the exit code. */
export function exitCodeOf(error: unknown, { err }: CommandContext): ExitCode {
  if (error instanceof ConfigError) {
    for (const { file, line, column, severity, message } of error.findings) {
      if (severity === "error") err(`${file}:${line}:${column}: ${oneLine(message)}\n`);
    }
    return 2;
  }
  if (error instanceof UsageError) {
    err(`storewatch: ${oneLine(error.message)}\n`);
    return 2;
  }
  const hint = error instanceof StorewatchError && error.hint !== undefined ? `: ${error.hint}` : "";
  const message = error instanceof Error ? error.message : String(error);
  err(`storewatch: ${oneLine(message)}${hint}\n`);
  return 1;
}

function oneLine(text: string): string {
  return text.replace(/\s*\n\s*/g, " ");
}
