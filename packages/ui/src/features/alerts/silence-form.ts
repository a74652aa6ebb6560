// The silence dialog's state as pure functions.
import type { NewSilence, Silence, SilenceMatcher } from "../../api/alertmanager.ts";
import type { LabelSet } from "../../api/prometheus.ts";

const HOUR = 3_600_000;
/** Hours that are offered. */
export const SILENCE_HOURS = [1, 4, 8, 24, 72, 168] as const;

export interface EditedMatcher extends SilenceMatcher {
  readonly key: number;
}

export function matchersOf(labels: LabelSet): EditedMatcher[] {
  const given = Object.entries(labels);
  // One row to begin with, also for a silence from nothing.
  const rows = given.length > 0 ? given : [["", ""]];
  return rows.map(([name, value], key) => ({ key, name, value, isRegex: false, isEqual: true }));
}

export function editedMatchers(silence: Silence): EditedMatcher[] {
  return silence.matchers.map((matcher, key) => ({ ...matcher, key }));
}

/** Those that say something: rows still being filled in are left out. */
export function finished(matchers: readonly EditedMatcher[]): SilenceMatcher[] {
  return matchers
    .filter((matcher) => matcher.name.trim() !== "" && matcher.value !== "")
    .map(({ name, value, isRegex, isEqual }) => ({ name: name.trim(), value, isRegex, isEqual }));
}

export const OPERATORS = ["=", "!=", "=~", "!~"] as const;
export type Operator = (typeof OPERATORS)[number];
export const operatorOf = (matcher: SilenceMatcher): Operator =>
  matcher.isRegex ? (matcher.isEqual ? "=~" : "!~") : matcher.isEqual ? "=" : "!=";
export const withOperator = (matcher: EditedMatcher, operator: string): EditedMatcher => ({
  ...matcher,
  isRegex: operator.includes("~"),
  isEqual: !operator.includes("!"),
});

export function newSilence(
  matchers: readonly EditedMatcher[],
  hours: number,
  comment: string,
  createdBy: string,
  nowMs: number,
): NewSilence {
  return {
    matchers: finished(matchers),
    startsAt: new Date(nowMs).toISOString(),
    endsAt: new Date(nowMs + hours * HOUR).toISOString(),
    createdBy,
    comment: comment.trim(),
  };
}

/** `hours` undefined keeps the end. What began stays begun, so that the server can keep the silence's id. */
export function changedSilence(
  before: Silence,
  change: Omit<NewSilence, "startsAt" | "endsAt" | "id" | "matchers"> & {
    readonly matchers: readonly EditedMatcher[];
    readonly hours: number | undefined;
  },
  nowMs: number,
): NewSilence {
  const { matchers, hours, comment, createdBy } = change;
  const fromMs = Math.max(nowMs, Date.parse(before.startsAt));
  return {
    id: before.id,
    matchers: finished(matchers),
    startsAt: before.startsAt,
    endsAt: hours === undefined ? before.endsAt : new Date(fromMs + hours * HOUR).toISOString(),
    createdBy,
    comment: comment.trim(),
  };
}
