// Native histograms in scripts: `{{schema:1 sum:3.4 count:5 z_bucket:1 z_bucket_w:0.01 buckets:[1 2] offset:-1}}`.
import type { BucketSpan, CounterResetHint, NativeHistogram } from "@storewatch/model";
import { compacted } from "../engine/histogram/sum.ts";
import { formatFloat } from "../parser/text.ts";
import { SeriesSyntaxError } from "./syntax-error.ts";

const HINTS: ReadonlyMap<string, CounterResetHint> = new Map([
  ["unknown", "unknown"],
  ["reset", "reset"],
  ["not_reset", "notReset"],
  ["gauge", "gauge"],
]);
const LISTS: ReadonlySet<string> = new Set(["buckets", "n_buckets", "custom_values"]);
const NUMBERS: ReadonlySet<string> = new Set([
  "schema",
  "sum",
  "count",
  "z_bucket",
  "z_bucket_w",
  "offset",
  "n_offset",
]);

export interface WrittenHistogram {
  readonly histogram: NativeHistogram;
  /** The counter reset hint is written, and not left to what a store finds out. */
  readonly hasHint: boolean;
}

/** `readNumber` throws on what is none. */
export function parseHistogram(text: string, readNumber: (text: string) => number): WrittenHistogram {
  const numbers = new Map<string, number>();
  const lists = new Map<string, number[]>();
  let hint: CounterResetHint | undefined;
  const body = text.replace(/^\{\{/, "").replace(/\}\}$/, "");
  for (const match of body.matchAll(/([a-z_]+)\s*:\s*(\[[^\]]*\]|\S+)|(\S+)/g)) {
    const [, key, value] = match;
    if (key === "counter_reset_hint" && HINTS.has(value)) hint = HINTS.get(value);
    else if (NUMBERS.has(key)) numbers.set(key, readNumber(value));
    else if (LISTS.has(key) && value.startsWith("[")) {
      const items = value
        .slice(1, -1)
        .split(/[\s,]+/)
        .filter((item) => item !== "");
      lists.set(key, items.map(readNumber));
    } else throw new SeriesSyntaxError(`cannot read "${match[0]}" of the histogram ${text}`);
  }
  const number = (key: string) => numbers.get(key) ?? 0;
  const positiveBuckets = lists.get("buckets") ?? [];
  const negativeBuckets = lists.get("n_buckets") ?? [];
  const histogram: NativeHistogram = {
    schema: number("schema"),
    count: number("count"),
    sum: number("sum"),
    zeroThreshold: number("z_bucket_w"),
    zeroCount: number("z_bucket"),
    positiveSpans: spanOf(number("offset"), positiveBuckets),
    positiveBuckets,
    negativeSpans: spanOf(number("n_offset"), negativeBuckets),
    negativeBuckets,
    customValues: lists.get("custom_values") ?? [],
    counterReset: hint ?? "unknown",
  };
  return { histogram, hasHint: hint !== undefined };
}

function spanOf(offset: number, buckets: readonly number[]): BucketSpan[] {
  return buckets.length === 0 ? [] : [{ offset, length: buckets.length }];
}

/** In the same notation, without empty buckets at the ends: equal histograms give the same text. */
export function formatHistogram(histogram: NativeHistogram): string {
  const { schema, count, sum, zeroCount, zeroThreshold, customValues, counterReset, ...buckets } = compacted(histogram);
  const hint = [...HINTS].find(([, value]) => value === counterReset)?.[0];
  const parts = [
    schema === 0 ? "" : `schema:${schema}`,
    count === 0 ? "" : `count:${formatFloat(count)}`,
    sum === 0 ? "" : `sum:${formatFloat(sum)}`,
    zeroCount === 0 ? "" : `z_bucket:${formatFloat(zeroCount)}`,
    zeroThreshold === 0 ? "" : `z_bucket_w:${formatFloat(zeroThreshold)}`,
    customValues.length === 0 ? "" : `custom_values:[${customValues.map(formatFloat).join(" ")}]`,
    counterReset === "unknown" ? "" : `counter_reset_hint:${hint}`,
    bucketsText("", buckets.positiveSpans, buckets.positiveBuckets),
    bucketsText("n_", buckets.negativeSpans, buckets.negativeBuckets),
  ];
  return `{{${parts.filter((part) => part !== "").join(" ")}}}`;
}

/** Gaps up to this are written as buckets with a count of 0; the notation has nothing for longer ones. */
const GAP_MAX = 1000;

function bucketsText(prefix: string, spans: readonly BucketSpan[], buckets: readonly number[]): string {
  if (spans.length === 0) return "";
  const counts: string[] = [];
  let next = 0;
  spans.forEach(({ offset, length }, i) => {
    if (i > 0 && offset > GAP_MAX) counts.push(`…${offset}…`);
    else if (i > 0) counts.push(...new Array<string>(offset).fill("0"));
    counts.push(...buckets.slice(next, next + length).map(formatFloat));
    next += length;
  });
  const start = spans[0].offset === 0 ? "" : `${prefix}offset:${spans[0].offset} `;
  return `${start}${prefix}buckets:[${counts.join(" ")}]`;
}
