// Native histograms as remote write and remote read carry them: the same message in protocol 1.0 and 2.0.
//
//   count 1 (int) or 2 (float) · sum 3 · schema 4 · zero threshold 5 · zero count 6 or 7 · negative spans 8, deltas 9 (of
//   whole counts) or counts 10 (floats) · positive 11, 12, 13 · reset hint 14 · time 15 · custom bounds 16
import { type BucketSpan, type CounterResetHint, CUSTOM_BUCKETS_SCHEMA, type NativeHistogram } from "@storewatch/model";
import type { ProtobufReader } from "../protobuf/reader.ts";
import type { ProtoWriter } from "../protobuf/writer.ts";

export interface DecodedHistogram {
  readonly timeMs: number;
  /** Its sum is the staleness marker: the series ends here, and the histogram means nothing. */
  readonly stale: boolean;
  readonly histogram: NativeHistogram;
}

const RESET_HINTS: readonly CounterResetHint[] = ["unknown", "reset", "notReset", "gauge"];
/** Buckets of one histogram; the peers' largest have some hundreds. */
const BUCKETS_MAX = 65_536;
/** Why a histogram cannot be stored. */
export class BadHistogram extends Error {}

interface Draft {
  timeMs: number;
  stale: boolean;
  schema: number;
  count: number;
  sum: number;
  zeroThreshold: number;
  zeroCount: number;
  readonly negativeSpans: BucketSpan[];
  readonly negativeDeltas: number[];
  readonly negativeCounts: number[];
  readonly positiveSpans: BucketSpan[];
  readonly positiveDeltas: number[];
  readonly positiveCounts: number[];
  readonly customValues: number[];
  reset: number;
}

/** Reads the message that ends at `end`. Throws ProtobufError for bytes that are none; see `toHistogram` for the rest. */
export function readHistogram(reader: ProtobufReader, end: number): Draft {
  const draft: Draft = {
    timeMs: 0,
    stale: false,
    schema: 0,
    count: 0,
    sum: 0,
    zeroThreshold: 0,
    zeroCount: 0,
    negativeSpans: [],
    negativeDeltas: [],
    negativeCounts: [],
    positiveSpans: [],
    positiveDeltas: [],
    positiveCounts: [],
    customValues: [],
    reset: 0,
  };
  while (reader.next(end)) readField(reader, draft);
  return draft;
}

function readField(reader: ProtobufReader, draft: Draft): void {
  switch (reader.field) {
    case 1:
      draft.count = reader.uint64();
      break;
    case 2:
      draft.count = reader.double();
      break;
    case 3:
      draft.stale = reader.isStaleNext();
      draft.sum = reader.double();
      break;
    case 4:
      draft.schema = reader.sint32();
      break;
    case 5:
      draft.zeroThreshold = reader.double();
      break;
    case 6:
      draft.zeroCount = reader.uint64();
      break;
    case 7:
      draft.zeroCount = reader.double();
      break;
    case 14:
      draft.reset = reader.uint32();
      break;
    case 15:
      draft.timeMs = reader.int64();
      break;
    case 16:
      reader.repeatedDouble(draft.customValues);
      break;
    default:
      readBuckets(reader, draft);
  }
}

function readBuckets(reader: ProtobufReader, draft: Draft): void {
  switch (reader.field) {
    case 8:
      draft.negativeSpans.push(readSpan(reader));
      break;
    case 9:
      reader.repeatedSint64(draft.negativeDeltas);
      break;
    case 10:
      reader.repeatedDouble(draft.negativeCounts);
      break;
    case 11:
      draft.positiveSpans.push(readSpan(reader));
      break;
    case 12:
      reader.repeatedSint64(draft.positiveDeltas);
      break;
    case 13:
      reader.repeatedDouble(draft.positiveCounts);
      break;
    default:
      reader.skip();
  }
}

function readSpan(reader: ProtobufReader): BucketSpan {
  const end = reader.messageEnd();
  let offset = 0;
  let length = 0;
  while (reader.next(end)) {
    if (reader.field === 1) offset = reader.sint32();
    else if (reader.field === 2) length = reader.uint32();
    else reader.skip();
  }
  return { offset, length };
}

/** Checks what was read. Throws BadHistogram with the reason. */
export function toHistogram(draft: Draft): DecodedHistogram {
  const positiveBuckets = bucketsOf(draft.positiveSpans, draft.positiveDeltas, draft.positiveCounts);
  const negativeBuckets = bucketsOf(draft.negativeSpans, draft.negativeDeltas, draft.negativeCounts);
  checkSchema(draft, positiveBuckets.length);
  const total = sumOf(positiveBuckets) + sumOf(negativeBuckets) + draft.zeroCount;
  // Observations of NaN are in the count and in no bucket; float counts may differ by rounding.
  if (!draft.stale && total > draft.count * (1 + 1e-9) + 1e-9) {
    throw new BadHistogram(`${total} observations in the buckets, but a count of ${draft.count}`);
  }
  const histogram: NativeHistogram = {
    schema: draft.schema,
    count: draft.count,
    sum: draft.sum,
    zeroThreshold: draft.zeroThreshold,
    zeroCount: draft.zeroCount,
    positiveSpans: draft.positiveSpans,
    positiveBuckets,
    negativeSpans: draft.negativeSpans,
    negativeBuckets,
    customValues: draft.customValues,
    counterReset: RESET_HINTS[draft.reset] ?? "unknown",
  };
  return { timeMs: draft.timeMs, stale: draft.stale, histogram };
}

/** Absolute counts; whole counts come as the difference to the bucket before. */
function bucketsOf(spans: readonly BucketSpan[], deltas: readonly number[], counts: readonly number[]): number[] {
  const buckets: number[] = counts.length > 0 ? [...counts] : [];
  let count = 0;
  if (counts.length === 0) {
    for (const delta of deltas) {
      count += delta;
      buckets.push(count);
    }
  }
  let expected = 0;
  for (const [i, { offset, length }] of spans.entries()) {
    if (i > 0 && offset < 0) throw new BadHistogram(`span ${i + 1} has the negative offset ${offset}`);
    expected += length;
  }
  if (expected !== buckets.length) {
    throw new BadHistogram(`spans for ${expected} buckets, but ${buckets.length} bucket counts`);
  }
  if (buckets.length > BUCKETS_MAX) throw new BadHistogram(`more than ${BUCKETS_MAX} buckets`);
  const negative = buckets.find((n) => !(n >= 0));
  if (negative !== undefined) throw new BadHistogram(`a bucket count of ${negative}`);
  return buckets;
}

function checkSchema(
  { schema, customValues, zeroCount, zeroThreshold, negativeSpans, count }: Draft,
  positive: number,
) {
  if (!(count >= 0) && !Number.isNaN(count)) throw new BadHistogram(`a count of ${count}`);
  if (schema !== CUSTOM_BUCKETS_SCHEMA) {
    if (schema < -4 || schema > 8) throw new BadHistogram(`schema ${schema} is not known (−4 to 8, or −53)`);
    if (customValues.length > 0) throw new BadHistogram("custom bounds with an exponential schema");
    return;
  }
  if (zeroCount !== 0 || zeroThreshold !== 0) throw new BadHistogram("a zero bucket with custom bounds");
  if (negativeSpans.length > 0) throw new BadHistogram("negative buckets with custom bounds");
  if (positive > customValues.length + 1) throw new BadHistogram("more buckets than custom bounds");
  for (let i = 1; i < customValues.length; i++) {
    if (!(customValues[i] > customValues[i - 1])) throw new BadHistogram("custom bounds that do not rise");
  }
  if (customValues.some((bound) => Number.isNaN(bound) || bound === Infinity)) {
    throw new BadHistogram("a custom bound that is no finite number");
  }
}

function sumOf(values: readonly number[]): number {
  let sum = 0;
  for (const value of values) sum += value;
  return sum;
}

/** Writes the fields of the message. Whole counts go in the integer form, as the peers send what they scraped. */
export function writeHistogram(out: ProtoWriter, histogram: NativeHistogram, timeMs: number, stale = false): void {
  const { count, zeroCount, positiveBuckets, negativeBuckets } = histogram;
  const isWhole = [count, zeroCount, ...positiveBuckets, ...negativeBuckets].every(Number.isSafeInteger);
  if (isWhole) out.uint(1, count);
  else out.double(2, count);
  if (stale) out.doubleBits(3, 0x00000002, 0x7ff00000);
  else out.double(3, histogram.sum);
  if (histogram.schema !== 0) out.sint(4, histogram.schema);
  out.double(5, histogram.zeroThreshold);
  if (isWhole) out.uint(6, zeroCount);
  else out.double(7, zeroCount);
  writeBuckets(out, histogram.negativeSpans, negativeBuckets, isWhole, 8);
  writeBuckets(out, histogram.positiveSpans, positiveBuckets, isWhole, 11);
  const hint = RESET_HINTS.indexOf(histogram.counterReset);
  if (hint > 0) out.uint(14, hint);
  out.int(15, timeMs);
  if (histogram.customValues.length > 0) {
    out.message(16, (packed) => {
      for (const bound of histogram.customValues) packed.packedDouble(bound);
    });
  }
}

/** Fields `first` (spans), `first + 1` (deltas of whole counts) or `first + 2` (counts). */
function writeBuckets(
  out: ProtoWriter,
  spans: readonly BucketSpan[],
  buckets: readonly number[],
  isWhole: boolean,
  first: number,
): void {
  for (const { offset, length } of spans) {
    out.message(first, (span) => {
      if (offset !== 0) span.sint(1, offset);
      span.uint(2, length);
    });
  }
  if (buckets.length === 0) return;
  out.message(isWhole ? first + 1 : first + 2, (packed) => {
    let before = 0;
    for (const bucket of buckets) {
      if (isWhole) packed.zigzag(bucket - before);
      else packed.packedDouble(bucket);
      before = bucket;
    }
  });
}
