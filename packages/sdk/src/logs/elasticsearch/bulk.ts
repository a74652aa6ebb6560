// The bulk API: what is sent, and what the answer says about each line.
import type { Entry } from "./line-buffer.ts";

/** A whole request's fate. */
export type Answer =
  | { readonly kind: "items"; readonly delivered: Entry[]; readonly again: Entry[]; readonly refused: Refused[] }
  /** Nothing is known to have arrived; all is sent again. */
  | { readonly kind: "retry"; readonly reason: string; readonly afterMs?: number }
  /** The request as a whole is not taken as it is: too large, or something in it broke it. */
  | { readonly kind: "split"; readonly reason: string };

export interface Refused {
  readonly entry: Entry;
  readonly reason: string;
}

export interface Reply {
  readonly status: number;
  readonly retryAfter: string | undefined;
  readonly body: string;
}

/**
 * `create` with an id of our own: when an answer was lost, the second request meets 409 and makes no second line; and data
 * streams take no other action.
 */
export function bulkBody(entries: readonly Entry[]): string {
  let body = "";
  for (const { index, id, json } of entries) {
    body += `{"create":{"_index":${JSON.stringify(index)},"_id":"${id}"}}\n${json}\n`;
  }
  return body;
}

export function answerOf(reply: Reply, entries: readonly Entry[], nowMs: number): Answer {
  const { status } = reply;
  if (status >= 200 && status < 300) return itemsOf(reply.body, entries);
  const reason = `HTTP ${status}${said(reply.body)}`;
  if (status === 400 || status === 413 || status === 422) return { kind: "split", reason };
  const afterMs = retryAfterMs(reply.retryAfter, nowMs);
  return afterMs === undefined ? { kind: "retry", reason } : { kind: "retry", reason, afterMs };
}

function itemsOf(body: string, entries: readonly Entry[]): Answer {
  const reply = parsed(body);
  // With filter_path, `items` may be missing from a reply without errors: each line is in.
  const items = record(reply)?.items;
  if (record(reply)?.errors === false && items === undefined) {
    return { kind: "items", delivered: [...entries], again: [], refused: [] };
  }
  if (!Array.isArray(items) || items.length !== entries.length) {
    return { kind: "retry", reason: "an answer that is none of the bulk API's" };
  }
  const sorted = { kind: "items" as const, delivered: [] as Entry[], again: [] as Entry[], refused: [] as Refused[] };
  entries.forEach((entry, at) => {
    const result = record(Object.values(record(items[at]) ?? {})[0]);
    const status = typeof result?.status === "number" ? result.status : 0;
    // 409: it is there already, by an earlier request whose answer was lost.
    if ((status >= 200 && status < 300) || status === 409) sorted.delivered.push(entry);
    else if (status === 429 || status >= 500 || status === 0) sorted.again.push(entry);
    else sorted.refused.push({ entry, reason: `${status} ${errorOf(result?.error)}` });
  });
  return sorted;
}

/** Milliseconds that the server asks to be left alone; seconds or a date. At most 5 minutes. */
function retryAfterMs(header: string | undefined, nowMs: number): number | undefined {
  if (header === undefined) return undefined;
  const ms = /^\d+$/.test(header) ? Number(header) * 1000 : Date.parse(header) - nowMs;
  return Number.isNaN(ms) ? undefined : Math.min(Math.max(ms, 0), 300_000);
}

function said(body: string): string {
  const error = record(parsed(body))?.error;
  return error === undefined ? "" : `: ${errorOf(error)}`;
}

function errorOf(error: unknown): string {
  if (typeof error === "string") return error.slice(0, 200);
  const { type, reason } = record(error) ?? {};
  return [type, reason]
    .filter((part) => typeof part === "string")
    .join(": ")
    .slice(0, 200);
}

function parsed(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return undefined;
  }
}

function record(value: unknown): Record<string, unknown> | undefined {
  return typeof value === "object" && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : undefined;
}
