// From the checked keys of a job to the configuration that the collector works with.
import { ALL_TENANTS, parseTenantId, type TenantId, type TenantScope, tenantScope } from "@storewatch/model";
import { defaultProtocols, isScrapeProtocol, type Negotiation } from "../scrape/content.ts";
import { schemaOfFactor } from "../scrape/histogram-limits.ts";
import type { ScrapeConfig } from "./config-types.ts";
import { toRelabelConfigs } from "./relabel-fields.ts";
import { escapingOf, type GlobalFields, jobTimes, type ScrapeFields, schemeOf } from "./scrape-fields.ts";
import { toDiscoveries } from "./to-discoveries.ts";
import { type Surroundings, toHttp } from "./to-http.ts";

export function toScrapeConfig(job: ScrapeFields, global: GlobalFields, from: Surroundings): ScrapeConfig {
  const scheme = schemeOf(job, schemeOf(global));
  return {
    jobName: job.job_name ?? "",
    ...jobTimes(job, global),
    scheme: job.scheme ?? "http",
    metricsPath: job.metrics_path ?? "/metrics",
    params: Object.fromEntries(Object.entries(job.params ?? {}).map(([name, values]) => [name, values ?? []])),
    honorLabels: job.honor_labels ?? false,
    honorTimestamps: job.honor_timestamps ?? true,
    trackTimestampsStaleness: job.track_timestamps_staleness ?? false,
    enableCompression: job.enable_compression ?? true,
    extraScrapeMetrics: job.extra_scrape_metrics ?? global.extra_scrape_metrics ?? false,
    limits: toLimits(job, global),
    nameScheme: scheme,
    negotiation: toNegotiation(job, global),
    histograms: {
      convertClassic: job.convert_classic_histograms_to_nhcb ?? global.convert_classic_histograms_to_nhcb ?? false,
      keepClassic: job.always_scrape_classic_histograms ?? global.always_scrape_classic_histograms ?? false,
      native: takesNative(job, global),
    },
    histogramLimits: {
      buckets: job.native_histogram_bucket_limit ?? 0,
      schemaMax: schemaOfFactor(job.native_histogram_min_bucket_factor ?? 0),
    },
    http: toHttp(job, from),
    discoveries: toDiscoveries(job, from),
    relabel: toRelabelConfigs(job.relabel_configs),
    metricRelabel: toRelabelConfigs(job.metric_relabel_configs),
    tenants: toScope(job.tenants),
  };
}

function takesNative(job: ScrapeFields, global: GlobalFields): boolean {
  return job.scrape_native_histograms ?? global.scrape_native_histograms ?? false;
}

function toNegotiation(job: ScrapeFields, global: GlobalFields): Negotiation {
  const named = job.scrape_protocols ?? global.scrape_protocols;
  const fallback = job.fallback_scrape_protocol ?? "";
  return {
    protocols: named?.filter(isScrapeProtocol) ?? defaultProtocols(takesNative(job, global)),
    escaping: escapingOf(job, global),
    fallback: isScrapeProtocol(fallback) ? fallback : undefined,
  };
}

function toLimits(job: ScrapeFields, global: GlobalFields): ScrapeConfig["limits"] {
  const limit = (key: keyof ScrapeFields & keyof GlobalFields): number => Number(job[key] || global[key] || 0);
  return {
    bodyBytes: limit("body_size_limit"),
    samples: limit("sample_limit"),
    targets: limit("target_limit"),
    labels: limit("label_limit"),
    nameBytes: limit("label_name_length_limit"),
    valueBytes: limit("label_value_length_limit"),
    keepDroppedTargets: limit("keep_dropped_targets"),
  };
}

/** No list: everything. An empty list is refused before. */
function toScope(tenants: ReadonlyArray<string | undefined> | null | undefined): TenantScope {
  if (!tenants) return ALL_TENANTS;
  return tenantScope(tenants.map((text) => parseTenantId(text ?? "")).filter((id): id is TenantId => id !== undefined));
}
