// One scrape job as it stands in a file: its keys, its checks, and what becomes of it.

import { parseTenantId } from "@storewatch/model";
import { z } from "zod";
import type { NameScheme } from "../relabel.ts";
import type { NameEscaping } from "../scrape/content.ts";
import { goQuote } from "../scrape/go-text.ts";
import { fileSd, foreignDiscovery, staticConfigs } from "./discovery-kinds.ts";
import {
  byteSize,
  count,
  decimal,
  duration,
  entry,
  flag,
  list,
  type Report,
  reporter,
  section,
  text,
  textMap,
  texts,
} from "./fields.ts";
import { checkHttp, httpFields } from "./http-fields.ts";
import { checkStaticTargets } from "./other-sections.ts";
import { checkRelabelList, relabelList } from "./relabel-fields.ts";

const limits = {
  body_size_limit: byteSize,
  sample_limit: count,
  target_limit: count,
  label_limit: count,
  label_name_length_limit: count,
  label_value_length_limit: count,
  keep_dropped_targets: count,
};

const shared = {
  ...limits,
  scrape_interval: duration,
  scrape_timeout: duration,
  scrape_protocols: texts,
  scrape_failure_log_file: text,
  metric_name_validation_scheme: text,
  metric_name_escaping_scheme: text,
  scrape_native_histograms: flag,
  convert_classic_histograms_to_nhcb: flag,
  always_scrape_classic_histograms: flag,
  extra_scrape_metrics: flag,
};

export const globalFields = section({
  ...shared,
  evaluation_interval: duration,
  rule_query_offset: duration,
  query_log_file: text,
  external_labels: textMap,
});
export type GlobalFields = NonNullable<z.output<typeof globalFields>>;

const scrapeConfig = entry(
  {
    ...shared,
    ...httpFields,
    ...foreignDiscovery,
    job_name: text,
    honor_labels: flag,
    honor_timestamps: flag,
    track_timestamps_staleness: flag,
    params: z.record(z.string(), texts).nullable().optional(),
    fallback_scrape_protocol: text,
    metrics_path: text,
    scheme: text,
    enable_compression: flag,
    native_histogram_bucket_limit: count,
    native_histogram_min_bucket_factor: decimal,
    static_configs: staticConfigs,
    file_sd_configs: fileSd,
    relabel_configs: relabelList("target relabeling rule in scrape config"),
    metric_relabel_configs: relabelList("metric relabeling rule in scrape config"),
    /** Ours: the only tenants whose series this job may write. */
    tenants: list(text.refine((value) => value === undefined || parseTenantId(value) !== undefined, "not a tenant id")),
  },
  "empty or null scrape config section",
).superRefine((job, context) => {
  const report = reporter(context);
  if (!job.job_name) report("job_name is empty");
  // Read as "no limit", an empty list (of a template, say) would open what it should close.
  if (job.tenants?.length === 0) report("tenants is empty: name a shop, or leave it out for all", "tenants");
  checkHttp(job, report);
  if ((job.relabel_configs ?? []).length === 0) checkStaticTargets(job.static_configs, report);
});
export type ScrapeFields = z.output<typeof scrapeConfig>;
export const scrapeConfigsFields = list(scrapeConfig);

export const DEFAULT_INTERVAL_MS = 60_000;
export const DEFAULT_TIMEOUT_MS = 10_000;

export function checkGlobal(global: GlobalFields, report: Report): void {
  const intervalMs = global.scrape_interval || DEFAULT_INTERVAL_MS;
  if ((global.scrape_timeout ?? 0) > intervalMs) {
    report("global scrape timeout greater than scrape interval", "global", "scrape_timeout");
  }
  const scheme = schemeOf(global);
  for (const [name, value] of Object.entries(global.external_labels ?? {})) {
    const bad = scheme === "legacy" ? !/^[a-zA-Z_]\w*$/.test(name) : name === "" || LONE_SURROGATE.test(name);
    if (bad) report(`${goQuote(name)} is not a valid label name`, "global", "external_labels", name);
    if (LONE_SURROGATE.test(value))
      report(`${goQuote(value)} is not a valid label value`, "global", "external_labels", name);
  }
  const schemeText = global.metric_name_validation_scheme;
  if (schemeText && schemeText !== "utf8" && schemeText !== "legacy") {
    report(`unrecognized ValidationScheme: ${goQuote(schemeText)}`, "global", "metric_name_validation_scheme");
  }
  const protocols = protocolsProblem(global.scrape_protocols);
  if (protocols) report(`${protocols} for global config`, "global", "scrape_protocols");
}

const LONE_SURROGATE = /[\ud800-\udfff]/u;

export function schemeOf(
  fields: { metric_name_validation_scheme?: string } | undefined,
  outer: NameScheme = "utf8",
): NameScheme {
  const own = fields?.metric_name_validation_scheme;
  return own === "legacy" || own === "utf8" ? own : outer;
}

/** What can only be said with the global section at hand. `at` is the path of the job. */
export function checkJob(job: ScrapeFields, global: GlobalFields, report: Report, ...at: Array<string | number>): void {
  const name = goQuote(job.job_name ?? "");
  const { intervalMs } = jobTimes(job, global);
  if ((job.scrape_timeout ?? 0) > intervalMs) {
    const message = `scrape timeout greater than scrape interval for scrape config with job name ${name}`;
    report(message, ...at, "scrape_timeout");
  }
  const protocols = protocolsProblem(job.scrape_protocols);
  if (protocols) report(`${protocols} for scrape config with job name ${name}`, ...at, "scrape_protocols");
  const fallback = job.fallback_scrape_protocol ? protocolProblem(job.fallback_scrape_protocol) : undefined;
  if (fallback) {
    const message = `invalid fallback_scrape_protocol for scrape config with job name ${name}: ${fallback}`;
    report(message, ...at, "fallback_scrape_protocol");
  }
  checkNaming(job, global, report, ...at);
  const scheme = schemeOf(job, schemeOf(global));
  checkRelabelList(job.relabel_configs, scheme, report, ...at, "relabel_configs");
  checkRelabelList(job.metric_relabel_configs, scheme, report, ...at, "metric_relabel_configs");
}

export function jobTimes(job: ScrapeFields, global: GlobalFields): { intervalMs: number; timeoutMs: number } {
  const globalIntervalMs = global.scrape_interval || DEFAULT_INTERVAL_MS;
  const globalTimeoutMs = global.scrape_timeout || Math.min(DEFAULT_TIMEOUT_MS, globalIntervalMs);
  const intervalMs = job.scrape_interval || globalIntervalMs;
  return { intervalMs, timeoutMs: job.scrape_timeout || Math.min(globalTimeoutMs, intervalMs) };
}

const ESCAPINGS = ["allow-utf-8", "underscores", "dots", "values"] satisfies NameEscaping[];

/** Of a job that was checked: its own, or what its own validation implies, or the global one. */
export function escapingOf(job: ScrapeFields, global: GlobalFields): NameEscaping {
  const scheme = schemeOf(job, schemeOf(global));
  const implied = scheme === "legacy" ? "underscores" : "allow-utf-8";
  const inherited = job.metric_name_validation_scheme ? implied : global.metric_name_escaping_scheme || implied;
  const escaping = job.metric_name_escaping_scheme || inherited;
  return ESCAPINGS.find((known) => known === escaping) ?? implied;
}

function checkNaming(job: ScrapeFields, global: GlobalFields, report: Report, ...at: Array<string | number>): void {
  const own = job.metric_name_validation_scheme;
  if (own && own !== "utf8" && own !== "legacy") {
    const message =
      "unknown scrape config name validation method specified, must be either '', 'legacy' or 'utf8', got";
    report(`${message} ${own}`, ...at, "metric_name_validation_scheme");
    return;
  }
  const quoted = ESCAPINGS.map((name) => `'${name}'`);
  const known = `must be one of ${quoted.slice(0, 3).join(", ")}, or ${quoted[3]}`;
  const globalEscaping = global.metric_name_escaping_scheme;
  if (globalEscaping && !isEscaping(globalEscaping)) {
    const message = `unknown global name escaping method specified, ${known}, got ${goQuote(globalEscaping)}`;
    report(message, "global", "metric_name_escaping_scheme");
  }
  const scheme = schemeOf(job, schemeOf(global));
  const implied = scheme === "legacy" ? "underscores" : "allow-utf-8";
  const escaping = job.metric_name_escaping_scheme || (own ? implied : globalEscaping || implied);
  if (!isEscaping(escaping)) {
    const message = `unknown scrape config name escaping method specified, ${known}, got ${goQuote(escaping)}`;
    report(message, ...at, "metric_name_escaping_scheme");
  } else if (escaping === "allow-utf-8" && scheme !== "utf8") {
    const message = "utf8 metric names requested but validation scheme is not set to UTF8";
    report(message, ...at, "metric_name_escaping_scheme");
  }
}

function isEscaping(name: string): boolean {
  return ESCAPINGS.some((known) => known === name);
}

const PROTOCOLS = [
  "OpenMetricsText0.0.1",
  "OpenMetricsText1.0.0",
  "PrometheusProto",
  "PrometheusText0.0.4",
  "PrometheusText1.0.0",
];

function protocolProblem(protocol: string): string | undefined {
  if (PROTOCOLS.includes(protocol)) return undefined;
  return `unknown scrape protocol ${protocol}, supported: [${PROTOCOLS.join(" ")}]`;
}

function protocolsProblem(protocols: readonly string[] | null | undefined): string | undefined {
  if (protocols == null) return undefined;
  if (protocols.length === 0) return "scrape_protocols cannot be empty";
  const seen = new Set<string>();
  for (const protocol of protocols) {
    const key = protocol.toLowerCase();
    if (seen.has(key)) return `duplicated protocol in scrape_protocols, got [${protocols.join(" ")}]`;
    seen.add(key);
    const problem = protocolProblem(protocol);
    if (problem) return `scrape_protocols: ${problem}`;
  }
  return undefined;
}
