// One list of alerts out of two sources: what the rules say is true now, and what the routing side knows of it.
import type { RoutedAlert } from "../../api/alertmanager.ts";
import type { AlertingRule, LabelSet, RuleGroup } from "../../api/prometheus.ts";
import { parseValue } from "../../api/prometheus.ts";

export interface AlertItem {
  readonly key: string;
  readonly name: string;
  readonly severity: string;
  readonly tenant: string | undefined;
  readonly labels: LabelSet;
  readonly annotations: LabelSet;
  readonly state: "firing" | "pending" | "silenced" | "inhibited";
  readonly sinceMs: number;
  /** null for alerts that came from outside. */
  readonly value: number | null;
  readonly expression: string | undefined;
  readonly receivers: readonly string[];
  readonly silencedBy: readonly string[];
}

const isAlerting = (rule: RuleGroup["rules"][number]): rule is AlertingRule => rule.type === "alerting";

/** Alerts that people are told of now, as the rail counts them: without silenced and inhibited ones. */
export const firingCount = (items: readonly AlertItem[]): number =>
  items.filter((item) => item.state === "firing").length;

export const alertingRuleCount = (groups: readonly RuleGroup[]): number =>
  groups.reduce((sum, group) => sum + group.rules.filter(isAlerting).length, 0);

const keyOf = (labels: LabelSet): string =>
  Object.keys(labels)
    .sort()
    .map((name) => `${name}\u0000${labels[name]}`)
    .join("\u0001");

export function mergeAlerts(groups: readonly RuleGroup[], routed: readonly RoutedAlert[]): AlertItem[] {
  const byKey = new Map(routed.map((alert) => [keyOf(alert.labels), alert]));
  const items: AlertItem[] = [];
  for (const rule of groups.flatMap((group) => group.rules.filter(isAlerting))) {
    for (const alert of rule.alerts) {
      const key = keyOf(alert.labels);
      const known = byKey.get(key);
      byKey.delete(key);
      items.push({
        ...common(key, alert.labels, alert.annotations),
        state: alert.state === "pending" ? "pending" : routedState(known),
        sinceMs: Date.parse(alert.activeAt),
        value: parseValue(alert.value),
        expression: rule.query,
        receivers: (known?.receivers ?? []).map((receiver) => receiver.name),
        silencedBy: known?.status.silencedBy ?? [],
      });
    }
  }
  for (const [key, alert] of byKey) {
    items.push({
      ...common(key, alert.labels, alert.annotations),
      state: routedState(alert),
      sinceMs: Date.parse(alert.startsAt),
      value: null,
      expression: undefined,
      receivers: alert.receivers.map((receiver) => receiver.name),
      silencedBy: alert.status.silencedBy,
    });
  }
  return items.sort(mostUrgentFirst);
}

function common(key: string, labels: LabelSet, annotations: LabelSet) {
  return {
    key,
    name: labels.alertname ?? "",
    severity: labels.severity ?? "",
    tenant: labels.tenant_id,
    labels,
    annotations,
  };
}

function routedState(alert: RoutedAlert | undefined): AlertItem["state"] {
  if (alert?.status.state !== "suppressed") return "firing";
  return alert.status.silencedBy.length > 0 ? "silenced" : "inhibited";
}

const SEVERITY: Readonly<Record<string, number>> = {
  critical: 0,
  page: 0,
  error: 0,
  warning: 1,
  "": 1,
  info: 2,
  none: 3,
};
const urgency = (item: AlertItem): number => SEVERITY[item.severity] ?? 1;

function mostUrgentFirst(a: AlertItem, b: AlertItem): number {
  return urgency(a) - urgency(b) || a.sinceMs - b.sinceMs || (a.key < b.key ? -1 : 1);
}

export type AlertTab = "firing" | "pending" | "silenced";
export type GroupBy = "alert" | "shop" | "severity";

/** Inhibited alerts stand with the silenced ones: both are true, and nobody is told. */
export const inTab = (item: AlertItem, tab: AlertTab): boolean =>
  item.state === tab || (tab === "silenced" && item.state === "inhibited");

export interface AlertGroup {
  readonly name: string;
  readonly items: readonly AlertItem[];
}

/** Groups in the order of their most urgent alert. */
export function groupAlerts(items: readonly AlertItem[], by: GroupBy): AlertGroup[] {
  const groups = new Map<string, AlertItem[]>();
  for (const item of items) {
    const name = by === "alert" ? item.name : by === "shop" ? (item.tenant ?? "") : item.severity;
    const group = groups.get(name);
    if (group) group.push(item);
    else groups.set(name, [item]);
  }
  return [...groups].map(([name, list]) => ({ name, items: list }));
}

export interface AlertSummary {
  readonly firing: number;
  readonly critical: number;
  readonly shops: number;
  readonly oldestMs: number | undefined;
}

export function summarise(items: readonly AlertItem[]): AlertSummary {
  const firing = items.filter((item) => item.state === "firing");
  const shops = new Set(firing.flatMap((item) => item.tenant ?? []));
  return {
    firing: firing.length,
    critical: firing.filter((item) => urgency(item) === 0).length,
    shops: shops.size,
    oldestMs: firing.length === 0 ? undefined : Math.min(...firing.map((item) => item.sinceMs)),
  };
}

/** Labels that a new silence starts with: what tells this alert (or group) from others, without passing details. */
export function silenceLabels(items: readonly AlertItem[]): LabelSet {
  const [first] = items;
  if (!first) return {};
  const shared = Object.entries(first.labels).filter(([name, value]) =>
    items.every((item) => item.labels[name] === value),
  );
  const wanted = shared.filter(
    ([name]) => items.length === 1 || name === "alertname" || name === "tenant_id" || name === "severity",
  );
  return Object.fromEntries(wanted.filter(([name]) => name !== "instance" && name !== "job"));
}
