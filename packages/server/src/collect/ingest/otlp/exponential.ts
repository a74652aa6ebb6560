// Exponential histograms as native ones. Their buckets agree but for names: bucket i of OTLP has the upper bound
// base^(i+1), bucket i of Prometheus base^i.
import type { BucketSpan, NativeHistogram } from "@storewatch/model";
import type { ExponentialBuckets, ExponentialPoint } from "./model.ts";

const SCHEMA_MAX = 8;
const SCHEMA_MIN = -4;
/** What OTLP means when it names no threshold. */
const ZERO_THRESHOLD = 1e-128;
/** A gap up to this long is kept as empty buckets: cheaper than a span of its own. */
const GAP_MAX = 2;

/** Counts by Prometheus' bucket index: what can be added up. */
export interface ExponentialTotals {
  scale: number;
  count: number;
  sum: number;
  zeroCount: number;
  zeroThreshold: number;
  positive: Map<number, number>;
  negative: Map<number, number>;
}

/** Undefined when the buckets are wider than native histograms may have them. */
export function totalsOf(point: ExponentialPoint): ExponentialTotals | undefined {
  if (point.scale < SCHEMA_MIN) return undefined;
  const totals: ExponentialTotals = {
    scale: point.scale,
    count: point.count,
    sum: point.sum ?? 0,
    zeroCount: point.zeroCount,
    zeroThreshold: point.zeroThreshold || ZERO_THRESHOLD,
    positive: countsOf(point.positive),
    negative: countsOf(point.negative),
  };
  if (totals.scale > SCHEMA_MAX) widen(totals, SCHEMA_MAX);
  return totals;
}

function countsOf({ offset, counts }: ExponentialBuckets): Map<number, number> {
  const found = new Map<number, number>();
  for (const [i, count] of counts.entries()) if (count > 0) found.set(offset + i + 1, count);
  return found;
}

/** Joins buckets until they have the scale. */
function widen(totals: ExponentialTotals, scale: number): void {
  const factor = 2 ** (totals.scale - scale);
  const joined = (counts: Map<number, number>) => {
    const found = new Map<number, number>();
    for (const [index, count] of counts) {
      const wide = Math.ceil(index / factor);
      found.set(wide, (found.get(wide) ?? 0) + count);
    }
    return found;
  };
  totals.positive = joined(totals.positive);
  totals.negative = joined(totals.negative);
  totals.scale = scale;
}

/** Adds the later totals to the former, which are changed. */
export function addTotals(into: ExponentialTotals, more: ExponentialTotals): void {
  if (into.scale > more.scale) widen(into, more.scale);
  else if (more.scale > into.scale) widen(more, into.scale);
  into.count += more.count;
  into.sum += more.sum;
  into.zeroCount += more.zeroCount;
  into.zeroThreshold = Math.max(into.zeroThreshold, more.zeroThreshold);
  for (const [side, counts] of [
    [into.positive, more.positive],
    [into.negative, more.negative],
  ]) {
    for (const [index, count] of counts) side.set(index, (side.get(index) ?? 0) + count);
  }
}

export function toNative(totals: ExponentialTotals): NativeHistogram {
  const positive = spansOf(totals.positive);
  const negative = spansOf(totals.negative);
  return {
    schema: totals.scale,
    count: totals.count,
    sum: totals.sum,
    zeroThreshold: totals.zeroThreshold,
    zeroCount: totals.zeroCount,
    positiveSpans: positive.spans,
    positiveBuckets: positive.counts,
    negativeSpans: negative.spans,
    negativeBuckets: negative.counts,
    customValues: [],
    counterReset: "unknown",
  };
}

function spansOf(buckets: ReadonlyMap<number, number>): { spans: BucketSpan[]; counts: number[] } {
  const spans: Array<{ offset: number; length: number }> = [];
  const counts: number[] = [];
  let next = 0;
  for (const [index, count] of [...buckets].sort(([a], [b]) => a - b)) {
    const last = spans.at(-1);
    const gap = index - next;
    if (!last || gap > GAP_MAX) spans.push({ offset: last ? gap : index, length: 1 });
    else {
      for (let i = 0; i < gap; i++) counts.push(0);
      last.length += gap + 1;
    }
    counts.push(count);
    next = index + 1;
  }
  return { spans, counts };
}
