// io.prometheus.client.Histogram: the classic and the native form of one histogram, which stand in one message.
import type { BucketSpan, NativeHistogram } from "@storewatch/model";
import type { ProtobufReader } from "../protobuf/reader.ts";
import type { ExposedExemplar } from "./exposition.ts";
import { SCHEMA_MAX, SCHEMA_MIN } from "./histogram-limits.ts";

export interface ClassicBucket {
  readonly bound: number;
  readonly cumulative: number;
  readonly exemplar: ExposedExemplar | undefined;
}

export class HistogramMessage {
  count = 0;
  sum = 0;
  buckets: ClassicBucket[] = [];
  exemplars: ExposedExemplar[] = [];
  private countFloat = 0;
  private schema = 0;
  private zeroThreshold = 0;
  private zeroCount = 0;
  private zeroCountFloat = 0;
  private readonly positiveSpans: BucketSpan[] = [];
  private readonly positiveDeltas: number[] = [];
  private readonly positiveCounts: number[] = [];
  private readonly negativeSpans: BucketSpan[] = [];
  private readonly negativeDeltas: number[] = [];
  private readonly negativeCounts: number[] = [];

  /** Reads the message that ends at `end`. Throws ProtobufError. */
  static read(reader: ProtobufReader, end: number): HistogramMessage {
    const message = new HistogramMessage();
    while (reader.next(end)) message.take(reader);
    if (message.countFloat > 0) message.count = message.countFloat;
    return message;
  }

  /** A target asks for a native histogram that is still empty by a span without buckets. */
  get isNative(): boolean {
    return (
      this.positiveSpans.length > 0 ||
      this.negativeSpans.length > 0 ||
      this.zeroThreshold > 0 ||
      this.zeroCount > 0 ||
      this.zeroCountFloat > 0
    );
  }

  /** Throws ProtobufError when its parts do not fit together. */
  toNative(isGauge: boolean, reader: ProtobufReader): NativeHistogram {
    const isFloat = this.countFloat > 0 || this.zeroCountFloat > 0;
    const positive = isFloat ? this.positiveCounts : fromDeltas(this.positiveDeltas);
    const negative = isFloat ? this.negativeCounts : fromDeltas(this.negativeDeltas);
    const zeroCount = isFloat ? this.zeroCountFloat : this.zeroCount;
    const problem =
      (this.schema < SCHEMA_MIN || this.schema > SCHEMA_MAX ? `unknown schema ${this.schema}` : undefined) ??
      sideProblem(this.positiveSpans, positive) ??
      sideProblem(this.negativeSpans, negative);
    if (problem) throw reader.error(`native histogram: ${problem}`);
    if (!isFloat) {
      const total = [...positive, ...negative].reduce((sum, one) => sum + one, zeroCount);
      // Observations of NaN are counted and are in no bucket.
      if (Number.isNaN(this.sum) ? this.count < total : this.count !== total) {
        throw reader.error(`native histogram: ${total} observations in the buckets, but the count is ${this.count}`);
      }
    }
    return {
      schema: this.schema,
      count: this.count,
      sum: this.sum,
      zeroThreshold: this.zeroThreshold,
      zeroCount,
      positiveSpans: this.positiveSpans,
      positiveBuckets: positive,
      negativeSpans: this.negativeSpans,
      negativeBuckets: negative,
      customValues: [],
      counterReset: isGauge ? "gauge" : "unknown",
    };
  }

  private take(reader: ProtobufReader): void {
    switch (reader.field) {
      case 1:
        this.count = reader.uint64();
        break;
      case 2:
        this.sum = reader.double();
        break;
      case 3:
        this.buckets.push(readBucket(reader));
        break;
      case 4:
        this.countFloat = reader.double();
        break;
      case 5:
        this.schema = reader.sint32();
        break;
      case 6:
        this.zeroThreshold = reader.double();
        break;
      case 7:
        this.zeroCount = reader.uint64();
        break;
      case 8:
        this.zeroCountFloat = reader.double();
        break;
      case 9:
        this.negativeSpans.push(readSpan(reader));
        break;
      case 10:
        reader.repeatedSint64(this.negativeDeltas);
        break;
      case 11:
        reader.repeatedDouble(this.negativeCounts);
        break;
      case 12:
        this.positiveSpans.push(readSpan(reader));
        break;
      case 13:
        reader.repeatedSint64(this.positiveDeltas);
        break;
      case 14:
        reader.repeatedDouble(this.positiveCounts);
        break;
      case 16:
        this.exemplars.push(readExemplar(reader));
        break;
      default:
        reader.skip();
    }
  }
}

function fromDeltas(deltas: readonly number[]): number[] {
  let count = 0;
  return deltas.map((delta) => {
    count += delta;
    return count;
  });
}

function sideProblem(spans: readonly BucketSpan[], counts: readonly number[]): string | undefined {
  const places = spans.reduce((sum, { length }) => sum + length, 0);
  if (places !== counts.length) return `spans for ${places} buckets, but there are ${counts.length}`;
  const backward = spans.findIndex(({ offset }, i) => i > 0 && offset < 0);
  if (backward > 0) return `span ${backward + 1} begins before the one before it ends`;
  return counts.some((count) => !(count >= 0)) ? "a bucket with fewer than 0 observations" : undefined;
}

function readBucket(reader: ProtobufReader): ClassicBucket {
  let cumulative = 0;
  let cumulativeFloat = 0;
  let bound = 0;
  let exemplar: ExposedExemplar | undefined;
  const end = reader.messageEnd();
  while (reader.next(end)) {
    if (reader.field === 1) cumulative = reader.uint64();
    else if (reader.field === 2) bound = reader.double();
    else if (reader.field === 3) exemplar = readExemplar(reader);
    else if (reader.field === 4) cumulativeFloat = reader.double();
    else reader.skip();
  }
  return { bound, cumulative: cumulativeFloat > 0 ? cumulativeFloat : cumulative, exemplar };
}

function readSpan(reader: ProtobufReader): BucketSpan {
  let offset = 0;
  let length = 0;
  const end = reader.messageEnd();
  while (reader.next(end)) {
    if (reader.field === 1) offset = reader.sint32();
    else if (reader.field === 2) length = reader.uint32();
    else reader.skip();
  }
  return { offset, length };
}

export function readExemplar(reader: ProtobufReader): ExposedExemplar {
  const labels: Array<readonly [string, string]> = [];
  let value = 0;
  let timeMs: number | undefined;
  const end = reader.messageEnd();
  while (reader.next(end)) {
    if (reader.field === 1) labels.push(readLabel(reader));
    else if (reader.field === 2) value = reader.double();
    else if (reader.field === 3) timeMs = readTime(reader);
    else reader.skip();
  }
  return { labels, value, timeMs };
}

export function readLabel(reader: ProtobufReader): readonly [string, string] {
  let name = "";
  let value = "";
  const end = reader.messageEnd();
  while (reader.next(end)) {
    if (reader.field === 1) name = reader.string();
    else if (reader.field === 2) value = reader.string();
    else reader.skip();
  }
  return [name, value];
}

/** google.protobuf.Timestamp, in ms. */
function readTime(reader: ProtobufReader): number {
  let seconds = 0;
  let nanos = 0;
  const end = reader.messageEnd();
  while (reader.next(end)) {
    if (reader.field === 1) seconds = reader.int64();
    else if (reader.field === 2) nanos = reader.int32();
    else reader.skip();
  }
  return seconds * 1000 + Math.trunc(nanos / 1_000_000);
}
