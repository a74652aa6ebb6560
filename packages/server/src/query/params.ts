// Parameters of the Prometheus HTTP API: from the query string, and for POST also from a form body.
import { parseDurationMs } from "@storewatch/model";

/** A parameter is missing or wrong: answered as 400 bad_data. */
export class BadParameter extends Error {}

export type Params = URLSearchParams;

/** ms since the epoch from float seconds or RFC 3339. */
export function parseTimeMs(name: string, text: string): number {
  if (/^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/.test(text)) return Math.round(Number(text) * 1000);
  const rfc = /^(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d):(\d\d)(\.\d+)?([Zz]|[+-]\d\d:\d\d)$/.exec(text);
  const timeMs = rfc ? Date.parse(text.replace(" ", "T").toUpperCase()) : Number.NaN;
  if (Number.isNaN(timeMs))
    throw new BadParameter(`invalid parameter "${name}": cannot parse "${text}" to a valid timestamp`);
  return timeMs;
}

/** ms from float seconds or a Prometheus duration. */
export function parseSpanMs(name: string, text: string): number {
  if (/^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/.test(text)) {
    const ms = Math.round(Number(text) * 1000);
    if (Number.isSafeInteger(ms)) return ms;
  }
  const ms = parseDurationMs(text);
  if (ms === undefined)
    throw new BadParameter(`invalid parameter "${name}": cannot parse "${text}" to a valid duration`);
  return ms;
}

export function required(params: Params, name: string): string {
  const value = params.get(name);
  if (value === null || value === "") throw new BadParameter(`invalid parameter "${name}": it is missing or empty`);
  return value;
}

export function timeParam(params: Params, name: string, fallbackMs: number): number {
  const text = params.get(name);
  return text === null || text === "" ? fallbackMs : parseTimeMs(name, text);
}

/** A count ≥ 0; 0 (or absence) means no limit. */
export function limitParam(params: Params): number {
  const text = params.get("limit");
  if (text === null || text === "") return 0;
  const limit = Number(text);
  if (!Number.isSafeInteger(limit) || limit < 0) {
    throw new BadParameter(`invalid parameter "limit": "${text}" is no whole number of 0 or more`);
  }
  return limit;
}
