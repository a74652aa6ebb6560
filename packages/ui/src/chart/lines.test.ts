import { describe, expect, it } from "vitest";
import { alignSeries, foldOthers, lastOf, meanOf, sparklinePath, stackLines } from "./lines.ts";
import { namedColor, readableColor, withOpacity } from "./palette.ts";

describe("chart data", () => {
  it("puts series on one axis with gaps", () => {
    const series = [
      { timesMs: [0, 20], values: [1, 3] },
      { timesMs: [10], values: [Number.NaN] },
    ];
    expect(alignSeries(series)).toEqual({
      timesMs: [0, 10, 20],
      values: [
        [1, null, 3],
        [null, null, null],
      ],
    });
    expect(alignSeries(series, { fromMs: 0, toMs: 30, stepMs: 10 }).values[0]).toEqual([1, null, 3, null]);
  });
  it("stacks, also as shares", () => {
    expect(
      stackLines(
        [
          [1, null, 2],
          [3, null, null],
        ],
        "normal",
      ),
    ).toEqual([
      [1, null, 2],
      [4, null, 2],
    ]);
    expect(
      stackLines(
        [
          [1, 0],
          [3, 0],
        ],
        "percent",
      ),
    ).toEqual([
      [0.25, 0],
      [1, 0],
    ]);
  });
  it("keeps the largest lines in their order and folds the rest", () => {
    const lines = [5, 1, 9, 2].map((value) => ({ name: `n${value}`, values: [value, null] }));
    expect(foldOthers(lines, 3, (count) => `${count} others`)).toEqual([
      { name: "n5", values: [5, null] },
      { name: "n9", values: [9, null] },
      { name: "2 others", values: [3, null] },
    ]);
  });
  it("reads last and mean over gaps, and draws a path with its gaps", () => {
    expect([lastOf([1, 2, null]), meanOf([1, null, 2]), meanOf([null])]).toEqual([2, 1.5, null]);
    expect(sparklinePath([0, 10, null, 5], 30, 10)).toBe("M0.0 10.0L10.0 0.0M30.0 5.0");
  });
});

it("maps Grafana's colours onto the tokens", () => {
  expect(["semi-dark-red", "green", "#3B78C4", "dark-orange"].map(namedColor)).toEqual([
    "var(--crit)",
    "var(--ok)",
    "#3B78C4",
    "var(--warn)",
  ]);
  expect(withOpacity("#ff0000", 0.5)).toBe("rgb(255 0 0 / 0.5)");
});

it("makes colours of one theme readable on both", () => {
  expect(readableColor("#3B78C4")).toBe("#3B78C4");
  expect(readableColor("#E0F9D7")).not.toBe("#E0F9D7");
  expect(readableColor("#000")).toMatch(/^#([6-7].){3}$/);
  expect(readableColor("rgba(245, 54, 54, 0.9)")).toMatch(/^(#|rgba)/);
  expect(readableColor("hotpink")).toBe("hotpink");
});
