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
}

export function summariseReceivers(list: readonly ReceiverView[]): ReceiverSummary {
  const telling = list.filter((receiver) => receiver.integrations.length > 0);
  const all = telling.flatMap((receiver) => receiver.integrations.map((one) => ({ receiver, one })));
  return {
    receivers: telling.length,
    failing: all
      .filter(({ one }) => healthState(one) === "crit")
      .map(({ receiver, one }) => `${receiver.name} · ${one.integration}`),
    waiting: all.reduce((sum, { one }) => sum + one.counts.waiting, 0),
  };
}
