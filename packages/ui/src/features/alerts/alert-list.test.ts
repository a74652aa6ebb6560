import { expect, it } from "vitest";
import type { RoutedAlert } from "../../api/alertmanager.ts";
import type { RuleGroup } from "../../api/prometheus.ts";
import {
  filterAlerts,
  filterChoices,
  firingCount,
  groupAlerts,
  inTab,
  isSignOfLife,
  mergeAlerts,
  silenceLabels,
  summarise,
} from "./alert-list.ts";

const alert = (labels: Record<string, string>, state: "firing" | "pending", activeAt: string) => ({
  labels,
  annotations: {},
  state,
  activeAt,
  value: "5e+00",
});
const high = { alertname: "High", severity: "critical", tenant_id: "acme", job: "shop" };
const slow = { alertname: "Slow", severity: "warning", tenant_id: "bepnha" };
const groups: RuleGroup[] = [
  {
    name: "g",
    file: "f",
    rules: [
      { type: "recording", name: "r", query: "x" },
      {
        type: "alerting",
        state: "firing",
        name: "High",
        query: "rate(x) > 1",
        duration: 60,
        health: "ok",
        alerts: [
          alert(slow, "firing", "2026-11-22T13:00:00Z"),
          alert(high, "firing", "2026-11-22T14:00:00Z"),
          alert({ ...high, tenant_id: "x" }, "pending", "2026-11-22T14:00:00Z"),
        ],
      },
    ],
  },
];
const routed = (labels: Record<string, string>, silencedBy: string[], inhibitedBy: string[] = []): RoutedAlert => ({
  labels,
  annotations: {},
  startsAt: "2026-11-22T12:00:00Z",
  endsAt: "",
  fingerprint: "",
  receivers: [{ name: "team" }],
  status: { state: silencedBy.length + inhibitedBy.length > 0 ? "suppressed" : "active", silencedBy, inhibitedBy },
});

it("joins rules and routing, most urgent first", () => {
  const items = mergeAlerts(groups, [routed(slow, ["s1"]), routed({ alertname: "Foreign" }, [], ["f"])]);
  expect(items.map((item) => [item.name, item.state, item.value])).toEqual([
    ["High", "firing", 5],
    ["High", "pending", 5],
    ["Foreign", "inhibited", null],
    ["Slow", "silenced", 5],
  ]);
  expect(items[3]).toMatchObject({ receivers: ["team"], silencedBy: ["s1"], expression: "rate(x) > 1" });
  expect(items.filter((item) => inTab(item, "silenced"))).toHaveLength(2);
  expect(firingCount(items)).toBe(1);
});

it("groups and sums up", () => {
  const items = mergeAlerts(groups, []);
  expect(groupAlerts(items, "shop").map((group) => [group.name, group.items.length])).toEqual([
    ["acme", 1],
    ["x", 1],
    ["bepnha", 1],
  ]);
  expect(summarise(items)).toEqual({ firing: 2, critical: 1, shops: 2, oldestMs: Date.parse("2026-11-22T13:00:00Z") });
});

it("knows its own alerts by the external labels that they got on their way", () => {
  const link = { generatorURL: "http://watch.example/graph?g0.expr=rate%28x%29+%3E+1&g0.tab=1" };
  const sent = (labels: Record<string, string>, silencedBy: string[]) => ({
    ...routed({ region: "eu", ...labels }, silencedBy),
    ...link,
  });
  const foreign = routed({ ...high, cluster: "other" }, []);
  const items = mergeAlerts(groups, [foreign, sent(high, ["s1"]), sent(slow, [])]);
  expect(items.map((item) => [item.name, item.state, item.value])).toEqual([
    ["High", "firing", null],
    ["High", "silenced", 5],
    ["High", "pending", 5],
    ["Slow", "firing", 5],
  ]);
});

it("starts a silence from what the alerts have in common", () => {
  const items = mergeAlerts(groups, []).filter((item) => item.name === "High");
  expect(silenceLabels(items)).toEqual({ alertname: "High", severity: "critical" });
  expect(silenceLabels(items.slice(0, 1))).toEqual({ alertname: "High", severity: "critical", tenant_id: "acme" });
});

it("narrows by shop, severity, receiver and name, and offers what is left", () => {
  const items = mergeAlerts(groups, [routed(slow, []), routed({ alertname: "Foreign", severity: "none" }, [])]);
  const names = (filter: Parameters<typeof filterAlerts>[1]) => filterAlerts(items, filter).map((item) => item.name);
  expect(names({ tenant: "acme", severity: "critical" })).toEqual(["High"]);
  expect(names({ receiver: "team" })).toEqual(["Slow", "Foreign"]);
  expect(names({ alert: "High", tenant: "nowhere" })).toEqual([]);
  expect(filterChoices(items, { severity: "critical" }, "tenant")).toEqual([
    { value: "acme", count: 1 },
    { value: "x", count: 1 },
  ]);
  expect(groupAlerts(items, "receiver").map((group) => [group.name, group.items.length])).toEqual([
    ["", 2],
    ["team", 2],
  ]);
});

it("counts a sign of life nowhere", () => {
  const items = mergeAlerts([], [routed({ alertname: "Watchdog", severity: "none" }, [])]);
  expect(items.map(isSignOfLife)).toEqual([true]);
  expect(firingCount(items)).toBe(0);
});
