import type { NativeHistogram } from "@storewatch/model";

/** The histograms of one series with their times (ms). */
export class HistogramRun {
  timesMs: number[] = [];
  histograms: NativeHistogram[] = [];

  get length(): number {
    return this.timesMs.length;
  }

  add(timeMs: number, histogram: NativeHistogram): void {
    this.timesMs.push(timeMs);
    this.histograms.push(histogram);
  }

  /** Puts the samples in order; of those of one time the first that was added stays. */
  sort(): this {
    const { timesMs, histograms } = this;
    if (timesMs.every((time, i) => i === 0 || time > timesMs[i - 1])) return this;
    const order = timesMs.map((_, i) => i).sort((a, b) => timesMs[a] - timesMs[b] || a - b);
    const kept = order.filter((place, i) => i === 0 || timesMs[place] !== timesMs[order[i - 1]]);
    this.timesMs = kept.map((place) => timesMs[place]);
    this.histograms = kept.map((place) => histograms[place]);
    return this;
  }

  /** Takes out, from place `first` on, the samples whose times are so. */
  removeFrom(first: number, isGone: (timeMs: number) => boolean): void {
    const { timesMs, histograms } = this;
    const keeps = (_: unknown, i: number) => i < first || !isGone(timesMs[i]);
    this.timesMs = timesMs.filter(keeps);
    this.histograms = histograms.filter(keeps);
  }
}
