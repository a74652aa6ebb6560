// rate, increase, delta, irate and idelta of histograms.
import type { NativeHistogram } from "@storewatch/model";
import type { RateKind } from "../rate.ts";
import { isStartReset, overlaps } from "../start-times.ts";
import type { Histograms, RangeSeries } from "../vector.ts";
import type { HistogramNotes } from "./annotations.ts";
import { hasCustomBuckets } from "./bounds.ts";
import { isReset } from "./resets.ts";
import { HistogramSum } from "./sum.ts";

/** An interval without samples is extrapolated over when it is shorter than this many sample distances. */
const EXTRAPOLATION_FACTOR = 1.1;

/** A series of histograms (and maybe floats), with what is worked out once for all its windows. */
export class HistogramSeries {
  readonly histograms: Readonly<Histograms>;
  private resets: Uint8Array | undefined;

  constructor(
    readonly series: RangeSeries,
    readonly name: string,
    readonly notes: HistogramNotes,
    private readonly noteOverlap: () => void,
  ) {
    this.histograms = series.histograms ?? [];
  }

  /** Whether the histogram at a place is not the continuation of the one before it. */
  isReset(at: number): boolean {
    this.resets ??= this.findResets();
    return this.resets[at] === 1;
  }

  private findResets(): Uint8Array {
    const { timesMs, startsMs } = this.series;
    const resets = new Uint8Array(timesMs.length);
    for (let i = 1; i < resets.length; i++) {
      const [before, now] = [this.histograms[i - 1], this.histograms[i]];
      if (!before || !now) continue;
      const started = startsMs && isStartReset(startsMs[i - 1], timesMs[i - 1], startsMs[i], timesMs[i]);
      if (started || isReset(now, before)) resets[i] = 1;
    }
    return resets;
  }

  checkOverlaps(low: number, last: number): void {
    const { timesMs, startsMs } = this.series;
    if (!startsMs) return;
    for (let i = low + 1; i <= last; i++) {
      if (overlaps(startsMs[i - 1], timesMs[i - 1], startsMs[i])) this.noteOverlap();
    }
  }
}

/** The samples low … last of a series, all of them histograms, in a window (fromMs, toMs]. */
interface HistogramWindow {
  readonly low: number;
  readonly last: number;
  readonly fromMs: number;
  readonly toMs: number;
}

/** Undefined for no point. */
export function rateOf(kind: RateKind, of: HistogramSeries, window: HistogramWindow): NativeHistogram | undefined {
  const { timesMs, startsMs } = of.series;
  const { low, last, fromMs, toMs } = window;
  const first = of.histograms[low]!;
  const isCounter = kind !== "delta";
  let change: HistogramSum | undefined;
  if (last > low) {
    change = isCounter ? counterChange(of, low, last) : gaugeChange(of, low, last);
    if (!change) return undefined;
  }
  const distanceMs = last > low ? (timesMs[last] - timesMs[low]) / (last - low) : 0;
  const nearMs = distanceMs * EXTRAPOLATION_FACTOR;
  const startMs = startsMs?.[low] ?? 0;
  let sampledMs = timesMs[last] - timesMs[low];
  let toStartMs = 0;
  if (isCounter && startMs !== 0 && startMs > fromMs && startMs < timesMs[low]) {
    // It counted from zero at its start: nothing to guess before it.
    sampledMs = timesMs[last] - startMs;
    if (!change) change = new HistogramSum(first);
    else if (!change.add(first)) return mixedSchemas(of);
  } else {
    if (!change) return undefined;
    const gapMs = timesMs[low] - fromMs;
    toStartMs = gapMs >= nearMs ? distanceMs / 2 : gapMs;
    if (isCounter && change.count > 0 && first.count >= 0) {
      toStartMs = Math.min(toStartMs, sampledMs * (first.count / change.count));
    }
  }
  const endGapMs = toMs - timesMs[last];
  const toEndMs = endGapMs >= nearMs ? distanceMs / 2 : endGapMs;
  const seconds = kind === "rate" ? (toMs - fromMs) / 1000 : 1;
  const factor = (sampledMs === 0 ? 1 : (sampledMs + toStartMs + toEndMs) / sampledMs) / seconds;
  change.multiply(factor);
  return change.result();
}

function mixedSchemas(of: HistogramSeries): undefined {
  of.notes.mixedSchemas(of.name);
  return undefined;
}

function gaugeChange(of: HistogramSeries, low: number, last: number): HistogramSum | undefined {
  const [first, final] = [of.histograms[low]!, of.histograms[last]!];
  const change = difference(of, final, first, Math.min(first.schema, final.schema));
  if (!change) return undefined;
  if (first.counterReset !== "gauge" || final.counterReset !== "gauge") of.notes.notGauge(of.name);
  return change;
}

function counterChange(of: HistogramSeries, low: number, last: number): HistogramSum | undefined {
  const { histograms, notes } = of;
  const second = histograms[low + 1]!;
  const final = histograms[last]!;
  // The first sample's buckets do not matter when the second is no continuation of it.
  const isNew = of.isReset(low + 1);
  const first = isNew ? emptyLike(second) : histograms[low]!;
  let schema = Math.min(final.schema, first.schema);
  if (histograms[low]!.counterReset === "gauge") notes.notCounter(of.name);
  for (let i = low + 1; i <= last; i++) {
    const one = histograms[i]!;
    if (one.counterReset === "gauge") notes.notCounter(of.name);
    if (hasCustomBuckets(one) !== hasCustomBuckets(first)) return mixedSchemas(of);
    schema = Math.min(schema, one.schema);
  }
  const change = difference(of, final, first, schema);
  if (!change) return undefined;
  of.checkOverlaps(low, last);
  change.reconciled = false;
  for (let i = isNew ? low + 2 : low + 1; i <= last; i++) {
    if (of.isReset(i) && !change.add(histograms[i - 1]!)) return mixedSchemas(of);
  }
  if (change.reconciled) notes.reconciled("addition");
  return change;
}

function difference(
  of: HistogramSeries,
  left: NativeHistogram,
  right: NativeHistogram,
  schema: number,
): HistogramSum | undefined {
  const change = new HistogramSum(left);
  change.reduceTo(schema);
  if (!change.subtract(right)) return mixedSchemas(of);
  if (change.reconciled) of.notes.reconciled("subtraction");
  change.hint = "gauge";
  return change;
}

function emptyLike({ schema, customValues }: NativeHistogram): NativeHistogram {
  return {
    schema,
    count: 0,
    sum: 0,
    zeroThreshold: 0,
    zeroCount: 0,
    positiveSpans: [],
    positiveBuckets: [],
    negativeSpans: [],
    negativeBuckets: [],
    customValues,
    counterReset: "unknown",
  };
}

/** irate and idelta: from the sample before `last` to that one. */
export function instantChange(isRate: boolean, of: HistogramSeries, last: number): NativeHistogram | undefined {
  const { timesMs } = of.series;
  const [before, now] = [of.histograms[last - 1], of.histograms[last]];
  if (!before || !now) {
    of.notes.mixedTypes(of.name);
    return undefined;
  }
  const seconds = (timesMs[last] - timesMs[last - 1]) / 1000;
  if (seconds === 0) return undefined;
  const isGauge = [before, now].map(({ counterReset }) => counterReset === "gauge");
  if (isRate && isGauge.includes(true)) of.notes.notCounter(of.name);
  if (!isRate && isGauge.includes(false)) of.notes.notGauge(of.name);
  const isNew = isRate && of.isReset(last);
  const change = isNew ? new HistogramSum(now) : difference(of, now, before, Math.min(now.schema, before.schema));
  if (!change) return undefined;
  change.hint = "gauge";
  if (isRate) change.divide(seconds);
  return change.result();
}
