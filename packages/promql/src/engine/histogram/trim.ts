// The trim operators: `histogram </ 5` keeps the observations below 5, `histogram >/ 5` those above, with a bucket that
// is cut split by interpolation. The sum is estimated anew, with the observations of a bucket in its middle.
import type { NativeHistogram } from "@storewatch/model";
import { type HistogramBucket, hasCustomBuckets, negativeBuckets, positiveBuckets } from "./bounds.ts";
import { shareBelow } from "./quantile.ts";
import { compacted } from "./sum.ts";

interface Kept {
  readonly count: number;
  readonly middle: number;
}

export function trimmed(histogram: NativeHistogram, at: number, keepBelow: boolean): NativeHistogram {
  const linear = hasCustomBuckets(histogram);
  const keep = (bucket: HistogramBucket): Kept =>
    bucket.count === 0 ? { count: 0, middle: 0 } : keptOf(bucket, at, keepBelow, linear);
  const positive = positiveBuckets(histogram).map(keep);
  const negative = negativeBuckets(histogram).map(keep);
  const zero = keptOfZero(histogram, at, keepBelow);
  const isWhole = (kept: readonly Kept[], counts: readonly number[]) =>
    kept.every(({ count }, i) => count === counts[i]);
  if (
    isWhole(positive, histogram.positiveBuckets) &&
    isWhole(negative, histogram.negativeBuckets) &&
    (zero.count === histogram.zeroCount || !(histogram.zeroCount > 0))
  ) {
    return histogram;
  }
  let count = 0;
  let sum = 0;
  for (const kept of [...positive, ...negative, zero]) {
    count += kept.count;
    if (kept.count !== 0) sum += kept.middle * kept.count;
  }
  return compacted({
    ...histogram,
    count,
    sum,
    zeroCount: histogram.zeroCount > 0 ? zero.count : histogram.zeroCount,
    positiveBuckets: positive.map((kept) => kept.count),
    negativeBuckets: negative.map((kept) => kept.count),
  });
}

function keptOf(bucket: HistogramBucket, at: number, keepBelow: boolean, linear: boolean): Kept {
  const { lower, upper, count } = bucket;
  if (keepBelow ? upper <= at : lower >= at) return { count, middle: middleOf(lower, upper, linear) };
  if (keepBelow ? lower >= at : upper <= at) return { count: 0, middle: 0 };
  if (lower === Number.NEGATIVE_INFINITY || upper === Number.POSITIVE_INFINITY)
    return keptOfOpen(bucket, at, keepBelow);
  const below = count * shareBelow(bucket, at, linear);
  return keepBelow
    ? { count: below, middle: middleOf(lower, at, linear) }
    : { count: count - below, middle: middleOf(at, upper, linear) };
}

/** A bucket without a beginning or an end, cut somewhere: where in it the observations lie is not known. */
function keptOfOpen({ lower, upper, count }: HistogramBucket, at: number, keepBelow: boolean): Kept {
  const nothing = { count: 0, middle: 0 };
  if (lower === Number.NEGATIVE_INFINITY) {
    // One that ends above zero is taken to begin at zero, as in quantiles.
    const fromZero = upper > 0 && upper !== Number.POSITIVE_INFINITY;
    if (keepBelow) {
      if (at > 0 && fromZero) return { count: (count * at) / upper, middle: at / 2 };
      return upper <= 0 ? { count, middle: at } : nothing;
    }
    return at >= 0 && fromZero ? { count: count * (1 - at / upper), middle: (at + upper) / 2 } : nothing;
  }
  return !keepBelow && at >= lower ? { count, middle: at } : nothing;
}

function keptOfZero(histogram: NativeHistogram, at: number, keepBelow: boolean): Kept {
  const { zeroCount, zeroThreshold } = histogram;
  if (!(zeroCount > 0)) return { count: 0, middle: 0 };
  const above = histogram.positiveBuckets.some((count) => count !== 0);
  const below = histogram.negativeBuckets.some((count) => count !== 0);
  const lower = above && !below ? 0 : -zeroThreshold;
  const upper = below && !above ? 0 : zeroThreshold;
  if (at <= lower) return keepBelow ? { count: 0, middle: 0 } : { count: zeroCount, middle: (lower + upper) / 2 };
  if (at >= upper) return keepBelow ? { count: zeroCount, middle: (lower + upper) / 2 } : { count: 0, middle: 0 };
  const share = (keepBelow ? at - lower : upper - at) / (upper - lower);
  return { count: zeroCount * share, middle: keepBelow ? (lower + at) / 2 : (at + upper) / 2 };
}

function middleOf(lower: number, upper: number, linear: boolean): number {
  if (lower === Number.NEGATIVE_INFINITY) {
    if (upper === Number.POSITIVE_INFINITY) return 0;
    return upper > 0 ? upper / 2 : upper;
  }
  if (upper === Number.POSITIVE_INFINITY) return lower;
  if (linear) return (lower + upper) / 2;
  const mean = Math.sqrt(Math.abs(lower * upper));
  return upper > 0 ? mean : -mean;
}
