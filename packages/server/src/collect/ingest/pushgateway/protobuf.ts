// Delimited io.prometheus.client.MetricFamily messages, which Go's push client sends. Native histograms are taken by their
// classic buckets, count and sum.
import { ProtobufError, ProtobufReader } from "../../protobuf/reader.ts";

export interface PushedMessage {
  readonly name: string;
  readonly help: string;
  readonly type: string;
  readonly series: ReadonlyArray<{
    readonly metric: string;
    readonly labels: ReadonlyArray<readonly [string, string]>;
    readonly value: number;
  }>;
  /** One of its metrics says when it was measured. */
  readonly hasTimestamps: boolean;
}

const TYPES = ["counter", "gauge", "summary", "untyped", "histogram", "histogram"];

/** Suffix of the name, a label of its own, value. */
type Part = readonly [string, readonly [string, string] | undefined, number];

interface Metric {
  readonly labels: Array<readonly [string, string]>;
  readonly parts: Part[];
  hasTimestamp: boolean;
}

/** Throws ProtobufError. */
export function readMessages(body: Buffer): PushedMessage[] {
  const reader = new ProtobufReader(body);
  const messages: PushedMessage[] = [];
  for (let end = reader.delimitedEnd(); end !== undefined; end = reader.delimitedEnd()) {
    messages.push(readFamily(reader, end));
  }
  return messages;
}

function readFamily(reader: ProtobufReader, end: number): PushedMessage {
  let name = "";
  let help = "";
  let type = 0;
  const metrics: Metric[] = [];
  while (reader.next(end)) {
    if (reader.field === 1) name = reader.string();
    else if (reader.field === 2) help = reader.string();
    else if (reader.field === 3) type = reader.uint32();
    else if (reader.field === 4) metrics.push(readMetric(reader, reader.messageEnd()));
    else reader.skip();
  }
  if (!/^[A-Za-z_:][\w:]*$/.test(name))
    throw new ProtobufError(`"${name.slice(0, 100)}" is no metric name`, reader.position);
  const series = metrics.flatMap(({ labels, parts }) =>
    parts.map(([suffix, own, value]) => ({ metric: name + suffix, labels: own ? [...labels, own] : labels, value })),
  );
  const hasTimestamps = metrics.some(({ hasTimestamp }) => hasTimestamp);
  return { name, help, type: TYPES[type] ?? "untyped", series, hasTimestamps };
}

function readMetric(reader: ProtobufReader, end: number): Metric {
  const metric: Metric = { labels: [], parts: [], hasTimestamp: false };
  while (reader.next(end)) {
    const { field } = reader;
    if (field === 1) metric.labels.push(readLabel(reader, reader.messageEnd()));
    else if (field === 2 || field === 3 || field === 5)
      metric.parts.push(["", undefined, readValue(reader, reader.messageEnd())]);
    else if (field === 4) readSummary(reader, reader.messageEnd(), metric);
    else if (field === 7) readHistogram(reader, reader.messageEnd(), metric);
    else if (field === 6) metric.hasTimestamp = reader.int64() !== 0;
    else reader.skip();
  }
  return metric;
}

function readLabel(reader: ProtobufReader, end: number): readonly [string, string] {
  let name = "";
  let value = "";
  while (reader.next(end)) {
    if (reader.field === 1) name = reader.string();
    else if (reader.field === 2) value = reader.string();
    else reader.skip();
  }
  if (!/^[A-Za-z_]\w*$/.test(name))
    throw new ProtobufError(`"${name.slice(0, 100)}" is no label name`, reader.position);
  return [name, value];
}

/** The double in field 1: of a counter, gauge or untyped value. */
function readValue(reader: ProtobufReader, end: number): number {
  let value = 0;
  while (reader.next(end)) {
    if (reader.field === 1) value = reader.double();
    else reader.skip();
  }
  return value;
}

function readSummary(reader: ProtobufReader, end: number, { parts }: Metric): void {
  let count = 0;
  let sum = 0;
  while (reader.next(end)) {
    if (reader.field === 1) count = reader.uint64();
    else if (reader.field === 2) sum = reader.double();
    else if (reader.field === 3) parts.push(readQuantile(reader, reader.messageEnd()));
    else reader.skip();
  }
  parts.push(["_sum", undefined, sum], ["_count", undefined, count]);
}

function readQuantile(reader: ProtobufReader, end: number): Part {
  let quantile = 0;
  let value = 0;
  while (reader.next(end)) {
    if (reader.field === 1) quantile = reader.double();
    else if (reader.field === 2) value = reader.double();
    else reader.skip();
  }
  return ["", ["quantile", String(quantile)], value];
}

function readHistogram(reader: ProtobufReader, end: number, { parts }: Metric): void {
  let count = 0;
  let sum = 0;
  while (reader.next(end)) {
    if (reader.field === 1) count = reader.uint64();
    else if (reader.field === 2) sum = reader.double();
    else if (reader.field === 4) count = reader.double() || count;
    else if (reader.field === 3) parts.push(...readBucket(reader, reader.messageEnd()));
    else reader.skip();
  }
  parts.push(["_bucket", ["le", "+Inf"], count], ["_sum", undefined, sum], ["_count", undefined, count]);
}

/** Nothing for the bucket +Inf, which is the count. */
function readBucket(reader: ProtobufReader, end: number): Part[] {
  let bound = 0;
  let count = 0;
  while (reader.next(end)) {
    if (reader.field === 1) count = reader.uint64();
    else if (reader.field === 2) bound = reader.double();
    else if (reader.field === 4) count = reader.double() || count;
    else reader.skip();
  }
  return bound === Number.POSITIVE_INFINITY ? [] : [["_bucket", ["le", String(bound)], count]];
}
