// Query results as JSON text in Prometheus' form. Written by hand: formatting dominates the cost of a large range
// query, and a step's time is the same text in every series.
import { bitsOf, isStaleAt, type Labels } from "@storewatch/model";
import type { QueryResult } from "@storewatch/promql/engine";

/** A float as Prometheus prints it: `+Inf`, `-Inf`, `NaN`, exponents of at least two digits. */
export function formatValue(value: number): string {
  if (Number.isNaN(value)) return "NaN";
  if (value === Infinity) return "+Inf";
  if (value === -Infinity) return "-Inf";
  if (value === 0) return Object.is(value, -0) ? "-0" : "0";
  const text = String(value);
  // JavaScript and Go switch to exponents at the same values, but JavaScript writes 1e-7 where Go writes 1e-07.
  if (text.length > 3 && text.charCodeAt(text.length - 3) === 0x65) return `${text.slice(0, -1)}0${text.slice(-1)}`;
  return text;
}

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

/** Length of the pieces that a large reply is made in: about 1 ms of work each. */
const PIECE_LENGTH = 32_768;

/** The whole reply of /api/v1/query and /api/v1/query_range. */
export function queryResultJson(result: QueryResult): string {
  return [...queryResultPieces(result)].join("");
}

/** The same in pieces, so that others have their turn between them and a large reply is never in memory as a whole. */
export function* queryResultPieces(result: QueryResult): Generator<string> {
  const notes = notesJson("warnings", result.warnings) + notesJson("infos", result.infos);
  let text = `{"status":"success","data":{"resultType":"${result.value.type}","result":`;
  for (const part of valueParts(result)) {
    text += part;
    if (text.length < PIECE_LENGTH) continue;
    yield text;
    text = "";
  }
  yield `${text}}${notes}}`;
}

/** True when making the reply takes so long (several ms) that it should not be done in one go. */
export function isLargeResult({ value }: QueryResult): boolean {
  if (value.type === "vector") return value.samples.length > 2000;
  if (value.type !== "matrix") return false;
  let points = value.series.length;
  for (const { timesMs } of value.series) points += timesMs.length;
  return points > 10_000;
}

function notesJson(name: string, notes: readonly string[]): string {
  return notes.length > 0 ? `,"${name}":${JSON.stringify(notes)}` : "";
}

function* valueParts({ value }: QueryResult): Generator<string> {
  switch (value.type) {
    case "scalar":
      yield `[${formatTimeSeconds(value.timeMs)},"${formatValue(value.value)}"]`;
      return;
    case "string":
      yield `[${formatTimeSeconds(value.timeMs)},${JSON.stringify(value.value)}]`;
      return;
    case "vector": {
      let start = "[";
      for (const { labels, timeMs, value: v } of value.samples) {
        yield `${start}{"metric":${labelsJson(labels)},"value":[${formatTimeSeconds(timeMs)},"${formatValue(v)}"]}`;
        start = ",";
      }
      yield start === "[" ? "[]" : "]";
      return;
    }
    case "matrix":
      yield* matrixParts(value.series);
  }
}

/** Points that are put into one part. */
const PART_POINTS = 1000;

function* matrixParts(series: Extract<QueryResult["value"], { type: "matrix" }>["series"]): Generator<string> {
  const timeTexts = new Map<number, string>();
  let start = "[";
  for (const { labels, timesMs, values } of series) {
    const bits = bitsOf(values);
    let text = `${start}{"metric":${labelsJson(labels)},"values":[`;
    start = ",";
    let separator = "";
    for (let i = 0; i < timesMs.length; i++) {
      // A bare range selector hands raw samples out; markers are no samples.
      if (isStaleAt(bits, i)) continue;
      const timeMs = timesMs[i];
      let time = timeTexts.get(timeMs);
      if (time === undefined) {
        time = `[${formatTimeSeconds(timeMs)},"`;
        timeTexts.set(timeMs, time);
      }
      text += `${separator}${time}${formatValue(values[i])}"]`;
      separator = ",";
      if (i % PART_POINTS < PART_POINTS - 1) continue;
      yield text;
      text = "";
    }
    yield `${text}]}`;
  }
  yield start === "[" ? "[]" : "]";
}
