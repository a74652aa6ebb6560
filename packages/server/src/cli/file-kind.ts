// Which format a file has, found out from its content: the one whose keys it uses most.
import { agentSchema } from "../agent/index.ts";
import { storewatchSchema } from "../config/storewatch-config.ts";

export type FileKind = "storewatch" | "prometheus" | "rules" | "rule-tests" | "alertmanager" | "dashboard" | "agent";

const KEYS: Readonly<Record<FileKind, readonly string[]>> = {
  "rule-tests": ["tests", "rule_files", "evaluation_interval", "group_eval_order", "fuzzy_compare"],
  rules: ["groups"],
  prometheus: [
    "global",
    "scrape_configs",
    "scrape_config_files",
    "rule_files",
    "alerting",
    "remote_write",
    "remote_read",
    "storage",
    "tracing",
    "runtime",
    "otlp",
  ],
  alertmanager: [
    "global",
    "route",
    "receivers",
    "inhibit_rules",
    "templates",
    "mute_time_intervals",
    "time_intervals",
    "tracing",
  ],
  dashboard: ["panels", "rows", "templating", "schemaVersion", "title", "uid", "annotations", "time", "dashboard"],
  storewatch: Object.keys(storewatchSchema.shape),
  agent: Object.keys(agentSchema.shape),
};

/** A key that no other format has: with it the kind is clear, whatever else the file holds. */
const TELLING: Readonly<Partial<Record<string, FileKind>>> = {
  tests: "rule-tests",
  groups: "rules",
  scrape_configs: "prometheus",
  route: "alertmanager",
  receivers: "alertmanager",
  panels: "dashboard",
};

/** Keys below `global`, which both of these files have. */
const ALERTMANAGER_GLOBAL =
  /^(resolve_timeout|smtp_|slack_|pagerduty_|opsgenie_|victorops_|telegram_|webex_|wechat_|http_config)/;

/** Undefined: none that Storewatch knows. */
export function fileKindOf(data: unknown): FileKind | undefined {
  if (!isMap(data)) return undefined;
  if (typeof data.kind === "string" && typeof data.apiVersion === "string") {
    return data.kind === "PrometheusRule" ? "rules" : undefined;
  }
  if (isMap(data.dashboard)) return "dashboard";
  const keys = Object.keys(data);
  for (const key of keys) {
    const kind = TELLING[key];
    if (kind !== undefined && Object.hasOwn(TELLING, key)) return kind;
  }
  if (keys.length > 0 && keys.every((key) => key === "global")) {
    const global = isMap(data.global) ? Object.keys(data.global) : [];
    return global.some((key) => ALERTMANAGER_GLOBAL.test(key)) ? "alertmanager" : "prometheus";
  }
  return mostLike(keys);
}

function mostLike(keys: readonly string[]): FileKind | undefined {
  let best: FileKind | undefined;
  let bestCount = 0;
  for (const [kind, known] of Object.entries(KEYS) as Array<[FileKind, readonly string[]]>) {
    const count = keys.filter((key) => known.includes(key)).length;
    if (count > bestCount) [best, bestCount] = [kind, count];
  }
  // A dashboard without panels would be any JSON with a title.
  return best === "dashboard" && bestCount < 3 ? undefined : best;
}

function isMap(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
