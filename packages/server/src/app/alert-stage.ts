// alerts → notify: constructs who is told and how.
import path from "node:path";
import { ALL_TENANTS, type AlertSink, type Clock } from "@storewatch/model";
import {
  type AlertManager,
  type AlertmanagerConfig,
  createAlertManager,
  createStateFile,
  QualityJournal,
  type StateFile,
} from "../alerts/index.ts";
import { systemResolver } from "../collect/discovery/dns-resolver.ts";
import type { DiscoveryDeps } from "../collect/discovery/interface.ts";
import type { PrometheusConfig } from "../collect/prometheus-config.ts";
import type { StorewatchConfig } from "../config/storewatch-config.ts";
import type { Logger } from "../kernel/logger.ts";
import { systemRng } from "../kernel/rng.ts";
import { createSafeHttp, type SafeHttp } from "../kernel/safe-http.ts";
import type { SelfMetrics } from "../kernel/self-metrics.ts";
import {
  createAlertmanagerSender,
  createHeartbeat,
  createNotifier,
  createRenderer,
  loadTemplates,
  type Notifier,
} from "../notify/index.ts";
import type { TemplateSet } from "../template/index.ts";
import { createAlertmanagerFinder } from "./external-alertmanagers.ts";

export interface AlertStage {
  readonly manager: AlertManager;
  readonly notifier: Notifier;
  /** For the alert quality report. */
  readonly quality: QualityJournal;
  /** Where rules hand their alerts over. */
  readonly sink: AlertSink;
  /** URLs of those that get our alerts too, as they are known now. */
  externalAlertmanagers(): readonly string[];
  /** URLs of the external Alertmanagers that alerts go to now. */
  alertmanagers(): readonly string[];
  /** `chainProblem` tells what is wrong from scraping to rules: while there is something, no heartbeat is sent. */
  start(chainProblem: () => string | undefined): Promise<void>;
  /** Reads what the configuration names; throws TemplateFileError before anything changes. The result applies it. */
  prepareReload(config: AlertStageConfig): Promise<() => Promise<void>>;
  stop(): Promise<void>;
}

/** What a reload can change. */
export interface AlertStageConfig {
  readonly alertmanager: AlertmanagerConfig;
  /** Its external Alertmanagers. */
  readonly prometheus: PrometheusConfig;
  readonly heartbeat: StorewatchConfig["alerts"]["heartbeat"];
  readonly calm: StorewatchConfig["alerts"]["calm"];
}

export interface AlertStageOptions {
  readonly dataDir: string;
  readonly config: AlertStageConfig;
  readonly externalUrl: string;
  /** Address ranges that URLs of users may name beside public ones. */
  readonly allowedRanges: readonly string[];
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: SelfMetrics;
}

export async function createAlertStage(options: AlertStageOptions): Promise<AlertStage> {
  const { clock, logger, metrics } = options;
  const file = (name: string) => createStateFile(path.join(options.dataDir, "alerts", name), logger);
  const state: StateFile = file("state.jsonl");
  const deliveries: StateFile = file("notifications.jsonl");
  const templatesOf = (config: AlertmanagerConfig) => loadTemplates(config.templates, { nowMs: () => clock.nowMs() });
  let templates: TemplateSet = await templatesOf(options.config.alertmanager);
  const client = createSafeHttp({ allow: options.allowedRanges });
  const http = client.request;
  const notifier = createNotifier({
    clock,
    logger,
    metrics,
    rng: systemRng,
    http,
    persistence: deliveries,
  });
  const counts: StateFile = file("quality.jsonl");
  const quality = new QualityJournal({ clock, logger, persistence: counts });
  const manager = createAlertManager({
    config: options.config.alertmanager,
    calm: options.config.calm,
    observer: quality,
    clock,
    logger,
    metrics,
    persistence: state,
    deliveries: (receiver) => notifier.deliveries(receiver, templates),
    renderRouteLabels: (data) => createRenderer(templates, data).routeLabels(),
    externalUrl: options.externalUrl,
  });
  const external = createAlertmanagerSender({ clock, logger, metrics, rng: systemRng });
  let alertmanagers: readonly string[] = [];
  const finder = createAlertmanagerFinder({
    discovery: discoveryDeps(clock, http, logger),
    onTargets: (targets) => {
      alertmanagers = targets.map(({ name }) => name);
      external.setTargets(targets);
    },
  });
  let chainProblem = (): string | undefined => "not started yet";
  const heartbeat = createHeartbeat({ clock, logger, metrics, http, problem: () => chainProblem() });
  return {
    manager,
    notifier,
    quality,
    alertmanagers: () => alertmanagers,
    sink: async (alerts) => {
      // First: it only queues, and does not wait for our own disk.
      external.send(alerts);
      await manager.put(ALL_TENANTS, alerts);
    },
    externalAlertmanagers: () => finder.urls(),
    async start(problem) {
      await notifier.start();
      await quality.start();
      await manager.start();
      finder.configure(options.config.prometheus);
      chainProblem = problem;
      heartbeat.configure(options.config.heartbeat);
    },
    async prepareReload({ alertmanager, prometheus, heartbeat: beat, calm }) {
      const next = await templatesOf(alertmanager);
      return async () => {
        templates = next;
        await manager.reload(alertmanager, calm);
        notifier.retain(new Set(alertmanager.receivers.map(({ name }) => name)));
        finder.configure(prometheus);
        heartbeat.configure(beat);
      };
    },
    async stop() {
      heartbeat.stop();
      finder.stop();
      await Promise.all([manager.stop(), external.stop()]);
      await quality.stop();
      await Promise.all([state.close(), deliveries.close(), counts.close(), client.close()]);
    },
  };
}

function discoveryDeps(clock: Clock, http: SafeHttp["request"], logger: Logger): DiscoveryDeps {
  return {
    clock,
    http,
    random: systemRng,
    resolver: systemResolver(),
    userAgent: "Storewatch",
    onProblem: (source, message) => logger.warn({ source, error: message }, "Alertmanagers kept as they were"),
  };
}
