import { describe, expect, test } from "vitest";
import { BadParameter, limitParam, parseSpanMs, parseTimeMs } from "./params.ts";

describe("times", () => {
  const f = (text: string, ms: number) => expect(parseTimeMs("time", text)).toBe(ms);
  test("float seconds", () => {
    f("0", 0);
    f("1700000000.123", 1_700_000_000_123);
    f("-1.5", -1500);
    f("1.7e9", 1_700_000_000_000);
  });
  test("RFC 3339 with a zone", () => {
    f("2026-11-22T14:00:00Z", Date.UTC(2026, 10, 22, 14));
    f("2026-11-22T14:00:00.25+07:00", Date.UTC(2026, 10, 22, 7, 0, 0, 250));
  });
  test("anything else is refused and named", () => {
    for (const text of ["", "now", "2026-11-22", "1d", "NaN", "2026-13-40T99:00:00Z"]) {
      expect(() => parseTimeMs("start", text)).toThrow(/invalid parameter "start"/);
    }
  });
});

test("spans are float seconds or durations", () => {
  expect(parseSpanMs("step", "15")).toBe(15_000);
  expect(parseSpanMs("step", "0.5")).toBe(500);
  expect(parseSpanMs("step", "1h30m")).toBe(5_400_000);
  expect(() => parseSpanMs("step", "soon")).toThrow(BadParameter);
});

test("a limit is a whole number of 0 or more", () => {
  expect(limitParam(new URLSearchParams("limit=3"))).toBe(3);
  expect(limitParam(new URLSearchParams(""))).toBe(0);
  expect(() => limitParam(new URLSearchParams("limit=-1"))).toThrow(BadParameter);
  expect(() => limitParam(new URLSearchParams("limit=1.5"))).toThrow(BadParameter);
});
