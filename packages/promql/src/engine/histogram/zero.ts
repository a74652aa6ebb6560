// The zero bucket: to be compared or added, two histograms need one of the same width, that cuts no bucket with a count.
import { exponentialBound } from "./bounds.ts";
import { type Side, withoutFirst } from "./sides.ts";

interface ZeroBucket {
  readonly threshold: number;
  readonly count: number;
}

interface Sides {
  readonly schema: number;
  readonly positive: Side;
  readonly negative: Side;
}

/** The zero bucket if it reached to `threshold` at least: further when a bucket with a count would be cut. */
export function widened(zero: ZeroBucket, { schema, positive, negative }: Sides, threshold: number): ZeroBucket {
  if (threshold <= zero.threshold) return zero;
  let wanted = threshold;
  for (;;) {
    const above = swallow(positive, schema, wanted);
    const below = swallow(negative, schema, above.threshold);
    if (below.threshold === above.threshold) {
      return { threshold: above.threshold, count: zero.count + above.count + below.count };
    }
    wanted = below.threshold;
  }
}

/** What of a side lies below the threshold, and the threshold behind the last bucket of that. */
function swallow(side: Side, schema: number, threshold: number): ZeroBucket {
  let count = 0;
  for (let i = 0; i < side.indexes.length; i++) {
    if (exponentialBound(side.indexes[i] - 1, schema) >= threshold) break;
    const own = side.counts[i] + (side.rests?.[i] ?? 0);
    const upper = exponentialBound(side.indexes[i], schema);
    // An empty bucket does not mind being cut.
    if (upper > threshold) return { count: count + own, threshold: own === 0 ? threshold : upper };
    count += own;
  }
  return { count, threshold };
}

/** Without the buckets that end within the zero bucket. */
export function beyond(side: Side, schema: number, threshold: number): Side {
  if (threshold === 0) return side;
  return withoutFirst(side, (index) => exponentialBound(index, schema) <= threshold);
}

/** Without the buckets that begin within the zero bucket, which has their counts. */
export function outside(side: Side, schema: number, threshold: number): Side {
  return withoutFirst(side, (index) => exponentialBound(index - 1, schema) < threshold);
}
