// Series lines of scripts and unit tests: `metric{label="v"} 1 2x3 4+1x5 _ stale {{count:1}}`.
import { type Labels, parseDurationMs } from "@storewatch/model";
import { HistogramSum } from "../engine/histogram/sum.ts";
import { parseMetric } from "../parser/metric.ts";
import { parseNumberText } from "../parser/text.ts";
import { parseHistogram, type WrittenHistogram } from "./histogram-notation.ts";
import { SeriesSyntaxError } from "./syntax-error.ts";

export { SeriesSyntaxError } from "./syntax-error.ts";

export type SeriesItem =
  | { readonly kind: "value"; readonly value: number }
  | { readonly kind: "gap" | "stale" }
  | ({ readonly kind: "histogram" } & WrittenHistogram);

export interface SeriesLine {
  readonly labels: Labels;
  readonly items: readonly SeriesItem[];
}

/** When the samples of a series began to count, relative to their own times in ms; undefined where unknown. */
export interface StartsLine {
  readonly labels: Labels;
  readonly offsetsMs: readonly (number | undefined)[];
}

const GAP: SeriesItem = { kind: "gap" };
const STALE: SeriesItem = { kind: "stale" };
/** More values than this in one line is a mistake. */
const ITEMS_MAX = 1_000_000;

const ITEM = /\{\{[^}]*\}\}(?:[+-]\{\{[^}]*\}\})?(?:x\d+)?(?!\S)|\S+/g;
/** Without hexadecimal numbers: the x is for repeating. */
const NUMBER = "(?:\\d[\\d_]*\\.?[\\d_]*(?:[eE][+-]?\\d+)?|\\.\\d+(?:[eE][+-]?\\d+)?|inf|nan|(?:\\d+(?:ms|[ywdhms]))+)";
const VALUES = new RegExp(`^([+-]?${NUMBER})(?:([+-])(${NUMBER})x(\\d+)|x(\\d+))?$`, "i");
const HISTOGRAMS = /^(\{\{[^}]*\}\})(?:([+-])(\{\{[^}]*\}\})x(\d+)|x(\d+))?$/;

/** Throws SeriesSyntaxError or ParseError. */
export function parseSeriesLine(line: string): SeriesLine {
  const { labels, rest } = parseMetric(line);
  return { labels, items: parseSeriesItems(rest) };
}

/** True for `metric{…}@st DURATION …`, which stands before the line of the same series. */
export function isStartsLine(line: string): boolean {
  return /^[^\s{]*(?:\{.*\})?@st(?:\s|$)/.test(line);
}

export function parseStartsLine(line: string): StartsLine {
  const at = line.lastIndexOf("@st");
  const { labels } = parseMetric(line.slice(0, at));
  const offsetsMs = parseSeriesItems(line.slice(at + "@st".length)).map((item) =>
    item.kind === "value" ? Math.round(item.value * 1000) : undefined,
  );
  return { labels, offsetsMs };
}

export function parseSeriesItems(text: string): SeriesItem[] {
  const items: SeriesItem[] = [];
  for (const [item] of text.matchAll(ITEM)) {
    addItem(item, items);
    if (items.length > ITEMS_MAX) throw new SeriesSyntaxError("too many values");
  }
  return items;
}

function addItem(item: string, items: SeriesItem[]): void {
  const gap = /^_(?:x(\d+))?$/.exec(item);
  const stale = /^stale(?:x(\d+))?$/.exec(item);
  const histogram = HISTOGRAMS.exec(item);
  if (gap) repeat(items, GAP, Number(gap[1] ?? 1));
  else if (stale) repeat(items, STALE, Number(stale[1] ?? 0) + 1);
  else if (histogram) addHistograms(histogram, items);
  else addNumbers(item, items);
}

function addHistograms(match: RegExpExecArray, items: SeriesItem[]): void {
  const [, first, sign, step, changed, same] = match;
  const written = parseHistogram(first, numberOf);
  const count = Number(changed ?? same ?? 0) + 1;
  if (step === undefined) {
    repeat(items, { kind: "histogram", ...written }, count);
    return;
  }
  if (count > ITEMS_MAX) throw new SeriesSyntaxError("too many values");
  const { histogram: delta, hasHint } = parseHistogram(step, numberOf);
  const sum = new HistogramSum(written.histogram);
  for (let i = 0; i < count; i++) {
    if (i > 0 && !(sign === "-" ? sum.subtract(delta) : sum.add(delta))) {
      throw new SeriesSyntaxError("exponential and custom buckets cannot be added");
    }
    items.push({ kind: "histogram", histogram: sum.result(), hasHint: written.hasHint || hasHint });
  }
}

function addNumbers(item: string, items: SeriesItem[]): void {
  const match = VALUES.exec(item);
  if (!match) throw new SeriesSyntaxError(`unexpected value "${item}"`);
  const [, first, sign, delta, changed, same] = match;
  let value = numberOf(first);
  const step = delta === undefined ? 0 : numberOf(delta) * (sign === "-" ? -1 : 1);
  const count = Number(changed ?? same ?? 0) + 1;
  if (count > ITEMS_MAX) throw new SeriesSyntaxError(`too many values in "${item}"`);
  // Repeated addition, as upstream: the rounding is part of the expected results.
  for (let i = 0; i < count; i++, value += step) items.push({ kind: "value", value });
}

function repeat(items: SeriesItem[], item: SeriesItem, count: number): void {
  if (count > ITEMS_MAX) throw new SeriesSyntaxError("too many values");
  for (let i = 0; i < count; i++) items.push(item);
}

/** A number in the notation; a duration stands for its seconds. */
export function numberOf(text: string): number {
  const sign = text[0] === "-" ? -1 : 1;
  const digits = text.replace(/^[+-]/, "");
  if (/^inf$/i.test(digits)) return sign * Number.POSITIVE_INFINITY;
  if (/^nan$/i.test(digits)) return Number.NaN;
  const value = parseNumberText(digits);
  if (!Number.isNaN(value)) return sign * value;
  const ms = parseDurationMs(digits);
  if (ms === undefined) throw new SeriesSyntaxError(`not a number: "${text}"`);
  return (sign * ms) / 1000;
}
