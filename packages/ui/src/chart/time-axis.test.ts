import { describe, expect, it } from "vitest";
import { timeLabels, valueRange } from "./time-axis.ts";

describe("axes", () => {
  it("begins at 0 where the data is near it, and not where it is far off", () => {
    expect(valueRange(2, 10, {})).toEqual([0, 10.6]);
    const [low, high] = valueRange(95, 100, {});
    expect(low).toBeGreaterThan(90);
    expect(high).toBeGreaterThan(100);
    expect(valueRange(null, null, {})).toEqual([0, 1]);
    expect(valueRange(0, 0, {})).toEqual([0, 1]);
    expect(valueRange(1, 4, { include: [10] })[1]).toBeGreaterThan(10);
    expect(valueRange(1, 4, { min: 0, max: 1 })).toEqual([0, 1]);
  });
  it("names days where they begin", () => {
    const at = (hour: number) => new Date(2026, 10, 22, hour).getTime();
    expect(timeLabels([at(18), at(24), at(30)], "en")).toEqual(["18:00", "23 Nov", "06:00"]);
  });
});
