// What became of each firing, counted by day, rule and shop: the material of the alert quality report. A firing counts on
// the day on which it began. Kept in a file of its own; a crash may lose the last half minute of counts.
import { type Clock, scopeAllows, TENANT_LABEL, type TenantScope, type Timer } from "@storewatch/model";
import type { Logger } from "../../../kernel/logger.ts";
import type { AlertRecord } from "../../alert.ts";
import type { AlertStatePersistence, StateRecord } from "../../interface.ts";
import type { SuppressReason } from "../../stage/mute.ts";
import type { FlushAlert } from "../../stage/stage.ts";
import type { AlertObserver } from "../observer.ts";
import type { Transition } from "../transition.ts";
import { addDuration } from "./durations.ts";

/** JSON, because it outlives the process. */
export interface QualityRow {
  /** ms since the epoch of the UTC day's begin. */
  readonly dayMs: number;
  readonly alertname: string;
  /** "" for alerts without a shop. */
  readonly tenant: string;
  fired: number;
  resolved: number;
  notified: number;
  messages: number;
  silenced: number;
  inhibited: number;
  flapping: number;
  seen: number;
  actedUpon: number;
  /** Resolved within 5 minutes. */
  short: number;
  lastFiredMs: number;
  durations: Record<string, number>;
}

type Fact = "notified" | "silenced" | "inhibited" | "flapping" | "seen" | "actedUpon";

/** One firing of one alert. JSON, because it outlives the process. */
interface Firing {
  readonly fingerprint: string;
  readonly row: string;
  readonly tenant: string;
  readonly startedAtMs: number;
  endedAtMs: number | null;
  /** Each is counted once. */
  facts: Fact[];
}

export interface QualityOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  /** A file of its own. */
  readonly persistence: AlertStatePersistence;
  /** Rows kept, over all days: the oldest go first. */
  readonly rowsMax?: number;
}

export const DAY_MS = 86_400_000;
export const KEPT_DAYS = 90;
const SHORT_MS = 5 * 60_000;
const WRITE_EVERY_MS = 30_000;
const ROWS_MAX = 20_000;
/** More than alerts can fire at once. */
const FIRINGS_MAX = 60_000;
/** Of one shop in a day: whoever makes up names cannot push out the history of others. */
const NAMES_MAX = 500;
const OTHER = "__other__";
/** An alert can still be looked at after it has resolved. */
const KEEP_ENDED_MS = DAY_MS;

export class QualityJournal implements AlertObserver {
  /** In order of their making, which is that of the days. */
  private readonly rows = new Map<string, QualityRow>();
  private readonly firings = new Map<string, Firing>();
  /** Day and shop → rows. */
  private readonly names = new Map<string, number>();
  private readonly dirtyRows = new Set<string>();
  private readonly dirtyFirings = new Set<string>();
  private sinceMs: number | undefined;
  private timer: Timer | undefined;

  constructor(private readonly options: QualityOptions) {}

  async start(): Promise<void> {
    for (const { table, key, value } of await this.options.persistence.load()) {
      if (table === "row") this.addRow(key, value as QualityRow);
      else if (table === "firing") this.firings.set(key, value as Firing);
      else if (table === "since") this.sinceMs = value as number;
    }
    if (this.sinceMs === undefined) {
      this.sinceMs = this.options.clock.nowMs();
      await this.save([{ table: "since", key: "", value: this.sinceMs }]);
    }
    this.schedule();
  }

  /** Writes what is not written yet. */
  async stop(): Promise<void> {
    this.timer?.cancel();
    await this.write();
  }

  get recordedSinceMs(): number | undefined {
    if (this.sinceMs === undefined) return undefined;
    return Math.max(this.sinceMs, this.options.clock.nowMs() - KEPT_DAYS * DAY_MS);
  }

  /** Rows of these shops from a day on. */
  *rowsFrom(scope: TenantScope, dayMs: number): Iterable<QualityRow> {
    for (const row of this.rows.values()) if (row.dayMs >= dayMs && scopeAllows(scope, row.tenant)) yield row;
  }

  changed(alert: AlertRecord, transitions: readonly Transition[]): void {
    for (const { firing, atMs } of transitions) {
      if (firing) this.open(alert, atMs);
      else this.end(alert.fingerprint, atMs);
    }
  }

  ended(alert: AlertRecord): void {
    this.end(alert.fingerprint, alert.endsAtMs);
  }

  flapping(alert: AlertRecord): void {
    this.note(alert, "flapping");
  }

  suppressed(reason: SuppressReason, alerts: readonly FlushAlert[]): void {
    const fact = reason === "silence" ? "silenced" : reason === "inhibition" ? "inhibited" : undefined;
    if (!fact) return;
    for (const { alert, resolved } of alerts) if (!resolved) this.note(alert, fact);
  }

  told(alerts: readonly FlushAlert[], message: boolean): void {
    const rows = new Set<string>();
    for (const { alert, resolved } of alerts) {
      if (!resolved) this.note(alert, "notified");
      const firing = this.firings.get(alert.fingerprint);
      if (firing) rows.add(firing.row);
    }
    if (!message) return;
    for (const key of rows) this.change(key, (row) => (row.messages += 1));
  }

  acted(alerts: readonly AlertRecord[]): void {
    for (const alert of alerts) this.note(alert, "actedUpon");
  }

  /** Somebody opened the alert, which `alert` is when it is still known. undefined: nothing is known of it. */
  see(
    scope: TenantScope,
    fingerprint: string,
    acted: boolean,
    alert: AlertRecord | undefined,
  ): { readonly first: boolean } | undefined {
    const firing = this.firings.get(fingerprint) ?? (alert && this.open(alert, this.options.clock.nowMs()));
    if (!firing || !scopeAllows(scope, firing.tenant)) return undefined;
    const first = this.mark(firing, "seen");
    if (acted) this.mark(firing, "actedUpon");
    return { first };
  }

  private open(alert: AlertRecord, atMs: number): Firing {
    const tenant = alert.labels[TENANT_LABEL] ?? "";
    const row = this.rowFor(atMs - (atMs % DAY_MS), alert.labels.alertname ?? "", tenant);
    const { fingerprint } = alert;
    this.change(row, (counts) => {
      counts.fired += 1;
      counts.lastFiredMs = Math.max(counts.lastFiredMs, atMs);
    });
    const firing: Firing = { fingerprint, row, tenant, startedAtMs: atMs, endedAtMs: null, facts: [] };
    this.firings.delete(fingerprint);
    this.firings.set(fingerprint, firing);
    this.dirtyFirings.add(fingerprint);
    return firing;
  }

  private rowFor(dayMs: number, alertname: string, tenant: string): string {
    const key = JSON.stringify([dayMs, alertname, tenant]);
    if (this.rows.has(key)) return key;
    const isFull = (this.names.get(namesKey(dayMs, tenant)) ?? 0) >= NAMES_MAX;
    if (isFull && alertname !== OTHER) return this.rowFor(dayMs, OTHER, tenant);
    this.addRow(key, emptyRow(dayMs, alertname, tenant));
    return key;
  }

  private addRow(key: string, row: QualityRow): void {
    this.rows.set(key, row);
    const names = namesKey(row.dayMs, row.tenant);
    this.names.set(names, (this.names.get(names) ?? 0) + 1);
  }

  private end(fingerprint: string, atMs: number): void {
    const firing = this.firings.get(fingerprint);
    if (!firing || firing.endedAtMs !== null) return;
    firing.endedAtMs = atMs;
    this.dirtyFirings.add(fingerprint);
    const lastedMs = Math.max(0, atMs - firing.startedAtMs);
    this.change(firing.row, (row) => {
      row.resolved += 1;
      if (lastedMs <= SHORT_MS) row.short += 1;
      addDuration(row.durations, lastedMs);
    });
  }

  /** An alert that fired before anything was recorded begins to count when something happens to it. */
  private note(alert: AlertRecord, fact: Fact): void {
    this.mark(this.firings.get(alert.fingerprint) ?? this.open(alert, this.options.clock.nowMs()), fact);
  }

  private mark(firing: Firing, fact: Fact): boolean {
    if (firing.facts.includes(fact)) return false;
    firing.facts.push(fact);
    this.dirtyFirings.add(firing.fingerprint);
    this.change(firing.row, (row) => (row[fact] += 1));
    return true;
  }

  /** A row that was dropped meanwhile counts no more. */
  private change(key: string, update: (row: QualityRow) => void): void {
    const row = this.rows.get(key);
    if (!row) return;
    update(row);
    this.dirtyRows.add(key);
  }

  private schedule(): void {
    this.timer = this.options.clock.setTimer(WRITE_EVERY_MS, () => {
      this.schedule();
      void this.write();
    });
  }

  private async write(): Promise<void> {
    this.forgetNames();
    const records: StateRecord[] = [
      ...this.dropped("row", this.rows, this.staleRows()),
      ...this.dropped("firing", this.firings, this.staleFirings()),
    ];
    for (const key of this.dirtyRows) {
      const value = this.rows.get(key);
      if (value) records.push({ table: "row", key, value });
    }
    for (const key of this.dirtyFirings) {
      const value = this.firings.get(key);
      if (value) records.push({ table: "firing", key, value });
    }
    this.dirtyRows.clear();
    this.dirtyFirings.clear();
    await this.save(records);
  }

  private dropped(table: string, from: Map<string, unknown>, keys: readonly string[]): StateRecord[] {
    return keys.map((key) => {
      from.delete(key);
      return { table, key, value: undefined };
    });
  }

  /** Firings begin today, or began a little before midnight. */
  private forgetNames(): void {
    const pastMs = this.options.clock.nowMs() - 2 * DAY_MS;
    for (const names of this.names.keys()) if (Number(names.split(" ")[0]) < pastMs) this.names.delete(names);
  }

  private staleRows(): string[] {
    const oldestMs = this.options.clock.nowMs() - (KEPT_DAYS + 1) * DAY_MS;
    const stale = [...this.rows].filter(([, row]) => row.dayMs < oldestMs).map(([key]) => key);
    const tooMany = this.rows.size - stale.length - (this.options.rowsMax ?? ROWS_MAX);
    if (tooMany <= 0) return stale;
    const rest = [...this.rows].filter(([, row]) => row.dayMs >= oldestMs).sort(([, a], [, b]) => a.dayMs - b.dayMs);
    return [...stale, ...rest.slice(0, tooMany).map(([key]) => key)];
  }

  private staleFirings(): string[] {
    const endedMs = this.options.clock.nowMs() - KEEP_ENDED_MS;
    const stale = [...this.firings.values()].filter(({ endedAtMs }) => endedAtMs !== null && endedAtMs < endedMs);
    const gone = new Set(stale.map(({ fingerprint }) => fingerprint));
    const tooMany = this.firings.size - gone.size - FIRINGS_MAX;
    if (tooMany > 0) {
      // The oldest first: they stand first in the map.
      const rest = [...this.firings.keys()].filter((key) => !gone.has(key));
      for (const key of rest.slice(0, tooMany)) gone.add(key);
    }
    return [...gone];
  }

  private async save(records: readonly StateRecord[]): Promise<void> {
    if (records.length === 0) return;
    await this.options.persistence.save(records).catch((error: unknown) => {
      this.options.logger.warn({ error: String(error) }, "the counts of alert quality could not be written");
    });
  }
}

function namesKey(dayMs: number, tenant: string): string {
  return `${dayMs} ${tenant}`;
}

function emptyRow(dayMs: number, alertname: string, tenant: string): QualityRow {
  return {
    dayMs,
    alertname,
    tenant,
    fired: 0,
    resolved: 0,
    notified: 0,
    messages: 0,
    silenced: 0,
    inhibited: 0,
    flapping: 0,
    seen: 0,
    actedUpon: 0,
    short: 0,
    lastFiredMs: 0,
    durations: {},
  };
}
