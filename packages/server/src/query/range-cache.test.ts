import { Labels, type NativeHistogram } from "@storewatch/model";
import { Registry } from "prom-client";
import { expect, test } from "vitest";
import { cut, type Extent, join, RangeCache, type RangeKey } from "./range-cache.ts";

const histogram = (count: number): NativeHistogram => ({
  schema: 0,
  count,
  sum: count,
  zeroThreshold: 0,
  zeroCount: 0,
  positiveSpans: [{ offset: 0, length: 1 }],
  positiveBuckets: [count],
  negativeSpans: [],
  negativeBuckets: [],
  customValues: [],
  counterReset: "unknown",
});

function series(name: string, times: readonly number[], withHistograms = false) {
  const values = Float64Array.from(times, (time) => (withHistograms ? Number.NaN : time * 10));
  const one = { labels: Labels.from({ name }), timesMs: Float64Array.from(times), values };
  return withHistograms ? { ...one, histograms: times.map(histogram) } : one;
}

const shown = ({ fromMs, toMs, series: all }: Extent) => [
  `${fromMs}…${toMs}`,
  ...all.map(
    ({ labels, timesMs, values, histograms }) =>
      `${labels.get("name")} ${[...timesMs].map((time, i) => `${time}:${histograms?.[i]?.count ?? values[i]}`).join(" ")}`,
  ),
];

test("extents are cut and joined by series, floats and histograms alike", () => {
  const a: Extent = {
    fromMs: 1,
    toMs: 3,
    series: [series("a", [1, 2, 3]), series("c", [2]), series("h", [1, 3], true)],
  };
  const b: Extent = { fromMs: 4, toMs: 5, series: [series("a", [4, 5]), series("b", [5]), series("h", [4])] };
  expect(shown(join(a, b))).toEqual(["1…5", "a 1:10 2:20 3:30 4:40 5:50", "b 5:50", "c 2:20", "h 1:1 3:3 4:40"]);
  expect(shown(cut(join(a, b), 3, 4))).toEqual(["3…4", "a 3:30 4:40", "h 3:3 4:40"]);
});

test("series with the same times go on sharing them", () => {
  const timesMs = Float64Array.from([1, 2]);
  const two = ["a", "b"].map((name) => ({ labels: Labels.from({ name }), timesMs, values: new Float64Array(2) }));
  const extent = cut({ series: two }, 1, 2);
  expect(extent.series[0].timesMs).toBe(extent.series[1].timesMs);
  const both = join(extent, { ...extent, fromMs: 3, toMs: 4 });
  expect(both.series[0].timesMs).toBe(both.series[1].timesMs);
});

function setUp(maxBytes: number) {
  const writes: Array<{ mark: number; timeMs: number }> = [];
  let now = 1;
  const changes = {
    mark: () => now++,
    firstSince: (mark: number, fromMs: number, toMs: number) => {
      const times = writes.filter((w) => w.mark > mark && w.timeMs >= fromMs && w.timeMs <= toMs).map((w) => w.timeMs);
      return times.length > 0 ? Math.min(...times) : undefined;
    },
  };
  const cache = new RangeCache(changes, maxBytes, new Registry());
  const key = (scope: string, question = "q"): RangeKey => ({ scope, question, stepMs: 10, windowMs: 25 });
  const keep = (scope: string, question: string, size: number) => {
    const times = Array.from({ length: size }, (_, i) => i * 10);
    const extent = { fromMs: 0, toMs: (size - 1) * 10, series: [series("s", times)] };
    cache.keep(key(scope, question), extent, changes.mark());
  };
  const has = (scope: string, question: string) => {
    const found = cache.find(key(scope, question), 0, changes.mark());
    return found && `${found.fromMs}…${found.toMs}`;
  };
  const write = (timeMs: number) => writes.push({ mark: now, timeMs });
  return { cache, keep, has, write };
}

test("a change cuts off the steps from it on, one in the first window all, others nothing", () => {
  const { keep, has, write } = setUp(1e6);
  keep("a", "q", 10);
  write(95);
  write(-26);
  expect(has("a", "q")).toBe("0…90");
  write(50);
  expect(has("a", "q")).toBe("0…40");
  expect(has("a", "q")).toBe("0…40");
  write(-20);
  expect(has("a", "q")).toBeUndefined();
});

test("the least recently used goes first, and a greedy scope loses its own entries first", () => {
  const { keep, has } = setUp(20_000);
  keep("a", "1", 100);
  keep("a", "2", 100);
  expect(has("a", "1")).toBeDefined();
  for (let i = 0; i < 20; i++) keep("b", String(i), 100);
  expect(has("a", "1")).toBeDefined();
  expect(has("b", "0")).toBeUndefined();
  expect(has("b", "19")).toBeDefined();
  for (let i = 0; i < 20; i++) keep(`c${i}`, "q", 100);
  expect(has("a", "1")).toBeUndefined();
  keep("huge", "q", 1000);
  expect(has("huge", "q")).toBeUndefined();
});
