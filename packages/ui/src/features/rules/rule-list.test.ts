import { expect, it } from "vitest";
import type { RuleGroup } from "../../api/prometheus.ts";
import { byCost, filterRules, findRule, ruleGroupItems, summariseRules } from "./rule-list.ts";

const alerting = (name: string, more: object = {}): RuleGroup["rules"][number] => ({
  type: "alerting",
  state: "inactive",
  name,
  query: `${name.toLowerCase()} > 1`,
  duration: 0,
  alerts: [],
  health: "ok",
  evaluationTime: 0.003,
  lastEvaluation: "2026-11-22T14:00:00Z",
  ...more,
});
const firing = {
  state: "firing",
  labels: { severity: "critical" },
  alerts: [
    { labels: {}, annotations: {}, state: "firing", activeAt: "", value: "1" },
    { labels: {}, annotations: {}, state: "pending", activeAt: "", value: "1" },
  ],
};
const GROUPS: readonly RuleGroup[] = [
  {
    name: "shop",
    file: "a.yml",
    interval: 15,
    rules: [
      alerting("Hot", firing),
      alerting("Broken", { health: "err", state: "firing", lastError: "no" }),
      { type: "recording", name: "r", query: "x", health: "unknown", lastEvaluation: "0001-01-01T00:00:00Z" },
    ],
  },
  {
    name: "shop",
    file: "b.yml",
    interval: 60,
    rules: [alerting("Watchdog", { state: "firing", labels: { severity: "none" }, evaluationTime: 0.012 })],
  },
];
const items = ruleGroupItems(GROUPS, [
  { name: "shop", origin: "stored", file: "b.yml", version: "1", rules: 1, updatedAtMs: 0 },
]);

it("says what each rule is, a failing one first of all that it fails", () => {
  expect(items.map((group) => [group.file, group.stored, group.rules.map((rule) => rule.state)])).toEqual([
    ["a.yml", false, ["firing", "failing", "waiting"]],
    ["b.yml", true, ["always"]],
  ]);
  expect(items[0].rules[0]).toMatchObject({ firing: 1, pending: 1, severity: "critical" });
  expect(items[0].rules[2].lastEvaluationMs).toBeNull();
});

it("shares the cost by seconds of evaluation in each second", () => {
  // 0.003 s / 15 s and 0.012 s / 60 s cost the same.
  expect(items.flatMap((group) => group.rules.map((rule) => rule.share.toFixed(3)))).toEqual([
    "0.333",
    "0.333",
    "0.000",
    "0.333",
  ]);
  expect(items[0].rules[0].bar).toBe(1);
  expect(byCost(items).map((rule) => rule.name)).toEqual(["Broken", "Hot", "Watchdog", "r"]);
  expect(summariseRules(items)).toMatchObject({ rules: 4, firing: 1, failing: 1 });
  expect(summariseRules(items).load).toBeCloseTo(0.0006);
  expect(summariseRules(ruleGroupItems([], [])).load).toBe(0);
});

it("filters by words and state, and finds a rule among groups of one name", () => {
  const names = (search: string, state?: string) =>
    filterRules(items, { search, state }).flatMap((group) => group.rules.map((rule) => rule.name));
  expect(names("critical")).toEqual(["Hot"]);
  expect(names("broken > 1")).toEqual(["Broken"]);
  expect(names("", "firing")).toEqual(["Hot"]);
  expect(findRule(items, "shop", "b.yml", 0)?.name).toBe("Watchdog");
  expect(findRule(items, "shop", undefined, 1)?.name).toBe("Broken");
  expect(findRule(items, "shop", "b.yml", 1)).toBeUndefined();
});
