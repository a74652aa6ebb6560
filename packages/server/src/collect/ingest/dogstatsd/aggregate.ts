// What arrived since the last flush, put together: one sample a series and flush, whatever the number of datagrams.
import {
  type Clock,
  type Labels,
  type MetricMetadata,
  type Sample,
  TENANT_LABEL,
  type TenantId,
  type TenantScope,
} from "@storewatch/model";
import { BucketCounts, RunningTotals, SECONDS_BOUNDS, WIDE_BOUNDS } from "../counters.ts";
import { labelsOfTags } from "../names.ts";
import { labelsInScope } from "../scope.ts";
import type { MetricLine, ServiceCheckLine } from "./parse.ts";

/** A gauge, a set and a service check are told again at least this often, so that look-backs find them. */
const REPEAT_MS = 60_000;
/** What was not sent for this long ends with a staleness marker. */
const IDLE_MS = 300_000;
const SERIES_MAX = 100_000;
const SET_MEMBERS_MAX = 100_000;
const SERVICE_CHECK = "service_check_status";

interface Held {
  readonly labels: Labels;
}

interface Gauge {
  readonly labels: Labels;
  value: number;
  touchedMs: number;
  toldMs: number;
  changed: boolean;
}

export type Dropped = "out-of-scope" | "too-many-series";

export interface Flushed {
  readonly samples: Sample[];
  readonly metadata: ReadonlyMap<string, MetricMetadata>;
}

export class DogStatsdAggregate {
  private readonly counts = new Map<string, { readonly labels: Labels; delta: number }>();
  private readonly buckets = new Map<string, { readonly labels: Labels; readonly counts: BucketCounts }>();
  private readonly sets = new Map<string, { readonly labels: Labels; readonly members: Set<string> }>();
  private readonly gauges = new Map<string, Gauge>();
  private readonly timed: Sample[] = [];
  private readonly types = new Map<string, MetricMetadata>();
  private readonly totals: RunningTotals;
  private flushedMs: number;

  constructor(
    private readonly clock: Clock,
    private readonly scope: TenantScope,
  ) {
    this.totals = new RunningTotals({ clock });
    this.flushedMs = clock.nowMs();
  }

  /** Undefined, or why the line is dropped. */
  metric(line: MetricLine): Dropped | undefined {
    const labels = labelsInScope(this.scope, labelsOfTags(line.name, line.tags));
    const { type, values } = line;
    if (!labels) return "out-of-scope";
    if (!this.isRoom(labels)) return "too-many-series";
    if (type === "c") for (const value of values) this.count(labels, Number(value) / line.rate);
    else if (type === "g") this.gauge(labels, values, line.timeMs);
    else if (type === "s") this.set(labels, values);
    else {
      // Timers come in milliseconds; Prometheus counts times in seconds.
      const scale = type === "ms" ? 0.001 : 1;
      for (const value of values) this.observe(labels, Number(value) * scale, 1 / line.rate, type === "ms");
    }
    return undefined;
  }

  check(line: ServiceCheckLine): Dropped | undefined {
    const more = { check: line.name, ...(line.host ? { host: line.host } : {}) };
    const labels = labelsInScope(this.scope, labelsOfTags(SERVICE_CHECK, line.tags, more));
    if (!labels) return "out-of-scope";
    if (!this.isRoom(labels)) return "too-many-series";
    this.setGauge(labels, line.status);
    return undefined;
  }

  private isRoom(labels: Labels): boolean {
    const { key } = labels;
    const held = this.counts.size + this.buckets.size + this.sets.size + this.gauges.size + this.timed.length;
    if (held < SERIES_MAX) return true;
    return this.counts.has(key) || this.buckets.has(key) || this.sets.has(key) || this.gauges.has(key);
  }

  private count(labels: Labels, delta: number): void {
    // A counter that is taken from is no counter in Prometheus' sense: what goes down would look like a reset.
    if (delta < 0) return;
    const known = this.counts.get(labels.key);
    if (known) known.delta += delta;
    else this.counts.set(labels.key, { labels, delta });
  }

  private gauge(labels: Labels, values: readonly string[], timeMs: number | undefined): void {
    for (const text of values) {
      const value = Number(text);
      if (timeMs !== undefined) this.timed.push({ labels, timeMs, value });
      else if (/^[+-]/.test(text)) this.setGauge(labels, (this.gauges.get(labels.key)?.value ?? 0) + value);
      else this.setGauge(labels, value);
    }
  }

  private setGauge(labels: Labels, value: number): void {
    const touchedMs = this.clock.nowMs();
    const known = this.gauges.get(labels.key);
    if (known) Object.assign(known, { value, touchedMs, changed: true });
    else this.gauges.set(labels.key, { labels, value, touchedMs, toldMs: 0, changed: true });
  }

  private set(labels: Labels, members: readonly string[]): void {
    let known = this.sets.get(labels.key);
    if (!known) {
      known = { labels, members: new Set() };
      this.sets.set(labels.key, known);
    }
    for (const member of members) if (known.members.size < SET_MEMBERS_MAX) known.members.add(member);
  }

  private observe(labels: Labels, value: number, weight: number, isTime: boolean): void {
    let known = this.buckets.get(labels.key);
    if (!known) {
      known = { labels, counts: new BucketCounts(isTime ? SECONDS_BOUNDS : WIDE_BOUNDS) };
      this.buckets.set(labels.key, known);
    }
    known.counts.observe(value, weight);
  }

  /** Lets go what a shop's lines have added up to. */
  forget(tenant: TenantId): void {
    for (const map of [this.counts, this.buckets, this.sets, this.gauges] as ReadonlyArray<Map<string, Held>>) {
      for (const [key, { labels }] of map) if (labels.get(TENANT_LABEL) === tenant) map.delete(key);
    }
    this.totals.forget(tenant);
  }

  /** What is to be written now. Sets become the number of members since the last flush. */
  flush(): Flushed {
    const timeMs = this.clock.nowMs();
    const sinceMs = this.flushedMs;
    this.flushedMs = timeMs;
    const samples = [...this.timed.splice(0), ...this.totals.due()];
    this.types.clear();
    for (const { labels, delta } of this.counts.values()) {
      this.type(labels, "counter");
      samples.push(...(this.totals.add(labels, delta, sinceMs, timeMs) ?? []));
    }
    for (const { labels, counts } of this.buckets.values()) {
      this.type(labels, "histogram");
      for (const [series, delta] of counts.additions(labels)) {
        samples.push(...(this.totals.add(series, delta, sinceMs, timeMs) ?? []));
      }
    }
    for (const { labels, members } of this.sets.values()) this.setGauge(labels, members.size);
    this.counts.clear();
    this.buckets.clear();
    this.sets.clear();
    this.flushGauges(timeMs, samples);
    return { samples, metadata: new Map(this.types) };
  }

  private flushGauges(timeMs: number, samples: Sample[]): void {
    for (const [key, gauge] of this.gauges) {
      if (timeMs - gauge.touchedMs > IDLE_MS) {
        samples.push({ labels: gauge.labels, timeMs, value: 0, stale: true });
        this.gauges.delete(key);
      } else if (gauge.changed || timeMs - gauge.toldMs >= REPEAT_MS) {
        this.type(gauge.labels, "gauge");
        samples.push({ labels: gauge.labels, timeMs, value: gauge.value });
        gauge.changed = false;
        gauge.toldMs = timeMs;
      }
    }
  }

  private type(labels: Labels, type: string): void {
    this.types.set(labels.metricName, { type, help: "", unit: "" });
  }
}
