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

/** The whole reply of /api/v1/query and /api/v1/query_range. */
export function queryResultJson(result: QueryResult, extra = ""): string {
  const notes = notesJson("warnings", result.warnings) + notesJson("infos", result.infos);
  const type = result.value.type;
  return `{"status":"success","data":{"resultType":"${type}","result":${valueJson(result)}${extra}}${notes}}`;
}

function notesJson(name: string, notes: readonly string[]): string {
  return notes.length > 0 ? `,"${name}":${JSON.stringify(notes)}` : "";
}

function valueJson({ value }: QueryResult): string {
  switch (value.type) {
    case "scalar":
      return `[${formatTimeSeconds(value.timeMs)},"${formatValue(value.value)}"]`;
    case "string":
      return `[${formatTimeSeconds(value.timeMs)},${JSON.stringify(value.value)}]`;
    case "vector": {
      const parts: string[] = [];
      for (const { labels, timeMs, value: v } of value.samples) {
        parts.push(`{"metric":${labelsJson(labels)},"value":[${formatTimeSeconds(timeMs)},"${formatValue(v)}"]}`);
      }
      return `[${parts.join(",")}]`;
    }
    case "matrix":
      return matrixJson(value.series);
  }
}

function matrixJson(series: Extract<QueryResult["value"], { type: "matrix" }>["series"]): string {
  const timeTexts = new Map<number, string>();
  const parts: string[] = [];
  for (const { labels, timesMs, values } of series) {
    const bits = bitsOf(values);
    let points = "";
    for (let i = 0; i < timesMs.length; i++) {
      // A bare range selector hands raw samples out; markers are no samples.
      if (isStaleAt(bits, i)) continue;
      const timeMs = timesMs[i];
      let time = timeTexts.get(timeMs);
      if (time === undefined) {
        time = `[${formatTimeSeconds(timeMs)},"`;
        timeTexts.set(timeMs, time);
      }
      points += `${points === "" ? "" : ","}${time}${formatValue(values[i])}"]`;
    }
    parts.push(`{"metric":${labelsJson(labels)},"values":[${points}]}`);
  }
  return `[${parts.join(",")}]`;
}
