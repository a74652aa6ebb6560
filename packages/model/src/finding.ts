/** One remark of a checker about an input file; `check --format json` prints exactly this. */
export interface Finding {
  /** Stable, upper case with underscores, for example RULE_EXPRESSION. */
  readonly code: string;
  readonly severity: "error" | "warning" | "info";
  readonly file: string;
  /** 1-based; 1 when unknown. */
  readonly line: number;
  readonly column: number;
  readonly message: string;
  readonly why?: string;
  readonly fix?: string;
}

/** `PATH:LINE:COL: severity CODE message` and indented why and fix. */
export function formatFinding(finding: Finding): string {
  const { file, line, column, severity, code, message, why, fix } = finding;
  const lines = [`${file}:${line}:${column}: ${severity} ${code} ${message}`];
  if (why) lines.push(`  why: ${why}`);
  if (fix) lines.push(`  fix: ${fix}`);
  return lines.join("\n");
}
