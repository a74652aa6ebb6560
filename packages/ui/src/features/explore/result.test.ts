import { expect, it } from "vitest";
import { DRAWN_LIMIT, exploreChart, remember, resultTable } from "./result.ts";

it("draws the largest series and says how many there are", () => {
  const series = Array.from({ length: 30 }, (_, i) => ({ labels: { a: String(i) }, timesMs: [0, 10], values: [0, i] }));
  const chart = exploreChart({ fromMs: 0, toMs: 10, stepMs: 10, series, warnings: [] }, "x");
  expect([chart.drawn, chart.total]).toEqual([DRAWN_LIMIT, 30]);
  expect(chart.lines[0].name).toBe("29");
});

it("makes a table, largest first, the metric's name in front", () => {
  const table = resultTable([
    { labels: { __name__: "up", a: "1" }, timeMs: 0, value: 1 },
    { labels: { __name__: "up", Z: "2" }, timeMs: 0, value: 5 },
  ]);
  expect(table.columns).toEqual(["__name__", "Z", "a"]);
  expect(table.rows.map((row) => row.value)).toEqual([5, 1]);
});

it("keeps a short history without doubles", () => {
  expect(remember(["a", "b"], "b")).toEqual(["b", "a"]);
  expect(remember(Array.from({ length: 60 }, String), "x")).toHaveLength(50);
});
