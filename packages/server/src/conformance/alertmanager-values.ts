// The marks that stand in the tables for what is no plain JSON: Go names, calls, structs, sources of functions.
import { Matcher, type MatchOperator } from "@storewatch/model";
import { goUnquote } from "../alerts/go-quote.ts";

export type Cell = Readonly<Record<string, unknown>>;

export interface Table {
  readonly file: string;
  readonly func: string;
  readonly cases: readonly { readonly case: Cell; readonly line: number; readonly key?: string }[];
}

/** Undefined when the case holds, else what is wrong. Throws Unsupported to skip. */
export type CaseCheck = (cell: Cell, context: CaseContext) => string | undefined | Promise<string | undefined>;

export interface CaseContext {
  readonly func: string;
  readonly dataDir: string;
}

/** A case that needs what only Go has. */
export class Unsupported extends Error {}

export function isCell(value: unknown): value is Cell {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Name behind a `$go` mark: `labels.MatchEqual` → `MatchEqual`. */
export function goName(value: unknown): string {
  if (!isCell(value) || typeof value.$go !== "string") throw new Unsupported(`no Go name: ${JSON.stringify(value)}`);
  return value.$go.slice(value.$go.lastIndexOf(".") + 1);
}

/** A label set or map without the mark of its type. */
export function plainRecord(value: unknown): Record<string, string> {
  if (value === undefined || value === null) return {};
  if (!isCell(value)) throw new Unsupported(`no record: ${JSON.stringify(value)}`);
  return Object.fromEntries(Object.entries(value).filter(([key]) => key !== "$type")) as Record<string, string>;
}

export function items(value: unknown): readonly unknown[] {
  if (value === undefined || value === null) return [];
  if (Array.isArray(value)) return value;
  return isCell(value) && Array.isArray(value.items) ? value.items : [];
}

const OPERATOR: Readonly<Record<string, MatchOperator>> = {
  MatchEqual: "=",
  MatchNotEqual: "!=",
  MatchRegexp: "=~",
  MatchNotRegexp: "!~",
  Matcher_EQUAL: "=",
  Matcher_NOT_EQUAL: "!=",
  Matcher_REGEXP: "=~",
  Matcher_NOT_REGEXP: "!~",
};

export function operatorOf(value: unknown): MatchOperator {
  if (value === undefined) return "=";
  const operator = OPERATOR[goName(value)];
  if (!operator) throw new Unsupported(`unknown operator ${JSON.stringify(value)}`);
  return operator;
}

/** `mustNewMatcher(t, op, [name,] value)`. */
export function matcherCall(value: unknown): Matcher {
  if (!isCell(value) || value.$call !== "mustNewMatcher") throw new Unsupported("no matcher");
  const [, operator, ...texts] = value.args as unknown[];
  const [name, text] = texts.length === 2 ? texts : ["", texts[0]];
  return new Matcher(operatorOf(operator), String(name), String(text));
}

const NEW_MATCHER = /NewMatcher\((?:labels\.)?(Match\w+), ("(?:[^"\\]|\\.)*"), ("(?:[^"\\]|\\.)*"|`[^`]*`)\)/g;

/** The matchers that a function's source makes. */
export function matchersInSource(value: unknown): Matcher[] {
  const source = isCell(value) && typeof value.$call === "string" ? value.$call : "";
  return [...source.matchAll(NEW_MATCHER)].map(([, operator, name, text]) => {
    return new Matcher(OPERATOR[operator], goText(name), goText(text));
  });
}

export function goText(literal: string): string {
  if (literal.startsWith("`")) return literal.slice(1, -1);
  const text = goUnquote(literal);
  if (text === undefined) throw new Unsupported(`not a Go string: ${literal}`);
  return text;
}

const UNIT_MS: Readonly<Record<string, number>> = { Hour: 3_600_000, Minute: 60_000, Second: 1000, Millisecond: 1 };

/** `-11 * time.Minute`, `time.Hour` → ms. */
export function durationMs(value: unknown): number {
  const text = isCell(value) && typeof value.$go === "string" ? value.$go : "";
  const match = /^(-?)(?:(\d+) \* )?time\.(\w+)$/.exec(text);
  if (!match || !(match[3] in UNIT_MS)) throw new Unsupported(`no duration: ${JSON.stringify(value)}`);
  return (match[1] === "-" ? -1 : 1) * Number(match[2] ?? 1) * UNIT_MS[match[3]];
}

/** `now.Add(d)`, perhaps within `timestamppb.New`. */
export function momentMs(value: unknown, nowMs: number): number {
  if (isCell(value) && value.$call === "timestamppb.New") return momentMs((value.args as unknown[])[0], nowMs);
  if (isCell(value) && value.$call === "now.Add") return nowMs + durationMs((value.args as unknown[])[0]);
  if (isCell(value) && value.$go === "now") return nowMs;
  throw new Unsupported(`no moment: ${JSON.stringify(value)}`);
}

/** `time.Date(y, m, d, h, min, s, ns, location)`; the tables' only named location is Sydney. */
export function dateMs(value: unknown): number {
  if (!isCell(value) || value.$call !== "time.Date") throw new Unsupported("no date");
  const [year, month, day, hour, minute, second, , location] = value.args as number[];
  const utc = Date.UTC(year, month - 1, day, hour, minute, second);
  if (goName(location) === "UTC") return utc;
  return utc - offsetMs(utc, "Australia/Sydney");
}

function offsetMs(timeMs: number, timeZone: string): number {
  const parts = new Intl.DateTimeFormat("en-US", { timeZone, timeZoneName: "longOffset" }).formatToParts(timeMs);
  const text = parts.find((part) => part.type === "timeZoneName")?.value ?? "";
  const match = /GMT([+-])(\d\d):(\d\d)/.exec(text);
  return match ? (match[1] === "-" ? -1 : 1) * (Number(match[2]) * 60 + Number(match[3])) * 60_000 : 0;
}

/** RFC 822 with a numeric zone, as Go's tests write it: `02 Jan 06 15:04 +0000`. */
export function rfc822Ms(text: string): number {
  const ms = Date.parse(text.replace(/^(\d+) (\w+) (\d\d) /, "$1 $2 20$3 "));
  if (Number.isNaN(ms)) throw new Unsupported(`no time: ${text}`);
  return ms;
}
