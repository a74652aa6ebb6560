// Query results as JSON in Prometheus' form. Written by hand, as bytes: formatting dominates the cost of a large range
// query, and a step's time is the same text in every series.
import { bitsOf, isStaleAt, type Labels, type NativeHistogram } from "@storewatch/model";
import { allBuckets, type HistogramBucket, type MatrixSeries, type QueryResult } from "@storewatch/promql/engine";
import { JsonBytes } from "./json-bytes.ts";

/** Seconds with ms as Prometheus prints timestamps: 12, 12.5 as "12.500". */
export function formatTimeSeconds(timeMs: number): string {
  const seconds = Math.trunc(timeMs / 1000);
  const rest = Math.abs(timeMs - seconds * 1000);
  if (rest === 0) return String(seconds);
  const sign = timeMs < 0 && seconds === 0 ? "-" : "";
  return `${sign}${seconds}.${String(rest).padStart(3, "0")}`;
}

export function labelsJson(labels: Labels): string {
  let text = "{";
  const pairs = labels.pairs;
  for (let i = 0; i < pairs.length; i += 2) {
    if (i > 0) text += ",";
    text += `${JSON.stringify(pairs[i])}:${JSON.stringify(pairs[i + 1])}`;
  }
  return `${text}}`;
}

/** Length of the pieces that a large reply is made in: about 0.5 ms of work each. */
const PIECE_LENGTH = 32_768;
/** Points between two looks at the length of the piece. */
const PART_POINTS = 500;

/** A histogram is about as long as this many points. */
const HISTOGRAM_POINTS = 20;

export interface ReplyParts {
  /** Member(s) of `data` beside the result, as JSON text that begins with a comma: `,"stats":{…}`. */
  readonly dataTail?: string;
}

/** The whole reply of /api/v1/query and /api/v1/query_range. */
export function queryResultJson(result: QueryResult, parts: ReplyParts = {}): Buffer {
  const pieces = [...queryResultPieces(result, parts)];
  return pieces.length === 1 ? pieces[0] : Buffer.concat(pieces);
}

/** The same in pieces, so that others have their turn between them and a large reply is never in memory as a whole. */
export function* queryResultPieces(result: QueryResult, parts: ReplyParts = {}): Generator<Buffer> {
  const out = new JsonBytes();
  out.text(`{"status":"success","data":{"resultType":"${result.value.type}","result":`);
  for (const _ of writeValue(out, result)) if (out.length >= PIECE_LENGTH) yield out.take();
  out.text(`${parts.dataTail ?? ""}}`);
  writeNotes(out, "warnings", shortened(result.warnings, "warning"));
  writeNotes(out, "infos", shortened(result.infos, "info"));
  out.text("}");
  yield out.take();
}

/** True when making the reply takes so long (several ms) that it should not be done in one go. */
export function isLargeResult({ value }: QueryResult): boolean {
  if (value.type === "vector") return value.samples.length > 2000;
  if (value.type !== "matrix") return false;
  let points = value.series.length;
  for (const { timesMs, histograms } of value.series) points += timesMs.length * (histograms ? HISTOGRAM_POINTS : 1);
  return points > 10_000;
}

function writeNotes(out: JsonBytes, name: string, notes: readonly string[]): void {
  if (notes.length > 0) out.text(`,"${name}":${JSON.stringify(notes)}`);
}

/** Of each kind of remark a reply has at most this many, as upstream's: one expression may make thousands of them. */
const NOTES_MAX = 10;

/** Upstream's words for those that are left out. */
function shortened(notes: readonly string[], kind: "warning" | "info"): readonly string[] {
  if (notes.length <= NOTES_MAX) return notes;
  return [...notes.slice(0, NOTES_MAX), `${notes.length - NOTES_MAX} more ${kind} annotations omitted`];
}

/** Yields after each part that may fill a piece. */
function* writeValue(out: JsonBytes, { value }: QueryResult): Generator<void> {
  switch (value.type) {
    case "scalar":
      out.text(`[${formatTimeSeconds(value.timeMs)},"`);
      out.float(value.value);
      out.text('"]');
      return;
    case "string":
      out.text(`[${formatTimeSeconds(value.timeMs)},${JSON.stringify(value.value)}]`);
      return;
    case "vector":
      yield* writeVector(out, value.samples);
      return;
    case "matrix":
      yield* writeMatrix(out, value.series);
  }
}

type Vector = Extract<QueryResult["value"], { type: "vector" }>["samples"];

function* writeVector(out: JsonBytes, samples: Vector): Generator<void> {
  const times = new TimeTexts();
  let start = '[{"metric":';
  for (const { labels, timeMs, value, histogram } of samples) {
    out.ascii(start);
    start = ',{"metric":';
    writeLabels(out, labels);
    if (histogram) {
      out.ascii(',"histogram":');
      writeHistogram(out, timeMs, histogram);
      out.ascii("}");
    } else {
      out.ascii(',"value":');
      times.write(out, timeMs);
      out.float(value);
      out.ascii('"]}');
    }
    yield;
  }
  out.ascii(samples.length === 0 ? "[]" : "]");
}

function* writeMatrix(out: JsonBytes, series: readonly MatrixSeries[]): Generator<void> {
  const times = new TimeTexts();
  let start = '[{"metric":';
  for (const one of series) {
    out.ascii(start);
    start = ',{"metric":';
    writeLabels(out, one.labels);
    // Of a series with histograms the floats are left out where there are none.
    if (!one.histograms?.every((histogram) => histogram !== undefined)) {
      out.ascii(',"values":[');
      yield* writePoints(out, one, times);
      out.ascii("]");
    }
    if (one.histograms) yield* writeHistograms(out, one.timesMs, one.histograms);
    out.ascii("}");
    yield;
  }
  out.ascii(series.length === 0 ? "[]" : "]");
}

/** Points between two looks at the length of the piece, when they are histograms. */
const PART_HISTOGRAMS = 10;

function* writeHistograms(
  out: JsonBytes,
  timesMs: Float64Array,
  histograms: NonNullable<MatrixSeries["histograms"]>,
): Generator<void> {
  let start = ',"histograms":[';
  for (const [i, histogram] of histograms.entries()) {
    if (!histogram) continue;
    out.ascii(start);
    start = ",";
    writeHistogram(out, timesMs[i], histogram);
    if (i % PART_HISTOGRAMS === 0) yield;
  }
  if (start === ",") out.ascii("]");
}

/** `[time, {"count": …, "sum": …, "buckets": [[boundaries, lower, upper, count], …]}]`; empty buckets are left out. */
function writeHistogram(out: JsonBytes, timeMs: number, histogram: NativeHistogram): void {
  out.ascii(`[${formatTimeSeconds(timeMs)},{"count":"`);
  out.float(histogram.count);
  out.ascii('","sum":"');
  out.float(histogram.sum);
  out.ascii('"');
  let start = ',"buckets":[';
  for (const bucket of allBuckets(histogram)) {
    if (bucket.count === 0) continue;
    out.ascii(`${start}[${boundaries(bucket)},"`);
    start = ",";
    out.float(bucket.lower);
    out.ascii('","');
    out.float(bucket.upper);
    out.ascii('","');
    out.float(bucket.count);
    out.ascii('"]');
  }
  out.ascii(start === "," ? "]}]" : "}]");
}

/** Which ends belong to the bucket, in Prometheus' numbers: 0 the upper, 1 the lower, 2 none, 3 both. */
function boundaries({ lowerInclusive, upperInclusive }: HistogramBucket): number {
  if (lowerInclusive) return upperInclusive ? 3 : 1;
  return upperInclusive ? 0 : 2;
}

function* writePoints(
  out: JsonBytes,
  { timesMs, values, histograms }: MatrixSeries,
  times: TimeTexts,
): Generator<void> {
  const bits = bitsOf(values);
  let isFirst = true;
  for (let from = 0; from < timesMs.length; from += PART_POINTS) {
    const to = Math.min(timesMs.length, from + PART_POINTS);
    for (let i = from; i < to; i++) {
      const value = values[i];
      // A bare range selector hands raw samples out; markers are no samples.
      if (Number.isNaN(value) && (isStaleAt(bits, i) || histograms?.[i])) continue;
      if (!isFirst) out.ascii(",");
      isFirst = false;
      times.write(out, timesMs[i]);
      out.float(value);
      out.ascii('"]');
    }
    yield;
  }
}

function writeLabels(out: JsonBytes, labels: Labels): void {
  out.text(labelsJson(labels));
}

/** `[<time>,"` of each time once: the series of a query mostly have the same times in the same order. */
class TimeTexts {
  private readonly places = new Map<number, number>();
  private readonly timesMs: number[] = [];
  private readonly ends: number[] = [];
  private arena = new Uint8Array(4096);
  /** The place that is probably asked for next. */
  private next = 0;

  write(out: JsonBytes, timeMs: number): void {
    const place = this.timesMs[this.next] === timeMs ? this.next : (this.places.get(timeMs) ?? this.add(timeMs));
    this.next = place + 1;
    const start = place === 0 ? 0 : this.ends[place - 1];
    out.bytes(this.arena, start, this.ends[place] - start);
  }

  private add(timeMs: number): number {
    const text = `[${formatTimeSeconds(timeMs)},"`;
    const place = this.timesMs.push(timeMs) - 1;
    this.places.set(timeMs, place);
    const start = place === 0 ? 0 : this.ends[place - 1];
    const end = start + text.length;
    if (end > this.arena.length) {
      const grown = new Uint8Array(Math.max(end, this.arena.length * 2));
      grown.set(this.arena);
      this.arena = grown;
    }
    for (let i = 0; i < text.length; i++) this.arena[start + i] = text.charCodeAt(i);
    this.ends.push(end);
    return place;
  }
}
