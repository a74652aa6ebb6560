// Quantiles and fractions of classic histograms: cumulative buckets with upper bounds.

export interface Bucket {
  readonly upperBound: number;
  count: number;
}

/** Differences below this share are rounding, not a histogram that counts down. */
const SMALL_DELTA = 1e-12;
const MIN_NORMAL = 2 ** -1022;

export interface QuantileResult {
  readonly value: number;
  /** Set when counts went down and had to be repaired. */
  readonly forced: { readonly from: number; readonly to: number; readonly difference: number } | undefined;
}

/** `buckets` is sorted by upper bound, equal bounds merged already. Counts may be changed by the repair. */
export function bucketQuantile(q: number, buckets: Bucket[]): QuantileResult {
  const plain = (value: number): QuantileResult => ({ value, forced: undefined });
  if (Number.isNaN(q)) return plain(Number.NaN);
  if (q < 0) return plain(Number.NEGATIVE_INFINITY);
  if (q > 1) return plain(Number.POSITIVE_INFINITY);
  const last = buckets.length - 1;
  if (buckets[last].upperBound !== Number.POSITIVE_INFINITY) return plain(Number.NaN);
  const forced = makeMonotonic(buckets);
  if (buckets.length < 2) return { value: Number.NaN, forced };
  const observations = buckets[last].count;
  if (observations === 0) return { value: Number.NaN, forced };
  return { value: interpolate(q * observations, buckets), forced };
}

function interpolate(wantedRank: number, buckets: readonly Bucket[]): number {
  const last = buckets.length - 1;
  let b = 0;
  while (b < last && !(buckets[b].count >= wantedRank)) b++;
  if (b === last) return buckets[last - 1].upperBound;
  if (b === 0 && buckets[0].upperBound <= 0) return buckets[0].upperBound;
  const start = b === 0 ? 0 : buckets[b - 1].upperBound;
  const below = b === 0 ? 0 : buckets[b - 1].count;
  const end = buckets[b].upperBound;
  return start + (end - start) * ((wantedRank - below) / (buckets[b].count - below));
}

/** Makes counts go up; small steps down are taken for rounding and levelled in silence. */
function makeMonotonic(buckets: Bucket[]): QuantileResult["forced"] {
  let previous = buckets[0].count;
  let forced: { from: number; to: number; difference: number } | undefined;
  for (let i = 1; i < buckets.length; i++) {
    const current = buckets[i].count;
    if (current === previous) continue;
    if (almostEqual(previous, current)) {
      buckets[i].count = previous;
    } else if (current < previous) {
      const difference = previous - current;
      const bound = buckets[i].upperBound;
      forced = {
        from: forced?.from ?? buckets[i - 1].upperBound,
        to: bound,
        difference: Math.max(difference, forced?.difference ?? 0),
      };
      buckets[i].count = previous;
    } else {
      previous = current;
    }
  }
  return forced;
}

function almostEqual(a: number, b: number): boolean {
  if (Number.isNaN(a) || Number.isNaN(b)) return Number.isNaN(a) && Number.isNaN(b);
  if (a === b) return true;
  const size = Math.abs(a) + Math.abs(b);
  const difference = Math.abs(a - b);
  if (a === 0 || b === 0 || size < MIN_NORMAL) return difference < SMALL_DELTA * MIN_NORMAL;
  return difference / Math.min(size, Number.MAX_VALUE) < SMALL_DELTA;
}

/** The share of observations between two values. Same input as `bucketQuantile`. */
export function bucketFraction(lower: number, upper: number, buckets: readonly Bucket[]): number {
  const last = buckets.length - 1;
  if (buckets[last].upperBound !== Number.POSITIVE_INFINITY) return Number.NaN;
  const observations = buckets[last].count;
  if (observations === 0 || Number.isNaN(lower) || Number.isNaN(upper)) return Number.NaN;
  if (lower >= upper) return 0;
  return (rankOf(upper, buckets) - rankOf(lower, buckets)) / observations;
}

/** How many observations lie at or below a value, as far as the buckets tell. */
function rankOf(value: number, buckets: readonly Bucket[]): number {
  const observations = buckets[buckets.length - 1].count;
  let below = 0;
  for (let i = 0; i < buckets.length; i++) {
    const { upperBound, count } = buckets[i];
    // The first bucket starts at zero unless it lies below it.
    const lowerBound = i > 0 ? buckets[i - 1].upperBound : upperBound > 0 ? 0 : Number.NEGATIVE_INFINITY;
    if (value <= lowerBound) return Math.min(below, observations);
    if (value < upperBound) {
      if (upperBound === Number.POSITIVE_INFINITY) return Math.min(below, observations);
      if (lowerBound === Number.NEGATIVE_INFINITY) return Math.min(count, observations);
      const share = (value - lowerBound) / (upperBound - lowerBound);
      return Math.min(below + (count - below) * share, observations);
    }
    below = count;
  }
  return observations;
}
