// Sums, differences, means and multiples of native histograms.
import { type CounterResetHint, CUSTOM_BUCKETS_SCHEMA, type NativeHistogram } from "@storewatch/model";
import { hasCustomBuckets } from "./bounds.ts";
import { commonBounds, rebucketed, sameBounds } from "./custom.ts";
import { addSide, compensatedAdd, reduced, type Side, sideOf, spansOf } from "./sides.ts";
import { beyond, outside, widened } from "./zero.ts";

/** A sum of histograms, compensated like sums of floats (Kahan). */
export class HistogramSum {
  /** Custom buckets with different bounds were joined. */
  reconciled = false;
  /** A counter that was reset met one that was not. */
  collision = false;
  hint: CounterResetHint;
  private schema: number;
  private customValues: readonly number[];
  private zeroThreshold: number;
  private positive: Side;
  private negative: Side;
  /** Zero count, count, sum: in that order. */
  private totals: number[];
  private rests = [0, 0, 0];

  constructor(first: NativeHistogram) {
    this.hint = first.counterReset;
    this.schema = first.schema;
    this.customValues = first.customValues;
    this.zeroThreshold = first.zeroThreshold;
    this.positive = sideOf(first.positiveSpans, first.positiveBuckets);
    this.negative = sideOf(first.negativeSpans, first.negativeBuckets);
    this.totals = [first.zeroCount, first.count, first.sum];
  }

  private get isCustom(): boolean {
    return this.schema === CUSTOM_BUCKETS_SCHEMA;
  }

  get count(): number {
    return this.totals[1] + this.rests[1];
  }

  add(other: NativeHistogram): boolean {
    return this.combine(other, 1);
  }

  subtract(other: NativeHistogram): boolean {
    return this.combine(other, -1);
  }

  /** False (and nothing is done) when one has exponential buckets and the other custom ones. */
  private combine(other: NativeHistogram, sign: 1 | -1): boolean {
    if (this.isCustom !== hasCustomBuckets(other)) return false;
    this.meet(other.counterReset);
    const positive = sideOf(other.positiveSpans, other.positiveBuckets);
    const negative = sideOf(other.negativeSpans, other.negativeBuckets);
    let zeroCount = other.zeroCount;
    if (this.isCustom) this.combineCustom(positive, other.customValues, sign);
    else zeroCount = this.combineExponential(other, positive, negative, sign);
    [zeroCount, other.count, other.sum].forEach((value, i) => {
      const { sum, rest } = compensatedAdd(this.totals[i], this.rests[i], sign * value);
      this.totals[i] = sum;
      this.rests[i] = rest;
    });
    return true;
  }

  private combineCustom(other: Side, bounds: readonly number[], sign: 1 | -1): void {
    if (sameBounds(this.customValues, bounds)) {
      this.positive = addSide(this.positive, other, sign);
      return;
    }
    this.reconciled = true;
    const common = commonBounds(this.customValues, bounds);
    const own = rebucketed(this.positive, this.customValues, common);
    this.positive = addSide(own, rebucketed(other, bounds, common), sign);
    this.customValues = common;
  }

  /** Gives the zero count of `other` for the zero bucket that both have then. */
  private combineExponential(other: NativeHistogram, positive: Side, negative: Side, sign: 1 | -1): number {
    let zero = { threshold: other.zeroThreshold, count: other.zeroCount };
    while (zero.threshold < this.zeroThreshold || zero.threshold > this.zeroThreshold) {
      zero = widened(zero, { schema: other.schema, positive, negative }, this.zeroThreshold);
      if (zero.threshold > this.zeroThreshold) this.widenZero(zero.threshold);
    }
    this.reduceTo(Math.min(this.schema, other.schema));
    const levels = other.schema - this.schema;
    const { schema, zeroThreshold } = this;
    this.positive = addSide(this.positive, beyond(reduced(positive, levels), schema, zeroThreshold), sign);
    this.negative = addSide(this.negative, beyond(reduced(negative, levels), schema, zeroThreshold), sign);
    return zero.count;
  }

  private widenZero(threshold: number): void {
    const { schema, positive, negative } = this;
    const zero = { threshold: this.zeroThreshold, count: this.totals[0] + this.rests[0] };
    const { threshold: wide, count } = widened(zero, { schema, positive, negative }, threshold);
    this.zeroThreshold = wide;
    this.totals[0] = count;
    this.rests[0] = 0;
    this.positive = outside(this.positive, this.schema, wide);
    this.negative = outside(this.negative, this.schema, wide);
  }

  /** Lowers the resolution, if it is higher. */
  reduceTo(schema: number): void {
    if (this.isCustom || schema >= this.schema) return;
    const levels = this.schema - schema;
    this.positive = reduced(this.positive, levels);
    this.negative = reduced(this.negative, levels);
    this.schema = schema;
  }

  private meet(other: CounterResetHint): void {
    const own = this.hint;
    if (own === other || own === "gauge") return;
    if (other === "gauge") this.hint = "gauge";
    else {
      if (own !== "unknown" && other !== "unknown") this.collision = true;
      this.hint = "unknown";
    }
  }

  /** Applies a multiplication or division to all counts. */
  map(call: (value: number) => number): void {
    // Nothing rounded away stays nothing, in divisions by 0 too.
    const ofRest = (rest: number) => (rest === 0 ? 0 : call(rest));
    this.totals = this.totals.map(call);
    this.rests = this.rests.map(ofRest);
    for (const side of [this.positive, this.negative]) {
      side.counts = side.counts.map(call);
      side.rests = side.rests.map(ofRest);
    }
  }

  get overflows(): boolean {
    const isInfinite = (value: number) => value === Number.POSITIVE_INFINITY || value === Number.NEGATIVE_INFINITY;
    return [this.totals, this.positive.counts, this.negative.counts].some((numbers) => numbers.some(isInfinite));
  }

  /** Buckets without a count are left out. */
  result(): NativeHistogram {
    const [zeroCount, count, sum] = this.totals.map((total, i) => total + this.rests[i]);
    const positive = spansOf(this.positive);
    const negative = spansOf(this.negative);
    return {
      schema: this.schema,
      count,
      sum,
      zeroThreshold: this.zeroThreshold,
      zeroCount,
      positiveSpans: positive.spans,
      positiveBuckets: positive.buckets,
      negativeSpans: negative.spans,
      negativeBuckets: negative.buckets,
      customValues: this.customValues,
      counterReset: this.hint,
    };
  }
}

/** The same without buckets that have no count. */
export function compacted(histogram: NativeHistogram): NativeHistogram {
  return new HistogramSum(histogram).result();
}

export function multiplied(histogram: NativeHistogram, factor: number): NativeHistogram {
  const product = new HistogramSum(histogram);
  product.map((value) => value * factor);
  if (factor < 0) product.hint = "gauge";
  return product.result();
}

export function divided(histogram: NativeHistogram, divisor: number): NativeHistogram {
  const quotient = new HistogramSum(histogram);
  quotient.map((value) => value / divisor);
  if (divisor < 0) quotient.hint = "gauge";
  const result = quotient.result();
  if (divisor !== 0) return result;
  // Each bucket would be infinite or NaN, whether it had a count or not.
  return { ...result, positiveSpans: [], positiveBuckets: [], negativeSpans: [], negativeBuckets: [] };
}

export interface Combined {
  readonly histogram: NativeHistogram;
  readonly reconciled: boolean;
  /** Among the histograms both kinds of hint occur: after a reset, and not after one. */
  readonly collision: boolean;
}

/** Undefined when exponential and custom buckets are mixed. */
export function sumOf(histograms: readonly NativeHistogram[]): Combined | undefined {
  const sum = new HistogramSum(histograms[0]);
  for (let i = 1; i < histograms.length; i++) if (!sum.add(histograms[i])) return undefined;
  return { histogram: sum.result(), reconciled: sum.reconciled, collision: resetsCollide(histograms) };
}

/** The mean; goes over to an incremental mean when the sum would overflow. */
export function averageOf(histograms: readonly NativeHistogram[]): Combined | undefined {
  const collision = resetsCollide(histograms);
  const sum = new HistogramSum(histograms[0]);
  for (let i = 1; i < histograms.length; i++) {
    if (!sum.add(histograms[i])) return undefined;
    if (sum.overflows) return incrementalAverage(histograms, i, collision);
  }
  const count = histograms.length;
  sum.map((value) => value / count);
  return { histogram: sum.result(), reconciled: sum.reconciled, collision };
}

/** The sum of the first `direct` ones does not overflow. */
function incrementalAverage(
  histograms: readonly NativeHistogram[],
  direct: number,
  collision: boolean,
): Combined | undefined {
  const mean = new HistogramSum(histograms[0]);
  for (let i = 1; i < direct; i++) mean.add(histograms[i]);
  mean.map((value) => value / direct);
  for (let i = direct; i < histograms.length; i++) {
    const count = i + 1;
    const weight = (count - 1) / count;
    mean.map((value) => value * weight);
    if (!mean.add(divided(histograms[i], count))) return undefined;
  }
  return { histogram: mean.result(), reconciled: mean.reconciled, collision };
}

function resetsCollide(histograms: readonly NativeHistogram[]): boolean {
  const has = (hint: CounterResetHint) => histograms.some(({ counterReset }) => counterReset === hint);
  return histograms.length > 1 && has("reset") && has("notReset");
}
