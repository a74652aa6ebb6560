// What alerts/ needs of the world: someone who delivers, and a place to keep its state. Times are ms since the epoch.
import type { LabelRecord, NotificationData } from "@storewatch/model";

/** One integration of a receiver (its second Slack channel is another), with its own retries: see notify/. */
export interface Delivery {
  /** For example "slack", "email", "webhook". */
  readonly kind: string;
  /** Place among the receiver's integrations of this kind. */
  readonly index: number;
  readonly sendResolved: boolean;
  /** Tries until delivered, refused for good, or `signal` aborts. Never throws. */
  deliver(request: DeliveryRequest, signal: AbortSignal): Promise<DeliveryOutcome>;
}

export interface DeliveryRequest {
  readonly data: NotificationData;
  /** When the data behind the newest change in this notification arrived; undefined for repeats. */
  readonly arrivedAtMs: number | undefined;
  /** A digest: the groups that it tells of. */
  readonly folded?: readonly FoldedGroup[];
}

/** A group within a digest. */
export interface FoldedGroup {
  readonly groupKey: string;
  readonly groupLabels: LabelRecord;
  /** Alerts. */
  readonly firing: number;
  readonly resolved: number;
  readonly tenants: string[];
}

export type DeliveryOutcome =
  | { readonly delivered: true }
  /** `again`: it was held back while the receiver was down and may be stale; to be delivered anew, at once. */
  | { readonly delivered: false; readonly reason: string; readonly again?: boolean };

/**
 * State that outlives the process, as a table of JSON values. `value` undefined deletes. Later records win.
 * `save` resolves when the records would survive a power cut.
 */
export interface StateRecord {
  readonly table: string;
  readonly key: string;
  readonly value: unknown;
}

export interface AlertStatePersistence {
  load(): Promise<readonly StateRecord[]>;
  save(records: readonly StateRecord[]): Promise<void>;
}

/** For tests and for runs that keep nothing. */
export function createMemoryPersistence(): AlertStatePersistence {
  const kept = new Map<string, StateRecord>();
  return {
    load: async () => [...kept.values()],
    save: async (records) => {
      for (const record of records) {
        const key = `${record.table}\u0000${record.key}`;
        if (record.value === undefined) kept.delete(key);
        else kept.set(key, { ...record, value: structuredClone(record.value) });
      }
    },
  };
}
