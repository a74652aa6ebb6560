// Native histograms within a job's limits: coarser buckets where there are too many or where they are too fine. Two
// neighbours of a schema are one bucket of the next coarser schema, so that nothing is guessed.
import { type BucketSpan, CUSTOM_BUCKETS_SCHEMA, type NativeHistogram } from "@storewatch/model";

export const SCHEMA_MIN = -4;
export const SCHEMA_MAX = 8;

export interface HistogramLimits {
  /** Buckets with a place of their own, positive and negative together; 0 means no limit. */
  readonly buckets: number;
  /** Finest schema that is kept: 8 keeps all. */
  readonly schemaMax: number;
}

export const NO_HISTOGRAM_LIMITS: HistogramLimits = { buckets: 0, schemaMax: SCHEMA_MAX };

/** The finest schema whose bounds grow by at least this factor; a factor up to 1 asks for nothing. */
export function schemaOfFactor(factor: number): number {
  if (!(factor > 1)) return SCHEMA_MAX;
  const schema = 0 - Math.ceil(Math.log2(Math.log2(factor)));
  return Math.min(SCHEMA_MAX, Math.max(SCHEMA_MIN, schema));
}

/** Undefined when even the coarsest form has too many buckets. */
export function limitHistogram(histogram: NativeHistogram, limits: HistogramLimits): NativeHistogram | undefined {
  const custom = histogram.schema === CUSTOM_BUCKETS_SCHEMA;
  let limited = histogram;
  if (!custom && histogram.schema > limits.schemaMax) limited = coarser(histogram, limits.schemaMax);
  if (limits.buckets === 0) return limited;
  while (limited.positiveBuckets.length + limited.negativeBuckets.length > limits.buckets) {
    if (custom || limited.schema <= SCHEMA_MIN) return undefined;
    limited = coarser(limited, limited.schema - 1);
  }
  return limited;
}

function coarser(histogram: NativeHistogram, schema: number): NativeHistogram {
  const steps = histogram.schema - schema;
  const positive = merge(histogram.positiveSpans, histogram.positiveBuckets, steps);
  const negative = merge(histogram.negativeSpans, histogram.negativeBuckets, steps);
  return {
    ...histogram,
    schema,
    positiveSpans: positive.spans,
    positiveBuckets: positive.counts,
    negativeSpans: negative.spans,
    negativeBuckets: negative.counts,
  };
}

/** Bucket i holds (base^(i-1), base^i]: with base squared, 2i-1 and 2i fall together into i. */
function merge(
  spans: readonly BucketSpan[],
  counts: readonly number[],
  steps: number,
): { spans: BucketSpan[]; counts: number[] } {
  const merged: { spans: BucketSpan[]; counts: number[] } = { spans: [], counts: [] };
  let index = 0;
  let place = 0;
  /** Index behind the last merged bucket; the first span's offset counts from 0. */
  let behind = 0;
  for (const { offset, length } of spans) {
    index += offset;
    for (let i = 0; i < length; i++, index++, place++) {
      const target = Math.ceil(index / 2 ** steps);
      const last = merged.spans.at(-1);
      if (last && target === behind - 1) {
        merged.counts[merged.counts.length - 1] += counts[place];
        continue;
      }
      if (last && target === behind)
        merged.spans[merged.spans.length - 1] = { offset: last.offset, length: last.length + 1 };
      else merged.spans.push({ offset: target - behind, length: 1 });
      merged.counts.push(counts[place]);
      behind = target + 1;
    }
  }
  return merged;
}
