// The report in the viewer's words: the level and the counts behind it say all that the server's English sentence does.
import type { AlertQuality, QualityCounts, RuleQuality } from "@storewatch/model/api";
import type { StateName } from "../../design/state.tsx";

export const LEVEL_STATE: Readonly<Record<RuleQuality["noise"]["level"], StateName>> = {
  unknown: "unknown",
  quiet: "ok",
  fair: "unknown",
  noisy: "warn",
  "very-noisy": "crit",
};

export type NoiseReason = "short" | "flapping" | "unseen" | "untouched" | "silenced" | "repeats";

/** Shares from which they are worth a word. */
const MOST = 0.5;
const MANY_FLAP = 0.25;
/** Messages for each firing from which repeats are worth a word. */
const MANY_MESSAGES = 5;

/** Why a rule is noisy: causes in the rule itself before what people do about it; at most two. */
export function noiseReasons(counts: QualityCounts): NoiseReason[] {
  const { fired, notified, seen } = counts;
  const share = (value: number, of: number) => (of === 0 ? 0 : value / of);
  const all: ReadonlyArray<readonly [NoiseReason, boolean]> = [
    ["flapping", share(counts.flapping, fired) >= MANY_FLAP],
    ["short", share(counts.short, fired) >= MOST],
    ["silenced", share(counts.silenced, fired) >= MOST],
    ["repeats", share(counts.messages, notified) >= MANY_MESSAGES],
    ["unseen", share(notified - seen, notified) >= MOST],
    ["untouched", share(seen - counts.actedUpon, seen) >= MOST],
  ];
  return all
    .filter(([, holds]) => holds)
    .slice(0, 2)
    .map(([reason]) => reason);
}

export const SORTS = ["noise", "fired", "messages"] as const;
export type QualitySort = (typeof SORTS)[number];

export function sortRules(rules: AlertQuality["rules"], by: QualitySort): readonly RuleQuality[] {
  if (by === "noise") return rules;
  return [...rules].sort((a, b) => b[by] - a[by] || (a.alertname < b.alertname ? -1 : 1));
}

export const noisyCount = (rules: AlertQuality["rules"]): number =>
  rules.filter(({ noise }) => noise.level === "noisy" || noise.level === "very-noisy").length;
