// Rules as the list shows them: state, health, and what their evaluation costs.
import type { RuleGroupHead } from "@storewatch/model/api";
import type { AlertingRule, LabelSet, RuleGroup } from "../../api/prometheus.ts";
import { matchesSearch } from "../../app/search-text.ts";

type AnyRule = RuleGroup["rules"][number];

export interface RuleItem {
  /** Place within its group, from 0: names may repeat. */
  readonly index: number;
  readonly group: string;
  readonly file: string;
  readonly name: string;
  readonly type: "alerting" | "recording";
  /** What to show: a rule that fails has no other state that counts. */
  readonly state: "failing" | "firing" | "pending" | "inactive" | "recording" | "waiting" | "always";
  readonly rule: AnyRule;
  readonly severity: string;
  readonly firing: number;
  readonly pending: number;
  /** Seconds. */
  readonly evaluationSeconds: number;
  /** null before the first evaluation. */
  readonly lastEvaluationMs: number | null;
  /** Of all rules' cost (seconds of evaluation in each second), 0–1. */
  readonly share: number;
  /** The same against the most costly rule, 0–1: the length of its bar. */
  readonly bar: number;
}

export interface RuleGroupItem {
  readonly key: string;
  readonly name: string;
  readonly file: string;
  /** Kept in Storewatch and editable here. */
  readonly stored: boolean;
  readonly intervalSeconds: number;
  readonly evaluationSeconds: number;
  readonly share: number;
  readonly rules: readonly RuleItem[];
}

export function ruleGroupItems(groups: readonly RuleGroup[], heads: readonly RuleGroupHead[]): RuleGroupItem[] {
  const stored = new Set(heads.filter((head) => head.origin === "stored").map(keyOf));
  const loads = groups.flatMap((group) => group.rules.map((rule) => load(rule, group)));
  const cost: Cost = { total: loads.reduce((sum, one) => sum + one, 0), most: Math.max(0, ...loads) };
  return groups.map((group) => {
    const rules = group.rules.map((rule, index) => ruleItem(rule, index, group, cost));
    return {
      key: keyOf(group),
      name: group.name,
      file: group.file,
      stored: stored.has(keyOf(group)),
      intervalSeconds: group.interval ?? 60,
      evaluationSeconds: group.evaluationTime ?? 0,
      share: rules.reduce((sum, rule) => sum + rule.share, 0),
      rules,
    };
  });
}

const keyOf = ({ file, name }: { readonly file: string; readonly name: string }): string => `${file}\u0000${name}`;

/** Seconds of evaluation in each second. */
const load = (rule: AnyRule, group: RuleGroup): number => (rule.evaluationTime ?? 0) / (group.interval ?? 60);

/** Of all rules together, and of the most costly one. */
interface Cost {
  readonly total: number;
  readonly most: number;
}

function ruleItem(rule: AnyRule, index: number, group: RuleGroup, { total, most }: Cost): RuleItem {
  const alerts = rule.type === "alerting" ? rule.alerts : [];
  return {
    index,
    group: group.name,
    file: group.file,
    name: rule.name,
    type: rule.type,
    state: stateOf(rule),
    rule,
    severity: rule.labels?.severity ?? "",
    firing: alerts.filter((alert) => alert.state === "firing").length,
    pending: alerts.filter((alert) => alert.state === "pending").length,
    evaluationSeconds: rule.evaluationTime ?? 0,
    lastEvaluationMs: momentOf(rule.lastEvaluation),
    share: total === 0 ? 0 : load(rule, group) / total,
    bar: most === 0 ? 0 : load(rule, group) / most,
  };
}

function stateOf(rule: AnyRule): RuleItem["state"] {
  if (rule.health === "err") return "failing";
  if (rule.health === "unknown") return "waiting";
  if (rule.type === "recording") return "recording";
  // The Watchdog fires always, so that its absence is the alarm: no news.
  return rule.state === "firing" && rule.labels?.severity === "none" ? "always" : rule.state;
}

/** Go's zero time stands for "never". */
function momentOf(text: string | undefined): number | null {
  const ms = text === undefined ? Number.NaN : Date.parse(text);
  return Number.isNaN(ms) || ms <= 0 ? null : ms;
}

export interface RuleFilter {
  readonly search: string;
  readonly state: string | undefined;
  /** Only rules with alerts of this shop. */
  readonly tenant?: string;
}

export const RULE_STATES = ["firing", "pending", "failing"] as const;

/** Groups with the rules that fit; groups without any are left out. */
export function filterRules(groups: readonly RuleGroupItem[], filter: RuleFilter): RuleGroupItem[] {
  const fits = (item: RuleItem) =>
    (filter.state === undefined || item.state === filter.state) &&
    matchesSearch(filter.search, item.name, item.group, item.rule.query, labelText(item.rule.labels));
  return groups.flatMap((group) => {
    const rules = group.rules.filter(fits);
    return rules.length === 0 ? [] : [{ ...group, rules }];
  });
}

const labelText = (labels: LabelSet | undefined): string =>
  Object.entries(labels ?? {})
    .map(([name, value]) => `${name}=${value}`)
    .join(" ");

/** All rules, the most costly first. */
export const byCost = (groups: readonly RuleGroupItem[]): RuleItem[] =>
  groups.flatMap((group) => group.rules).sort((a, b) => b.share - a.share || (a.name < b.name ? -1 : 1));

export interface RuleSummary {
  readonly rules: number;
  readonly firing: number;
  readonly failing: number;
  /** Of one core, 0–1 and more. */
  readonly load: number;
}

export function summariseRules(groups: readonly RuleGroupItem[]): RuleSummary {
  const all = groups.flatMap((group) => group.rules);
  return {
    rules: all.length,
    firing: all.filter((item) => item.state === "firing").length,
    failing: all.filter((item) => item.state === "failing").length,
    load: groups.reduce(
      (sum, group) => sum + group.rules.reduce((s, item) => s + item.evaluationSeconds, 0) / group.intervalSeconds,
      0,
    ),
  };
}

export const isAlerting = (rule: AnyRule): rule is AlertingRule => rule.type === "alerting";

export function findRule(
  groups: readonly RuleGroupItem[],
  group: string,
  file: string | undefined,
  index: number,
): RuleItem | undefined {
  const found = groups.find((item) => item.name === group && (file === undefined || item.file === file));
  return found?.rules.find((rule) => rule.index === index);
}
