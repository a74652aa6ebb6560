// Tests only: a manager on a fake clock whose deliveries are recorded.
import type { Clock, NotificationData, PostableAlert } from "@storewatch/model";
import { Registry } from "prom-client";
import { parseConfigDocument } from "../../config/document.ts";
import { silentLogger } from "../../kernel/logger.ts";
import { loadAlertmanagerConfig } from "../config/index.ts";
import {
  type AlertStatePersistence,
  createMemoryPersistence,
  type Delivery,
  type DeliveryOutcome,
} from "../interface.ts";
import { type AlertManagerOptions, createAlertManager } from "../manager.ts";

export const START_MS = Date.UTC(2026, 0, 5, 12);

export interface Sent {
  /** Seconds from START_MS. */
  readonly at: number;
  readonly way: string;
  readonly status: string;
  /** alertname, with "!" when resolved. */
  readonly alerts: readonly string[];
  readonly data: NotificationData;
  readonly arrivedAtMs: number | undefined;
}

export interface HarnessOptions<C extends Clock> extends Partial<AlertManagerOptions> {
  /** A fake one, made by the test. */
  readonly clock: C;
  readonly kept?: AlertStatePersistence;
  readonly deliver?: (way: string, signal: AbortSignal) => Promise<DeliveryOutcome>;
}

export function configFrom(yaml: string) {
  return loadAlertmanagerConfig(parseConfigDocument("alertmanager.yml", yaml)).config;
}

export function createHarness<C extends Clock>(yaml: string, options: HarnessOptions<C>) {
  const { clock } = options;
  const sent: Sent[] = [];
  let ids = 0;
  const manager = createAlertManager({
    config: configFrom(yaml),
    logger: silentLogger,
    metrics: new Registry(),
    persistence: options.kept ?? createMemoryPersistence(),
    externalUrl: "http://watch.example",
    newId: () => `00000000-0000-4000-8000-${String(++ids).padStart(12, "0")}`,
    deliveries: (receiver) =>
      receiver.integrations.map((integration): Delivery => {
        const way = `${receiver.name}/${integration.kind}${integration.index}`;
        return {
          kind: integration.kind,
          index: integration.index,
          sendResolved: integration.sendResolved,
          async deliver({ data, arrivedAtMs }, signal) {
            const outcome = (await options.deliver?.(way, signal)) ?? { delivered: true };
            if (outcome.delivered) {
              const alerts = data.alerts.map((a) => `${a.labels.alertname}${a.status === "resolved" ? "!" : ""}`);
              sent.push({ at: (clock.nowMs() - START_MS) / 1000, way, status: data.status, alerts, data, arrivedAtMs });
            }
            return outcome;
          },
        };
      }),
    ...options,
  });
  return { clock, manager, sent, lines: () => sent.map((s) => `${s.at} ${s.way} ${s.alerts.join(",")}`) };
}

export function alert(
  alertname: string,
  more: Record<string, string> = {},
  rest: Partial<PostableAlert> = {},
): PostableAlert {
  return { labels: { alertname, ...more }, annotations: {}, ...rest };
}
