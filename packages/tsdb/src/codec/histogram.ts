// Native histograms as bytes: each sample against the one before it. docs/format/column.md has the picture.
//
//   column   version u8 = 1, samples*
//   sample   flags u8 | layout? | sum | counts
//   flags    bits 0–1 counter reset hint; bit 2: a layout follows, else that of the sample before holds;
//            bit 3: counts are doubles, else whole numbers; the rest is 0
//   layout   schema zigzag | zero threshold | positive spans | negative spans | custom values
//            spans: count, (offset zigzag, length)*   custom values: count, double*
//   counts   count, zero count, positive buckets, negative buckets, each against its reference; 0, run − 1: so many equal it
// The reference is the same count of the sample before; behind a layout it is 0, of a whole bucket the bucket before it.
// A double is XORed with its reference: u8 (trailing zero bytes << 4 | bytes), then those bytes; 0: no difference.
import { type BucketSpan, bitsOf, type CounterResetHint, type NativeHistogram } from "@storewatch/model";
import { type ByteReader, ByteWriter, FormatError } from "./bytes.ts";

const VERSION = 1;
const HINTS: readonly CounterResetHint[] = ["unknown", "reset", "notReset", "gauge"];
const HAS_LAYOUT = 4;
const HAS_DOUBLES = 8;
/** Of one side. More is damage: a run of equal buckets takes few bytes, and must not fill the memory. */
export const BUCKETS_MAX = 65_536;
/** Whole numbers beyond are written as doubles: differences must stay exact. */
const WHOLE_LIMIT = 2 ** 50;
const SCHEMA_LIMIT = 64;
const OFFSET_LIMIT = 2 ** 31;
const EMPTY: readonly never[] = [];

const pair = new Float64Array(2);
const pairBits = bitsOf(pair);

/** Has the histogram the form that can be stored? Says nothing about whether its numbers make sense. */
export function isStorable(histogram: NativeHistogram): boolean {
  const { schema, positiveSpans, positiveBuckets, negativeSpans, negativeBuckets, customValues } = histogram;
  return (
    Number.isInteger(schema) &&
    Math.abs(schema) <= SCHEMA_LIMIT &&
    areSpansOf(positiveSpans, positiveBuckets.length) &&
    areSpansOf(negativeSpans, negativeBuckets.length) &&
    customValues.length <= BUCKETS_MAX &&
    HINTS.includes(histogram.counterReset)
  );
}

function areSpansOf(spans: readonly BucketSpan[], buckets: number): boolean {
  if (buckets > BUCKETS_MAX || spans.length > BUCKETS_MAX) return false;
  let total = 0;
  for (const { offset, length } of spans) {
    if (!Number.isInteger(offset) || Math.abs(offset) > OFFSET_LIMIT) return false;
    if (!Number.isInteger(length) || length < 0) return false;
    total += length;
  }
  return total === buckets;
}

/** Writes a sample; `before` is the one that the reader will have. */
export function putHistogram(out: ByteWriter, histogram: NativeHistogram, before: NativeHistogram | undefined): void {
  const base = before && sameLayout(before, histogram) ? before : undefined;
  const isWhole = hasWholeCounts(histogram) && (base === undefined || hasWholeCounts(base));
  const hint = HINTS.indexOf(histogram.counterReset);
  out.u8(hint | (base ? 0 : HAS_LAYOUT) | (isWhole ? 0 : HAS_DOUBLES));
  if (!base) putLayout(out, histogram);
  putDouble(out, histogram.sum, base?.sum ?? 0);
  const counts = new CountWriter(out, isWhole);
  counts.put(histogram.count, base?.count ?? 0);
  counts.put(histogram.zeroCount, base?.zeroCount ?? 0);
  putBuckets(counts, histogram.positiveBuckets, base?.positiveBuckets, isWhole);
  putBuckets(counts, histogram.negativeBuckets, base?.negativeBuckets, isWhole);
  counts.end();
}

function putBuckets(
  counts: CountWriter,
  buckets: readonly number[],
  before: readonly number[] | undefined,
  isWhole: boolean,
): void {
  for (let i = 0; i < buckets.length; i++) {
    counts.put(buckets[i], before ? before[i] : isWhole && i > 0 ? buckets[i - 1] : 0);
  }
}

function putLayout(out: ByteWriter, histogram: NativeHistogram): void {
  out.zigzag(histogram.schema);
  putDouble(out, histogram.zeroThreshold, 0);
  for (const spans of [histogram.positiveSpans, histogram.negativeSpans]) {
    out.varint(spans.length);
    for (const { offset, length } of spans) {
      out.zigzag(offset);
      out.varint(length);
    }
  }
  out.varint(histogram.customValues.length);
  for (const value of histogram.customValues) putDouble(out, value, 0);
}

class CountWriter {
  private run = 0;

  constructor(
    private readonly out: ByteWriter,
    private readonly isWhole: boolean,
  ) {}

  put(value: number, reference: number): void {
    if (Object.is(value, reference)) {
      this.run++;
      return;
    }
    this.end();
    if (this.isWhole) this.out.zigzag(value - reference);
    else putDouble(this.out, value, reference);
  }

  end(): void {
    if (this.run === 0) return;
    this.out.u8(0);
    this.out.varint(this.run - 1);
    this.run = 0;
  }
}

function putDouble(out: ByteWriter, value: number, reference: number): void {
  pair[0] = value;
  pair[1] = reference;
  const low = (pairBits[0] ^ pairBits[2]) >>> 0;
  const high = (pairBits[1] ^ pairBits[3]) >>> 0;
  const byteAt = (i: number) => ((i < 4 ? low : high) >>> (8 * (i & 3))) & 255;
  let first = 0;
  while (first < 8 && byteAt(first) === 0) first++;
  if (first === 8) {
    out.u8(0);
    return;
  }
  let last = 7;
  while (byteAt(last) === 0) last--;
  out.u8((first << 4) | (last - first + 1));
  for (let i = first; i <= last; i++) out.u8(byteAt(i));
}

function readDouble(input: ByteReader, head: number, reference: number): number {
  const first = head >>> 4;
  const bytes = head & 15;
  if (first + bytes > 8 || (bytes === 0 && first > 0)) throw new FormatError("a double that is none");
  pair[0] = reference;
  for (let i = first; i < first + bytes; i++) pairBits[i < 4 ? 0 : 1] ^= input.u8() << (8 * (i & 3));
  return pair[0];
}

function hasWholeCounts(histogram: NativeHistogram): boolean {
  return (
    isWholeCount(histogram.count) &&
    isWholeCount(histogram.zeroCount) &&
    histogram.positiveBuckets.every(isWholeCount) &&
    histogram.negativeBuckets.every(isWholeCount)
  );
}

function isWholeCount(value: number): boolean {
  return Number.isInteger(value) && Math.abs(value) < WHOLE_LIMIT && !Object.is(value, -0);
}

function sameLayout(a: NativeHistogram, b: NativeHistogram): boolean {
  return (
    a.schema === b.schema &&
    Object.is(a.zeroThreshold, b.zeroThreshold) &&
    sameSpans(a.positiveSpans, b.positiveSpans) &&
    sameSpans(a.negativeSpans, b.negativeSpans) &&
    sameNumbers(a.customValues, b.customValues)
  );
}

function sameSpans(a: readonly BucketSpan[], b: readonly BucketSpan[]): boolean {
  if (a === b) return true;
  return a.length === b.length && a.every(({ offset, length }, i) => offset === b[i].offset && length === b[i].length);
}

function sameNumbers(a: readonly number[], b: readonly number[]): boolean {
  return a === b || (a.length === b.length && a.every((value, i) => Object.is(value, b[i])));
}

/** Are the two the same sample? */
export function equalHistograms(a: NativeHistogram, b: NativeHistogram): boolean {
  return (
    sameLayout(a, b) &&
    a.counterReset === b.counterReset &&
    Object.is(a.count, b.count) &&
    Object.is(a.sum, b.sum) &&
    Object.is(a.zeroCount, b.zeroCount) &&
    sameNumbers(a.positiveBuckets, b.positiveBuckets) &&
    sameNumbers(a.negativeBuckets, b.negativeBuckets)
  );
}

/** Reads what putHistogram wrote; throws FormatError on anything else. Samples of one layout share its arrays. */
export function readHistogram(input: ByteReader, before: NativeHistogram | undefined): NativeHistogram {
  const flags = input.u8();
  if (flags > 15) throw new FormatError("unknown flags of a histogram");
  const base = flags & HAS_LAYOUT ? undefined : before;
  if (!base && !(flags & HAS_LAYOUT)) throw new FormatError("a histogram without its layout");
  const layout = base ?? readLayout(input);
  const sum = readDouble(input, input.u8(), base?.sum ?? 0);
  const counts = new CountReader(input, (flags & HAS_DOUBLES) === 0);
  const count = counts.next(base?.count ?? 0);
  const zeroCount = counts.next(base?.zeroCount ?? 0);
  const { schema, zeroThreshold, positiveSpans, negativeSpans, customValues } = layout;
  const positiveBuckets = counts.buckets(base?.positiveBuckets, positiveSpans);
  const negativeBuckets = counts.buckets(base?.negativeBuckets, negativeSpans);
  counts.end();
  const counterReset = HINTS[flags & 3];
  return {
    schema,
    count,
    sum,
    zeroThreshold,
    zeroCount,
    positiveSpans,
    positiveBuckets,
    negativeSpans,
    negativeBuckets,
    customValues,
    counterReset,
  };
}

type Layout = Pick<NativeHistogram, "schema" | "zeroThreshold" | "positiveSpans" | "negativeSpans" | "customValues">;

function readLayout(input: ByteReader): Layout {
  const schema = input.zigzag();
  if (Math.abs(schema) > SCHEMA_LIMIT) throw new FormatError("schema out of range");
  const zeroThreshold = readDouble(input, input.u8(), 0);
  const positiveSpans = readSpans(input);
  const negativeSpans = readSpans(input);
  const count = input.count();
  if (count > BUCKETS_MAX) throw new FormatError("too many custom values");
  const customValues: number[] = count === 0 ? (EMPTY as unknown as number[]) : [];
  for (let i = 0; i < count; i++) customValues.push(readDouble(input, input.u8(), 0));
  return { schema, zeroThreshold, positiveSpans, negativeSpans, customValues };
}

function readSpans(input: ByteReader): readonly BucketSpan[] {
  const count = input.count(2);
  if (count === 0) return EMPTY;
  const spans: BucketSpan[] = [];
  let total = 0;
  for (let i = 0; i < count; i++) {
    const offset = input.zigzag();
    const length = input.varint();
    total += length;
    if (total > BUCKETS_MAX || Math.abs(offset) > OFFSET_LIMIT) throw new FormatError("spans out of range");
    spans.push({ offset, length });
  }
  return spans;
}

class CountReader {
  private run = 0;

  constructor(
    private readonly input: ByteReader,
    private readonly isWhole: boolean,
  ) {}

  next(reference: number): number {
    if (this.run > 0) {
      this.run--;
      return reference;
    }
    const { input } = this;
    const start = input.at;
    if (input.u8() === 0) {
      this.run = input.varint();
      return reference;
    }
    if (!this.isWhole) return readDouble(input, input.data[start], reference);
    input.at = start;
    return reference + input.zigzag();
  }

  buckets(before: readonly number[] | undefined, spans: readonly BucketSpan[]): readonly number[] {
    if (before) return before.map((reference) => this.next(reference));
    let length = 0;
    for (const span of spans) length += span.length;
    if (length === 0) return EMPTY;
    const found: number[] = new Array(length);
    for (let i = 0; i < length; i++) found[i] = this.next(this.isWhole && i > 0 ? found[i - 1] : 0);
    return found;
  }

  end(): void {
    if (this.run > 0) throw new FormatError("counts left over");
  }
}

/** A column of histograms, as chunks in memory and parts of blocks hold it. */
export class HistogramColumnWriter {
  private readonly out: ByteWriter;
  private last: NativeHistogram | undefined;
  count = 0;

  constructor(capacityBytes = 256) {
    this.out = new ByteWriter(capacityBytes);
    this.out.u8(VERSION);
  }

  get bytes(): number {
    return this.out.length;
  }

  add(histogram: NativeHistogram): void {
    putHistogram(this.out, histogram, this.last);
    this.last = histogram;
    this.count++;
  }

  /** A view that the next add may spoil. */
  view(): Buffer {
    return this.out.view();
  }
}

/** Reads a column of n histograms that fills the input; throws FormatError on anything else. */
export function decodeHistograms(input: ByteReader, n: number): NativeHistogram[] {
  if (input.u8() !== VERSION) throw new FormatError("unknown version of a histogram column");
  if (n * 4 > input.end - input.at) throw new FormatError("bad count of histograms");
  const found: NativeHistogram[] = [];
  for (let i = 0; i < n; i++) found.push(readHistogram(input, found[i - 1]));
  if (!input.done) throw new FormatError("bytes left over");
  return found;
}
