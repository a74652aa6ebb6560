// What beacons told since the last flush, put together: counters and histograms by shop and page.
import {
  type Clock,
  Labels,
  METRIC_NAME,
  type MetricMetadata,
  type Sample,
  TENANT_LABEL,
  type TenantId,
} from "@storewatch/model";
import { BucketCounts, RunningTotals } from "../counters.ts";
import type { RumEvent, TimedKind } from "./beacon.ts";
import { OTHER_PAGES, PageBook } from "./pages.ts";

interface Family {
  readonly name: string;
  readonly help: string;
  readonly bounds: readonly number[];
}

/** Bounds lie close around the values that are judged: 2 s of a page load, the thresholds of the Web Vitals. */
const HISTOGRAMS = {
  load: {
    name: "page_load_duration_seconds",
    help: "From the start of the navigation to the end of the page's load event.",
    bounds: [0.5, 1, 1.5, 2, 2.5, 3, 4, 6, 10, 30],
  },
  lcp: {
    name: "web_vitals_lcp_seconds",
    help: "Largest Contentful Paint: good up to 2.5 s, poor above 4 s.",
    bounds: [0.5, 1, 1.5, 2, 2.5, 3, 4, 6, 10],
  },
  inp: {
    name: "web_vitals_inp_seconds",
    help: "Interaction to Next Paint: good up to 0.2 s, poor above 0.5 s.",
    bounds: [0.05, 0.1, 0.15, 0.2, 0.3, 0.5, 1, 2],
  },
  cls: {
    name: "web_vitals_cls",
    help: "Cumulative Layout Shift, a score: good up to 0.1, poor above 0.25.",
    bounds: [0.01, 0.05, 0.1, 0.15, 0.25, 0.5, 1],
  },
  fcp: {
    name: "web_vitals_fcp_seconds",
    help: "First Contentful Paint: good up to 1.8 s, poor above 3 s.",
    bounds: [0.5, 1, 1.8, 2.5, 3, 5, 10],
  },
  ttfb: {
    name: "web_vitals_ttfb_seconds",
    help: "Time to First Byte: good up to 0.8 s, poor above 1.8 s.",
    bounds: [0.1, 0.2, 0.4, 0.8, 1.2, 1.8, 3, 5],
  },
  route: {
    name: "route_change_duration_seconds",
    help: "Route changes without a load, where the page's router tells when it has finished.",
    bounds: [0.1, 0.25, 0.5, 1, 2, 4],
  },
} as const satisfies Readonly<Record<TimedKind | "route", Family>>;

const VIEWS = {
  name: "page_views_total",
  help: "Pages viewed: loads, returns from the back-forward cache, route changes.",
};
const ROUTES = { name: "route_changes_total", help: "Route changes without a load." };
const ERRORS = {
  name: "browser_errors_total",
  help: "Different script errors of each page view; `kind` is error, rejection or foreign (of another origin's script).",
};

const METADATA = new Map<string, MetricMetadata>();
for (const { name, help } of Object.values(HISTOGRAMS)) METADATA.set(name, { type: "histogram", help, unit: "" });
for (const { name, help } of [VIEWS, ROUTES, ERRORS]) METADATA.set(name, { type: "counter", help, unit: "" });

/** Counters and histograms that wait for a flush. A histogram stands for about a dozen series. */
const WAITING_MAX = 50_000;

export type EventOutcome = "taken" | "rolled_up" | "too_many_series";

export interface Flushed {
  readonly samples: readonly Sample[];
  readonly metadata: ReadonlyMap<string, MetricMetadata>;
  /** Additions that found no room. */
  readonly dropped: number;
}

export class RumAggregate {
  private readonly counts = new Map<string, { readonly labels: Labels; added: number }>();
  private readonly buckets = new Map<string, { readonly labels: Labels; readonly counts: BucketCounts }>();
  private readonly pages: PageBook;
  private readonly totals: RunningTotals;
  private flushedMs: number;

  constructor(private readonly clock: Clock) {
    this.pages = new PageBook(clock);
    this.totals = new RunningTotals({ clock });
    this.flushedMs = clock.nowMs();
  }

  /** The shop must have been found to be in the sender's scope. */
  add(tenant: TenantId, event: RumEvent, weight: number, pagesMax: number): EventOutcome {
    if (this.counts.size + this.buckets.size >= WAITING_MAX) return "too_many_series";
    const page = this.pages.labelOf(tenant, event.page, pagesMax);
    const labels = (name: string, more: Readonly<Record<string, string>> = {}) =>
      Labels.from({ [METRIC_NAME]: name, [TENANT_LABEL]: tenant, page, ...more });
    switch (event.kind) {
      case "view":
        this.count(labels(VIEWS.name), weight);
        break;
      case "route":
        this.count(labels(VIEWS.name), weight);
        this.count(labels(ROUTES.name), weight);
        if (event.value !== undefined) this.observe(labels(HISTOGRAMS.route.name), "route", event.value, weight);
        break;
      case "error":
      case "rejection":
      case "foreign":
        this.count(labels(ERRORS.name, { kind: event.kind }), weight);
        break;
      default:
        this.observe(labels(HISTOGRAMS[event.kind].name), event.kind, event.value, weight);
    }
    return page === OTHER_PAGES ? "rolled_up" : "taken";
  }

  private count(labels: Labels, added: number): void {
    const known = this.counts.get(labels.key);
    if (known) known.added += added;
    else this.counts.set(labels.key, { labels, added });
  }

  private observe(labels: Labels, kind: TimedKind | "route", value: number, weight: number): void {
    let known = this.buckets.get(labels.key);
    if (!known) {
      known = { labels, counts: new BucketCounts(HISTOGRAMS[kind].bounds) };
      this.buckets.set(labels.key, known);
    }
    known.counts.observe(value, weight);
  }

  /** What is to be written now, with totals that must be told again. */
  flush(): Flushed {
    const timeMs = this.clock.nowMs();
    const sinceMs = this.flushedMs;
    this.flushedMs = timeMs;
    const samples: Sample[] = [];
    let dropped = 0;
    const write = (labels: Labels, added: number) => {
      const told = this.totals.add(labels, added, sinceMs, timeMs);
      if (told) samples.push(...told);
      else dropped += 1;
    };
    for (const { labels, added } of this.counts.values()) write(labels, added);
    for (const { labels, counts } of this.buckets.values()) {
      for (const [series, added] of counts.additions(labels)) write(series, added);
    }
    this.counts.clear();
    this.buckets.clear();
    // After the additions: a total that was just added to has not ended.
    samples.push(...this.totals.due());
    return { samples, metadata: METADATA, dropped };
  }

  forget(tenant: TenantId): void {
    for (const map of [this.counts, this.buckets] as ReadonlyArray<Map<string, { readonly labels: Labels }>>) {
      for (const [key, { labels }] of map) if (labels.get(TENANT_LABEL) === tenant) map.delete(key);
    }
    this.pages.forget(tenant);
    this.totals.forget(tenant);
  }
}
