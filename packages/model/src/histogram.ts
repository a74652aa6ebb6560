// Native histograms: one sample that holds a whole distribution. Counts are absolute floats; whole counts of a scrape are
// exact up to 2^53. Immutable: whoever computes makes a new one.

/** A run of consecutive buckets. `offset`: buckets left out since the run before; of the first run: its bucket index. */
export interface BucketSpan {
  readonly offset: number;
  readonly length: number;
}

/** Schema of histograms whose upper bounds are listed in `customValues` (classic buckets in native form, "NHCB"). */
export const CUSTOM_BUCKETS_SCHEMA = -53;

export type CounterResetHint = "unknown" | "reset" | "notReset" | "gauge";

export interface NativeHistogram {
  /** −4 … 8: bucket bounds grow by 2^(2^−schema); −53: `customValues`. */
  readonly schema: number;
  readonly count: number;
  readonly sum: number;
  readonly zeroThreshold: number;
  readonly zeroCount: number;
  readonly positiveSpans: readonly BucketSpan[];
  /** One count for each bucket of the spans; not cumulative, not deltas. */
  readonly positiveBuckets: readonly number[];
  readonly negativeSpans: readonly BucketSpan[];
  readonly negativeBuckets: readonly number[];
  /** Ascending finite upper bounds of schema −53; empty otherwise. +Inf is implied. */
  readonly customValues: readonly number[];
  readonly counterReset: CounterResetHint;
}
