// Datadog's MetricPayload, which its agent sends to /api/v2/series. Field numbers from the agent's public payload definition.
import { ProtobufReader } from "../../protobuf/reader.ts";
import { type DatadogSeries, TYPES_V2 } from "./series.ts";

const SERIES_MAX = 100_000;
const TAGS_MAX = 100;
const POINTS_MAX = 10_000;

/** Throws ProtobufError. */
export function readSeriesPayload(body: Buffer): DatadogSeries[] {
  const reader = new ProtobufReader(body);
  const all: DatadogSeries[] = [];
  while (reader.next(reader.end)) {
    if (reader.field !== 1) reader.skip();
    else if (all.length >= SERIES_MAX) throw reader.error(`more than ${SERIES_MAX} series`);
    else all.push(readSeries(reader, reader.messageEnd()));
  }
  return all;
}

function readSeries(reader: ProtobufReader, end: number): DatadogSeries {
  let metric = "";
  let type = 0;
  let unit = "";
  let seconds = 10;
  let host: string | undefined;
  const tags: string[] = [];
  const points: Array<{ timeMs: number; value: number }> = [];
  while (reader.next(end)) {
    if (reader.field === 1) host = readHost(reader, reader.messageEnd()) ?? host;
    else if (reader.field === 2) metric = reader.string();
    else if (reader.field === 3) tags.push(reader.string());
    else if (reader.field === 4) points.push(readPoint(reader, reader.messageEnd()));
    else if (reader.field === 5) type = reader.uint32();
    else if (reader.field === 6) unit = reader.string();
    else if (reader.field === 8) seconds = reader.int64() || seconds;
    else reader.skip();
    if (tags.length > TAGS_MAX || points.length > POINTS_MAX) throw reader.error("too many tags or points in a series");
  }
  if (metric === "" || metric.length > 500) throw reader.error("the name of a metric is empty or too long");
  return { metric, type: TYPES_V2[type] ?? "gauge", tags, host, unit, intervalMs: Math.max(1, seconds) * 1000, points };
}

/** Name of a resource of the type host. */
function readHost(reader: ProtobufReader, end: number): string | undefined {
  let type = "";
  let name = "";
  while (reader.next(end)) {
    if (reader.field === 1) type = reader.string();
    else if (reader.field === 2) name = reader.string();
    else reader.skip();
  }
  return type === "host" && name !== "" ? name : undefined;
}

function readPoint(reader: ProtobufReader, end: number): { timeMs: number; value: number } {
  let timeMs = 0;
  let value = 0;
  while (reader.next(end)) {
    if (reader.field === 1) value = reader.double();
    else if (reader.field === 2) timeMs = reader.int64() * 1000;
    else reader.skip();
  }
  return { timeMs, value };
}
