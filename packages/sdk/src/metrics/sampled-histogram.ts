// A histogram that looks at one observation in N, for what happens too often to be measured each time (cache reads, say).
// Each observation is taken with the same chance 1/N, independently, and then counts N times: count, sum and every bucket
// have the right expectation, which "every Nth" has not when calls come in a rhythm. The standard error of a count of n is
// sqrt(n · (N − 1)); for n = 100,000 and N = 10 that is 0.9 %.
import type { Registry } from "prom-client";
import type { Labels, SeriesBook } from "./series-budget.ts";

interface Series {
  readonly labels: Labels;
  readonly counts: Float64Array;
  count: number;
  sum: number;
}

export interface SampledShape {
  readonly name: string;
  readonly help: string;
  /** Ascending upper bounds. */
  readonly buckets: readonly number[];
  /** 10 takes one in ten. */
  readonly oneIn: number;
}

/** Stands in a prom-client registry as its own histograms do. */
export class SampledHistogram {
  readonly name: string;
  readonly help: string;
  readonly type = "histogram";
  readonly aggregator = "sum";
  private readonly buckets: readonly number[];
  private readonly weight: number;
  private readonly logMiss: number;
  private readonly random: () => number;
  private readonly series = new Map<Labels, Series>();
  private skip: number;

  constructor(shape: SampledShape, random: () => number = Math.random) {
    if (!(shape.oneIn >= 1)) throw new RangeError(`${shape.name}: oneIn must be 1 or more`);
    if (shape.buckets.some((bound, i) => i > 0 && !(bound > shape.buckets[i - 1]!)))
      throw new RangeError(`${shape.name}: buckets must ascend`);
    this.name = shape.name;
    this.help = shape.help;
    this.buckets = shape.buckets;
    this.weight = shape.oneIn;
    this.logMiss = Math.log(1 - 1 / shape.oneIn);
    this.random = random;
    this.skip = this.gap();
  }

  register(registry: Registry): this {
    // The registry asks for no more than what is here; its type names the three classes of the library.
    registry.registerMetric(this as unknown as Parameters<Registry["registerMetric"]>[0]);
    return this;
  }

  /** True when this observation is the one to take. Costs a decrement otherwise. */
  takes(): boolean {
    if (this.skip > 0) {
      this.skip -= 1;
      return false;
    }
    this.skip = this.gap();
    return true;
  }

  add(labels: Labels, value: number): void {
    let series = this.series.get(labels);
    if (series === undefined) {
      series = { labels, counts: new Float64Array(this.buckets.length), count: 0, sum: 0 };
      this.series.set(labels, series);
    }
    series.count += this.weight;
    series.sum += this.weight * value;
    const at = this.buckets.findIndex((bound) => value <= bound);
    if (at >= 0) series.counts[at]! += this.weight;
  }

  async get() {
    const values: { labels: Record<string, string | number>; value: number; metricName: string }[] = [];
    for (const { labels, counts, count, sum } of this.series.values()) {
      let cumulative = 0;
      const metricName = `${this.name}_bucket`;
      this.buckets.forEach((le, i) => {
        cumulative += counts[i]!;
        values.push({ labels: { le, ...labels }, value: cumulative, metricName });
      });
      values.push({ labels: { le: "+Inf", ...labels }, value: count, metricName });
      values.push({ labels: { ...labels }, value: sum, metricName: `${this.name}_sum` });
      values.push({ labels: { ...labels }, value: count, metricName: `${this.name}_count` });
    }
    return { name: this.name, help: this.help, type: this.type, values, aggregator: this.aggregator };
  }

  reset(): void {
    this.series.clear();
  }

  /** How many observations are passed over before the next: geometric, as if a die were thrown for each. */
  private gap(): number {
    if (this.weight === 1) return 0;
    return Math.floor(Math.log(1 - this.random()) / this.logMiss);
  }
}

/** What a shop calls: labels are only made for observations that are taken. */
export function observeSampled(
  histogram: SampledHistogram,
  book: SeriesBook,
  labels: () => Record<string, unknown>,
  value: number,
): void {
  if (!Number.isFinite(value)) throw new RangeError(`${histogram.name}: ${value}`);
  if (histogram.takes()) histogram.add(book.labels(labels()), value);
}
