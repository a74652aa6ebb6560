import { expect, it } from "vitest";
import { rangeLength, readUrlState, timeRangeOf } from "./url-state.ts";

it("reads ranges and leaves out what makes no sense", () => {
  expect(readUrlState({ range: "6h", tenant: "acme", junk: 1 })).toEqual({ range: "6h", tenant: "acme" });
  expect(readUrlState({ range: "1h" })).toEqual({});
  expect(readUrlState({ range: "soon", from: 5, to: 4, tenant: "" })).toEqual({});
  expect(readUrlState({ range: "6h", from: 1000, to: 2000 })).toEqual({ from: 1000, to: 2000 });
  expect([rangeLength("90s"), rangeLength("1s"), rangeLength("9w"), rangeLength("1.5h")]).toEqual([
    90_000,
    undefined,
    undefined,
    undefined,
  ]);
});

it("keys queries by the range, not by the moment", () => {
  const live = timeRangeOf({ range: "15m" });
  expect(live).toMatchObject({ key: "15m", live: true, rangeMs: 900_000 });
  expect(timeRangeOf({ from: 1000, to: 61_000 })).toMatchObject({ key: "1000-61000", live: false, range: undefined });
});
