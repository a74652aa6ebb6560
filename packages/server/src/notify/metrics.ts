// What notifying says about itself.
import { Counter, Gauge, Histogram } from "prom-client";
import type { SelfMetrics } from "../kernel/self-metrics.ts";
import type { Way } from "./health.ts";

export interface NotifyMetrics {
  readonly notifications: Counter<"receiver" | "outcome">;
  readonly retries: Counter<"receiver">;
  readonly latency: Histogram;
}

export function createNotifyMetrics(
  registry: SelfMetrics,
  receivers: () => ReadonlyMap<string, readonly Way[]>,
): NotifyMetrics {
  const registers = [registry];
  const gauge = (name: string, help: string, read: (way: Way) => number) =>
    new Gauge({
      name,
      help,
      labelNames: ["receiver", "integration"],
      registers,
      collect() {
        this.reset();
        for (const [receiver, ways] of receivers()) {
          for (const way of ways) this.set({ receiver, integration: way.name }, read(way));
        }
      },
    });
  gauge("storewatch_receiver_held", "1 while an integration's breaker holds notifications back.", ({ health }) =>
    health.breaker.view().state === "closed" ? 0 : 1,
  );
  gauge(
    "storewatch_notifications_waiting",
    "Notifications that wait for an integration that does not answer.",
    ({ health }) => health.breaker.view().waiting,
  );
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
