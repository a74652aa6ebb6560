import type { ReceiverIntegrationView, ReceiverView } from "@storewatch/model/api";
import type { StateName } from "../../design/state.tsx";

export function healthState(one: Pick<ReceiverIntegrationView, "health" | "breaker">): StateName {
  if (one.health === "failing" || one.breaker.state === "open") return "crit";
  if (one.breaker.state === "half-open" || one.health === "unsupported") return "warn";
  return one.health === "ok" ? "ok" : "unknown";
}

export interface ReceiverSummary {
  /** Those that tell anybody. */
  readonly receivers: number;
  /** "receiver · integration" of those that fail now. */
  readonly failing: readonly string[];
  readonly waiting: number;
  /** "receiver · integration" of those to which this version delivers nothing. */
  readonly undelivered: readonly string[];
}

export function summariseReceivers(list: readonly ReceiverView[]): ReceiverSummary {
  const telling = list.filter((receiver) => receiver.integrations.length > 0);
  const all = telling.flatMap((receiver) => receiver.integrations.map((one) => ({ receiver, one })));
  const named = (wanted: (way: (typeof all)[number]) => boolean) =>
    all.filter(wanted).map(({ receiver, one }) => `${receiver.name} · ${one.integration}`);
  return {
    receivers: telling.length,
    failing: named(({ one }) => healthState(one) === "crit"),
    undelivered: named(({ one }) => one.health === "unsupported"),
    waiting: all.reduce((sum, { one }) => sum + one.counts.waiting, 0),
  };
}
