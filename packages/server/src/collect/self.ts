// Storewatch watches itself: its own exposition text goes through the same parser into rows of its own.

import { ALL_TENANTS, Labels } from "@storewatch/model";
import type { RowWriter } from "@storewatch/tsdb";
import { fingerprint } from "./prometheus/secret.ts";
import { NO_HISTOGRAM_LIMITS } from "./scrape/histogram-limits.ts";
import { ScrapeLoop, type ScrapeLoopDeps } from "./scrape/scrape-loop.ts";
import { createSeriesResolver } from "./scrape/series-resolver.ts";

export interface SelfTargetOptions {
  /** HOST:PORT of the listener: the instance label. */
  readonly instance: string;
  /** Text format 0.0.4. */
  readonly expose: () => Promise<string> | string;
  /** Default 15 s. */
  readonly intervalMs?: number;
}

export const SELF_JOB = "storewatch";

export function createSelfLoop(
  options: SelfTargetOptions,
  openRows: (key: string) => RowWriter,
  deps: ScrapeLoopDeps,
): ScrapeLoop {
  const intervalMs = options.intervalMs ?? 15_000;
  const labels = Labels.from({ job: SELF_JOB, instance: options.instance });
  const url = new URL(`http://${options.instance}/metrics`);
  const discoveredLabels = Labels.from({ job: SELF_JOB, __address__: options.instance, __metrics_path__: "/metrics" });
  const target = { key: `self ${labels}`, labels, discoveredLabels, url, intervalMs, timeoutMs: intervalMs };
  const settings = {
    fetch: async ({ page, bodyLimitBytes }) => {
      page.append(Buffer.from(await options.expose()), bodyLimitBytes);
      page.seal();
      return "text" as const;
    },
    resolverFor: () =>
      createSeriesResolver({
        targetLabels: labels,
        honorLabels: false,
        relabel: () => true,
        limits: { labels: 0, nameBytes: 0, valueBytes: 0 },
        scheme: "utf8",
        tenants: ALL_TENANTS,
        onForeignTenant: () => {},
      }),
    tenants: ALL_TENANTS,
    honorTimestamps: true,
    trackTimestampsStaleness: false,
    compress: false,
    extraMetrics: false,
    sampleLimit: 0,
    bodyLimitBytes: 0,
    histograms: { convertClassic: false, keepClassic: true, native: false },
    histogramLimits: NO_HISTOGRAM_LIMITS,
    parseKey: fingerprint("self"),
    refusal: undefined,
  } satisfies ConstructorParameters<typeof ScrapeLoop>[2];
  return new ScrapeLoop(SELF_JOB, target, settings, openRows(target.key), deps);
}
