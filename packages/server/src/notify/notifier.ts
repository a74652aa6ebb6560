// Receivers of a configuration → Deliveries: an integration with retries, the log of notifications, and metrics.
import { randomUUID } from "node:crypto";
import { type Clock, type NotificationData, TENANT_LABEL } from "@storewatch/model";
import type { NotificationView } from "@storewatch/model/api";
import { Counter, Histogram } from "prom-client";
import type { IntegrationConfig, ReceiverConfig } from "../alerts/config/index.ts";
import type { AlertStatePersistence, Delivery, DeliveryOutcome, DeliveryRequest } from "../alerts/interface.ts";
import type { Logger } from "../kernel/logger.ts";
import type { SelfMetrics } from "../kernel/self-metrics.ts";
import type { TemplateSet } from "../template/index.ts";
import { DeliveryLog } from "./delivery-log.ts";
import type { HttpSend } from "./http.ts";
import type { DeliveryResult, Integration } from "./interface.ts";
import { createIntegration } from "./registry.ts";
import { type Delivered, deliverWithRetry } from "./stage/retry.ts";

export interface NotifierOptions {
  readonly clock: Clock;
  readonly rng: () => number;
  readonly logger: Logger;
  readonly metrics: SelfMetrics;
  /** createSafeHttp(…).request */
  readonly http: HttpSend;
  /** Where the log of notifications is kept: a file of its own. */
  readonly persistence: AlertStatePersistence;
  readonly logEntriesMax?: number;
}

export interface Notifier {
  readonly log: DeliveryLog;
  /** Loads the log. */
  start(): Promise<void>;
  /** The ways to a receiver, with the templates of its configuration. */
  deliveries(receiver: ReceiverConfig, templates: TemplateSet): Delivery[];
}

export function createNotifier(options: NotifierOptions): Notifier {
  const { clock, http, metrics, logger, persistence } = options;
  const log = new DeliveryLog({ persistence, logger, entriesMax: options.logEntriesMax });
  const deliver = createDeliver(options, log, createMetrics(metrics));
  return {
    log,
    start: () => log.load(),
    deliveries: (receiver, templates) =>
      receiver.integrations.map((config: IntegrationConfig) => {
        const integration = createIntegration(config, { clock, http, templates });
        const { kind, index, sendResolved } = integration;
        return { kind, index, sendResolved, deliver: (request, signal) => deliver(integration, request, signal) };
      }),
  };
}

interface NotifyMetrics {
  readonly notifications: Counter<"receiver" | "outcome">;
  readonly retries: Counter<"receiver">;
  readonly latency: Histogram;
}

function createMetrics(registry: SelfMetrics): NotifyMetrics {
  const registers = [registry];
  return {
    notifications: new Counter({
      name: "storewatch_notifications_total",
      help: "Notifications by receiver and outcome (delivered, failed), retries not counted.",
      labelNames: ["receiver", "outcome"],
      registers,
    }),
    retries: new Counter({
      name: "storewatch_notification_retries_total",
      help: "Attempts that failed and were followed by another.",
      labelNames: ["receiver"],
      registers,
    }),
    latency: new Histogram({
      name: "storewatch_alert_latency_seconds",
      help: "From the arrival of the data to the delivered notification.",
      buckets: [0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 30, 60, 300],
      registers,
    }),
  };
}

type Deliver = (integration: Integration, request: DeliveryRequest, signal: AbortSignal) => Promise<DeliveryOutcome>;

function createDeliver(options: NotifierOptions, log: DeliveryLog, metrics: NotifyMetrics): Deliver {
  const { clock, rng, logger } = options;
  return async (integration, { data, arrivedAtMs }, signal) => {
    const id = randomUUID();
    const { receiver } = data;
    const startedMs = clock.monotonicMs();
    const write = (delivered: Delivered, outcome: NotificationView["outcome"], latencyMs: number | null) => {
      const atMs = clock.nowMs();
      const durationMs = clock.monotonicMs() - startedMs;
      log.write({ ...viewOf(id, integration, data, delivered), outcome, atMs, durationMs, latencyMs });
    };
    const onRetry = (attempts: number, result: DeliveryResult) => {
      metrics.retries.inc({ receiver });
      write({ result, attempts }, "retrying", null);
    };
    const delivered = await deliverWithRetry(integration, data, { clock, rng, signal, onRetry });
    const { result } = delivered;
    const isDelivered = result.outcome === "delivered";
    const latencyMs = isDelivered && arrivedAtMs !== undefined ? Math.max(0, clock.nowMs() - arrivedAtMs) : null;
    const outcome = isDelivered ? "delivered" : "failed";
    metrics.notifications.inc({ receiver, outcome });
    if (latencyMs !== null) metrics.latency.observe(latencyMs / 1000);
    write(delivered, outcome, latencyMs);
    if (result.outcome === "delivered") return { delivered: true };
    logger.warn(
      { receiver, integration: integration.kind, attempts: delivered.attempts, reason: result.reason },
      "not delivered",
    );
    return { delivered: false, reason: result.reason };
  };
}

function viewOf(
  id: string,
  integration: Integration,
  data: NotificationData,
  { result, attempts }: Delivered,
): Omit<NotificationView, "outcome" | "atMs" | "durationMs" | "latencyMs"> {
  const tenants = new Set(data.alerts.flatMap((alert) => alert.labels[TENANT_LABEL] ?? []));
  const reason = result.outcome === "delivered" ? "" : result.reason;
  const { target, subject, body, answer } = result.record;
  return {
    id,
    receiver: data.receiver,
    integration: `${integration.kind}[${integration.index}]`,
    status: data.status,
    attempts,
    groupKey: data.groupKey,
    groupLabels: data.groupLabels,
    alerts: data.alerts.map(({ status, fingerprint, labels }) => ({ status, fingerprint, labels })),
    tenants: [...tenants].sort(),
    target: target || integration.kind,
    subject,
    body,
    answer: answer || reason,
  };
}
