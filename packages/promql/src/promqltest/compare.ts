// Results against what a script expects. Every function gives the reason of a mismatch, or undefined.
import { bitsOf, compileRe2, isStaleAt, type Labels, type NativeHistogram } from "@storewatch/model";
import { compacted } from "../engine/histogram/sum.ts";
import type { QueryResult, QueryValue } from "../engine/queryable.ts";
import { formatHistogram } from "./histogram-notation.ts";
import type { EvalCommand, ExpectLine } from "./script.ts";
import type { SeriesItem } from "./series-line.ts";

const TOLERANCE = 1e-6;
const MIN_NORMAL = 2 ** -1022;

function almostEqual(a: number, b: number): boolean {
  if (isStale(a) || isStale(b)) return isStale(a) && isStale(b);
  if (Number.isNaN(a) || Number.isNaN(b)) return Number.isNaN(a) && Number.isNaN(b);
  if (a === b) return true;
  const size = Math.abs(a) + Math.abs(b);
  const difference = Math.abs(a - b);
  if (a === 0 || b === 0 || size < MIN_NORMAL) return difference < TOLERANCE * MIN_NORMAL;
  return difference / Math.min(size, Number.MAX_VALUE) < TOLERANCE;
}

function isStale(value: number): boolean {
  return Number.isNaN(value) && isStaleAt(bitsOf(Float64Array.of(value)), 0);
}

export function compareValue(command: EvalCommand, value: QueryValue): string | undefined {
  if (command.string !== undefined) {
    return value.type === "string" && value.value === command.string
      ? undefined
      : `expected the string ${command.string}`;
  }
  if (command.rangeVector) return compareRangeVector(command, value);
  switch (value.type) {
    case "string":
      return `unexpected string ${value.value}`;
    case "scalar":
      return compareScalar(command, value.value);
    case "vector":
      return compareVector(command, value);
    case "matrix":
      return compareMatrix(command, value, command.startMs, command.stepMs);
  }
}

function compareScalar(command: EvalCommand, value: number): string | undefined {
  if (command.scalar === undefined) return `expected series, got the scalar ${value}`;
  return almostEqual(command.scalar, value) ? undefined : `expected ${command.scalar}, got ${value}`;
}

function compareVector(command: EvalCommand, value: QueryValue & { type: "vector" }): string | undefined {
  if (command.scalar !== undefined) return "expected a scalar, got a vector";
  const ordered = command.expects.some((expect) => expect.type === "ordered");
  const got = new Map(value.samples.map((sample, i) => [sample.labels.key, { sample, i }]));
  if (got.size !== value.samples.length) return "two series with the same labels";
  for (const [place, line] of command.series.entries()) {
    const found = got.get(line.labels.key);
    const want = line.items[0];
    if (!found) return `missing ${show(line.labels)}; got ${showAll(value.samples.map((sample) => sample.labels))}`;
    if (ordered && found.i !== place) return `${show(line.labels)} is number ${found.i + 1} instead of ${place + 1}`;
    const { value: number, histogram } = found.sample;
    if (!want || !matchesItem(want, number, histogram)) {
      return `${show(line.labels)}: expected ${showItem(want)}, got ${showPoint(number, histogram)}`;
    }
    got.delete(line.labels.key);
  }
  return got.size === 0 ? undefined : `unexpected ${showAll([...got.values()].map(({ sample }) => sample.labels))}`;
}

/** A range query of a scalar is written as one series without labels. */
function compareMatrix(
  command: EvalCommand,
  value: QueryValue & { type: "matrix" },
  startMs: number,
  stepMs: number,
): string | undefined {
  const got = new Map(value.series.map((series) => [series.labels.key, series]));
  if (got.size !== value.series.length) return "two series with the same labels";
  for (const line of command.series) {
    const series = got.get(line.labels.key);
    const wanted = line.items.flatMap((item, i) =>
      item.kind === "gap" ? [] : [{ item, timeMs: startMs + i * stepMs }],
    );
    if (!series) return `missing ${show(line.labels)}; got ${showAll(value.series.map((one) => one.labels))}`;
    if (wanted.length !== series.timesMs.length) {
      return `${show(line.labels)}: expected ${wanted.length} points, got ${[...series.values].join(" ")}`;
    }
    for (const [i, { item, timeMs }] of wanted.entries()) {
      if (timeMs !== series.timesMs[i])
        return `${show(line.labels)}: point at ${series.timesMs[i]} instead of ${timeMs}`;
      const histogram = series.histograms?.[i];
      if (!matchesItem(item, series.values[i], histogram)) {
        const got = showPoint(series.values[i], histogram);
        return `${show(line.labels)} at ${timeMs}: expected ${showItem(item)}, got ${got}`;
      }
    }
    got.delete(line.labels.key);
  }
  return got.size === 0 ? undefined : `unexpected ${showAll([...got.values()].map((series) => series.labels))}`;
}

function compareRangeVector(command: EvalCommand, value: QueryValue): string | undefined {
  const times = command.rangeVector!;
  if (value.type !== "matrix") return `expected a range vector, got a ${value.type}`;
  return compareMatrix(command, value, times.fromMs, times.stepMs);
}

function matchesItem(item: SeriesItem, value: number, histogram: NativeHistogram | undefined): boolean {
  if (item.kind === "histogram") {
    return histogram !== undefined && almostEqualHistograms(item.histogram, histogram, item.hasHint);
  }
  if (histogram) return false;
  if (item.kind === "value") return almostEqual(item.value, value);
  return item.kind === "stale" && isStale(value);
}

/** Buckets without a count do not matter. */
function almostEqualHistograms(expected: NativeHistogram, got: NativeHistogram, compareHints: boolean): boolean {
  const a = compacted(expected);
  const b = compacted(got);
  const numbers = (one: NativeHistogram) => [
    one.count,
    one.sum,
    one.zeroCount,
    ...one.positiveBuckets,
    ...one.negativeBuckets,
  ];
  const layout = (one: NativeHistogram) =>
    JSON.stringify([one.schema, one.zeroThreshold, one.customValues, one.positiveSpans, one.negativeSpans]);
  if (layout(a) !== layout(b) || (compareHints && a.counterReset !== b.counterReset)) return false;
  const others = numbers(b);
  return numbers(a).every((value, i) => almostEqual(value, others[i]));
}

/** Annotations: when lines of a kind are written, each must occur and each annotation must be named by one. */
export function compareAnnotations(command: EvalCommand, result: QueryResult): string | undefined {
  return compareKind(command.expects, "warn", result.warnings) ?? compareKind(command.expects, "info", result.infos);
}

function compareKind(
  expects: readonly ExpectLine[],
  kind: "warn" | "info",
  got: readonly string[],
): string | undefined {
  const none = expects.some((expect) => expect.type === `no_${kind}`);
  if (none && got.length > 0) return `unexpected ${kind}: ${got[0]}`;
  const wanted = expects.filter((expect) => expect.type === kind);
  if (wanted.length === 0) return undefined;
  if (got.length === 0) return `expected ${kind}, got none`;
  const missing = wanted.find((expect) => !got.some((message) => matchesText(expect, message)));
  if (missing) return `expected ${kind} "${missing.match?.text}", got "${got.join('", "')}"`;
  const extra = got.find((message) => !wanted.some((expect) => matchesText(expect, message)));
  return extra && `unexpected ${kind}: ${extra}`;
}

export function matchesText(expect: ExpectLine, message: string): boolean {
  if (!expect.match) return true;
  if (expect.match.kind === "msg") return expect.match.text === message;
  return compileRe2(expect.match.text).matcher(message).find();
}

function show(labels: Labels): string {
  return labels.toString();
}

function showAll(labels: readonly Labels[]): string {
  return labels.length === 0 ? "nothing" : labels.map(show).join(", ");
}

function showItem(item: SeriesItem | undefined): string {
  if (!item) return "a value";
  if (item.kind === "histogram") return formatHistogram(item.histogram);
  return item.kind === "value" ? String(item.value) : item.kind;
}

function showPoint(value: number, histogram: NativeHistogram | undefined): string {
  return histogram ? formatHistogram(histogram) : String(value);
}
