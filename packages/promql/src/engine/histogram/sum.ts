// Sums, differences, means and multiples of native histograms.
import { type CounterResetHint, CUSTOM_BUCKETS_SCHEMA, type NativeHistogram } from "@storewatch/model";
import { hasCustomBuckets } from "./bounds.ts";
import { commonBounds, rebucketed, sameBounds } from "./custom.ts";
import {
  type Addend,
  addendOf,
  addSide,
  divideSide,
  multiplySide,
  reduced,
  type Side,
  sideOf,
  spansOf,
} from "./sides.ts";
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
  private readonly totals: number[];
  private readonly rests = [0, 0, 0];

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
    let zeroCount = other.zeroCount;
    if (this.isCustom)
      this.combineCustom(addendOf(other.positiveSpans, other.positiveBuckets), other.customValues, sign);
    else if (other.schema === this.schema && other.zeroThreshold === 0 && this.zeroThreshold === 0) {
      this.positive = addSide(this.positive, addendOf(other.positiveSpans, other.positiveBuckets), sign);
      this.negative = addSide(this.negative, addendOf(other.negativeSpans, other.negativeBuckets), sign);
    } else zeroCount = this.combineExponential(other, sign);
    this.addTotal(0, sign * zeroCount);
    this.addTotal(1, sign * other.count);
    this.addTotal(2, sign * other.sum);
    return true;
  }

  private combineCustom(other: Addend, bounds: readonly number[], sign: 1 | -1): void {
    if (sameBounds(this.customValues, bounds)) {
      this.positive = addSide(this.positive, other, sign);
      return;
    }
    this.reconciled = true;
    const common = commonBounds(this.customValues, bounds);
    const own = rebucketed(this.positive, this.customValues, common);
    const others = { indexes: other.indexes, counts: Array.from(other.counts), rests: undefined };
    this.positive = addSide(own, rebucketed(others, bounds, common), sign);
    this.customValues = common;
  }

  /** Gives the zero count of `other` for the zero bucket that both have then. */
  private combineExponential(other: NativeHistogram, sign: 1 | -1): number {
    const positive = sideOf(other.positiveSpans, other.positiveBuckets);
    const negative = sideOf(other.negativeSpans, other.negativeBuckets);
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

  private addTotal(at: number, value: number): void {
    const { totals, rests } = this;
    const sum = totals[at];
    const next = sum + value;
    totals[at] = next;
    if (next === Number.POSITIVE_INFINITY || next === Number.NEGATIVE_INFINITY) rests[at] = 0;
    else rests[at] += Math.abs(sum) >= Math.abs(value) ? sum - next + value : value - next + sum;
  }

  /** Counts and sum; the hint is left to the caller. */
  multiply(factor: number): void {
    multiplySide(this.positive, factor);
    multiplySide(this.negative, factor);
    multiplySide(this.totalsAsSide, factor);
  }

  divide(divisor: number): void {
    divideSide(this.positive, divisor);
    divideSide(this.negative, divisor);
    divideSide(this.totalsAsSide, divisor);
  }

  private get totalsAsSide(): Side {
    return { indexes: [], counts: this.totals, rests: this.rests };
  }

  get overflows(): boolean {
    return hasInfinity(this.totals) || hasInfinity(this.positive.counts) || hasInfinity(this.negative.counts);
  }

  /** Buckets without a count are left out. */
  result(): NativeHistogram {
    const { totals, rests } = this;
    const positive = spansOf(this.positive);
    const negative = spansOf(this.negative);
    return {
      schema: this.schema,
      count: totals[1] + rests[1],
      sum: totals[2] + rests[2],
      zeroThreshold: this.zeroThreshold,
      zeroCount: totals[0] + rests[0],
      positiveSpans: positive.spans,
      positiveBuckets: positive.buckets,
      negativeSpans: negative.spans,
      negativeBuckets: negative.buckets,
      customValues: this.customValues,
      counterReset: this.hint,
    };
  }
}

function hasInfinity(values: readonly number[]): boolean {
  for (const value of values) if (value === Number.POSITIVE_INFINITY || value === Number.NEGATIVE_INFINITY) return true;
  return false;
}

/** The same without buckets that have no count. */
export function compacted(histogram: NativeHistogram): NativeHistogram {
  return new HistogramSum(histogram).result();
}

export function multiplied(histogram: NativeHistogram, factor: number): NativeHistogram {
  const product = new HistogramSum(histogram);
  product.multiply(factor);
  if (factor < 0) product.hint = "gauge";
  return product.result();
}

export function divided(histogram: NativeHistogram, divisor: number): NativeHistogram {
  const quotient = new HistogramSum(histogram);
  quotient.divide(divisor);
  if (divisor < 0) quotient.hint = "gauge";
  const result = quotient.result();
  if (divisor !== 0) return result;
  // Each bucket would be infinite or NaN, whether it had a count or not.
  return { ...result, positiveSpans: [], positiveBuckets: [], negativeSpans: [], negativeBuckets: [] };
}

interface Combined {
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
  sum.divide(count);
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
  mean.divide(direct);
  for (let i = direct; i < histograms.length; i++) {
    const count = i + 1;
    const weight = (count - 1) / count;
    mean.multiply(weight);
    if (!mean.add(divided(histograms[i], count))) return undefined;
  }
  return { histogram: mean.result(), reconciled: mean.reconciled, collision };
}

function resetsCollide(histograms: readonly NativeHistogram[]): boolean {
  const has = (hint: CounterResetHint) => histograms.some(({ counterReset }) => counterReset === hint);
  return histograms.length > 1 && has("reset") && has("notReset");
}
