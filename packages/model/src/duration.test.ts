import fc from "fast-check";
import { expect, test } from "vitest";
import { formatDurationMs, parseDurationMs } from "./duration.ts";

test("durations read Prometheus' spelling", () => {
  const f = (text: string, ms: number | undefined) => expect(parseDurationMs(text)).toBe(ms);
  f("0", 0);
  f("1h30m", 5_400_000);
  f("1y2w3d4h5m6s7ms", 365 * 86_400_000 + 14 * 86_400_000 + 3 * 86_400_000 + 4 * 3_600_000 + 5 * 60_000 + 6007);
  f("5", undefined);
  f("", undefined);
  f("30m1h", undefined);
  f("1.5h", undefined);
  f("-5m", undefined);
  f("300y", undefined);
});

test("printing a duration and reading it again gives the same span", () => {
  fc.assert(fc.property(fc.nat({ max: 10 ** 12 }), (ms) => parseDurationMs(formatDurationMs(ms)) === ms));
  expect(formatDurationMs(0)).toBe("0s");
  expect(formatDurationMs(90_000)).toBe("1m30s");
  expect(formatDurationMs(7 * 86_400_000)).toBe("1w");
  expect(formatDurationMs(8 * 86_400_000)).toBe("8d");
});
