import { Labels, type SeriesSamples } from "@storewatch/model";
import fc from "fast-check";
import { expect, it } from "vitest";
import { createEngine } from "./index.ts";

const FUNCTIONS = ["max_over_time", "min_over_time", "ts_of_max_over_time", "ts_of_min_over_time"] as const;

/** A window looked through from its first sample to its last, as the definition says. */
function scan(func: string, { timesMs, values }: SeriesSamples, fromMs: number, toMs: number): number | undefined {
  const takesEqual = func.startsWith("ts_of");
  let best = -1;
  for (let i = 0; i < values.length; i++) {
    if (timesMs[i] <= fromMs || timesMs[i] > toMs) continue;
    const [value, other] = func.includes("max") ? [values[i], values[best]] : [-values[i], -values[best]];
    if (best < 0 || Number.isNaN(other) || value > other || (takesEqual && value === other)) best = i;
  }
  if (best < 0) return undefined;
  return takesEqual ? timesMs[best] / 1000 : values[best];
}

const samples = fc.array(
  fc.tuple(fc.integer({ min: 1, max: 30 }), fc.constantFrom(0, -0, 1, 2, 3, -5, Number.NaN, Infinity, -Infinity)),
  { minLength: 1, maxLength: 60 },
);

it("is what looking through every window gives, NaN, signed zeros and infinities included", async () => {
  const engine = createEngine({ clock: { monotonicMs: () => 0 }, experimental: true });
  await fc.assert(
    fc.asyncProperty(
      samples,
      fc.constantFrom(...FUNCTIONS),
      fc.integer({ min: 1, max: 400 }),
      fc.integer({ min: 1, max: 200 }),
      async (points, func, rangeSeconds, stepSeconds) => {
        let timeMs = 0;
        const timesMs = Float64Array.from(points, ([gap]) => {
          timeMs += gap * 1000;
          return timeMs;
        });
        const values = Float64Array.from(points, ([, value]) => value);
        const series = { labels: Labels.from({ __name__: "x" }), timesMs, values };
        const request = { expression: `${func}(x[${rangeSeconds}s])` };
        const { value } = await engine.range({ select: () => [series] }, request, 0, 2_000_000, stepSeconds * 1000);
        if (value.type !== "matrix") throw new Error("not a matrix");
        const got = new Map(value.series.flatMap((one) => [...one.timesMs].map((t, i) => [t, one.values[i]] as const)));
        for (let t = 0; t <= 2_000_000; t += stepSeconds * 1000) {
          expect(got.get(t)).toBe(scan(func, series, t - rangeSeconds * 1000, t));
        }
      },
    ),
    { numRuns: 400 },
  );
});

it("lets the event loop turn within one series", async () => {
  let now = 0;
  let turns = 0;
  const engine = createEngine({
    clock: { monotonicMs: () => (now += 11) },
    yieldNow: async () => {
      turns++;
    },
  });
  const timesMs = Float64Array.from({ length: 100_000 }, (_, i) => i * 1000);
  const series = { labels: Labels.from({ __name__: "x" }), timesMs, values: timesMs };
  await engine.range({ select: () => [series] }, { expression: "max_over_time(x[1d])" }, 0, 99_999_000, 1000);
  expect(turns).toBeGreaterThan(5);
});
