import { FakeClock } from "@storewatch/testkit";
import { describe, expect, it } from "vitest";
import { type Chain, chainProblem } from "./chain-health.ts";

const START_MS = 1_000_000;

function problemAt(seconds: number, more: { scraped?: number[]; evaluated?: number[]; degraded?: boolean }) {
  const clock = new FakeClock(START_MS + seconds * 1000);
  const ms = (at: number) => (at < 0 ? 0 : START_MS + at * 1000);
  const chain: Chain = {
    clock,
    targets: () =>
      (more.scraped ?? []).map((at) => ({ scrapeUrl: "http://t/", lastScrapeMs: ms(at), intervalMs: 15_000 })),
    groups: () =>
      (more.evaluated ?? []).map((at, i) => ({ name: `g${i}`, lastEvaluationMs: ms(at), intervalMs: 30_000 })),
    isDegraded: () => more.degraded ?? false,
  };
  return chainProblem(chain, START_MS);
}

describe("the chain", () => {
  it("works when something was scraped and every group evaluated lately", () => {
    expect(problemAt(100, { scraped: [95], evaluated: [80, 90] })).toBeUndefined();
    expect(problemAt(100, { scraped: [95, 10, -1], evaluated: [80] })).toBeUndefined();
    expect(problemAt(100, {})).toBeUndefined();
  });

  it("does not vouch before the first scrape and evaluation", () => {
    expect(problemAt(2, { scraped: [-1], evaluated: [-1] })).toBe("nothing has been scraped yet");
    expect(problemAt(2, { scraped: [1], evaluated: [-1] })).toBe("no rule has been evaluated yet");
  });

  it("is broken when all scraping stands still, a group is stuck, or samples cannot be written", () => {
    expect(problemAt(200, { scraped: [100, 120], evaluated: [190] })).toBe("nothing scraped for 1m20s");
    expect(problemAt(300, { scraped: [290], evaluated: [290, 100] })).toBe("the rule group g1 is not evaluated");
    expect(problemAt(300, { scraped: [290], evaluated: [290, -1] })).toBe("the rule group g1 is not evaluated");
    expect(problemAt(10, { scraped: [9], evaluated: [9], degraded: true })).toBe("samples cannot be written");
  });
});
