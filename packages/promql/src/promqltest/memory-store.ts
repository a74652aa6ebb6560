// An in-memory Queryable for scripts and tests.
import {
  bitsOf,
  Labels,
  type Matcher,
  METRIC_NAME,
  matchesAll,
  type SeriesSamples,
  setStaleAt,
} from "@storewatch/model";
import type { Queryable } from "../engine/queryable.ts";
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

  /** The series that classic buckets make when they are loaded as custom-bucket histograms too. */
  loadCustomBuckets(lines: readonly SeriesLine[], stepMs: number): void {
    for (const { labels, items } of lines) {
      const name = labels.metricName;
      if (!name.endsWith("_bucket")) continue;
      const base = labels.with(METRIC_NAME, name.slice(0, -"_bucket".length)).without(["le"]);
      items.forEach((item, i) => {
        if (item.kind === "value") this.add(base, i * stepMs, { kind: "histogram", text: "" });
      });
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
      const { labels, timesMs, values, startsMs } = series.columns;
      let low = 0;
      let high = timesMs.length;
      while (low < high && timesMs[low] < fromMs) low++;
      while (high > low && timesMs[high - 1] > toMs) high--;
      if (low === high) continue;
      const columns = { labels, timesMs: timesMs.subarray(low, high), values: values.subarray(low, high) };
      found.push(startsMs ? { ...columns, startsMs: startsMs.subarray(low, high) } : columns);
    }
    return found.sort((a, b) => Labels.compare(a.labels, b.labels));
  }
}

/** Histogram samples are left out: the engine does not know them yet. */
function columnsOf(series: StoredSeries): SeriesSamples {
  const samples = [...series.samples].filter(([, item]) => item.kind !== "histogram").sort(([a], [b]) => a - b);
  const timesMs = Float64Array.from(samples, ([timeMs]) => timeMs);
  const values = Float64Array.from(samples, ([, item]) => (item.kind === "value" ? item.value : 0));
  const bits = bitsOf(values);
  samples.forEach(([, item], i) => {
    if (item.kind === "stale") setStaleAt(bits, i);
  });
  if (series.starts.size === 0) return { labels: series.labels, timesMs, values };
  const startsMs = timesMs.map((timeMs) => series.starts.get(timeMs) ?? 0);
  return { labels: series.labels, timesMs, values, startsMs };
}
