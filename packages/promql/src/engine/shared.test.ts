import { Labels, type Matcher, matchesAll, type SeriesSamples } from "@storewatch/model";
import { describe, expect, test } from "vitest";
import { createEngine } from "./engine.ts";
import type { VectorSample } from "./queryable.ts";
import { SharedResults } from "./shared.ts";

const clock = { monotonicMs: () => 0 };

function setUp() {
  const series: SeriesSamples[] = ["a", "b"].map((job, i) => ({
    labels: Labels.from({ __name__: "x_total", job }),
    timesMs: Float64Array.of(0, 30_000, 60_000),
    values: Float64Array.of(0, 30 * (i + 1), 60 * (i + 1)),
  }));
  let selects = 0;
  const store = {
    select: (matchers: readonly Matcher[]) => {
      selects++;
      return series.filter((one) => matchesAll(matchers, one.labels));
    },
  };
  const engine = createEngine({ clock });
  const ask = async (expression: string, sharedResults: SharedResults | undefined, timeMs = 60_000) => {
    const before = selects;
    const { value } = await engine.instant(store, { expression, sharedResults }, timeMs);
    const samples = (value as { samples: readonly VectorSample[] }).samples;
    return [samples.map(({ value: one }) => one).join(" "), selects - before];
  };
  return { ask };
}

describe("results that queries of one moment share", () => {
  test("an aggregation is worked out once, within a query and over queries", async () => {
    const { ask } = setUp();
    const shared = new SharedResults();
    expect(await ask("sum(rate(x_total[1m])) + sum(rate(x_total[1m]))", shared)).toEqual(["6", 1]);
    expect(await ask("sum( rate(x_total[1m]) ) > 1", shared)).toEqual(["3", 0]);
    expect(await ask("sum(rate(x_total[1m])) > 1", undefined)).toEqual(["3", 1]);
    expect(await ask("rate(x_total[1m]) / rate(x_total[1m]) + rate(x_total[59s])", undefined)).toEqual(["2 3", 2]);
  });

  test("not at another time, not inside of a subquery, not after its data was written", async () => {
    const { ask } = setUp();
    const shared = new SharedResults();
    expect(await ask("sum(x_total)", shared)).toEqual(["180", 1]);
    expect(await ask("sum(x_total)", shared, 30_000)).toEqual(["90", 1]);
    expect(await ask("sum(x_total)", shared)).toEqual(["180", 1]);
    expect(await ask("max_over_time(sum(x_total)[1m:30s])", shared)).toEqual(["180", 1]);
    shared.forget("y");
    expect(await ask("sum(x_total)", shared)).toEqual(["180", 0]);
    shared.forget("x_total");
    expect(await ask("sum(x_total)", shared)).toEqual(["180", 1]);
  });
});
