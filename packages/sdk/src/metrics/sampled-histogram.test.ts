import { Registry } from "prom-client";
import { expect, test } from "vitest";
import { SampledHistogram } from "./sampled-histogram.ts";

/** A small generator with a seed (mulberry32): the same run each time. */
function seeded(seed: number): () => number {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

function run(oneIn: number, values: (i: number) => number, n: number) {
  const histogram = new SampledHistogram({ name: "h", help: "x", buckets: [1, 10], oneIn }, seeded(7));
  const labels = { a: "b" };
  let taken = 0;
  for (let i = 0; i < n; i += 1) {
    if (!histogram.takes()) continue;
    taken += 1;
    histogram.add(labels, values(i));
  }
  return { histogram, taken };
}

test("count, sum and buckets are right within a few standard errors, also when values come in the rhythm of the sampling", async () => {
  const n = 200_000;
  // Every tenth is slow: "every tenth call" would see only slow ones, or none.
  const { histogram, taken } = run(10, (i) => (i % 10 === 0 ? 50 : 0.5), n);
  const by = new Map((await histogram.get()).values.map((v) => [`${v.metricName} ${v.labels.le ?? ""}`, v.value]));
  expect(Math.abs(by.get("h_count ")! - n)).toBeLessThan(4 * Math.sqrt(n * 9));
  expect(taken).toBeLessThan(n / 9);
  const fast = by.get("h_bucket 1")!;
  expect(Math.abs(fast - 0.9 * n)).toBeLessThan(4 * Math.sqrt(0.9 * n * 9));
  expect(by.get("h_bucket 10")).toBe(fast);
  expect(by.get("h_bucket +Inf")).toBe(by.get("h_count "));
  const slow = by.get("h_count ")! - fast;
  expect(by.get("h_sum ")).toBeCloseTo(fast * 0.5 + slow * 50, 3);
});

test("one in one is every one, and prints as prom-client's own histograms do", async () => {
  const { histogram } = run(1, () => 5, 3);
  const registry = new Registry();
  histogram.register(registry);
  const text = await registry.metrics();
  expect(text.split("\n")).toEqual([
    "# HELP h x",
    "# TYPE h histogram",
    'h_bucket{le="1",a="b"} 0',
    'h_bucket{le="10",a="b"} 3',
    'h_bucket{le="+Inf",a="b"} 3',
    'h_sum{a="b"} 15',
    'h_count{a="b"} 3',
    "",
  ]);
});

test("impossible shapes are refused when they are made", () => {
  const make = (oneIn: number, buckets: number[]) => () =>
    new SampledHistogram({ name: "h", help: "x", buckets, oneIn });
  expect(make(0, [1])).toThrow(RangeError);
  expect(make(Number.NaN, [1])).toThrow(RangeError);
  expect(make(2, [2, 1])).toThrow(RangeError);
});
