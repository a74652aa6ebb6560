import { Counter, Gauge, type Registry } from "prom-client";
import type { SilenceState } from "./silences.ts";
import type { SuppressReason } from "./stage/mute.ts";

export interface AlertMetrics {
  received(outcome: "firing" | "resolved" | "invalid" | "scope" | "limit", count: number): void;
  suppressed(reason: SuppressReason, alerts: number): void;
  folded(receiver: string, groups: number): void;
}

/** What the gauges ask for when they are read. */
export interface AlertNumbers {
  alerts(): { firing: number; suppressed: number };
  groups(): number;
  flapping(): number;
  silences(): Record<SilenceState, number>;
}

export function createAlertMetrics(registry: Registry, numbers: AlertNumbers): AlertMetrics {
  const registers = [registry];
  const received = new Counter({
    name: "storewatch_alerts_received_total",
    help: "Alerts reported, by what became of the report.",
    labelNames: ["outcome"],
    registers,
  });
  const suppressed = new Counter({
    name: "storewatch_notifications_suppressed_total",
    help: "Alerts held back from a notification, by reason.",
    labelNames: ["reason"],
    registers,
  });
  new Gauge({
    name: "storewatch_alerts",
    help: "Alerts that have not ended, by state.",
    labelNames: ["state"],
    registers,
    collect() {
      const { firing, suppressed: quiet } = numbers.alerts();
      this.set({ state: "active" }, firing - quiet);
      this.set({ state: "suppressed" }, quiet);
    },
  });
  new Gauge({
    name: "storewatch_alert_groups",
    help: "Groups of alerts that wait for or repeat notifications.",
    registers,
    collect() {
      this.set(numbers.groups());
    },
  });
  const folded = new Counter({
    name: "storewatch_notifications_folded_total",
    help: "Notifications of groups that a digest told of together, by receiver.",
    labelNames: ["receiver"],
    registers,
  });
  new Gauge({
    name: "storewatch_alerts_flapping",
    help: "Alerts that change between firing and resolved too often: told once, until they are calm.",
    registers,
    collect() {
      this.set(numbers.flapping());
    },
  });
  new Gauge({
    name: "storewatch_silences",
    help: "Silences by state.",
    labelNames: ["state"],
    registers,
    collect() {
      for (const [state, count] of Object.entries(numbers.silences())) this.set({ state }, count);
    },
  });
  return {
    received: (outcome, count) => count > 0 && received.inc({ outcome }, count),
    suppressed: (reason, count) => suppressed.inc({ reason }, count),
    folded: (receiver, groups) => folded.inc({ receiver }, groups),
  };
}
