// ExportMetricsServiceRequest, protobuf form. Field numbers from opentelemetry-proto's metrics.proto and common.proto.
import { type Exemplar, Labels } from "@storewatch/model";
import { ProtobufReader } from "../../protobuf/reader.ts";
import {
  ATTRIBUTES_MAX,
  type Attributes,
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
} from "./model.ts";

type MutableAttributes = Map<string, string>;

/** Throws ProtobufError. */
export function readProtobuf(body: Buffer): ResourceMetrics[] {
  return new RequestReader(new ProtobufReader(body)).request();
}

class RequestReader {
  private points = 0;

  constructor(private readonly reader: ProtobufReader) {}

  request(): ResourceMetrics[] {
    const { reader } = this;
    const all: ResourceMetrics[] = [];
    while (reader.next(reader.end)) {
      if (reader.field === 1) all.push(this.resourceMetrics(reader.messageEnd()));
      else reader.skip();
    }
    return all;
  }

  private resourceMetrics(end: number): ResourceMetrics {
    const { reader } = this;
    let resource: Attributes = new Map();
    const scopes: Array<ResourceMetrics["scopes"][number]> = [];
    while (reader.next(end)) {
      if (reader.field === 1) resource = this.attributesIn(reader.messageEnd(), 1);
      else if (reader.field === 2) scopes.push(this.scopeMetrics(reader.messageEnd()));
      else reader.skip();
    }
    return { resource, scopes };
  }

  private scopeMetrics(end: number): ResourceMetrics["scopes"][number] {
    const { reader } = this;
    let name = "";
    let version = "";
    const attributes: MutableAttributes = new Map();
    const metrics: OtlpMetric[] = [];
    while (reader.next(end)) {
      if (reader.field === 1) {
        const scopeEnd = reader.messageEnd();
        while (reader.next(scopeEnd)) {
          if (reader.field === 1) name = reader.string();
          else if (reader.field === 2) version = reader.string();
          else if (reader.field === 3) this.attribute(reader.messageEnd(), attributes);
          else reader.skip();
        }
      } else if (reader.field === 2) metrics.push(this.metric(reader.messageEnd()));
      else reader.skip();
    }
    return { name, version, attributes, metrics };
  }

  private metric(end: number): OtlpMetric {
    const { reader } = this;
    let name = "";
    let description = "";
    let unit = "";
    let data: OtlpData | undefined;
    while (reader.next(end)) {
      if (reader.field === 1) name = reader.string();
      else if (reader.field === 2) description = reader.string();
      else if (reader.field === 3) unit = reader.string();
      else data = this.data(reader.field) ?? data;
    }
    return { name, description, unit, data };
  }

  private data(field: number): OtlpData | undefined {
    const { reader } = this;
    if (field === 5) return { kind: "gauge", points: this.list((end) => this.numberPoint(end)).points };
    if (field === 7) return { kind: "sum", ...this.list((end) => this.numberPoint(end)) };
    if (field === 9) return { kind: "histogram", ...this.list((end) => this.histogramPoint(end)) };
    if (field === 10) return { kind: "exponential", ...this.list((end) => this.exponentialPoint(end)) };
    if (field === 11) return { kind: "summary", points: this.list((end) => this.summaryPoint(end)).points };
    reader.skip();
    return undefined;
  }

  /** All kinds have points as field 1, temporality as 2 and monotonic as 3, where they have them. */
  private list<P>(readPoint: (end: number) => P) {
    const { reader } = this;
    const end = reader.messageEnd();
    const points: P[] = [];
    let temporality = TEMPORALITIES[0];
    let monotonic = false;
    while (reader.next(end)) {
      if (reader.field === 1) {
        if (++this.points > POINTS_MAX) throw reader.error(`more than ${POINTS_MAX} data points in a request`);
        points.push(readPoint(reader.messageEnd()));
      } else if (reader.field === 2) temporality = TEMPORALITIES[reader.uint32()] ?? TEMPORALITIES[0];
      else if (reader.field === 3) monotonic = reader.bool();
      else reader.skip();
    }
    return { points, temporality, monotonic };
  }

  private numberPoint(end: number): NumberPoint {
    const { reader } = this;
    const point = { attributes: new Map<string, string>(), startMs: 0, timeMs: 0, value: 0, noValue: false };
    const exemplars: Exemplar[] = [];
    while (reader.next(end)) {
      if (reader.field === 7) this.attribute(reader.messageEnd(), point.attributes);
      else if (reader.field === 2) point.startMs = toMs(reader.fixed64());
      else if (reader.field === 3) point.timeMs = toMs(reader.fixed64());
      else if (reader.field === 4) point.value = reader.double();
      else if (reader.field === 6) point.value = reader.sfixed64();
      else if (reader.field === 5) exemplars.push(this.exemplar(reader.messageEnd()));
      else if (reader.field === 8) point.noValue = (reader.uint32() & NO_RECORDED_VALUE) !== 0;
      else reader.skip();
    }
    return { ...point, exemplars };
  }

  private histogramPoint(end: number): HistogramPoint {
    const { reader } = this;
    const point = { attributes: new Map<string, string>(), startMs: 0, timeMs: 0, count: 0, noValue: false };
    let sum: number | undefined;
    const bucketCounts: number[] = [];
    const bounds: number[] = [];
    const exemplars: Exemplar[] = [];
    while (reader.next(end)) {
      if (reader.field === 9) this.attribute(reader.messageEnd(), point.attributes);
      else if (reader.field === 2) point.startMs = toMs(reader.fixed64());
      else if (reader.field === 3) point.timeMs = toMs(reader.fixed64());
      else if (reader.field === 4) point.count = reader.fixed64();
      else if (reader.field === 5) sum = reader.double();
      else if (reader.field === 6) reader.repeatedFixed64(bucketCounts);
      else if (reader.field === 7) reader.repeatedDouble(bounds);
      else if (reader.field === 8) exemplars.push(this.exemplar(reader.messageEnd()));
      else if (reader.field === 10) point.noValue = (reader.uint32() & NO_RECORDED_VALUE) !== 0;
      else reader.skip();
    }
    return { ...point, sum, bucketCounts, bounds, exemplars };
  }

  private exponentialPoint(end: number): ExponentialPoint {
    const { reader } = this;
    const point = { attributes: new Map<string, string>(), startMs: 0, timeMs: 0, count: 0, noValue: false };
    let sum: number | undefined;
    const shape = { scale: 0, zeroCount: 0, zeroThreshold: 0 };
    let positive: ExponentialBuckets = { offset: 0, counts: [] };
    let negative = positive;
    const exemplars: Exemplar[] = [];
    while (reader.next(end)) {
      if (reader.field === 1) this.attribute(reader.messageEnd(), point.attributes);
      else if (reader.field === 2) point.startMs = toMs(reader.fixed64());
      else if (reader.field === 3) point.timeMs = toMs(reader.fixed64());
      else if (reader.field === 4) point.count = reader.fixed64();
      else if (reader.field === 5) sum = reader.double();
      else if (reader.field === 6) shape.scale = reader.sint32();
      else if (reader.field === 7) shape.zeroCount = reader.fixed64();
      else if (reader.field === 8) positive = this.buckets(reader.messageEnd());
      else if (reader.field === 9) negative = this.buckets(reader.messageEnd());
      else if (reader.field === 10) point.noValue = (reader.uint32() & NO_RECORDED_VALUE) !== 0;
      else if (reader.field === 11) exemplars.push(this.exemplar(reader.messageEnd()));
      else if (reader.field === 14) shape.zeroThreshold = reader.double();
      else reader.skip();
    }
    return { ...point, ...shape, sum, positive, negative, exemplars };
  }

  private buckets(end: number): ExponentialBuckets {
    const { reader } = this;
    let offset = 0;
    const counts: number[] = [];
    while (reader.next(end)) {
      if (reader.field === 1) offset = reader.sint32();
      else if (reader.field === 2) reader.repeatedUint64(counts);
      else reader.skip();
    }
    return { offset, counts };
  }

  private summaryPoint(end: number): SummaryPoint {
    const { reader } = this;
    const point = { attributes: new Map<string, string>(), startMs: 0, timeMs: 0, count: 0, sum: 0, noValue: false };
    const quantiles: Array<{ quantile: number; value: number }> = [];
    while (reader.next(end)) {
      if (reader.field === 7) this.attribute(reader.messageEnd(), point.attributes);
      else if (reader.field === 2) point.startMs = toMs(reader.fixed64());
      else if (reader.field === 3) point.timeMs = toMs(reader.fixed64());
      else if (reader.field === 4) point.count = reader.fixed64();
      else if (reader.field === 5) point.sum = reader.double();
      else if (reader.field === 6) quantiles.push(this.quantile(reader.messageEnd()));
      else if (reader.field === 8) point.noValue = (reader.uint32() & NO_RECORDED_VALUE) !== 0;
      else reader.skip();
    }
    return { ...point, quantiles };
  }

  private quantile(end: number): { quantile: number; value: number } {
    const { reader } = this;
    const found = { quantile: 0, value: 0 };
    while (reader.next(end)) {
      if (reader.field === 1) found.quantile = reader.double();
      else if (reader.field === 2) found.value = reader.double();
      else reader.skip();
    }
    return found;
  }

  private exemplar(end: number): Exemplar {
    const { reader } = this;
    const attributes: MutableAttributes = new Map();
    let timeMs = 0;
    let value = 0;
    while (reader.next(end)) {
      if (reader.field === 2) timeMs = toMs(reader.fixed64());
      else if (reader.field === 3) value = reader.double();
      else if (reader.field === 6) value = reader.sfixed64();
      else if (reader.field === 4) attributes.set("span_id", hex(reader.byteField()));
      else if (reader.field === 5) attributes.set("trace_id", hex(reader.byteField()));
      else if (reader.field === 7) this.attribute(reader.messageEnd(), attributes);
      else reader.skip();
    }
    return { labels: Labels.fromEntries(attributes), value, timeMs };
  }

  /** A message that holds attributes in one field, such as a resource. */
  private attributesIn(end: number, field: number): Attributes {
    const attributes: MutableAttributes = new Map();
    while (this.reader.next(end)) {
      if (this.reader.field === field) this.attribute(this.reader.messageEnd(), attributes);
      else this.reader.skip();
    }
    return attributes;
  }

  private attribute(end: number, into: MutableAttributes): void {
    const { reader } = this;
    let key = "";
    let value: unknown = "";
    while (reader.next(end)) {
      if (reader.field === 1) key = reader.string();
      else if (reader.field === 2) value = this.anyValue(reader.messageEnd(), 0);
      else reader.skip();
    }
    if (into.size >= ATTRIBUTES_MAX) throw reader.error(`more than ${ATTRIBUTES_MAX} attributes`);
    if (key !== "") into.set(key, attributeText(value));
  }

  private anyValue(end: number, depth: number): unknown {
    const { reader } = this;
    if (depth > DEPTH_MAX) throw reader.error("values are nested too deeply");
    let value: unknown = "";
    while (reader.next(end)) {
      if (reader.field === 1) value = reader.string();
      else if (reader.field === 2) value = reader.bool();
      else if (reader.field === 3) value = reader.int64();
      else if (reader.field === 4) value = reader.double();
      else if (reader.field === 5) value = this.array(reader.messageEnd(), depth + 1);
      else if (reader.field === 6) value = this.keyValues(reader.messageEnd(), depth + 1);
      else if (reader.field === 7) value = Buffer.from(reader.byteField()).toString("base64");
      else reader.skip();
    }
    return value;
  }

  private array(end: number, depth: number): unknown[] {
    const values: unknown[] = [];
    while (this.reader.next(end)) {
      if (this.reader.field === 1) values.push(this.anyValue(this.reader.messageEnd(), depth));
      else this.reader.skip();
    }
    return values;
  }

  private keyValues(end: number, depth: number): Record<string, unknown> {
    const { reader } = this;
    const entries: Array<[string, unknown]> = [];
    while (reader.next(end)) {
      if (reader.field !== 1) {
        reader.skip();
        continue;
      }
      const entryEnd = reader.messageEnd();
      const entry: [string, unknown] = ["", ""];
      while (reader.next(entryEnd)) {
        if (reader.field === 1) entry[0] = reader.string();
        else if (reader.field === 2) entry[1] = this.anyValue(reader.messageEnd(), depth);
        else reader.skip();
      }
      entries.push(entry);
    }
    return Object.fromEntries(entries);
  }
}

/** Attribute values become labels, so they become text. */
export function attributeText(value: unknown): string {
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}

function toMs(nanoseconds: number): number {
  return Math.floor(nanoseconds / 1e6);
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}
