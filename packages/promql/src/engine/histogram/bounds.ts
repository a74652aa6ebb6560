// Where the buckets of native histograms begin and end.
import { CUSTOM_BUCKETS_SCHEMA, type NativeHistogram } from "@storewatch/model";
import { bucketIndexes } from "./sides.ts";

export interface HistogramBucket {
  readonly lower: number;
  readonly upper: number;
  readonly lowerInclusive: boolean;
  readonly upperInclusive: boolean;
  readonly count: number;
}

export function hasCustomBuckets(histogram: Pick<NativeHistogram, "schema">): boolean {
  return histogram.schema === CUSTOM_BUCKETS_SCHEMA;
}

/** Bits behind the point of the fixed-point numbers that the roots of two are worked out with. */
const PRECISION = 160n;
/** For each schema above 0 the powers 2^(i / 2^schema) in [1, 2), each rounded once. */
const FRACTIONS: (Float64Array | undefined)[] = [];

/** The upper bound of a positive bucket with that index. */
export function exponentialBound(index: number, schema: number): number {
  let fraction = 1;
  let exponent = index;
  if (schema > 0) {
    fraction = fractionsOf(schema)[index & (2 ** schema - 1)];
    exponent = index >> schema;
  } else exponent = index * 2 ** -schema;
  // The bucket of the largest numbers ends at the largest number; the one behind it is for infinity.
  if (exponent === 1024 && fraction === 1) return Number.MAX_VALUE;
  return exponent < -1000 ? fraction * 2 ** (exponent + 200) * 2 ** -200 : fraction * 2 ** exponent;
}

function fractionsOf(schema: number): Float64Array {
  const known = FRACTIONS[schema];
  if (known) return known;
  // `2 ** x` may be off in the last digit, and these numbers are shown: roots by integers are exact enough to round once.
  let root = 2n << PRECISION;
  for (let i = 0; i < schema; i++) root = squareRoot(root << PRECISION);
  const fractions = new Float64Array(2 ** schema);
  let power = 1n << PRECISION;
  for (let i = 0; i < fractions.length; i++) {
    const half = 1n << (PRECISION - 53n);
    fractions[i] = Number((power + half) >> (PRECISION - 52n)) / 2 ** 52;
    power = (power * root) >> PRECISION;
  }
  FRACTIONS[schema] = fractions;
  return fractions;
}

function squareRoot(value: bigint): bigint {
  let root = 1n << BigInt(Math.ceil(value.toString(2).length / 2));
  for (;;) {
    const next = (root + value / root) >> 1n;
    if (next >= root) return root;
    root = next;
  }
}

function customBound(index: number, bounds: readonly number[]): number {
  if (index < 0) return Number.NEGATIVE_INFINITY;
  return index < bounds.length ? bounds[index] : Number.POSITIVE_INFINITY;
}

function positiveBucket(histogram: NativeHistogram, index: number, count: number): HistogramBucket {
  const { schema, customValues } = histogram;
  if (hasCustomBuckets(histogram)) {
    const [lower, upper] = [customBound(index - 1, customValues), customBound(index, customValues)];
    return { lower, upper, lowerInclusive: index === 0, upperInclusive: true, count };
  }
  const [lower, upper] = [exponentialBound(index - 1, schema), exponentialBound(index, schema)];
  return { lower, upper, lowerInclusive: false, upperInclusive: true, count };
}

/** The buckets above zero, ascending; those with a count of 0 too. */
export function positiveBuckets(histogram: NativeHistogram): HistogramBucket[] {
  const indexes = bucketIndexes(histogram.positiveSpans);
  return histogram.positiveBuckets.map((count, i) => positiveBucket(histogram, indexes[i], count));
}

/** The buckets below zero, from zero downwards. */
export function negativeBuckets(histogram: NativeHistogram): HistogramBucket[] {
  const { schema, negativeSpans } = histogram;
  const indexes = bucketIndexes(negativeSpans);
  return histogram.negativeBuckets.map((count, i) => ({
    lower: -exponentialBound(indexes[i], schema),
    upper: -exponentialBound(indexes[i] - 1, schema),
    lowerInclusive: true,
    upperInclusive: false,
    count,
  }));
}

/** All buckets, ascending; where the zero bucket reaches into another one, that one begins at its end. */
export function allBuckets(histogram: NativeHistogram): HistogramBucket[] {
  const { zeroThreshold, zeroCount } = histogram;
  const buckets = negativeBuckets(histogram).reverse();
  for (const [i, bucket] of buckets.entries()) {
    if (bucket.upper > -zeroThreshold) buckets[i] = { ...bucket, upper: -zeroThreshold };
  }
  if (zeroCount > 0) {
    const [lower, upper] = [-zeroThreshold, zeroThreshold];
    buckets.push({ lower, upper, lowerInclusive: true, upperInclusive: true, count: zeroCount });
  }
  const custom = hasCustomBuckets(histogram);
  for (const bucket of positiveBuckets(histogram)) {
    const overlaps = !custom && bucket.lower < zeroThreshold;
    buckets.push(overlaps ? { ...bucket, lower: zeroThreshold } : bucket);
  }
  return buckets;
}
