// Where a rule test keeps its series: input and what the rules write, in memory. What lies behind the last evaluation
// is not there yet.
import {
  bitsOf,
  type Labels,
  type Matcher,
  METRIC_NAME,
  matchesAll,
  type NativeHistogram,
  type Sample,
  type SeriesSamples,
  setStaleAt,
} from "@storewatch/model";
import type { Queryable } from "@storewatch/promql/engine";
import { type SeriesLine, storedHint } from "@storewatch/promql/promqltest";

class GrowingSeries {
  private timesMs = new Float64Array(16);
  private values = new Float64Array(16);
  private count = 0;
  /** Only of a series with histograms. */
  private histograms: (NativeHistogram | undefined)[] | undefined;

  constructor(readonly labels: Labels) {}

  append(timeMs: number, value: number, stale: boolean, histogram?: NativeHistogram): void {
    // A second value for a time is left out, as a store does.
    if (this.count > 0 && timeMs <= this.timesMs[this.count - 1]) return;
    if (this.count === this.timesMs.length) this.grow();
    this.timesMs[this.count] = timeMs;
    if (stale) setStaleAt(bitsOf(this.values), this.count);
    else this.values[this.count] = histogram ? Number.NaN : value;
    if (histogram) this.histograms ??= new Array(this.count).fill(undefined);
    this.histograms?.push(histogram && storedHint(histogram, this.histograms[this.count - 1]));
    this.count++;
  }

  private grow(): void {
    const times = new Float64Array(this.count * 2);
    const values = new Float64Array(this.count * 2);
    times.set(this.timesMs);
    values.set(this.values);
    this.timesMs = times;
    this.values = values;
  }

  /** The first index whose time is not before `timeMs`. */
  private lowerBound(timeMs: number): number {
    let low = 0;
    let high = this.count;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.timesMs[middle] < timeMs) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  within(fromMs: number, toMs: number): SeriesSamples | undefined {
    const from = this.lowerBound(fromMs);
    let to = this.lowerBound(toMs);
    if (to < this.count && this.timesMs[to] === toMs) to++;
    if (from >= to) return undefined;
    const found = {
      labels: this.labels,
      timesMs: this.timesMs.subarray(from, to),
      values: this.values.subarray(from, to),
    };
    return this.histograms ? { ...found, histograms: this.histograms.slice(from, to) } : found;
  }
}

export class TestStore implements Queryable {
  private readonly series = new Map<string, GrowingSeries>();
  private readonly byName = new Map<string, GrowingSeries[]>();
  /** Samples behind this time are not seen. */
  visibleUntilMs = Number.NEGATIVE_INFINITY;

  /** Item i of each line lies at startMs + i × intervalMs. */
  load(lines: readonly SeriesLine[], startMs: number, intervalMs: number): void {
    for (const { labels, items } of lines) {
      const series = this.open(labels);
      items.forEach((item, i) => {
        const timeMs = startMs + i * intervalMs;
        if (item.kind === "value") series.append(timeMs, item.value, false);
        else if (item.kind === "stale") series.append(timeMs, 0, true);
        else if (item.kind === "histogram") series.append(timeMs, 0, false, item.histogram);
      });
    }
  }

  append(samples: readonly Sample[]): void {
    for (const { labels, timeMs, value, stale, histogram } of samples) {
      this.open(labels).append(timeMs, value, stale ?? false, histogram);
    }
  }

  private open(labels: Labels): GrowingSeries {
    let series = this.series.get(labels.key);
    if (!series) {
      series = new GrowingSeries(labels);
      this.series.set(labels.key, series);
      const named = this.byName.get(labels.metricName);
      if (named) named.push(series);
      else this.byName.set(labels.metricName, [series]);
    }
    return series;
  }

  select(matchers: readonly Matcher[], fromMs: number, toMs: number): SeriesSamples[] {
    const name = matchers.find((matcher) => matcher.name === METRIC_NAME && matcher.operator === "=")?.value;
    const candidates = name === undefined ? this.series.values() : (this.byName.get(name) ?? []);
    const found: SeriesSamples[] = [];
    for (const series of candidates) {
      if (!matchesAll(matchers, series.labels)) continue;
      const samples = series.within(fromMs, Math.min(toMs, this.visibleUntilMs));
      if (samples) found.push(samples);
    }
    return found;
  }
}
