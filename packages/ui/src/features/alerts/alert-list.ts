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
  /** undefined while the routing side does not know the alert: pending ones. */
  readonly fingerprint: string | undefined;
}

const isAlerting = (rule: RuleGroup["rules"][number]): rule is AlertingRule => rule.type === "alerting";

/** Alerts that people are told of now, as the rail counts them: without silenced and inhibited ones. */
export const firingCount = (items: readonly AlertItem[]): number =>
  items.filter((item) => item.state === "firing" && !isSignOfLife(item)).length;

/** Fires always, so that its absence is the alarm (severity none: the Watchdog). No news, so it is counted nowhere. */
export const isSignOfLife = (item: Pick<AlertItem, "severity">): boolean => item.severity === "none";

export const alertingRuleCount = (groups: readonly RuleGroup[]): number =>
  groups.reduce((sum, group) => sum + group.rules.filter(isAlerting).length, 0);

const keyOf = (labels: LabelSet): string =>
  Object.keys(labels)
    .sort()
    .map((name) => `${name}\u0000${labels[name]}`)
    .join("\u0001");

export function mergeAlerts(groups: readonly RuleGroup[], routed: readonly RoutedAlert[]): AlertItem[] {
  const byKey = new Map(routed.map((alert) => [keyOf(alert.labels), alert]));
  const external = externalLabels(groups, routed);
  const items: AlertItem[] = [];
  for (const rule of groups.flatMap((group) => group.rules.filter(isAlerting))) {
    for (const alert of rule.alerts) {
      const key = keyOf(alert.labels);
      const routedKey = keyOf({ ...external, ...alert.labels });
      const known = byKey.get(routedKey);
      byKey.delete(routedKey);
      items.push({
        ...common(key, alert.labels, alert.annotations),
        state: alert.state === "pending" ? "pending" : routedState(known),
        sinceMs: Date.parse(alert.activeAt),
        value: parseValue(alert.value),
        expression: rule.query,
        receivers: (known?.receivers ?? []).map((receiver) => receiver.name),
        silencedBy: known?.status.silencedBy ?? [],
        fingerprint: known?.fingerprint,
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
      fingerprint: alert.fingerprint,
    });
  }
  return items.sort(mostUrgentFirst);
}

/** The expression of the rule behind it, out of its link; undefined when it has none. */
function queryOf({ generatorURL = "" }: RoutedAlert): string | undefined {
  return /[?&]g0\.expr=/.test(generatorURL)
    ? (new URLSearchParams(generatorURL.slice(generatorURL.indexOf("?"))).get("g0.expr") ?? undefined)
    : undefined;
}

/**
 * On its way out an alert gets the external labels of the Prometheus file, which the rule's own view does not show.
 * They are the same for all, so the first alert of ours that is found on the routing side tells them.
 */
function externalLabels(groups: readonly RuleGroup[], routed: readonly RoutedAlert[]): LabelSet {
  for (const rule of groups.flatMap((group) => group.rules.filter(isAlerting))) {
    const own = rule.alerts.find(({ state }) => state === "firing")?.labels;
    if (!own) continue;
    const known = routed
      .filter((alert) => alert.labels.alertname === own.alertname && queryOf(alert) === rule.query)
      .filter((alert) => Object.entries(own).every(([name, value]) => alert.labels[name] === value))
      .sort((a, b) => Object.keys(a.labels).length - Object.keys(b.labels).length)[0];
    if (known) return Object.fromEntries(Object.entries(known.labels).filter(([name]) => !(name in own)));
  }
  return {};
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
export const GROUPINGS = ["alert", "shop", "severity", "receiver"] as const;
export type GroupBy = (typeof GROUPINGS)[number];

/** Inhibited alerts stand with the silenced ones: both are true, and nobody is told. */
export const inTab = (item: AlertItem, tab: AlertTab): boolean =>
  item.state === tab || (tab === "silenced" && item.state === "inhibited");

export interface AlertGroup {
  readonly name: string;
  readonly items: readonly AlertItem[];
}

/** Groups in the order of their most urgent alert. By receiver an alert stands under each that is told of it. */
export function groupAlerts(items: readonly AlertItem[], by: GroupBy): AlertGroup[] {
  const groups = new Map<string, AlertItem[]>();
  for (const item of items) {
    for (const name of groupNames(item, by)) {
      const group = groups.get(name);
      if (group) group.push(item);
      else groups.set(name, [item]);
    }
  }
  return [...groups].map(([name, list]) => ({ name, items: list }));
}

function groupNames(item: AlertItem, by: GroupBy): readonly string[] {
  if (by === "receiver") return item.receivers.length > 0 ? [...new Set(item.receivers)] : [""];
  return [by === "alert" ? item.name : by === "shop" ? (item.tenant ?? "") : item.severity];
}

/** What the list can be narrowed by; each stands in the URL and is a chip above the list. */
export const FILTERS = ["tenant", "severity", "receiver", "alert"] as const;
export type FilterName = (typeof FILTERS)[number];
export type AlertFilter = Readonly<Partial<Record<FilterName, string>>>;

const valuesOf = (item: AlertItem, name: FilterName): readonly string[] =>
  name === "receiver" ? item.receivers : [(name === "alert" ? item.name : item[name]) ?? ""];

export function filterAlerts(items: readonly AlertItem[], filter: AlertFilter): AlertItem[] {
  return items.filter((item) =>
    FILTERS.every((name) => {
      const wanted = filter[name];
      return wanted === undefined || valuesOf(item, name).includes(wanted);
    }),
  );
}

export interface FilterChoice {
  readonly value: string;
  readonly count: number;
}

/** Values to choose from, with how many alerts have them, under the other filters as they are. */
export function filterChoices(items: readonly AlertItem[], filter: AlertFilter, name: FilterName): FilterChoice[] {
  const counts = new Map<string, number>();
  for (const item of filterAlerts(items, { ...filter, [name]: undefined })) {
    for (const value of new Set(valuesOf(item, name))) {
      if (value !== "") counts.set(value, (counts.get(value) ?? 0) + 1);
    }
  }
  return [...counts]
    .map(([value, count]) => ({ value, count }))
    .sort((a, b) => b.count - a.count || (a.value < b.value ? -1 : 1));
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
