// The order of severities, by the words that rules in the wild use.
const RANKS: Readonly<Record<string, number>> = {
  critical: 5,
  page: 5,
  error: 5,
  emergency: 5,
  fatal: 5,
  high: 4,
  major: 4,
  warning: 3,
  warn: 3,
  medium: 3,
  minor: 2,
  low: 2,
  info: 1,
  none: 0,
};

/** A word that is not known ranks as a warning, no word below info. */
export function severityRank(severity: string): number {
  return severity === "" ? 0.5 : (RANKS[severity.toLowerCase()] ?? 3);
}

export function worstSeverity(severities: Iterable<string>): string {
  let worst = "";
  for (const severity of severities) if (severityRank(severity) > severityRank(worst)) worst = severity;
  return worst;
}

export function isCritical(severity: string): boolean {
  return severityRank(severity) === RANKS.critical;
}
