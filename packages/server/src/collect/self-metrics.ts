// What collecting says about itself.
import { Counter, Gauge, Histogram, type Registry } from "prom-client";

export type ScrapeOutcome =
  | "ok"
  | "timeout"
  | "connect"
  | "status"
  | "content"
  | "limit"
  | "parse"
  | "refused"
  | "error";

export interface CollectMetrics {
  readonly samplesIngested: { inc(by: number): void };
  readonly duplicates: { inc(by: number): void };
  readonly outOfBounds: { inc(by: number): void };
  readonly exemplarsIngested: { inc(by: number): void };
  readonly exemplarsRefused: { inc(by: number): void };
  readonly brokenHistograms: { inc(by: number): void };
  readonly foreignSeries: { inc(): void };
  readonly discoveryProblems: { inc(): void };
  readonly invalidTargets: { inc(): void };
  scraped(outcome: ScrapeOutcome, seconds: number): void;
  /** Asks for the numbers of targets when the metrics are collected. */
  targets(count: () => Readonly<Record<"up" | "down" | "unknown", number>>): void;
}

export function createCollectMetrics(registry: Registry): CollectMetrics {
  const counter = (name: string, help: string, labelNames: readonly string[] = []): Counter => {
    // Other ways in (remote write, say) count into the same metric.
    const known = registry.getSingleMetric(name);
    if (known instanceof Counter) return known;
    return new Counter({ name, help, labelNames: [...labelNames], registers: [registry] });
  };
  const scrapes = counter("storewatch_scrapes_total", "Scrapes by outcome.", ["outcome"]);
  const duration = new Histogram({
    name: "storewatch_scrape_duration_seconds",
    help: "Time from the request to the written row.",
    buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
    registers: [registry],
  });
  return {
    samplesIngested: counter("storewatch_samples_ingested_total", "Samples taken in."),
    duplicates: counter(
      "storewatch_scrape_duplicate_samples_total",
      "Samples left out because their page, or the store, had one for the same series and time.",
    ),
    outOfBounds: counter(
      "storewatch_scrape_out_of_bounds_samples_total",
      "Samples left out because of a time of their own that is too old or too far ahead.",
    ),
    exemplarsIngested: counter("storewatch_exemplars_ingested_total", "Exemplars taken in."),
    exemplarsRefused: counter(
      "storewatch_scrape_refused_exemplars_total",
      "Exemplars left out because they are older than their series' last one, or their labels too long.",
    ),
    brokenHistograms: counter(
      "storewatch_scrape_broken_histograms_total",
      "Classic histograms that could not be converted, because their buckets and count do not fit together.",
    ),
    foreignSeries: counter(
      "storewatch_scrape_foreign_tenant_series_total",
      "Series left out because their job may not write for their tenant.",
    ),
    discoveryProblems: counter(
      "storewatch_discovery_problems_total",
      "Target lists that could not be had: a file, a web service, DNS, Kubernetes.",
    ),
    invalidTargets: counter("storewatch_scrape_invalid_targets_total", "Discovered targets that cannot be asked."),
    scraped(outcome, seconds) {
      scrapes.inc({ outcome });
      duration.observe(seconds);
    },
    targets(count) {
      new Gauge({
        name: "storewatch_scrape_targets",
        help: "Targets by their last scrape.",
        labelNames: ["health"],
        registers: [registry],
        collect() {
          for (const [health, targets] of Object.entries(count())) this.set({ health }, targets);
        },
      });
    },
  };
}
