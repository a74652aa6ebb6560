// From the checked keys of a job to the configuration that the collector works with.
import path from "node:path";
import { ALL_TENANTS, parseTenantId, type TenantId, type TenantScope, tenantScope } from "@storewatch/model";
import { defaultProtocols, isScrapeProtocol, type Negotiation } from "../scrape/content.ts";
import { schemaOfFactor } from "../scrape/histogram-limits.ts";
import type { HttpClientConfig, ScrapeConfig, TlsClientConfig, TlsVersion } from "./config-types.ts";
import type { HttpFields } from "./http-fields.ts";
import { toRelabelConfigs } from "./relabel-fields.ts";
import { escapingOf, type GlobalFields, jobTimes, type ScrapeFields, schemeOf } from "./scrape-fields.ts";

const FILE_REFRESH_MS = 300_000;

/** `dir` is the folder of the file that the job stands in: relative file names start there. */
export function toScrapeConfig(job: ScrapeFields, global: GlobalFields, dir: string): ScrapeConfig {
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
    http: toHttp(job, dir),
    staticGroups: (job.static_configs ?? []).map(({ targets, labels }) => ({
      targets: targets ?? [],
      labels: labels ?? {},
    })),
    fileDiscovery: (job.file_sd_configs ?? []).map(({ files, refresh_interval: interval }) => ({
      files: (files ?? []).map((pattern) => path.resolve(dir, pattern)),
      refreshIntervalMs: interval || FILE_REFRESH_MS,
    })),
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

export function toHttp(fields: HttpFields, dir: string): HttpClientConfig {
  const file = (name: string | undefined) => (name ? path.resolve(dir, name) : "");
  const { basic_auth: basic, authorization, bearer_token: token, bearer_token_file: tokenFile } = fields;
  const hasBearer = (token !== undefined && token.reveal() !== "") || !!tokenFile;
  const bearer = hasBearer ? { type: "Bearer", credentials: token, credentialsFile: file(tokenFile) } : undefined;
  return {
    basicAuth: basic
      ? {
          username: basic.username ?? "",
          usernameFile: file(basic.username_file),
          password: basic.password,
          passwordFile: file(basic.password_file),
        }
      : undefined,
    authorization: authorization
      ? {
          type: authorization.type?.trim() || "Bearer",
          credentials: authorization.credentials,
          credentialsFile: file(authorization.credentials_file),
        }
      : bearer,
    tls: toTls(fields.tls_config ?? {}, file),
    followRedirects: fields.follow_redirects ?? true,
    headers: Object.entries(fields.http_headers ?? {}).map(([name, header]) => ({
      name,
      values: header.values ?? [],
      secrets: (header.secrets ?? []).filter((secret) => secret !== undefined),
      files: (header.files ?? []).map(file),
    })),
  };
}

function toTls(
  tls: NonNullable<HttpFields["tls_config"]>,
  file: (name: string | undefined) => string,
): TlsClientConfig {
  return {
    ca: tls.ca ?? "",
    caFile: file(tls.ca_file),
    cert: tls.cert ?? "",
    certFile: file(tls.cert_file),
    key: tls.key,
    keyFile: file(tls.key_file),
    serverName: tls.server_name ?? "",
    insecureSkipVerify: tls.insecure_skip_verify ?? false,
    minVersion: toTlsVersion(tls.min_version),
    maxVersion: toTlsVersion(tls.max_version),
  };
}

function toTlsVersion(text: string | undefined): TlsVersion | undefined {
  const versions: Readonly<Record<string, TlsVersion>> = {
    TLS10: "TLSv1",
    TLS11: "TLSv1.1",
    TLS12: "TLSv1.2",
    TLS13: "TLSv1.3",
  };
  return text ? versions[text] : undefined;
}
