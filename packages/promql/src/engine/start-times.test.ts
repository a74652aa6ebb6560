import { Labels, type SeriesSamples } from "@storewatch/model";
import { expect, it } from "vitest";
import { createEngine } from "./index.ts";
import { isStartReset } from "./start-times.ts";

it("tells resets by start times", () => {
  const cases: [previousStart: number, previousMs: number, start: number, timeMs: number, reset: boolean][] = [
    [0, 100, 0, 200, false],
    [50, 100, 50, 200, false],
    [50, 100, 150, 200, true],
    // Deltas begin where the last one ended, a counter of unknown start with its first sample.
    [50, 100, 100, 200, true],
    [100, 100, 100, 200, false],
    [0, 100, 100, 200, false],
    // A start that is not before its sample, or lies before the sample before it, says nothing.
    [50, 100, 200, 200, false],
    [50, 100, 70, 200, false],
    [150, 100, 100, 200, false],
  ];
  for (const [previousStart, previousMs, start, timeMs, reset] of cases) {
    expect([previousStart, previousMs, start, timeMs, isStartReset(previousStart, previousMs, start, timeMs)]).toEqual([
      previousStart,
      previousMs,
      start,
      timeMs,
      reset,
    ]);
  }
});

/** A counter that begins again with every sample, so that each window is looked through. */
function resetting(count: number, started: boolean): SeriesSamples {
  const timesMs = Float64Array.from({ length: count }, (_, i) => (i + 1) * 1000);
  const values = Float64Array.from({ length: count }, (_, i) => (i % 2 === 0 ? 2 : 1));
  const series = { labels: Labels.from({ __name__: "x_total" }), timesMs, values };
  return started ? { ...series, startsMs: timesMs.map((timeMs) => timeMs - 500) } : series;
}

it.each([
  ["increase(x_total[1h])", false],
  ["increase(x_total[1h])", true],
  ["increase(x_total[1h] anchored)", false],
])("lets the event loop turn within one series: %s, start times: %s", async (expression, started) => {
  let now = 0;
  let turns = 0;
  const engine = createEngine({
    clock: { monotonicMs: () => (now += 11) },
    yieldNow: async () => {
      turns++;
    },
    experimental: true,
  });
  const series = resetting(10_000, started);
  const sliced = await engine.range({ select: () => [series] }, { expression }, 0, 10_000_000, 1000);
  expect(turns).toBeGreaterThan(100);
  // What is worked out in slices is what an instant query gives.
  const plain = createEngine({ clock: { monotonicMs: () => 0 }, experimental: true });
  const once = await plain.instant({ select: () => [series] }, { expression }, 9_000_000);
  if (sliced.value.type !== "matrix" || once.value.type !== "vector") throw new Error("wrong type");
  const [{ timesMs, values }] = sliced.value.series;
  expect(values[timesMs.indexOf(9_000_000)]).toBe(once.value.samples[0].value);
});
