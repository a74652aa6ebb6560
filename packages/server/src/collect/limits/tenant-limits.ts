// Limits for each tenant, asked when a new series is about to be made: never for a sample of a known one.
import { type Clock, type Labels, TENANT_LABEL } from "@storewatch/model";
import { Counter, Gauge, type Registry } from "prom-client";
import { TokenBucket } from "../../kernel/limits.ts";
import type { ReceiptBook } from "./receipts.ts";
import type { LimitConfig, LimitName, TenantLimitSettings } from "./settings.ts";

export type Admission =
  | { readonly kind: "admitted" }
  | { readonly kind: "rollup"; readonly tenant: string; readonly limit: LimitName; readonly allowed: number }
  | { readonly kind: "refused"; readonly limit: "labels" | "label_length"; readonly why: string };

const ADMITTED: Admission = { kind: "admitted" };

export interface TenantLimitsOptions {
  readonly config: LimitConfig;
  readonly clock: Clock;
  readonly metrics: Registry;
  readonly receipts: ReceiptBook;
  /** Series written within the last hour, by tenant. */
  readonly activeSeries: () => ReadonlyMap<string, number>;
  /** Whether this very series is one of them. */
  readonly isActive: (labels: Labels) => boolean;
}

/** How old the count of active series may be; those made since are added. */
const COUNT_EVERY_MS = 10_000;
/** So long after a refusal a tenant counts as over its limit. */
const OVER_MS = 5 * 60_000;
/** Pushed samples come in bursts, a scrape interval's at once. */
const BURST_SECONDS = 30;
/** Storewatch's own series about a scrape: they follow from the operator's jobs. */
const REPORTS = new Set([
  "up",
  "scrape_duration_seconds",
  "scrape_samples_scraped",
  "scrape_samples_post_metric_relabeling",
  "scrape_series_added",
  "scrape_timeout_seconds",
  "scrape_sample_limit",
  "scrape_body_size_bytes",
]);

export class TenantLimits {
  private config: LimitConfig;
  private counts = new Map<string, number>();
  private countedMs = Number.NEGATIVE_INFINITY;
  /** Samples per second that scrapes bring, by tenant. */
  private readonly scraped = new Map<string, number>();
  private readonly buckets = new Map<string, TokenBucket>();
  private readonly settings = new Map<string, TenantLimitSettings>();
  private readonly rolledUp: Counter;
  private readonly refused: Counter;
  /** Tenants with something rolled up: when they get room, `epoch` changes. */
  private readonly over = new Map<string, LimitName>();
  /** When something was refused last, by tenant and limit. */
  private readonly refusedMs = new Map<string, { readonly tenant: string; readonly limit: LimitName; atMs: number }>();
  /** Series admitted since the last count, which the store may not know yet. */
  private readonly fresh = new Set<string>();
  /** What was found out about series before a change of this number may not hold any more. */
  epoch = 0;

  constructor(private readonly options: TenantLimitsOptions) {
    this.config = options.config;
    this.rolledUp = new Counter({
      name: "storewatch_tenant_series_rolled_up_total",
      help: "New series over their tenant's limit that became part of its __other__ series.",
      labelNames: ["tenant_id"],
      registers: [options.metrics],
    });
    this.refused = new Counter({
      name: "storewatch_tenant_samples_refused_total",
      help: "Samples that were not taken because of a limit of their tenant.",
      labelNames: ["tenant_id", "limit"],
      registers: [options.metrics],
    });
    this.showOver();
  }

  private showOver(): void {
    const { clock, metrics } = this.options;
    const now = () => {
      this.count();
      const found = [...this.over];
      for (const [key, { tenant, limit, atMs }] of this.refusedMs) {
        if (clock.monotonicMs() - atMs < OVER_MS) found.push([tenant, limit]);
        else this.refusedMs.delete(key);
      }
      return found;
    };
    new Gauge({
      name: "storewatch_tenant_over_limit",
      help: "1 while series of the tenant are rolled up, or something was refused within five minutes, by limit.",
      labelNames: ["tenant_id", "limit"],
      registers: [metrics],
      collect() {
        this.reset();
        for (const [tenant, limit] of now()) this.set({ tenant_id: tenant, limit }, 1);
      },
    });
  }

  setConfig(config: LimitConfig): void {
    this.config = config;
    this.settings.clear();
    this.buckets.clear();
    this.epoch++;
  }

  /**
   * May this new series be made? The answer "admitted" counts it. `perSecond`: how often it will be scraped; 0 for pushed
   * ones, whose samples are limited as they come.
   */
  admit(labels: Labels, perSecond: number): Admission {
    const tenant = labels.get(TENANT_LABEL);
    if (tenant === "") return ADMITTED;
    const limits = this.of(tenant);
    if (limits === UNLIMITED || REPORTS.has(labels.metricName)) return ADMITTED;
    const bad = badLabels(labels, limits);
    if (bad) return bad;
    if (!this.fresh.has(labels.key) && !this.options.isActive(labels)) {
      const over = this.overLimit(tenant, limits, perSecond);
      if (over) return over;
      this.fresh.add(labels.key);
      this.counts.set(tenant, (this.counts.get(tenant) ?? 0) + 1);
    }
    if (perSecond > 0) this.noteScraped(tenant, perSecond);
    return ADMITTED;
  }

  private overLimit(tenant: string, limits: TenantLimitSettings, perSecond: number): Admission | undefined {
    this.count();
    const { activeSeries, samplesPerSecond } = limits;
    if (activeSeries !== undefined && (this.counts.get(tenant) ?? 0) >= activeSeries) {
      this.over.set(tenant, "active_series");
      return { kind: "rollup", tenant, limit: "active_series", allowed: activeSeries };
    }
    // Rates are sums of fractions.
    const rate = (this.scraped.get(tenant) ?? 0) + perSecond;
    if (perSecond > 0 && samplesPerSecond !== undefined && rate > samplesPerSecond * (1 + 1e-9)) {
      this.over.set(tenant, "samples_per_second");
      return { kind: "rollup", tenant, limit: "samples_per_second", allowed: samplesPerSecond };
    }
    return undefined;
  }

  /** Whether scraped series of the tenant are counted by how often they come. */
  limitsScrapes(tenant: string): boolean {
    return this.of(tenant).samplesPerSecond !== undefined;
  }

  /** A scraped series has come (or, below 0, has gone). */
  noteScraped(tenant: string, perSecond: number): void {
    if (!this.limitsScrapes(tenant)) return;
    this.scraped.set(tenant, Math.max(0, (this.scraped.get(tenant) ?? 0) + perSecond));
  }

  /** Takes pushed samples from the tenant's rate: 0, or the seconds until there is room for them, when nothing is taken. */
  take(tenant: string, samples: number): number {
    const perSecond = tenant === "" ? undefined : this.of(tenant).samplesPerSecond;
    if (perSecond === undefined) return 0;
    let bucket = this.buckets.get(tenant);
    if (!bucket) {
      bucket = new TokenBucket(this.options.clock, { perSecond, burst: perSecond * BURST_SECONDS });
      this.buckets.set(tenant, bucket);
    }
    // More than ever fit at once go through when the bucket is full.
    return bucket.take(Math.min(samples, perSecond * BURST_SECONDS));
  }

  /** What was taken and then did not enter. */
  giveBack(tenant: string, samples: number): void {
    this.buckets.get(tenant)?.give(samples);
  }

  private get hasLimits(): boolean {
    return this.config.tenants.size > 0 || Object.keys(this.config.defaults).length > 0;
  }

  /** Whether any tenant's pushed samples are limited. */
  get hasRates(): boolean {
    if (this.config.defaults.samplesPerSecond !== undefined) return true;
    for (const one of this.config.tenants.values()) if (one.samplesPerSecond !== undefined) return true;
    return false;
  }

  noteRolledUp(admission: Extract<Admission, { kind: "rollup" }>, labels: Labels): void {
    const { tenant, limit, allowed } = admission;
    this.rolledUp.inc({ tenant_id: tenant });
    this.options.receipts.note({
      tenant,
      limit,
      allowed,
      outcome: "rolled_up",
      series: 1,
      samples: 0,
      example: labels,
    });
  }

  noteRefused(limit: LimitName, labels: Labels, series: number, samples: number): void {
    const tenant = labels.get(TENANT_LABEL);
    this.refused.inc({ tenant_id: tenant, limit }, samples);
    this.refusedMs.set(`${limit} ${tenant}`, { tenant, limit, atMs: this.options.clock.monotonicMs() });
    const allowed = this.of(tenant)[SETTING_OF[limit]] ?? 0;
    this.options.receipts.note({ tenant, limit, allowed, outcome: "refused", series, samples, example: labels });
  }

  /** Whoever remembers what became of a series asks again. */
  forgetVerdicts(): void {
    this.epoch++;
  }

  /** Room may have come for series that are rolled up: asked now and then by whoever holds some. */
  refresh(): void {
    this.count();
  }

  private of(tenant: string): TenantLimitSettings {
    let known = this.settings.get(tenant);
    if (!known) {
      const own = { ...this.config.defaults, ...withoutAbsent(this.config.tenants.get(tenant)) };
      known = Object.values(own).every((value) => value === undefined) ? UNLIMITED : own;
      if (this.settings.size > 100_000) this.settings.clear();
      this.settings.set(tenant, known);
    }
    return known;
  }

  private count(): void {
    const nowMs = this.options.clock.monotonicMs();
    if (nowMs - this.countedMs < COUNT_EVERY_MS) return;
    this.countedMs = nowMs;
    if (!this.hasLimits) return;
    this.counts = new Map(this.options.activeSeries());
    this.fresh.clear();
    for (const tenant of this.over.keys()) {
      const { activeSeries, samplesPerSecond } = this.of(tenant);
      const isFull = activeSeries !== undefined && (this.counts.get(tenant) ?? 0) >= activeSeries;
      const isFast = samplesPerSecond !== undefined && (this.scraped.get(tenant) ?? 0) >= samplesPerSecond;
      if (isFull || isFast) continue;
      this.over.delete(tenant);
      this.epoch++;
    }
  }
}

const UNLIMITED: TenantLimitSettings = {};

const SETTING_OF = {
  active_series: "activeSeries",
  samples_per_second: "samplesPerSecond",
  labels: "labels",
  label_length: "labelLength",
} as const satisfies Record<LimitName, keyof TenantLimitSettings>;

function withoutAbsent(settings: TenantLimitSettings | undefined): TenantLimitSettings {
  return Object.fromEntries(Object.entries(settings ?? {}).filter(([, value]) => value !== undefined));
}

function badLabels(labels: Labels, limits: TenantLimitSettings): Admission | undefined {
  if (limits.labels !== undefined && labels.size > limits.labels) {
    const why = `${labels.size} labels, and its shop may have ${limits.labels}`;
    return { kind: "refused", limit: "labels", why };
  }
  if (limits.labelLength === undefined) return undefined;
  for (const text of labels.pairs) {
    // A text of so few characters cannot have too many bytes.
    if (text.length * 3 <= limits.labelLength) continue;
    const bytes = Buffer.byteLength(text);
    if (bytes <= limits.labelLength) continue;
    const why = `a label name or value of ${bytes} bytes, and its shop may have ${limits.labelLength}: ${text.slice(0, 40)}…`;
    return { kind: "refused", limit: "label_length", why };
  }
  return undefined;
}
