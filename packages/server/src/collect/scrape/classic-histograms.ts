// Classic histograms collected from a page and turned into native ones with custom buckets ("NHCB"): `_bucket`, `_sum`
// and `_count` lines of one histogram become one sample under the family's own name.
import { CUSTOM_BUCKETS_SCHEMA, type NativeHistogram } from "@storewatch/model";
import type { ExposedSeries } from "./exposition.ts";
import { GoFloatError, parseGoFloat } from "./go-text.ts";

type Kind = "bucket" | "sum" | "count";

/** What a line is of a classic histogram. */
export interface HistogramPart {
  readonly family: string;
  readonly kind: Kind;
  /** Upper bound, of a bucket. */
  readonly bound: number;
  /** The histogram's own name and labels: those of the line without suffix and `le`. */
  readonly series: ExposedSeries;
}

const SUFFIXES: ReadonlyArray<readonly [string, Kind]> = [
  ["_bucket", "bucket"],
  ["_sum", "sum"],
  ["_count", "count"],
];

/** Undefined for a line that cannot be of a classic histogram. Whether its family is one is the caller's to know. */
export function histogramPart({ metric, labels }: ExposedSeries): HistogramPart | undefined {
  const found = SUFFIXES.find(([suffix]) => metric.endsWith(suffix) && metric.length > suffix.length);
  if (!found) return undefined;
  const [suffix, kind] = found;
  const family = metric.slice(0, -suffix.length);
  if (kind !== "bucket") return { family, kind, bound: Number.NaN, series: { metric: family, labels } };
  const le = labels.find(([name]) => name === "le")?.[1];
  const bound = le === undefined ? Number.NaN : parseGoFloat(le);
  if (bound instanceof GoFloatError || Number.isNaN(bound)) return undefined;
  const rest = labels.filter(([name]) => name !== "le");
  return { family, kind, bound, series: { metric: family, labels: rest } };
}

/** One histogram of the page that is being read. */
export class ClassicHistogram {
  /** The page's attempt that it was seen in. */
  attempt = 0;
  timeMs: number | undefined;
  private sum = 0;
  private count = Number.NaN;
  private readonly bounds: number[] = [];
  private readonly counts: number[] = [];

  /** `place`: of the converted series. */
  constructor(readonly place: number) {}

  start(attempt: number): void {
    this.attempt = attempt;
    this.timeMs = undefined;
    this.sum = 0;
    this.count = Number.NaN;
    this.bounds.length = 0;
    this.counts.length = 0;
  }

  take(kind: Kind, bound: number, value: number): void {
    if (kind === "sum") this.sum = value;
    else if (kind === "count") this.count = value;
    else {
      this.bounds.push(bound);
      this.counts.push(value);
    }
  }

  /** Undefined when the parts do not fit together: counts that fall, or a total that is not the last bucket's. */
  convert(): NativeHistogram | undefined {
    const order = [...this.bounds.keys()].sort((a, b) => this.bounds[a] - this.bounds[b]);
    const bounds: number[] = [];
    const buckets: number[] = [];
    let before = 0;
    for (const i of order) {
      // Of two lines for one bound the first counts.
      if (bounds.length > 0 && bounds.at(-1) === this.bounds[i]) continue;
      const cumulative = this.counts[i];
      if (!(cumulative >= before)) return undefined;
      bounds.push(this.bounds[i]);
      buckets.push(cumulative - before);
      before = cumulative;
    }
    if (Number.isNaN(this.count) && bounds.length === 0) return undefined;
    const count = Number.isNaN(this.count) ? before : this.count;
    if (bounds.at(-1) === Number.POSITIVE_INFINITY) bounds.pop();
    else {
      buckets.push(count - before);
      before = count;
    }
    if (before !== count || buckets.at(-1)! < 0) return undefined;
    return {
      schema: CUSTOM_BUCKETS_SCHEMA,
      count,
      sum: this.sum,
      zeroThreshold: 0,
      zeroCount: 0,
      positiveSpans: [{ offset: 0, length: buckets.length }],
      positiveBuckets: buckets,
      negativeSpans: [],
      negativeBuckets: [],
      customValues: bounds,
      counterReset: "unknown",
    };
  }
}
