// alerts → notify: constructs who is told and how.
import path from "node:path";
import { ALL_TENANTS, type AlertSink, type Clock } from "@storewatch/model";
import {
  type AlertManager,
  type AlertmanagerConfig,
  createAlertManager,
  createStateFile,
  type StateFile,
} from "../alerts/index.ts";
import type { Logger } from "../kernel/logger.ts";
import { systemRng } from "../kernel/rng.ts";
import { createSafeHttp } from "../kernel/safe-http.ts";
import type { SelfMetrics } from "../kernel/self-metrics.ts";
import { createNotifier, loadTemplates, type Notifier } from "../notify/index.ts";
import type { TemplateSet } from "../template/index.ts";

export interface AlertStage {
  readonly manager: AlertManager;
  readonly notifier: Notifier;
  /** Where rules hand their alerts over. */
  readonly sink: AlertSink;
  start(): Promise<void>;
  /** Throws TemplateFileError and keeps the old configuration. */
  reload(config: AlertmanagerConfig): Promise<void>;
  stop(): Promise<void>;
}

export interface AlertStageOptions {
  readonly dataDir: string;
  readonly config: AlertmanagerConfig;
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
  let templates: TemplateSet = await templatesOf(options.config);
  const notifier = createNotifier({
    clock,
    logger,
    metrics,
    rng: systemRng,
    http: createSafeHttp({ allow: options.allowedRanges }).request,
    persistence: deliveries,
  });
  const manager = createAlertManager({
    config: options.config,
    clock,
    logger,
    metrics,
    persistence: state,
    deliveries: (receiver) => notifier.deliveries(receiver, templates),
    externalUrl: options.externalUrl,
  });
  return {
    manager,
    notifier,
    sink: async (alerts) => {
      await manager.put(ALL_TENANTS, alerts);
    },
    async start() {
      await notifier.start();
      await manager.start();
    },
    async reload(config) {
      templates = await templatesOf(config);
      await manager.reload(config);
    },
    async stop() {
      await manager.stop();
      await Promise.all([state.close(), deliveries.close()]);
    },
  };
}
