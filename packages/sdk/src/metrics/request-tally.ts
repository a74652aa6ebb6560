// Counts requests by itself and hands the sums to prom-client when it is read. Its own instruments hash and check the
// labels of each observation, which costs a request of a fast service more than all the rest of the SDK.
import type { Registry } from "prom-client";
import type { Labels, SeriesBook } from "./series-budget.ts";

export interface RequestKey {
  readonly method: string;
  /** The template, or `unmatched`. */
  readonly route: string;
  readonly tenant: string;
}

/** The requests of one method, route and tenant, or of all that no longer fit under the tenant's cap. */
interface RequestSeries {
  readonly labels: Labels;
  /** Requests by status code. */
  readonly counts: Map<number, CountedSeries>;
  /** Requests by the first bucket that took them; the last one is +Inf. Not cumulative. */
  readonly buckets: number[];
  sumSeconds: number;
}

interface CountedSeries {
  readonly labels: Labels;
  count: number;
}

interface Described {
  readonly name: string;
  readonly help: string;
  readonly labelNames: readonly string[];
}

/** A line of the exposition; `metricName` where it is not the metric's own. */
interface ReadValue {
  readonly metricName?: string;
  readonly labels: Readonly<Record<string, string | number>>;
  readonly value: number;
}

/** The counter of requests and the histogram of their durations. */
export class RequestTally {
  private readonly bounds: readonly number[];
  private readonly requestBook: SeriesBook;
  private readonly durationBook: SeriesBook;
  /** Series by what was asked for; a roll-up is not among them, because what leads to it is without bound. */
  private readonly known = new Map<string, RequestSeries>();
  /** All series; the label objects are the books' own. */
  private readonly byLabels = new Map<Labels, RequestSeries>();
  private readonly countsByLabels = new Map<Labels, CountedSeries>();

  constructor(parts: { bounds: readonly number[]; requestBook: SeriesBook; durationBook: SeriesBook }) {
    this.bounds = parts.bounds;
    this.requestBook = parts.requestBook;
    this.durationBook = parts.durationBook;
  }

  add(key: RequestKey, statusCode: number, seconds: number): void {
    const text = `${key.method}\n${key.tenant}\n${key.route}`;
    const series = this.known.get(text) ?? this.find(text, key);
    const counted = series.counts.get(statusCode) ?? this.countOf(series, statusCode);
    counted.count += 1;
    const { bounds } = this;
    let at = 0;
    while (at < bounds.length && seconds > bounds[at]!) at += 1;
    series.buckets[at]! += 1;
    series.sumSeconds += seconds;
  }

  register(registry: Registry, requests: Described, durations: Described): void {
    const forget = () => this.forget();
    const metrics = [
      new TalliedMetric(requests, "counter", () => this.requestValues(), forget),
      new TalliedMetric(durations, "histogram", () => this.durationValues(durations.name), forget),
    ];
    // The registry reads name, type and `get()` of a metric, whatever class it is of.
    for (const metric of metrics) registry.registerMetric(metric as never);
  }

  private find(text: string, key: RequestKey): RequestSeries {
    const labels = this.durationBook.ofValues([key.method, key.route, key.tenant]);
    const series = this.byLabels.get(labels) ?? this.create(labels);
    if (labels.route === key.route && labels.tenant_id === key.tenant) this.known.set(text, series);
    return series;
  }

  private create(labels: Labels): RequestSeries {
    const series = { labels, counts: new Map(), buckets: [...this.bounds, 0].fill(0), sumSeconds: 0 };
    this.byLabels.set(labels, series);
    // A counter that appears with its first event loses that event to rate(): a route's errors start at 0.
    this.countOf(series, 500);
    return series;
  }

  private countOf(series: RequestSeries, statusCode: number): CountedSeries {
    const { method, route, tenant_id: tenant } = series.labels;
    const labels = this.requestBook.ofValues([method!, route!, String(statusCode), tenant!]);
    // Two series may share one when the tenant's cap was reached between them.
    const counted = this.countsByLabels.get(labels) ?? { labels, count: 0 };
    this.countsByLabels.set(labels, counted);
    series.counts.set(statusCode, counted);
    return counted;
  }

  private forget(): void {
    this.known.clear();
    this.byLabels.clear();
    this.countsByLabels.clear();
  }

  private requestValues(): ReadValue[] {
    return [...this.countsByLabels.values()].map(({ labels, count }) => ({ labels, value: count }));
  }

  private durationValues(name: string): ReadValue[] {
    const values: ReadValue[] = [];
    for (const { labels, buckets, sumSeconds } of this.byLabels.values()) {
      let count = 0;
      buckets.forEach((inBucket, i) => {
        count += inBucket;
        const le = this.bounds[i] ?? "+Inf";
        values.push({ metricName: `${name}_bucket`, labels: { le, ...labels }, value: count });
      });
      values.push({ metricName: `${name}_sum`, labels, value: sumSeconds });
      values.push({ metricName: `${name}_count`, labels, value: count });
    }
    return values;
  }
}

/** As much of a metric as prom-client's registry needs to print it. */
class TalliedMetric {
  readonly name: string;
  readonly help: string;
  readonly type: "counter" | "histogram";
  readonly labelNames: readonly string[];
  readonly aggregator = "sum";
  private readonly values: () => ReadValue[];
  private readonly forget: () => void;

  constructor(described: Described, type: "counter" | "histogram", values: () => ReadValue[], forget: () => void) {
    this.name = described.name;
    this.help = described.help;
    this.labelNames = described.labelNames;
    this.type = type;
    this.values = values;
    this.forget = forget;
  }

  async get() {
    const { name, help, type, aggregator } = this;
    return { name, help, type, aggregator, values: this.values() };
  }

  /** What the registry calls to forget everything between an application's tests. */
  reset(): void {
    this.forget();
  }
}
