import { expect, it } from "vitest";
import type { Target } from "../../api/prometheus.ts";
import { lastScrapeMs, poolsOf } from "./pools.ts";

const target = (scrapePool: string, scrapeUrl: string, health: Target["health"]): Target => ({
  scrapePool,
  scrapeUrl,
  health,
  labels: {},
  discoveredLabels: {},
  lastError: "",
  lastScrape: "0001-01-01T00:00:00Z",
  lastScrapeDuration: 0,
});

it("puts what is down first, pools and targets", () => {
  const pools = poolsOf([
    target("a", "1", "up"),
    target("b", "3", "up"),
    target("b", "2", "down"),
    target("b", "1", "up"),
  ]);
  expect(pools.map((pool) => [pool.name, pool.down, pool.targets.map((one) => one.scrapeUrl)])).toEqual([
    ["b", 1, ["2", "1", "3"]],
    ["a", 0, ["1"]],
  ]);
  expect(lastScrapeMs(pools[0].targets[0])).toBeNull();
});
