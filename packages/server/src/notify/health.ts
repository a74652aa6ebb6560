// How each integration fares: its breaker, its last success and failure, its counts. Outlives reloads of the configuration.
import type { Clock } from "@storewatch/model";
import type { NotificationView, ReceiverIntegrationView } from "@storewatch/model/api";
import { Breaker } from "./breaker.ts";
import type { DeliveryResult, Integration } from "./interface.ts";
import type { Gate } from "./stage/retry.ts";

/** An integration and how it fares. */
export interface Way {
  /** For example "slack[0]". */
  readonly name: string;
  readonly integration: Integration;
  readonly health: IntegrationHealth;
}

type Moment = { readonly atMs: number; readonly reason: string };

export class IntegrationHealth implements Gate {
  readonly breaker: Breaker;
  private lastSuccess: Moment | undefined;
  private lastFailure: Moment | undefined;
  private readonly counts = { delivered: 0, failed: 0, retried: 0 };
  /** Log entries of notifications that were held back, by group: the next try goes on with the same entry. */
  private readonly heldEntries = new Map<string, string>();

  constructor(private readonly clock: Clock) {
    this.breaker = new Breaker({ clock });
  }

  enter(signal: AbortSignal): Promise<"go" | "again" | "aborted"> {
    return this.breaker.enter(signal);
  }

  get reason(): string {
    return this.breaker.view().reason;
  }

  report(result: DeliveryResult): void {
    const atMs = this.clock.nowMs();
    if (result.outcome === "delivered") {
      this.lastSuccess = { atMs, reason: "" };
      this.breaker.succeeded();
      return;
    }
    const { reason } = result;
    this.lastFailure = { atMs, reason };
    if (result.outcome === "retry") {
      if (result.limited && result.retryAfterMs !== undefined) this.breaker.limited(result.retryAfterMs, reason);
      else this.breaker.failed(reason);
      return;
    }
    // A service that refuses one message is there and may take the next; without an answer nothing was asked.
    if (result.record.answer === "") this.breaker.unknown();
    else this.breaker.succeeded();
  }

  counted(what: "delivered" | "failed" | "retried"): void {
    this.counts[what] += 1;
  }

  /** From the log of an earlier run. */
  remember(entry: NotificationView): void {
    const moment = { atMs: entry.atMs, reason: entry.outcome === "delivered" ? "" : entry.answer };
    if (entry.outcome === "delivered") this.lastSuccess = moment;
    else this.lastFailure = moment;
  }

  /** The entry that an earlier try for this group left open; it is taken. */
  takeHeld(groupKey: string): string | undefined {
    const id = this.heldEntries.get(groupKey);
    this.heldEntries.delete(groupKey);
    return id;
  }

  keepHeld(groupKey: string, entryId: string): void {
    this.heldEntries.set(groupKey, entryId);
  }

  async view(integration: Integration): Promise<ReceiverIntegrationView> {
    const { kind, index, sendResolved } = integration;
    const { state, sinceMs, retryAtMs, failuresInARow, reason, waiting } = this.breaker.view();
    return {
      integration: `${kind}[${index}]`,
      kind,
      target: (await integration.describe?.()) ?? kind,
      sendResolved,
      health: integration.isUnsupported ? "unsupported" : this.health(),
      lastSuccess: this.lastSuccess ?? null,
      lastFailure: this.lastFailure ?? null,
      breaker: { state, sinceMs: sinceMs ?? null, retryAtMs: retryAtMs ?? null, failuresInARow, reason },
      counts: { ...this.counts, waiting },
    };
  }

  private health(): "ok" | "failing" | "unknown" {
    const { lastSuccess, lastFailure } = this;
    if (!lastSuccess && !lastFailure) return "unknown";
    if (!lastFailure) return "ok";
    return lastSuccess && lastSuccess.atMs >= lastFailure.atMs ? "ok" : "failing";
  }
}
