// OTLP metrics → samples, by the OpenTelemetry specification "Prometheus and OpenMetrics Compatibility". Deltas are added up.
import {
  type BucketSpan,
  CUSTOM_BUCKETS_SCHEMA,
  type Exemplar,
  Labels,
  METRIC_NAME,
  type MetricMetadata,
  type NativeHistogram,
  type Sample,
  type SeriesExemplar,
  TENANT_LABEL,
  type TenantScope,
} from "@storewatch/model";
import type { Batch, Refusal } from "../../intake/interface.ts";
import { labelsInScope } from "../scope.ts";
import type { DeltaState } from "./deltas.ts";
import { toNative, totalsOf } from "./exponential.ts";
import type {
  Attributes,
  ExponentialPoint,
  HistogramPoint,
  NumberPoint,
  OtlpMetric,
  ResourceMetrics,
  SummaryPoint,
  Temporality,
} from "./model.ts";
import { type NameKind, otlpLabelName, otlpMetricName } from "./names.ts";
import type { OtlpSettings } from "./settings.ts";

const IDENTIFYING = ["service.namespace", "service.name", "service.instance.id"];
/** A shop is always told by its label, whatever the settings promote. */
const TENANT_ATTRIBUTES = ["tenant.id", TENANT_LABEL];
const TARGET_INFO = "target_info";

export class OtlpTranslation {
  readonly samples: Sample[] = [];
  readonly exemplars: SeriesExemplar[] = [];
  readonly metadata = new Map<string, MetricMetadata>();
  readonly refusals: Refusal[] = [];
  /** Data points that were not taken. */
  rejected = 0;

  constructor(
    private readonly scope: TenantScope,
    private readonly settings: OtlpSettings,
    private readonly deltas: DeltaState,
    private readonly nowMs: number,
  ) {}

  get batch(): Batch {
    return { samples: this.samples, exemplars: this.exemplars, metadata: this.metadata };
  }

  take(all: readonly ResourceMetrics[]): void {
    for (const { resource, scopes } of all) {
      const shared = this.resourceLabels(resource);
      let newestMs = 0;
      for (const scope of scopes) {
        const labels = this.settings.promoteScope ? this.withScope(shared, scope) : shared;
        for (const metric of scope.metrics) {
          for (const point of metric.data?.points ?? []) newestMs = Math.max(newestMs, point.timeMs);
          this.metric(metric, labels);
        }
      }
      if (newestMs > 0) this.targetInfo(resource, shared, newestMs);
    }
  }

  /** job, instance, the shop and what is promoted. */
  private resourceLabels(resource: Attributes): Record<string, string> {
    const labels: Record<string, string> = {};
    const { promote, ignore } = this.settings;
    const promoted = promote === "all" ? [...resource.keys()].filter((key) => !ignore.includes(key)) : promote;
    for (const key of [...promoted, ...TENANT_ATTRIBUTES]) {
      const value = resource.get(key);
      if (value !== undefined) labels[otlpLabelName(key, this.settings.strategy)] = value;
    }
    const tenant = resource.get("tenant.id") ?? resource.get(TENANT_LABEL);
    if (tenant !== undefined) labels[TENANT_LABEL] = tenant;
    const [namespace, name, instance] = IDENTIFYING.map((key) => resource.get(key));
    if (name !== undefined) labels.job = namespace ? `${namespace}/${name}` : name;
    if (instance !== undefined) labels.instance = instance;
    return labels;
  }

  private withScope(
    labels: Record<string, string>,
    { name, version, attributes }: ResourceMetrics["scopes"][number],
  ): Record<string, string> {
    const more = { ...labels, otel_scope_name: name, otel_scope_version: version };
    for (const [key, value] of attributes)
      Object.assign(more, { [`otel_scope_${otlpLabelName(key, this.settings.strategy)}`]: value });
    return more;
  }

  private targetInfo(resource: Attributes, shared: Readonly<Record<string, string>>, timeMs: number): void {
    const labels: Record<string, string> = {};
    for (const [key, value] of resource) {
      if (!this.settings.keepIdentifying && IDENTIFYING.includes(key)) continue;
      labels[otlpLabelName(key, this.settings.strategy)] = value;
    }
    const isIdentified = shared.job !== undefined || shared.instance !== undefined;
    if (!isIdentified || Object.keys(labels).length === 0) return;
    const all = { ...labels, ...pick(shared, ["job", "instance", TENANT_LABEL]), [METRIC_NAME]: TARGET_INFO };
    const own = labelsInScope(this.scope, Labels.from(all));
    if (!own) return;
    this.metadata.set(TARGET_INFO, { type: "gauge", help: "Target metadata", unit: "" });
    this.samples.push({ labels: own, timeMs, value: 1 });
  }

  private metric(metric: OtlpMetric, shared: Readonly<Record<string, string>>): void {
    const { data } = metric;
    if (!data) return;
    const isCounter = data.kind === "sum" && data.monotonic;
    const isGauge = data.kind === "gauge" || (data.kind === "sum" && !data.monotonic);
    const nameKind: NameKind = isCounter ? "counter" : data.kind === "gauge" ? "gauge" : "other";
    const name = otlpMetricName(metric.name, metric.unit, nameKind, this.settings.strategy);
    if (name === "") {
      this.reject(data.points.length, "invalid", "a metric without a name");
      return;
    }
    const type = isCounter ? "counter" : isGauge ? "gauge" : data.kind === "summary" ? "summary" : "histogram";
    this.metadata.set(name, { type, help: metric.description, unit: metric.unit });
    for (const point of data.points) {
      const labels = this.pointLabels(name, shared, point.attributes);
      if (!labels) this.reject(1, "out-of-scope", `${name}: ${TENANT_LABEL} is not one that this credential may write`);
      else if (data.kind === "gauge") this.number(labels, point as NumberPoint, "cumulative");
      else if (data.kind === "sum") this.number(labels, point as NumberPoint, data.temporality);
      else if (data.kind === "histogram") this.histogram(labels, point as HistogramPoint, data.temporality);
      else if (data.kind === "exponential") this.exponential(labels, point as ExponentialPoint, data.temporality);
      else this.summary(labels, point as SummaryPoint);
    }
  }

  private pointLabels(
    name: string,
    shared: Readonly<Record<string, string>>,
    attributes: Attributes,
  ): Labels | undefined {
    const labels: Record<string, string> = {};
    for (const [key, value] of attributes) {
      const label = otlpLabelName(key, this.settings.strategy);
      // Two attributes whose names become one: both values, as upstream joins them.
      labels[label] = Object.hasOwn(labels, label) ? `${labels[label]};${value}` : value;
    }
    Object.assign(
      labels,
      pick(
        shared,
        Object.keys(shared).filter((key) => key === "job" || key === "instance" || !(key in labels)),
      ),
    );
    labels[METRIC_NAME] = name;
    return labelsInScope(this.scope, Labels.from(labels));
  }

  private number(labels: Labels, point: NumberPoint, temporality: Temporality): void {
    if (point.noValue) this.stale(labels, point.timeMs);
    else this.put(labels, point.value, point, temporality === "delta");
    this.addExemplars(labels, point.exemplars);
  }

  private histogram(labels: Labels, point: HistogramPoint, temporality: Temporality): void {
    const isDelta = temporality === "delta";
    if (point.bucketCounts.length > 0 && point.bucketCounts.length !== point.bounds.length + 1) {
      this.reject(
        1,
        "invalid",
        `${labels}: ${point.bucketCounts.length} bucket counts for ${point.bounds.length} bounds`,
      );
      return;
    }
    if (this.settings.nhcb && !isDelta) {
      this.put(labels, 0, point, false, point.noValue ? undefined : customBuckets(point));
      return;
    }
    const parts = classicParts(labels, point);
    for (const [series, value] of parts) {
      if (point.noValue) this.stale(series, point.timeMs);
      else this.put(series, value, point, isDelta);
    }
    this.bucketExemplars(labels, point);
  }

  /** An exemplar lies in the bucket with the least bound that is not below it. */
  private bucketExemplars(labels: Labels, { exemplars, bounds }: HistogramPoint): void {
    const bucket = labels.with(METRIC_NAME, `${labels.metricName}_bucket`);
    for (const exemplar of exemplars) {
      const bound = bounds.find((one) => exemplar.value <= one);
      this.addExemplars(bucket.with("le", bound === undefined ? "+Inf" : goFloat(bound)), [exemplar]);
    }
  }

  private exponential(labels: Labels, point: ExponentialPoint, temporality: Temporality): void {
    if (point.noValue) {
      this.stale(labels, point.timeMs);
      return;
    }
    const totals = totalsOf(point);
    if (!totals) {
      this.reject(1, "invalid", `${labels}: scale ${point.scale} is below what native histograms have (-4)`);
      return;
    }
    const summed = temporality === "delta" ? this.deltas.addExponential(labels, totals) : totals;
    this.put(labels, 0, point, false, toNative(summed));
    this.addExemplars(labels, point.exemplars);
  }

  private summary(labels: Labels, point: SummaryPoint): void {
    const name = labels.metricName;
    const parts: Array<readonly [Labels, number]> = [
      [labels.with(METRIC_NAME, `${name}_sum`), point.sum],
      [labels.with(METRIC_NAME, `${name}_count`), point.count],
      ...point.quantiles.map(({ quantile, value }) => [labels.with("quantile", goFloat(quantile)), value] as const),
    ];
    for (const [series, value] of parts) {
      if (point.noValue) this.stale(series, point.timeMs);
      else this.put(series, value, point, false);
    }
  }

  private put(
    labels: Labels,
    value: number,
    point: { readonly startMs: number; readonly timeMs: number },
    isDelta: boolean,
    histogram?: NativeHistogram,
  ): void {
    const timeMs = point.timeMs || this.nowMs;
    if (!isDelta) {
      this.samples.push(histogram ? { labels, timeMs, value: Number.NaN, histogram } : { labels, timeMs, value });
      return;
    }
    const samples = this.deltas.add(labels, value, point.startMs || timeMs, timeMs);
    if (samples) this.samples.push(...samples);
    else this.reject(1, "rate-limit", `${labels}: too many series are counted`);
  }

  private stale(labels: Labels, timeMs: number): void {
    this.samples.push({ labels, timeMs: timeMs || this.nowMs, value: 0, stale: true });
  }

  private addExemplars(series: Labels, exemplars: readonly Exemplar[]): void {
    for (const exemplar of exemplars) {
      const labels = Labels.fromEntries(
        [...exemplar.labels].map(([name, value]) => [otlpLabelName(name, this.settings.strategy), value]),
      );
      this.exemplars.push({ series, exemplar: { ...exemplar, labels } });
    }
  }

  private reject(points: number, reason: Refusal["reason"], example: string): void {
    this.rejected += points;
    this.refusals.push({ reason, count: points, example });
  }
}

function classicParts(labels: Labels, point: HistogramPoint): Array<readonly [Labels, number]> {
  const name = labels.metricName;
  const bucket = labels.with(METRIC_NAME, `${name}_bucket`);
  const parts: Array<readonly [Labels, number]> = [];
  let below = 0;
  for (const [i, bound] of point.bounds.entries()) {
    below += point.bucketCounts[i];
    // A bound of infinity is the last bucket, which comes anyway.
    if (bound !== Number.POSITIVE_INFINITY) parts.push([bucket.with("le", goFloat(bound)), below]);
  }
  parts.push([bucket.with("le", "+Inf"), point.count]);
  if (point.sum !== undefined) parts.push([labels.with(METRIC_NAME, `${name}_sum`), point.sum]);
  parts.push([labels.with(METRIC_NAME, `${name}_count`), point.count]);
  return parts;
}

function customBuckets(point: HistogramPoint): NativeHistogram {
  const counts = point.bucketCounts.length > 0 ? [...point.bucketCounts] : [point.count];
  const spans: BucketSpan[] = [{ offset: 0, length: counts.length }];
  return {
    schema: CUSTOM_BUCKETS_SCHEMA,
    count: point.count,
    sum: point.sum ?? 0,
    zeroThreshold: 0,
    zeroCount: 0,
    positiveSpans: spans,
    positiveBuckets: counts,
    negativeSpans: [],
    negativeBuckets: [],
    customValues: point.bounds,
    counterReset: "unknown",
  };
}

function pick(record: Readonly<Record<string, string>>, keys: readonly string[]): Record<string, string> {
  return Object.fromEntries(keys.filter((key) => record[key] !== undefined).map((key) => [key, record[key]]));
}

/** As Go writes a float with 'f' and no precision: no exponent. */
function goFloat(value: number): string {
  if (value === Number.POSITIVE_INFINITY) return "+Inf";
  if (value === Number.NEGATIVE_INFINITY) return "-Inf";
  const text = String(value);
  const match = /^(-?)(\d+)(?:\.(\d+))?e([+-]\d+)$/.exec(text);
  if (!match) return text;
  const [, sign, whole, fraction = "", exponent] = match;
  const digits = whole + fraction;
  const point = whole.length + Number(exponent);
  if (point <= 0) return `${sign}0.${"0".repeat(-point)}${digits}`;
  return point >= digits.length
    ? `${sign}${digits}${"0".repeat(point - digits.length)}`
    : `${sign}${digits.slice(0, point)}.${digits.slice(point)}`;
}
