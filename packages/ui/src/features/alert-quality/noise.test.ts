import type { QualityCounts, RuleQuality } from "@storewatch/model/api";
import { expect, it } from "vitest";
import { noiseReasons, noisyCount, sortRules } from "./noise.ts";

const counts = (more: Partial<QualityCounts>): QualityCounts => ({
  fired: 10,
  resolved: 10,
  notified: 10,
  messages: 10,
  silenced: 0,
  inhibited: 0,
  flapping: 0,
  seen: 10,
  actedUpon: 10,
  short: 0,
  medianDurationMs: null,
  ...more,
});

it("names causes in the rule before what people do about it", () => {
  expect(noiseReasons(counts({}))).toEqual([]);
  expect(noiseReasons(counts({ short: 9, flapping: 3, seen: 0, actedUpon: 0 }))).toEqual(["flapping", "short"]);
  expect(noiseReasons(counts({ seen: 4, actedUpon: 0 }))).toEqual(["unseen", "untouched"]);
  expect(noiseReasons(counts({ messages: 50, silenced: 5 }))).toEqual(["silenced", "repeats"]);
  expect(noiseReasons(counts({ fired: 0, notified: 0, messages: 0, seen: 0, actedUpon: 0 }))).toEqual([]);
});

it("sorts by what was asked for, and counts noisy rules", () => {
  const rule = (alertname: string, fired: number, level: string) =>
    ({ ...counts({ fired }), alertname, noise: { level } }) as RuleQuality;
  const rules = [rule("b", 1, "very-noisy"), rule("c", 5, "noisy"), rule("a", 5, "quiet")];
  expect(sortRules(rules, "noise")).toBe(rules);
  expect(sortRules(rules, "fired").map((one) => one.alertname)).toEqual(["a", "c", "b"]);
  expect(noisyCount(rules)).toBe(2);
});
