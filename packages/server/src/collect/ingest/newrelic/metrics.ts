// New Relic's metric API: counts become counters, summaries `_count`, `_sum`, `_min`, `_max`, gauges stay gauges.
import {
  Labels,
  METRIC_NAME,
  type MetricMetadata,
  type Sample,
  TENANT_LABEL,
  type TenantScope,
} from "@storewatch/model";
import { z } from "zod";
import type { Batch, Refusal } from "../../intake/interface.ts";
import { toLabelName, toMetricName } from "../names.ts";
import { labelsInScope } from "../scope.ts";

const attributes = z
  .record(z.string().max(255), z.union([z.string().max(4096), z.number(), z.boolean(), z.null()]))
  .nullish();
const summary = z.looseObject({
  count: z.number(),
  sum: z.number(),
  min: z.number().nullish(),
  max: z.number().nullish(),
});
const shared = { timestamp: z.number().nullish(), "interval.ms": z.number().nonnegative().nullish(), attributes };
const payload = z
  .array(
    z.looseObject({
      common: z.looseObject(shared).nullish(),
      metrics: z
        .array(
          z.looseObject({
            name: z.string().min(1).max(255),
            type: z.enum(["count", "gauge", "summary"]).default("gauge"),
            value: z.union([z.number(), summary]),
            ...shared,
          }),
        )
        .max(50_000),
    }),
  )
  .max(1000);

export type Payload = z.infer<typeof payload>;
type Metric = Payload[number]["metrics"][number];
type Common = Payload[number]["common"];

/** Throws z.ZodError. */
export function readPayload(body: unknown): Payload {
  return payload.parse(body);
}

export interface Totals {
  add(labels: Labels, delta: number, sinceMs: number, timeMs: number): Sample[] | undefined;
}

export interface TranslateOptions {
  readonly scope: TenantScope;
  readonly totals: Totals;
  readonly nowMs: number;
}

/** Times below this are seconds: the API takes both. 1973 in ms, the year 5138 in s. */
const SECONDS_BELOW = 1e11;

export function translate(groups: Payload, options: TranslateOptions): { batch: Batch; refusals: readonly Refusal[] } {
  const samples: Sample[] = [];
  const metadata = new Map<string, MetricMetadata>();
  const refusals: Refusal[] = [];
  for (const { common, metrics } of groups) {
    for (const metric of metrics) {
      const labels = labelsInScope(options.scope, labelsOf(metric, common));
      if (labels) translateOne(metric, common, labels, options, samples, metadata);
      else
        refusals.push({
          reason: "out-of-scope",
          count: 1,
          example: `${metric.name}: the ${TENANT_LABEL} is not allowed`,
        });
    }
  }
  return { batch: { samples, metadata }, refusals };
}

function labelsOf(metric: Metric, common: Common): Labels {
  const labels: Record<string, string> = {};
  for (const [key, value] of Object.entries({ ...common?.attributes, ...metric.attributes })) {
    if (value !== null) labels[toLabelName(key)] = String(value);
  }
  labels[METRIC_NAME] = toMetricName(metric.name);
  return Labels.from(labels);
}

function translateOne(
  metric: Metric,
  common: Common,
  labels: Labels,
  { totals, nowMs }: TranslateOptions,
  samples: Sample[],
  metadata: Map<string, MetricMetadata>,
): void {
  const given = metric.timestamp ?? common?.timestamp;
  const startMs = given == null ? nowMs : given < SECONDS_BELOW ? given * 1000 : given;
  const intervalMs = metric["interval.ms"] ?? common?.["interval.ms"] ?? 0;
  // A count or summary is stamped with the start of its interval; what was counted is known at its end.
  const timeMs = Math.round(startMs + (metric.type === "gauge" ? 0 : intervalMs));
  const name = labels.metricName;
  const gauge = (series: string, value: number) => {
    metadata.set(series, { type: "gauge", help: "", unit: "" });
    samples.push({ labels: labels.with(METRIC_NAME, series), timeMs, value });
  };
  const count = (series: string, delta: number) => {
    metadata.set(series, { type: "counter", help: "", unit: "" });
    samples.push(...(totals.add(labels.with(METRIC_NAME, series), delta, Math.round(startMs), timeMs) ?? []));
  };
  if (typeof metric.value === "number") {
    if (metric.type === "count" && metric.value >= 0) count(name, metric.value);
    else gauge(name, metric.value);
    return;
  }
  count(`${name}_count`, metric.value.count);
  count(`${name}_sum`, metric.value.sum);
  if (metric.value.min != null) gauge(`${name}_min`, metric.value.min);
  if (metric.value.max != null) gauge(`${name}_max`, metric.value.max);
}
