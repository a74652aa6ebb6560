// One delivery of one group by one integration: attempts, the entry in the log, the numbers.
import { randomUUID } from "node:crypto";
import { type Clock, type NotificationData, TENANT_LABEL } from "@storewatch/model";
import type { NotificationView } from "@storewatch/model/api";
import type { DeliveryOutcome, DeliveryRequest } from "../alerts/interface.ts";
import type { Logger } from "../kernel/logger.ts";
import type { DeliveryLog } from "./delivery-log.ts";
import type { Way } from "./health.ts";
import type { DeliveryResult } from "./interface.ts";
import type { NotifyMetrics } from "./metrics.ts";
import { type Delivered, deliverWithRetry, type Gate } from "./stage/retry.ts";

export interface DeliverOptions {
  readonly clock: Clock;
  readonly rng: () => number;
  readonly logger: Logger;
  readonly log: DeliveryLog;
  readonly metrics: NotifyMetrics;
}

export type Deliver = (way: Way, request: DeliveryRequest, signal: AbortSignal) => Promise<DeliveryOutcome>;

export function createDeliver(options: DeliverOptions): Deliver {
  const { clock, rng, logger, metrics } = options;
  return async (way, { data, arrivedAtMs, folded }, signal) => {
    const { health, integration } = way;
    const { receiver } = data;
    const entry = new LogEntry(way, data, options, folded?.slice(0, FOLDED_MAX));
    const onRetry = (attempts: number, result: DeliveryResult) => {
      metrics.retries.inc({ receiver });
      health.counted("retried");
      entry.write({ result, attempts }, "retrying", null);
    };
    const gate = gateOf(way, (reason) => entry.waiting(reason));
    const delivered = await deliverWithRetry(integration, data, { clock, rng, signal, onRetry, gate });
    const { result, attempts } = delivered;
    if (delivered.again) {
      health.keepHeld(data.groupKey, entry.id);
      // Stays so when by now there is nothing left to tell.
      const { record } = result;
      entry.write(
        { result: { outcome: "failed", reason: "held back, then begun anew", record }, attempts },
        "failed",
        null,
      );
      return { delivered: false, again: true, reason: "held back, and begun anew" };
    }
    const isDelivered = result.outcome === "delivered";
    const latencyMs = isDelivered && arrivedAtMs !== undefined ? Math.max(0, clock.nowMs() - arrivedAtMs) : null;
    const outcome = isDelivered ? "delivered" : "failed";
    metrics.notifications.inc({ receiver, outcome });
    health.counted(outcome);
    if (latencyMs !== null) metrics.latency.observe(latencyMs / 1000);
    entry.write(delivered, outcome, latencyMs);
    if (result.outcome === "delivered") return { delivered: true };
    // The next flush tells the same group again: one entry for an outage, however long.
    if (attempts === 0 || health.breaker.view().state !== "closed") health.keepHeld(data.groupKey, entry.id);
    logger.warn({ receiver, integration: way.name, attempts, reason: result.reason }, "not delivered");
    return { delivered: false, reason: result.reason };
  };
}

/** Without a fixed target one failure says nothing of the next notification: all pass. */
function gateOf({ health, integration }: Way, onWait: (reason: string) => void): Gate {
  const isFixed = integration.fixedTarget !== false;
  return {
    get reason() {
      return health.reason;
    },
    report: (result) => health.report(result),
    async enter(signal) {
      if (!isFixed) return signal.aborted ? "aborted" : "go";
      const pass = health.enter(signal);
      if (health.breaker.view().waiting > 0) onWait(health.reason);
      return pass;
    },
  };
}

/** Groups of a digest in the log. */
const FOLDED_MAX = 1000;

class LogEntry {
  readonly id: string;
  private readonly startedMs: number;
  private attempts = 0;

  constructor(
    private readonly way: Way,
    private readonly data: NotificationData,
    private readonly options: DeliverOptions,
    /** Of a digest. */
    private readonly folded: NotificationView["folded"],
  ) {
    this.id = way.health.takeHeld(data.groupKey) ?? randomUUID();
    this.startedMs = options.clock.monotonicMs();
  }

  write({ result, attempts }: Delivered, outcome: NotificationView["outcome"], latencyMs: number | null): void {
    const { clock, log } = this.options;
    this.attempts = attempts;
    const atMs = clock.nowMs();
    const durationMs = clock.monotonicMs() - this.startedMs;
    log.write({
      ...entryOf(this.id, this.way.name, this.data, result),
      ...(this.folded ? { folded: this.folded } : {}),
      attempts,
      outcome,
      atMs,
      durationMs,
      latencyMs,
    });
  }

  waiting(reason: string): void {
    const record = { target: "", subject: "", body: "", answer: "" };
    const result: DeliveryResult = { outcome: "retry", reason: `waits until it answers again: ${reason}`, record };
    this.write({ result, attempts: this.attempts }, "retrying", null);
  }
}

export function entryOf(
  id: string,
  integration: string,
  data: NotificationData,
  result: DeliveryResult,
): Omit<NotificationView, "outcome" | "attempts" | "atMs" | "durationMs" | "latencyMs"> {
  const tenants = new Set(data.alerts.flatMap((alert) => alert.labels[TENANT_LABEL] ?? []));
  const reason = result.outcome === "delivered" ? "" : result.reason;
  const { target, subject, body, answer } = result.record;
  return {
    id,
    receiver: data.receiver,
    integration,
    status: data.status,
    groupKey: data.groupKey,
    groupLabels: data.groupLabels,
    alerts: data.alerts.map(({ status, fingerprint, labels }) => ({ status, fingerprint, labels })),
    tenants: [...tenants].sort(),
    target: target || integration.replace(/\[\d+\]$/, ""),
    subject,
    body,
    answer: answer || reason,
  };
}
