import type { Target } from "../../api/prometheus.ts";

export interface Pool {
  readonly name: string;
  readonly targets: readonly Target[];
  readonly down: number;
}

/** Targets by scrape pool; pools and targets with trouble first. */
export function poolsOf(targets: readonly Target[]): Pool[] {
  const pools = new Map<string, Target[]>();
  for (const target of targets) {
    const pool = pools.get(target.scrapePool);
    if (pool) pool.push(target);
    else pools.set(target.scrapePool, [target]);
  }
  const rank = (target: Target) => (target.health === "down" ? 0 : target.health === "unknown" ? 1 : 2);
  const list = [...pools].map(([name, all]) => ({
    name,
    targets: all.sort((a, b) => rank(a) - rank(b) || (a.scrapeUrl < b.scrapeUrl ? -1 : 1)),
    down: all.filter((target) => target.health === "down").length,
  }));
  return list.sort((a, b) => Number(b.down > 0) - Number(a.down > 0) || (a.name < b.name ? -1 : 1));
}

/** When the target was last scraped; null before the first time (Go's zero time). */
export function lastScrapeMs(target: Target): number | null {
  const ms = Date.parse(target.lastScrape);
  return Number.isFinite(ms) && ms > 0 ? ms : null;
}
