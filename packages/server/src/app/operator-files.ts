// The operator's own files, read and checked as a whole: a start or reload takes all of them or none.
import { readFileSync } from "node:fs";
import path from "node:path";
import type { Finding } from "@storewatch/model";
import { type LoadedConfig, loadAlertmanagerConfig } from "../alerts/index.ts";
import {
  type ConfigSources,
  fileSources,
  findRuleFiles,
  loadPrometheusConfig,
  type PrometheusConfig,
} from "../collect/prometheus-config.ts";
import { ConfigError, parseConfigDocument } from "../config/document.ts";
import type { Environment } from "../config/environment.ts";
import type { StorewatchConfig } from "../config/storewatch-config.ts";
import { CONTENT_DIR } from "../demo/render-config.ts";
import { type ParsedRuleFile, type RuleGroupConfig, readRuleDocument } from "../rules/rule-file.ts";

export interface OperatorFiles {
  readonly prometheus: PrometheusConfig;
  readonly ruleGroups: readonly RuleGroupConfig[];
  readonly alertmanager: LoadedConfig["config"];
  /** Warnings and remarks; none is an error. */
  readonly findings: readonly Finding[];
}

/** Without an Alertmanager file nobody is told, and the web app shows every alert. */
const NOBODY_IS_TOLD = `route:
  receiver: web-app-only
  group_by: [alertname, tenant_id]
receivers:
  - name: web-app-only
`;

/** Throws ConfigError with every problem of the first bad file. */
export function loadOperatorFiles(config: StorewatchConfig, environment: Environment): OperatorFiles {
  const sources = fileSources(environment);
  const prometheus = loadPrometheus(config.metrics.prometheusFile, sources);
  const rules = ruleFiles(config, prometheus, sources).map((file) => loadRules(file, config));
  const alertmanager = loadAlertmanager(config.alerts.alertmanagerFile, environment);
  checkReminderReceiver(config, alertmanager.config);
  return {
    prometheus,
    ruleGroups: rules.flatMap((file) => file.groups),
    alertmanager: alertmanager.config,
    findings: [...prometheus.unsupported, ...rules.flatMap((file) => file.findings), ...alertmanager.findings],
  };
}

function loadPrometheus(file: string | undefined, sources: ConfigSources): PrometheusConfig {
  if (file !== undefined) return loadPrometheusConfig(file, sources);
  return loadPrometheusConfig("(built in)", { ...sources, readFile: () => "" });
}

/**
 * What the operator's Prometheus file names, and nothing else: a file that works elsewhere means the same here. On
 * 100,000 series the built-in rules would cost more than twice what scraping them does. They are for a Storewatch
 * without such a file.
 */
function ruleFiles(config: StorewatchConfig, prometheus: PrometheusConfig, sources: ConfigSources): string[] {
  if (config.metrics.prometheusFile !== undefined) {
    const own = findRuleFiles(prometheus, sources);
    return config.alerts.healthRules && !own.some(isHealthRules) ? [...own, HEALTH_RULES] : own;
  }
  return [...sources.glob(path.join(CONTENT_DIR, "rules", "*.rules.yml"))];
}

const HEALTH_RULES = path.join(CONTENT_DIR, "rules", "storewatch.rules.yml");

/** The demo has a copy of it. */
function isHealthRules(file: string): boolean {
  return path.basename(file) === path.basename(HEALTH_RULES);
}

function loadRules(file: string, { features }: StorewatchConfig): ParsedRuleFile {
  const document = parseConfigDocument(file, readText(file));
  const parsed = readRuleDocument(document, { experimental: features.promqlExperimental });
  if (parsed.findings.some((finding) => finding.severity === "error")) throw new ConfigError(parsed.findings);
  return parsed;
}

function loadAlertmanager(file: string | undefined, environment: Environment): LoadedConfig {
  const text = file === undefined ? NOBODY_IS_TOLD : readText(file);
  return loadAlertmanagerConfig(parseConfigDocument(file ?? "(built in)", text), { environment });
}

/** Throws ConfigError: nobody would be reminded. */
function checkReminderReceiver({ alerts, file }: StorewatchConfig, { receivers }: LoadedConfig["config"]): void {
  const named = alerts.calm.silenceReminder?.receiver;
  if (named === undefined || receivers.some(({ name }) => name === named)) return;
  const message = `alerts.calm.silence_reminder.receiver: the Alertmanager file has no receiver "${named}"`;
  const place = { file: file ?? "storewatch.yml", line: 1, column: 1 };
  throw new ConfigError([{ code: "CONFIG_VALUE", severity: "error", ...place, message }]);
}

function readText(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    const message = `cannot read the file: ${error instanceof Error ? error.message : String(error)}`;
    throw new ConfigError([{ code: "CONFIG_FILE", severity: "error", file, line: 1, column: 1, message }]);
  }
}
