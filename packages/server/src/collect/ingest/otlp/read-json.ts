// ExportMetricsServiceRequest, JSON form. 64-bit numbers come as text or as numbers, ids as hex, unknown keys are passed over.
import { type Exemplar, Labels } from "@storewatch/model";
import {
  ATTRIBUTES_MAX,
  DEPTH_MAX,
  type ExponentialBuckets,
  type ExponentialPoint,
  type HistogramPoint,
  NO_RECORDED_VALUE,
  type NumberPoint,
  type OtlpData,
  type OtlpMetric,
  POINTS_MAX,
  type ResourceMetrics,
  type SummaryPoint,
  TEMPORALITIES,
  type Temporality,
} from "./model.ts";
import { attributeText } from "./read-protobuf.ts";

/** What is not in the form, with its place. */
export class OtlpJsonError extends Error {}

/** An object of the request and where it stands. */
class Node {
  constructor(
    private readonly fields: Readonly<Record<string, unknown>>,
    private readonly place: string,
  ) {}

  static of(value: unknown, place: string): Node {
    if (typeof value !== "object" || value === null || Array.isArray(value))
      throw new OtlpJsonError(`${place || "the body"}: expected an object`);
    return new Node(value as Record<string, unknown>, place);
  }

  /** Undefined when absent or null. */
  child(key: string): Node | undefined {
    const value = this.fields[key];
    return value === undefined || value === null ? undefined : Node.of(value, this.at(key));
  }

  value(key: string): unknown {
    return this.fields[key];
  }

  list(key: string): readonly unknown[] {
    const value = this.fields[key] ?? [];
    if (!Array.isArray(value)) throw new OtlpJsonError(`${this.at(key)}: expected a list`);
    return value;
  }

  children(key: string): Node[] {
    return this.list(key).map((value, i) => Node.of(value, `${this.at(key)}[${i}]`));
  }

  text(key: string): string {
    const value = this.fields[key] ?? "";
    if (typeof value !== "string") throw new OtlpJsonError(`${this.at(key)}: expected text`);
    return value;
  }

  number(key: string): number {
    return this.optionalNumber(key) ?? 0;
  }

  optionalNumber(key: string): number | undefined {
    const value = this.fields[key];
    return value === undefined || value === null ? undefined : toNumber(value, this.at(key));
  }

  numbers(key: string): number[] {
    return this.list(key).map((value, i) => toNumber(value, `${this.at(key)}[${i}]`));
  }

  /** Nanoseconds since the epoch as ms. */
  timeMs(key: string): number {
    return Math.floor(this.number(key) / 1e6);
  }

  at(key: string): string {
    return this.place === "" ? key : `${this.place}.${key}`;
  }
}

const SPECIAL: ReadonlyMap<string, number> = new Map([
  ["NaN", Number.NaN],
  ["Infinity", Number.POSITIVE_INFINITY],
  ["-Infinity", Number.NEGATIVE_INFINITY],
]);

function toNumber(value: unknown, place: string): number {
  if (typeof value === "number") return value;
  if (typeof value === "string") {
    const special = SPECIAL.get(value);
    if (special !== undefined) return special;
    const number = value.trim() === "" ? Number.NaN : Number(value);
    if (!Number.isNaN(number)) return number;
  }
  throw new OtlpJsonError(`${place}: expected a number`);
}

/** Throws OtlpJsonError. */
export function readJson(body: unknown): ResourceMetrics[] {
  const budget = { points: 0 };
  return Node.of(body, "")
    .children("resourceMetrics")
    .map((entry) => ({
      resource: readAttributes(entry.child("resource")?.list("attributes") ?? []),
      scopes: entry.children("scopeMetrics").map((scope) => {
        const about = scope.child("scope");
        return {
          name: about?.text("name") ?? "",
          version: about?.text("version") ?? "",
          attributes: readAttributes(about?.list("attributes") ?? []),
          metrics: scope.children("metrics").map((metric) => readMetric(metric, budget)),
        };
      }),
    }));
}

interface PointBudget {
  points: number;
}

function readMetric(metric: Node, budget: PointBudget): OtlpMetric {
  return {
    name: metric.text("name"),
    description: metric.text("description"),
    unit: metric.text("unit"),
    data: readData(metric, budget),
  };
}

function readData(metric: Node, budget: PointBudget): OtlpData | undefined {
  const points = <P>(data: Node, read: (point: Node) => P): P[] => {
    const all = data.children("dataPoints");
    budget.points += all.length;
    if (budget.points > POINTS_MAX) throw new OtlpJsonError(`more than ${POINTS_MAX} data points in a request`);
    return all.map(read);
  };
  const gauge = metric.child("gauge");
  if (gauge) return { kind: "gauge", points: points(gauge, readNumberPoint) };
  const sum = metric.child("sum");
  if (sum) {
    const monotonic = sum.value("isMonotonic") === true;
    return { kind: "sum", temporality: temporalityOf(sum), monotonic, points: points(sum, readNumberPoint) };
  }
  const histogram = metric.child("histogram");
  if (histogram)
    return { kind: "histogram", temporality: temporalityOf(histogram), points: points(histogram, readHistogramPoint) };
  const exponential = metric.child("exponentialHistogram");
  if (exponential) {
    const temporality = temporalityOf(exponential);
    return { kind: "exponential", temporality, points: points(exponential, readExponentialPoint) };
  }
  const summary = metric.child("summary");
  return summary && { kind: "summary", points: points(summary, readSummaryPoint) };
}

function temporalityOf(data: Node): Temporality {
  const value = data.value("aggregationTemporality");
  if (value === "AGGREGATION_TEMPORALITY_DELTA") return "delta";
  if (value === "AGGREGATION_TEMPORALITY_CUMULATIVE") return "cumulative";
  return TEMPORALITIES[Number(value ?? 0)] ?? "unspecified";
}

function pointBase(point: Node) {
  return {
    attributes: readAttributes(point.list("attributes")),
    startMs: point.timeMs("startTimeUnixNano"),
    timeMs: point.timeMs("timeUnixNano"),
    noValue: (point.number("flags") & NO_RECORDED_VALUE) !== 0,
  };
}

function readNumberPoint(point: Node): NumberPoint {
  const value = point.optionalNumber("asDouble") ?? point.number("asInt");
  return { ...pointBase(point), value, exemplars: readExemplars(point) };
}

function readHistogramPoint(point: Node): HistogramPoint {
  return {
    ...pointBase(point),
    count: point.number("count"),
    sum: point.optionalNumber("sum"),
    bucketCounts: point.numbers("bucketCounts"),
    bounds: point.numbers("explicitBounds"),
    exemplars: readExemplars(point),
  };
}

function readExponentialPoint(point: Node): ExponentialPoint {
  return {
    ...pointBase(point),
    count: point.number("count"),
    sum: point.optionalNumber("sum"),
    scale: point.number("scale"),
    zeroCount: point.number("zeroCount"),
    zeroThreshold: point.number("zeroThreshold"),
    positive: readBuckets(point.child("positive")),
    negative: readBuckets(point.child("negative")),
    exemplars: readExemplars(point),
  };
}

function readBuckets(buckets: Node | undefined): ExponentialBuckets {
  return { offset: buckets?.number("offset") ?? 0, counts: buckets?.numbers("bucketCounts") ?? [] };
}

function readSummaryPoint(point: Node): SummaryPoint {
  return {
    ...pointBase(point),
    count: point.number("count"),
    sum: point.number("sum"),
    quantiles: point
      .children("quantileValues")
      .map((one) => ({ quantile: one.number("quantile"), value: one.number("value") })),
  };
}

function readExemplars(point: Node): Exemplar[] {
  return point.children("exemplars").map((exemplar) => {
    const attributes = readAttributes(exemplar.list("filteredAttributes"));
    for (const [key, name] of [
      ["spanId", "span_id"],
      ["traceId", "trace_id"],
    ]) {
      if (exemplar.text(key) !== "") attributes.set(name, exemplar.text(key));
    }
    const value = exemplar.optionalNumber("asDouble") ?? exemplar.number("asInt");
    return { labels: Labels.fromEntries(attributes), value, timeMs: exemplar.timeMs("timeUnixNano") };
  });
}

function readAttributes(list: readonly unknown[]): Map<string, string> {
  if (list.length > ATTRIBUTES_MAX) throw new OtlpJsonError(`more than ${ATTRIBUTES_MAX} attributes`);
  const attributes = new Map<string, string>();
  for (const entry of list) {
    const node = Node.of(entry, "an attribute");
    const key = node.text("key");
    if (key !== "") attributes.set(key, attributeText(anyValue(node.value("value"), 0)));
  }
  return attributes;
}

function anyValue(value: unknown, depth: number): unknown {
  if (depth > DEPTH_MAX) throw new OtlpJsonError("values are nested too deeply");
  if (typeof value !== "object" || value === null) return "";
  const fields = value as Record<string, unknown>;
  if (fields.stringValue !== undefined) return fields.stringValue;
  if (fields.boolValue !== undefined) return fields.boolValue;
  if (fields.intValue !== undefined) return toNumber(fields.intValue, "intValue");
  if (fields.doubleValue !== undefined) return toNumber(fields.doubleValue, "doubleValue");
  if (fields.bytesValue !== undefined) return fields.bytesValue;
  if (fields.arrayValue !== undefined)
    return Node.of(fields.arrayValue, "arrayValue")
      .list("values")
      .map((one) => anyValue(one, depth + 1));
  if (fields.kvlistValue !== undefined) {
    const pairs = Node.of(fields.kvlistValue, "kvlistValue").children("values");
    return Object.fromEntries(pairs.map((pair) => [pair.text("key"), anyValue(pair.value("value"), depth + 1)]));
  }
  return "";
}
