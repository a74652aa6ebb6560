// An in-memory Queryable for scripts and tests.
import {
  bitsOf,
  Labels,
  type Matcher,
  matchesAll,
  type NativeHistogram,
  type SeriesSamples,
  setStaleAt,
} from "@storewatch/model";
import { storedHint } from "../engine/histogram/hints.ts";
import type { Queryable } from "../engine/queryable.ts";
import { convertClassic } from "./classic-histograms.ts";
import type { SeriesItem, SeriesLine, StartsLine } from "./series-line.ts";

interface StoredSeries {
  readonly labels: Labels;
  /** By time in ms. Gaps are absent. */
  readonly samples: Map<number, SeriesItem>;
  /** Since when the sample at a time counts, in ms. */
  readonly starts: Map<number, number>;
  hasHistograms: boolean;
  /** Columns, made on demand. */
  columns: SeriesSamples | undefined;
}

export class MemoryStore implements Queryable {
  private readonly series = new Map<string, StoredSeries>();

  clear(): void {
    this.series.clear();
  }

  /** Adds lines whose item i lies at i × stepMs. Of lines with the same labels the last counts. */
  load(lines: readonly SeriesLine[], stepMs: number, starts: readonly StartsLine[] = []): void {
    const last = new Map(lines.map((line) => [line.labels.key, line]));
    for (const { labels, items } of last.values()) {
      items.forEach((item, i) => {
        this.add(labels, i * stepMs, item);
      });
      // A line of gaps still makes no series.
    }
    for (const { labels, offsetsMs } of starts) {
      const series = this.series.get(labels.key);
      offsetsMs.forEach((offsetMs, i) => {
        if (offsetMs !== undefined) series?.starts.set(i * stepMs, i * stepMs + offsetMs);
      });
    }
  }

  add(labels: Labels, timeMs: number, item: SeriesItem): void {
    if (item.kind === "gap") return;
    let series = this.series.get(labels.key);
    if (!series) {
      series = { labels, samples: new Map(), starts: new Map(), hasHistograms: false, columns: undefined };
      this.series.set(labels.key, series);
    }
    series.samples.set(timeMs, item);
    series.hasHistograms ||= item.kind === "histogram";
    series.columns = undefined;
  }

  /** Adds the histograms with custom buckets that classic ones make. */
  loadCustomBuckets(lines: readonly SeriesLine[], stepMs: number): void {
    for (const { labels, place, histogram } of convertClassic(lines)) {
      this.add(labels, place * stepMs, { kind: "histogram", histogram, hasHint: false });
    }
  }

  /** True when a series that matches holds native histograms. */
  matchesHistograms(matchers: readonly Matcher[]): boolean {
    for (const series of this.series.values()) {
      if (series.hasHistograms && matchesAll(matchers, series.labels)) return true;
    }
    return false;
  }

  select(matchers: readonly Matcher[], fromMs: number, toMs: number): SeriesSamples[] {
    const found: SeriesSamples[] = [];
    for (const series of this.series.values()) {
      if (!matchesAll(matchers, series.labels)) continue;
      series.columns ??= columnsOf(series);
      const { labels, timesMs, values, startsMs, histograms } = series.columns;
      let low = 0;
      let high = timesMs.length;
      while (low < high && timesMs[low] < fromMs) low++;
      while (high > low && timesMs[high - 1] > toMs) high--;
      if (low === high) continue;
      found.push({
        labels,
        timesMs: timesMs.subarray(low, high),
        values: values.subarray(low, high),
        ...(startsMs && { startsMs: startsMs.subarray(low, high) }),
        ...(histograms && { histograms: histograms.slice(low, high) }),
      });
    }
    return found.sort((a, b) => Labels.compare(a.labels, b.labels));
  }
}

function columnsOf(series: StoredSeries): SeriesSamples {
  const samples = [...series.samples].sort(([a], [b]) => a - b);
  const timesMs = Float64Array.from(samples, ([timeMs]) => timeMs);
  const values = Float64Array.from(samples, ([, item]) => (item.kind === "value" ? item.value : Number.NaN));
  const bits = bitsOf(values);
  samples.forEach(([, item], i) => {
    if (item.kind === "stale") setStaleAt(bits, i);
  });
  return {
    labels: series.labels,
    timesMs,
    values,
    ...(series.starts.size > 0 && { startsMs: timesMs.map((timeMs) => series.starts.get(timeMs) ?? 0) }),
    ...(series.hasHistograms && { histograms: histogramsOf(samples.map(([, item]) => item)) }),
  };
}

/** With the hints that a store gives them. */
function histogramsOf(items: readonly SeriesItem[]): (NativeHistogram | undefined)[] {
  let previous: NativeHistogram | undefined;
  return items.map((item) => {
    previous = item.kind === "histogram" ? storedHint(item.histogram, previous) : undefined;
    return previous;
  });
}
