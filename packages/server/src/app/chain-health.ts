// Whether the chain from scraping to rules works: what the heartbeat vouches for.
import { type Clock, formatDurationMs } from "@storewatch/model";
import type { TargetStatus } from "../collect/interface.ts";
import type { RuleGroupView } from "../rules/interface.ts";

export interface Chain {
  readonly clock: Clock;
  readonly targets: () => readonly Pick<TargetStatus, "scrapeUrl" | "lastScrapeMs" | "intervalMs">[];
  readonly groups: () => readonly Pick<RuleGroupView, "name" | "lastEvaluationMs" | "intervalMs">[];
  /** The store takes no samples. */
  readonly isDegraded: () => boolean;
}

/** So late may a loop be, at least: a slow target or a busy machine is no broken chain. */
const LATE_MS = 60_000;

/** What is wrong; undefined: nothing. `startedAtMs` is when the loops began. */
export function chainProblem(chain: Chain, startedAtMs: number): string | undefined {
  const nowMs = chain.clock.nowMs();
  if (chain.isDegraded()) return "samples cannot be written";
  const isLate = (lastMs: number, intervalMs: number) =>
    nowMs - Math.max(lastMs, startedAtMs) > Math.max(LATE_MS, 3 * intervalMs);
  const targets = chain.targets();
  const groups = chain.groups();
  const scraped = targets.filter((target) => target.lastScrapeMs > 0);
  if (targets.length > 0 && scraped.length === 0) return "nothing has been scraped yet";
  const evaluated = groups.filter((group) => group.lastEvaluationMs > 0);
  if (groups.length > 0 && evaluated.length === 0) return "no rule has been evaluated yet";
  // One target that hangs is an alert's matter; all of them are ours.
  const newest = Math.max(0, ...scraped.map((target) => target.lastScrapeMs));
  const fastest = Math.min(...targets.map((target) => target.intervalMs));
  if (targets.length > 0 && isLate(newest, fastest)) return `nothing scraped for ${formatDurationMs(nowMs - newest)}`;
  const stuck = groups.find((group) => isLate(group.lastEvaluationMs, group.intervalMs));
  return stuck && `the rule group ${stuck.name} is not evaluated`;
}
