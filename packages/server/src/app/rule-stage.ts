// query → rules: constructs the rule engine and the book of all rule groups.
import path from "node:path";
import type { AlertSink, Clock } from "@storewatch/model";
import type { PrometheusConfig } from "../collect/prometheus-config.ts";
import type { Logger } from "../kernel/logger.ts";
import type { SelfMetrics } from "../kernel/self-metrics.ts";
import { createHeldAlertFile } from "../rules/held-alerts.ts";
import { RuleBook } from "../rules/rule-book.ts";
import { createRuleEngine, type RuleEngine, type RuleSettings } from "../rules/rule-engine.ts";
import type { RuleGroupConfig } from "../rules/rule-file.ts";
import { type MetricStage, ruleAccess } from "./metric-stage.ts";

export interface RuleStage {
  readonly engine: RuleEngine;
  readonly book: RuleBook;
  readonly externalUrl: string;
  /** What the global section of the Prometheus file says about rules now. */
  readonly settings: () => Required<RuleSettings>;
  /** Throws ConfigError and keeps everything when a file names a group that is kept here. */
  reload(groups: readonly RuleGroupConfig[], prometheus: PrometheusConfig): Promise<void>;
}

export interface RuleStageOptions {
  readonly dataDir: string;
  readonly stage: MetricStage;
  readonly sink: AlertSink;
  readonly groups: readonly RuleGroupConfig[];
  readonly prometheus: PrometheusConfig;
  readonly promqlExperimental: boolean;
  readonly externalUrl: string;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: SelfMetrics;
}

export function createRuleStage(options: RuleStageOptions): RuleStage {
  const { clock, logger, metrics, externalUrl } = options;
  const directory = path.join(options.dataDir, "rules");
  const book = new RuleBook({
    directory,
    fileGroups: options.groups,
    format: { experimental: options.promqlExperimental },
    apply: (groups, settings) => engine.reload(groups, settings),
  });
  let settings = settingsOf(options.prometheus);
  const engine: RuleEngine = createRuleEngine({
    ...ruleAccess(options.stage),
    ...settings,
    alerts: options.sink,
    held: createHeldAlertFile(path.join(directory, "held-alerts.json"), logger),
    groups: book.groups(),
    clock,
    logger,
    metrics,
    externalUrl,
  });
  return {
    engine,
    book,
    externalUrl,
    settings: () => settings,
    async reload(groups, prometheus) {
      const next = settingsOf(prometheus);
      await book.reload(groups, next);
      settings = next;
    },
  };
}

function settingsOf({ global }: PrometheusConfig): Required<RuleSettings> {
  return {
    externalLabels: global.externalLabels.toJSON(),
    evaluationIntervalMs: global.evaluationIntervalMs,
    queryOffsetMs: global.ruleQueryOffsetMs,
  };
}
