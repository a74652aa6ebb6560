// A line of winston's as the document that is shipped.
import type { LogDocument } from "./options.ts";

/** Larger documents are replaced by their beginning: one line must not fill the buffer. */
const JSON_MAX = 256 * 1024;
const MESSAGE_MAX = 16_384;

export interface ShippedLine {
  readonly document: LogDocument;
  readonly json: string;
  readonly level: string;
  /** When it was written, in milliseconds since 1970. */
  readonly wallMs: number;
}

const LEVEL = Symbol.for("level");

/** Never throws. `nowMs`: the time of a line without a readable `timestamp`. */
export function shippedLine(info: Readonly<Record<PropertyKey, unknown>>, nowMs: number): ShippedLine {
  // The symbol holds the level without the colours of a format.
  const level = String(info[LEVEL] ?? info.level ?? "info");
  const wallMs = timeOf(info.timestamp) ?? nowMs;
  const document: Record<string, unknown> = { "@timestamp": new Date(wallMs).toISOString() };
  for (const [name, value] of Object.entries(info)) document[fieldName(name)] = value;
  document["@timestamp"] = new Date(wallMs).toISOString();
  document.level = level;
  return { document, json: jsonOf(document), level, wallMs };
}

function timeOf(timestamp: unknown): number | undefined {
  if (typeof timestamp !== "string" && typeof timestamp !== "number" && !(timestamp instanceof Date)) return undefined;
  const ms = new Date(timestamp).getTime();
  // Years that an index name can hold; a line from elsewhere has a broken clock.
  return ms >= 0 && ms < 253_402_300_800_000 ? ms : undefined;
}

// Elasticsearch keeps names that begin with "_" for itself and refuses documents with them.
function fieldName(name: string): string {
  return name.startsWith("_") ? `field${name}` : name;
}

function jsonOf(document: LogDocument): string {
  try {
    const json = JSON.stringify(document, sayable);
    if (json.length <= JSON_MAX) return json;
    return shortJson(document, { truncated: true, originalLength: json.length });
  } catch {
    return shortJson(document, { truncated: true, unwritable: true });
  }
}

function sayable(_name: string, value: unknown): unknown {
  if (typeof value === "bigint") return String(value);
  if (value instanceof Error) return { name: value.name, message: value.message, stack: value.stack };
  return value;
}

function shortJson(document: LogDocument, note: LogDocument): string {
  const short: Record<string, unknown> = {};
  for (const name of ["@timestamp", "level", "message", "tenantId", "userId", "requestId", "service", "version"]) {
    const value = document[name];
    if (typeof value === "string") short[name] = value.slice(0, MESSAGE_MAX);
    else if (typeof value === "number" || typeof value === "boolean") short[name] = value;
  }
  return JSON.stringify({ ...short, ...note });
}
