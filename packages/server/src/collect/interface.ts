// What collecting needs of the store, and what it tells the rest: targets and metadata.
import type { Labels, MetricMetadata } from "@storewatch/model";

export interface TargetStatus {
  readonly scrapePool: string;
  readonly scrapeUrl: string;
  readonly labels: Labels;
  readonly discoveredLabels: Labels;
  readonly health: "unknown" | "up" | "down";
  readonly lastError: string;
  readonly lastScrapeMs: number;
  readonly lastDurationMs: number;
  readonly intervalMs: number;
  readonly timeoutMs: number;
  readonly lastSamples: number;
}

export interface TargetBoard {
  active(): readonly TargetStatus[];
  dropped(): readonly { readonly discoveredLabels: Labels; readonly scrapePool: string }[];
  /** Metadata seen in scrapes, by metric family name. */
  metadata(): ReadonlyMap<string, readonly MetricMetadata[]>;
}
