// The last notifications sent, with what they said and what came back: for the web app and for the question "was I told?".

import { scopeAllows, TENANT_LABEL, type TenantScope } from "@storewatch/model";
import { type NotificationView, notificationSchema } from "@storewatch/model/api";
import type { AlertStatePersistence } from "../alerts/interface.ts";
import type { Logger } from "../kernel/logger.ts";

const TABLE = "delivery";

export interface DeliveryLogOptions {
  readonly persistence: AlertStatePersistence;
  readonly logger: Logger;
  /** How many are kept. */
  readonly entriesMax?: number;
}

export interface DeliveryQuery {
  readonly limit: number;
  /** Only what is older than this id. */
  readonly before?: string;
}

export class DeliveryLog {
  /** Oldest first. */
  private readonly entries = new Map<string, NotificationView>();
  private readonly entriesMax: number;
  private readonly listeners = new Set<() => void>();

  constructor(private readonly options: DeliveryLogOptions) {
    this.entriesMax = options.entriesMax ?? 500;
  }

  async load(): Promise<void> {
    const records = await this.options.persistence.load();
    const known = records.flatMap(({ table, value }) => {
      const parsed = table === TABLE ? notificationSchema.safeParse(value) : undefined;
      return parsed?.success ? [parsed.data] : [];
    });
    for (const entry of known.sort((a, b) => a.atMs - b.atMs)) {
      // Nobody retries it any more.
      this.entries.set(entry.id, entry.outcome === "retrying" ? { ...entry, outcome: "failed" } : entry);
    }
  }

  /** Adds an entry, or replaces the one with its id. */
  write(entry: NotificationView): void {
    this.entries.delete(entry.id);
    this.entries.set(entry.id, entry);
    const records: { table: string; key: string; value: unknown }[] = [{ table: TABLE, key: entry.id, value: entry }];
    while (this.entries.size > this.entriesMax) {
      const [oldest] = this.entries.keys();
      this.entries.delete(oldest);
      records.push({ table: TABLE, key: oldest, value: undefined });
    }
    this.options.persistence.save(records).catch((error) => {
      this.options.logger.warn({ error: String(error) }, "the log of notifications could not be written");
    });
    for (const listener of this.listeners) listener();
  }

  /** Newest first. Tenant-bound: only notifications all of whose alerts are of these tenants. */
  list(scope: TenantScope, query: DeliveryQuery): NotificationView[] {
    const newest = [...this.entries.values()].reverse();
    const start = query.before === undefined ? 0 : newest.findIndex((entry) => entry.id === query.before) + 1;
    return newest
      .slice(start)
      .filter((entry) => isWithin(scope, entry))
      .slice(0, query.limit);
  }

  /** The last success and the last failure of one integration, tests left out. */
  lastOf(receiver: string, integration: string): NotificationView[] {
    const own = [...this.entries.values()].reverse().filter((entry) => {
      return entry.receiver === receiver && entry.integration === integration && !entry.test;
    });
    const last = (outcome: NotificationView["outcome"]) => own.find((entry) => entry.outcome === outcome);
    return [last("delivered"), last("failed")].filter((entry) => entry !== undefined);
  }

  onChange(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }
}

function isWithin(scope: TenantScope, entry: NotificationView): boolean {
  return entry.alerts.every(({ labels }) => scopeAllows(scope, labels[TENANT_LABEL] ?? ""));
}
