// Datadog's series and distributions → samples. Counts become counters, rates and gauges become gauges.
import { type Labels, type MetricMetadata, type Sample, TENANT_LABEL, type TenantScope } from "@storewatch/model";
import { z } from "zod";
import type { Batch, Refusal } from "../../intake/interface.ts";
import { BucketCounts, WIDE_BOUNDS } from "../counters.ts";
import { labelsOfTags } from "../names.ts";
import { labelsInScope } from "../scope.ts";

export type SeriesType = "count" | "rate" | "gauge";

/** One series in either version's form. Times in ms. */
export interface DatadogSeries {
  readonly metric: string;
  readonly type: SeriesType;
  readonly tags: readonly string[];
  readonly host: string | undefined;
  readonly unit: string;
  /** Time that a count was counted over. */
  readonly intervalMs: number;
  readonly points: ReadonlyArray<{ readonly timeMs: number; readonly value: number }>;
}

export interface Distribution {
  readonly metric: string;
  readonly tags: readonly string[];
  readonly host: string | undefined;
  readonly points: ReadonlyArray<{ readonly timeMs: number; readonly values: readonly number[] }>;
}

const SERIES_MAX = 50_000;
const metric = z.string().min(1).max(500);
const tags = z.array(z.string().max(1000)).max(100).nullish();
/** A count without an interval is one of the agent's usual ten seconds. */
const DEFAULT_INTERVAL_S = 10;
const interval = z.number().int().nonnegative().max(86_400).nullish();

const seriesV1 = z.looseObject({
  series: z
    .array(
      z.looseObject({
        metric,
        type: z.string().nullish(),
        points: z.array(z.tuple([z.coerce.number(), z.coerce.number()])).max(10_000),
        tags,
        host: z.string().max(500).nullish(),
        interval,
      }),
    )
    .max(SERIES_MAX),
});

const seriesV2 = z.looseObject({
  series: z
    .array(
      z.looseObject({
        metric,
        type: z.number().int().min(0).max(3).nullish(),
        points: z.array(z.looseObject({ timestamp: z.number(), value: z.number() })).max(10_000),
        tags,
        resources: z
          .array(z.looseObject({ name: z.string().max(500), type: z.string().max(100) }))
          .max(50)
          .nullish(),
        unit: z.string().max(100).nullish(),
        interval,
      }),
    )
    .max(SERIES_MAX),
});

const distributions = z.looseObject({
  series: z
    .array(
      z.looseObject({
        metric,
        points: z.array(z.tuple([z.number(), z.array(z.number()).max(100_000)])).max(10_000),
        tags,
        host: z.string().max(500).nullish(),
      }),
    )
    .max(SERIES_MAX),
});

/** Throws z.ZodError. */
export function readSeriesV1(body: unknown): DatadogSeries[] {
  return seriesV1.parse(body).series.map((one) => ({
    metric: one.metric,
    type: one.type === "count" || one.type === "rate" ? one.type : "gauge",
    tags: one.tags ?? [],
    host: one.host ?? undefined,
    unit: "",
    intervalMs: (one.interval || DEFAULT_INTERVAL_S) * 1000,
    points: one.points.map(([seconds, value]) => ({ timeMs: Math.round(seconds * 1000), value })),
  }));
}

/** Types by number: 0 not said, 1 count, 2 rate, 3 gauge. */
export const TYPES_V2: readonly SeriesType[] = ["gauge", "count", "rate", "gauge"];

/** Throws z.ZodError. */
export function readSeriesV2(body: unknown): DatadogSeries[] {
  return seriesV2.parse(body).series.map((one) => ({
    metric: one.metric,
    type: TYPES_V2[one.type ?? 0],
    tags: one.tags ?? [],
    host: one.resources?.find(({ type }) => type === "host")?.name,
    unit: one.unit ?? "",
    intervalMs: (one.interval || DEFAULT_INTERVAL_S) * 1000,
    points: one.points.map(({ timestamp, value }) => ({ timeMs: Math.round(timestamp * 1000), value })),
  }));
}

/** Throws z.ZodError. */
export function readDistributions(body: unknown): Distribution[] {
  return distributions.parse(body).series.map((one) => ({
    metric: one.metric,
    tags: one.tags ?? [],
    host: one.host ?? undefined,
    points: one.points.map(([seconds, values]) => ({ timeMs: Math.round(seconds * 1000), values })),
  }));
}

export interface Totals {
  add(labels: Labels, delta: number, sinceMs: number, timeMs: number): Sample[] | undefined;
}

/** Samples for the intake, and what the sender may not write. */
export interface Translated {
  readonly batch: Batch;
  readonly refusals: readonly Refusal[];
}

export class Translation implements Translated {
  readonly samples: Sample[] = [];
  readonly metadata = new Map<string, MetricMetadata>();
  readonly refusals: Refusal[] = [];

  constructor(
    private readonly scope: TenantScope,
    private readonly totals: Totals,
  ) {}

  get batch(): Batch {
    return { samples: this.samples, metadata: this.metadata };
  }

  series(series: DatadogSeries): void {
    const labels = this.labels(series);
    if (!labels) return;
    const isCount = series.type === "count";
    this.metadata.set(labels.metricName, { type: isCount ? "counter" : "gauge", help: "", unit: series.unit });
    for (const { timeMs, value } of [...series.points].sort((a, b) => a.timeMs - b.timeMs)) {
      if (!isCount) this.samples.push({ labels, timeMs, value });
      else if (value >= 0) this.addUp(labels, value, timeMs - series.intervalMs, timeMs);
      else this.refuse("invalid", `${labels}: a count cannot be negative (${value})`);
    }
  }

  distribution(one: Distribution): void {
    const labels = this.labels(one);
    if (!labels) return;
    this.metadata.set(labels.metricName, { type: "histogram", help: "", unit: "" });
    for (const { timeMs, values } of [...one.points].sort((a, b) => a.timeMs - b.timeMs)) {
      const counts = new BucketCounts(WIDE_BOUNDS);
      for (const value of values) counts.observe(value);
      for (const [series, delta] of counts.additions(labels)) {
        this.addUp(series, delta, timeMs - DEFAULT_INTERVAL_S * 1000, timeMs);
      }
    }
  }

  private labels(one: Pick<DatadogSeries, "metric" | "tags" | "host">): Labels | undefined {
    const own = labelsOfTags(one.metric, one.tags, one.host ? { host: one.host } : {});
    const labels = labelsInScope(this.scope, own);
    if (!labels) this.refuse("out-of-scope", `${one.metric}: ${TENANT_LABEL} "${own.get(TENANT_LABEL)}"`);
    return labels;
  }

  private addUp(labels: Labels, delta: number, sinceMs: number, timeMs: number): void {
    const samples = this.totals.add(labels, delta, sinceMs, timeMs);
    if (samples) this.samples.push(...samples);
    else this.refuse("rate-limit", `${labels}: too many series are counted`);
  }

  private refuse(reason: Refusal["reason"], example: string): void {
    this.refusals.push({ reason, count: 1, example });
  }
}
