// A line has a largest size: what reads logs (Elasticsearch, filebeat, people) refuses or drowns in larger ones.
import type { LineFields } from "./line-fields.ts";

/** Bytes of a line as JSON. What a logger adds by itself (pino's base) has its place within the difference to 64 kB. */
const LINE_BYTES_MAX = 63 * 1024;
/** A text that is too large keeps its beginning. */
const CUT_CHARS = 1000;
/** JSON writes one character with up to six bytes. */
const BYTES_PER_CHAR = 6;
const BYTES_PER_VALUE = 32;
/** By these a line is found; they stay, whatever else has to go. */
const ESSENTIAL = new Set([
  "timestamp",
  "level",
  "message",
  "service",
  "version",
  "environment",
  "tenantId",
  "userId",
  "requestId",
  "traceId",
  "truncated",
]);

/** The line itself, or one that is cut and says so (`truncated`). Takes plain data alone: a redactor's copy. */
export function withinSize(line: LineFields): LineFields {
  return upperBound(line, LINE_BYTES_MAX) <= LINE_BYTES_MAX ? line : cut(line);
}

/** Never less than the bytes of the value as JSON; stops counting beyond `enough`. */
function upperBound(value: unknown, enough: number): number {
  if (typeof value === "string") return value.length * BYTES_PER_CHAR + 2;
  if (typeof value !== "object" || value === null) return BYTES_PER_VALUE;
  let bytes = 2;
  for (const name in value) {
    bytes += name.length * BYTES_PER_CHAR + 4 + upperBound((value as LineFields)[name], enough);
    if (bytes > enough) break;
  }
  return bytes;
}

interface Sized {
  readonly name: string;
  bytes: number;
}

function cut(line: LineFields): LineFields {
  const sized: Sized[] = Object.keys(line).map((name) => ({ name, bytes: bytesOf(name, line[name]) }));
  let total = sized.reduce((sum, { bytes }) => sum + bytes, 2);
  if (total <= LINE_BYTES_MAX) return line;
  const kept: LineFields = { ...line, truncated: true };
  total += bytesOf("truncated", true);
  sized.sort((a, b) => b.bytes - a.bytes);
  for (const field of sized) {
    if (total <= LINE_BYTES_MAX) return kept;
    const value = kept[field.name];
    kept[field.name] = typeof value === "string" ? `${value.slice(0, CUT_CHARS)}…` : `[${field.bytes} bytes left out]`;
    total -= field.bytes;
    field.bytes = bytesOf(field.name, kept[field.name]);
    total += field.bytes;
  }
  for (const { name, bytes } of sized) {
    if (total <= LINE_BYTES_MAX) break;
    if (ESSENTIAL.has(name)) continue;
    delete kept[name];
    total -= bytes;
  }
  return kept;
}

function bytesOf(name: string, value: unknown): number {
  const json = JSON.stringify(value);
  return json === undefined ? 0 : Buffer.byteLength(JSON.stringify(name)) + Buffer.byteLength(json) + 2;
}
