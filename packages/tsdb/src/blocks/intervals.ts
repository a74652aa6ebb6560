// Downsampled samples of one series: what an interval of 5 minutes or an hour keeps so that the functions over whole
// intervals give what the samples gave. An interval is left-open, as the windows of PromQL are: (end - length, end].
//
// A block of intervals is a block like any other; a series has several columns in its group, at place 16 × column + its
// own place. docs/format/blocks.md has the table.
import { bitsOf, isStaleAt } from "@storewatch/model";
import { HistogramRun } from "../read/histogram-run.ts";
import type { SampleSink } from "../read/sample-sink.ts";
import type { WeightedSink } from "../read/weighted-sink.ts";
import { SERIES_PER_GROUP } from "./block-store.ts";
import type { GroupEncoder } from "./group-codec.ts";

const COLUMN = {
  /** Samples as they were: the first and the last one of each interval, both sides of counter resets, a marker at the end. */
  kept: 0,
  /** Number of samples. This and what follows have the time of the interval's last sample. */
  count: 1,
  /** Sum minus count × (first + last) / 2; absent: 0. Whole counters that grow evenly need a byte for it. */
  sumRest: 2,
  /** Only where that is not the smallest (the largest) of the kept samples. */
  min: 3,
  max: 4,
  /** The sum itself, where that cannot be had from a difference: infinities, NaN. */
  sum: 5,
} as const;

/** An interval with more drops than these, or than a part of its samples, is that of a gauge, whose drops say nothing. */
const RESETS_MAX = 8;
const RESETS_SHARE = 1 / 8;

interface Column {
  readonly times: number[];
  readonly values: number[];
}

const column = (): Column => ({ times: [], values: [] });

/** Collects the intervals of one series, and writes them to a group. */
export class IntervalWriter {
  private readonly columns = Object.values(COLUMN).map(column);
  private readonly staleAt: number[] = [];

  constructor(private readonly lengthMs: number) {}

  /** Samples of one series, ascending, staleness markers among them. */
  add(times: Float64Array, values: Float64Array, bits: Uint32Array): void {
    for (let from = 0; from < times.length; ) {
      const endMs = Math.ceil(times[from] / this.lengthMs) * this.lengthMs;
      let until = from + 1;
      while (until < times.length && times[until] <= endMs) until++;
      this.interval(times, values, bits, from, until);
      from = until;
    }
  }

  private interval(times: Float64Array, values: Float64Array, bits: Uint32Array, from: number, until: number): void {
    let count = 0;
    let sum = 0;
    let rest = 0;
    let first = -1;
    let last = -1;
    let min = Number.NaN;
    let max = Number.NaN;
    const drops: number[] = [];
    for (let i = from; i < until; i++) {
      if (isStaleAt(bits, i)) continue;
      const value = values[i];
      if (last >= 0 && value < values[last]) drops.push(last, i);
      if (first < 0) first = i;
      last = i;
      count++;
      // Neumaier's sum, as the engine sums.
      const next = sum + value;
      rest += Math.abs(sum) >= Math.abs(value) ? sum - next + value : value - next + sum;
      sum = next;
      if (!(min <= value)) min = Number.isNaN(value) ? min : value;
      if (!(max >= value)) max = Number.isNaN(value) ? max : value;
    }
    if (count > 0) {
      const total = Number.isFinite(sum) ? sum + rest : sum;
      this.keep(
        times,
        values,
        first,
        last,
        drops.length <= 2 * Math.max(RESETS_MAX, count * RESETS_SHARE) ? drops : [],
      );
      this.aggregate(times[last], { count, total, min, max, first: values[first], last: values[last] });
    }
    if (last < until - 1) {
      this.staleAt.push(this.columns[COLUMN.kept].times.length);
      this.put(COLUMN.kept, times[until - 1], 0);
    }
  }

  private keptMin = Number.NaN;
  private keptMax = Number.NaN;

  private keep(times: Float64Array, values: Float64Array, first: number, last: number, drops: readonly number[]): void {
    this.keptMin = Number.NaN;
    this.keptMax = Number.NaN;
    let before = -1;
    for (const i of [first, ...drops, last]) {
      if (i === before) continue;
      before = i;
      this.put(COLUMN.kept, times[i], values[i]);
      if (!(this.keptMin <= values[i]) && !Number.isNaN(values[i])) this.keptMin = values[i];
      if (!(this.keptMax >= values[i]) && !Number.isNaN(values[i])) this.keptMax = values[i];
    }
  }

  private aggregate(
    timeMs: number,
    of: { count: number; total: number; min: number; max: number; first: number; last: number },
  ): void {
    this.put(COLUMN.count, timeMs, of.count);
    if (!Object.is(of.min, this.keptMin)) this.put(COLUMN.min, timeMs, of.min);
    if (!Object.is(of.max, this.keptMax)) this.put(COLUMN.max, timeMs, of.max);
    const expected = (of.count * (of.first + of.last)) / 2;
    const rest = of.total - expected;
    if (!Number.isFinite(rest)) this.put(COLUMN.sum, timeMs, of.total);
    else if (rest !== 0) this.put(COLUMN.sumRest, timeMs, rest);
  }

  private put(which: number, timeMs: number, value: number): void {
    this.columns[which].times.push(timeMs);
    this.columns[which].values.push(value);
  }

  /** Writes what was collected as the series at this place of the group, and begins the next series. */
  finish(place: number, out: GroupEncoder): void {
    this.columns.forEach(({ times, values }, which) => {
      if (times.length === 0) return;
      const numbers = Float64Array.from(values);
      const bits = bitsOf(numbers);
      if (which === COLUMN.kept) for (const i of this.staleAt) bits.set(STALE, 2 * i);
      out.add(which * SERIES_PER_GROUP + place, Float64Array.from(times), numbers, bits);
      times.length = 0;
      values.length = 0;
    });
    this.staleAt.length = 0;
  }
}

const STALE = [0x00000002, 0x7ff00000];

/** Of native histograms the first and the last one of each interval, and both sides of resets. `run` is sorted. */
export function keptHistograms(run: HistogramRun, lengthMs: number): HistogramRun {
  const kept = new HistogramRun();
  const intervalOf = (i: number) => Math.ceil(run.timesMs[i] / lengthMs);
  const isReset = (i: number) =>
    run.histograms[i].counterReset === "reset" || run.histograms[i].count < run.histograms[i - 1].count;
  for (let i = 0; i < run.length; i++) {
    const isFirst = i === 0 || intervalOf(i) !== intervalOf(i - 1);
    const isLast = i === run.length - 1 || intervalOf(i) !== intervalOf(i + 1);
    if (isFirst || isLast || isReset(i) || isReset(i + 1)) kept.add(run.timesMs[i], run.histograms[i]);
  }
  return kept;
}

/** What a reader wants of intervals. "kept" needs none of this: it is read as samples are. */
export type IntervalColumn = "sum" | "min" | "max" | "weights";

/** Reads one column of the series' group, all of it; returns where it stands in the sink. */
type ReadColumn = (which: number, sink: SampleSink) => void;

/** Puts the columns of one series together again. */
export class IntervalReader {
  private readonly kept: SampleSink;
  private readonly count: SampleSink;
  private readonly extra: SampleSink;
  private readonly sums: SampleSink;

  constructor(sinkOf: () => SampleSink) {
    this.kept = sinkOf();
    this.count = sinkOf();
    this.extra = sinkOf();
    this.sums = sinkOf();
  }

  /**
   * Adds each interval whose last sample lies in the range to `out`, or, for "weights", each kept sample: its count is
   * the number of samples that it stands for.
   */
  read(column: IntervalColumn | "kept", fromMs: number, toMs: number, readColumn: ReadColumn, out: WeightedSink): void {
    const { kept, count, extra, sums } = this;
    for (const sink of [kept, count, extra, sums]) sink.reset();
    readColumn(COLUMN.kept, kept);
    readColumn(COLUMN.count, count);
    if (column === "sum") {
      readColumn(COLUMN.sumRest, extra);
      readColumn(COLUMN.sum, sums);
    } else if (column === "min" || column === "max") readColumn(COLUMN[column], extra);
    const isKept = column === "weights" || column === "kept";
    let k = 0;
    let e = 0;
    let s = 0;
    for (let i = 0; i < count.length; i++) {
      const endMs = count.times[i];
      const first = this.takeMarkers(k, fromMs, toMs, out);
      k = first;
      while (k < kept.length && kept.times[k] <= endMs) k++;
      const n = count.values[i];
      if (isKept) {
        for (let j = first; j < k; j++) {
          const weight = j === k - 1 ? n - (k - 1 - first) : 1;
          if (kept.times[j] >= fromMs && kept.times[j] <= toMs) out.push(kept.times[j], kept.values[j], weight);
        }
        continue;
      }
      while (e < extra.length && extra.times[e] < endMs) e++;
      while (s < sums.length && sums.times[s] < endMs) s++;
      if (endMs < fromMs || endMs > toMs) continue;
      const own = e < extra.length && extra.times[e] === endMs ? extra.values[e] : undefined;
      if (column !== "sum") out.push(endMs, own ?? extreme(kept, first, k, column), n);
      else if (s < sums.length && sums.times[s] === endMs) out.push(endMs, sums.values[s], n);
      else out.push(endMs, (n * (kept.values[first] + kept.values[k - 1])) / 2 + (own ?? 0), n);
    }
    this.takeMarkers(k, fromMs, toMs, out);
  }

  private takeMarkers(from: number, fromMs: number, toMs: number, out: WeightedSink): number {
    const { kept } = this;
    let k = from;
    for (; k < kept.length && isStaleAt(kept.bits, k); k++) {
      if (kept.times[k] >= fromMs && kept.times[k] <= toMs) out.pushMarker(kept.times[k]);
    }
    return k;
  }
}

function extreme({ values }: SampleSink, from: number, until: number, which: "min" | "max"): number {
  let best = Number.NaN;
  for (let i = from; i < until; i++) {
    const better = which === "min" ? !(best <= values[i]) : !(best >= values[i]);
    if (better && !Number.isNaN(values[i])) best = values[i];
  }
  return best;
}
