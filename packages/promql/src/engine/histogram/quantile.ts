// Quantiles, fractions and spread of a native histogram.
import type { NativeHistogram } from "@storewatch/model";
import { KahanSum } from "../kahan.ts";
import { allBuckets, type HistogramBucket, hasCustomBuckets } from "./bounds.ts";

/** What observations of NaN, which are in no bucket, did to a result. */
type NanEffect = "result" | "skewed" | undefined;

interface NativeQuantile {
  readonly value: number;
  readonly nan: NanEffect;
}

/** Within exponential buckets interpolated on a logarithmic scale, within the zero bucket and custom ones linearly. */
export function nativeQuantile(q: number, histogram: NativeHistogram): NativeQuantile {
  const plain = (value: number): NativeQuantile => ({ value, nan: undefined });
  if (q < 0) return plain(Number.NEGATIVE_INFINITY);
  if (q > 1) return plain(Number.POSITIVE_INFINITY);
  if (histogram.count === 0 || Number.isNaN(q)) return plain(Number.NaN);
  const forward = Number.isNaN(histogram.sum) || q < 0.5;
  const buckets = allBuckets(histogram).filter(({ count }) => count !== 0);
  const nan = hasNans(histogram, buckets) ? "skewed" : undefined;
  const rank = (forward ? q : 1 - q) * histogram.count;
  const { bucket, count } = find(forward ? buckets : [...buckets].reverse(), rank);
  if (!bucket) return Number.isNaN(histogram.sum) ? { value: Number.NaN, nan: "result" } : plain(0);
  const found = natural(bucket, histogram);
  if (hasCustomBuckets(histogram)) {
    if (found.lower === Number.NEGATIVE_INFINITY) return { value: found.upper, nan };
    if (found.upper === Number.POSITIVE_INFINITY) return { value: found.lower, nan };
  }
  const reached = Math.min(count, histogram.count);
  if (reached < rank) {
    return Number.isNaN(histogram.sum) ? { value: Number.NaN, nan: "result" } : plain(found.upper);
  }
  const inBucket = forward ? rank - (reached - bucket.count) : reached - rank;
  return { value: interpolated(found, inBucket / bucket.count, hasCustomBuckets(histogram)), nan };
}

/** The bucket in which the count reaches the rank, else the last one; and the count up to its end. */
function find(
  buckets: readonly HistogramBucket[],
  rank: number,
): { bucket: HistogramBucket | undefined; count: number } {
  let count = 0;
  for (const bucket of buckets) {
    count += bucket.count;
    if (count >= rank) return { bucket, count };
  }
  return { bucket: buckets[buckets.length - 1], count };
}

/** Sums of +Inf and -Inf are NaN too: only counts that are in no bucket tell. */
function hasNans(histogram: NativeHistogram, buckets: readonly HistogramBucket[]): boolean {
  if (!Number.isNaN(histogram.sum)) return false;
  let inBuckets = 0;
  for (const { count } of buckets) inBuckets += count;
  return inBuckets < histogram.count;
}

/** A bucket around zero ends at zero where there is nothing on the other side. */
function natural(bucket: HistogramBucket, histogram: NativeHistogram): HistogramBucket {
  const { positiveBuckets, negativeBuckets } = histogram;
  if (hasCustomBuckets(histogram)) {
    return bucket.lower === Number.NEGATIVE_INFINITY && bucket.upper > 0 ? { ...bucket, lower: 0 } : bucket;
  }
  if (!(bucket.lower < 0 && bucket.upper > 0)) return bucket;
  if (negativeBuckets.length === 0 && positiveBuckets.length > 0) return { ...bucket, lower: 0 };
  if (positiveBuckets.length === 0 && negativeBuckets.length > 0) return { ...bucket, upper: 0 };
  return bucket;
}

function interpolated({ lower, upper }: HistogramBucket, fraction: number, linear: boolean): number {
  if (linear || (lower <= 0 && upper >= 0)) return lower + (upper - lower) * fraction;
  const logLower = Math.log2(Math.abs(lower));
  const logUpper = Math.log2(Math.abs(upper));
  if (lower > 0) return 2 ** (logLower + (logUpper - logLower) * fraction);
  return -(2 ** (logUpper + (logLower - logUpper) * (1 - fraction)));
}

/** The share of a bucket that lies at or below a value inside of it. */
export function shareBelow({ lower, upper }: HistogramBucket, value: number, linear: boolean): number {
  if (linear) return (value - lower) / (upper - lower);
  const logLower = Math.log2(Math.abs(lower));
  const logUpper = Math.log2(Math.abs(upper));
  const logValue = Math.log2(Math.abs(value));
  return lower >= 0 ? (logValue - logLower) / (logUpper - logLower) : 1 - (logValue - logUpper) / (logLower - logUpper);
}

interface NativeFraction {
  readonly value: number;
  /** Observations of NaN count in no fraction. */
  readonly nans: boolean;
}

/** The share of observations between two values. */
export function nativeFraction(lower: number, upper: number, histogram: NativeHistogram): NativeFraction {
  if (histogram.count === 0 || Number.isNaN(lower) || Number.isNaN(upper)) return { value: Number.NaN, nans: false };
  if (lower >= upper) return { value: 0, nans: false };
  const buckets = allBuckets(histogram);
  const nans = hasNans(histogram, buckets);
  let observations = histogram.count;
  if (nans) observations = buckets.reduce((sum, { count }) => sum + count, 0);
  const below = (value: number) => Math.min(observations, rankOf(value, histogram, buckets) ?? observations);
  return { value: (below(upper) - below(lower)) / histogram.count, nans };
}

/** How many observations lie below a value; undefined when all do. */
function rankOf(value: number, histogram: NativeHistogram, buckets: readonly HistogramBucket[]): number | undefined {
  const custom = hasCustomBuckets(histogram);
  let rank = 0;
  for (const one of buckets) {
    const bucket = natural(one, histogram);
    if (bucket.lower >= value) return rank;
    if (bucket.upper > value) {
      // Of a bucket without a beginning nothing can be left out.
      if (bucket.lower === Number.NEGATIVE_INFINITY) return bucket.count;
      const linear = custom || (bucket.lower <= 0 && bucket.upper >= 0);
      return rank + bucket.count * shareBelow(bucket, value, linear);
    }
    rank += bucket.count;
  }
  return undefined;
}

/** The variance, with all observations of a bucket in its middle. */
export function nativeVariance(histogram: NativeHistogram): number {
  const mean = histogram.sum / histogram.count;
  const custom = hasCustomBuckets(histogram);
  const sum = new KahanSum();
  for (const { lower, upper, count } of allBuckets(histogram)) {
    if (count === 0) continue;
    const delta = middle(lower, upper, custom) - mean;
    sum.add(count * delta * delta);
  }
  return sum.total / histogram.count;
}

function middle(lower: number, upper: number, custom: boolean): number {
  if (custom) return (upper + lower) / 2;
  if (lower <= 0 && upper >= 0) return 0;
  const mean = Math.sqrt(upper * lower);
  return upper < 0 ? -mean : mean;
}
