// The sections besides scraping: alerting, remote storage, tracing, OTLP, storage. Read and checked; what Storewatch does
// in its own way, or not yet, is told as a remark when the file is loaded.

import type { z } from "zod";
import type { TranslationStrategy } from "../ingest/otlp/names.ts";
import { DEFAULT_OTLP_SETTINGS, type OtlpSettings } from "../ingest/otlp/settings.ts";
import type { NameScheme } from "../relabel.ts";
import { goQuote } from "../scrape/go-text.ts";
import { fileSd, foreignDiscovery, staticConfigs } from "./discovery-kinds.ts";
import {
  byteSize,
  count,
  decimal,
  duration,
  entry,
  flag,
  integer,
  list,
  type Report,
  reporter,
  secret,
  section,
  text,
  textMap,
  texts,
  url,
} from "./fields.ts";
import { checkHeaders, checkHttp, checkTls, httpFields, tlsFields } from "./http-fields.ts";
import { checkRelabelList, relabelList } from "./relabel-fields.ts";

const sigv4 = section({
  region: text,
  access_key: text,
  secret_key: secret,
  profile: text,
  role_arn: text,
  external_id: text,
  service_name: text,
  use_fips_sts_endpoint: flag,
});

const alertmanager = entry(
  {
    ...httpFields,
    ...foreignDiscovery,
    static_configs: staticConfigs,
    file_sd_configs: fileSd,
    sigv4,
    scheme: text,
    path_prefix: text,
    timeout: duration,
    api_version: text.refine((value) => value === undefined || value === "v2", {
      error: (issue) => `expected Alertmanager api version to be one of [v2] but got ${String(issue.input)}`,
    }),
    relabel_configs: relabelList("Alertmanager target relabeling rule"),
    alert_relabel_configs: relabelList("Alertmanager alert relabeling rule"),
  },
  "empty or null alertmanager section",
).superRefine((values, context) => {
  const report = reporter(context);
  checkHttp(values, report);
  if (values.sigv4 && (values.basic_auth || values.authorization || values.oauth2)) {
    report("at most one of basic_auth, authorization, oauth2, & sigv4 must be configured", "sigv4");
  }
  if ((values.relabel_configs ?? []).length === 0) checkStaticTargets(values.static_configs, report);
});

export const alertingFields = section({
  alert_relabel_configs: relabelList("alert relabeling rule"),
  alertmanagers: list(alertmanager),
});

export function checkAlerting(alerting: z.output<typeof alertingFields>, scheme: NameScheme, report: Report): void {
  checkRelabelList(alerting?.alert_relabel_configs, scheme, report, "alerting", "alert_relabel_configs");
  for (const [i, one] of (alerting?.alertmanagers ?? []).entries()) {
    const at = ["alerting", "alertmanagers", i];
    checkRelabelList(one.relabel_configs, scheme, report, ...at, "relabel_configs");
    checkRelabelList(one.alert_relabel_configs, scheme, report, ...at, "alert_relabel_configs");
  }
}

/** A URL where an address belongs is the commonest mistake in a target list. */
export function checkStaticTargets(groups: z.output<typeof staticConfigs>, report: Report): void {
  for (const [i, group] of (groups ?? []).entries()) {
    for (const [j, target] of (group.targets ?? []).entries()) {
      if (target.includes("/")) report(`${goQuote(target)} is not a valid hostname`, "static_configs", i, "targets", j);
    }
  }
}

const queueFields = section({
  capacity: integer,
  max_shards: integer,
  min_shards: integer,
  max_samples_per_send: integer,
  batch_send_deadline: duration,
  min_backoff: duration,
  max_backoff: duration,
  retry_on_http_429: flag,
  sample_age_limit: duration,
});

function checkQueue(queue: z.output<typeof queueFields>, report: Report): void {
  if (!queue) return;
  for (const name of ["capacity", "max_shards", "min_shards", "max_samples_per_send"] as const) {
    const value = queue[name];
    if (value !== undefined && value <= 0) report(`remote write queue ${name} must be positive`, "queue_config", name);
  }
  // Defaults 30 ms and 5 s.
  if ((queue.max_backoff ?? 5000) < (queue.min_backoff ?? 30)) {
    report("remote write queue max_backoff must not be less than min_backoff", "queue_config", "max_backoff");
  }
}

const remoteCommon = { ...httpFields, url, remote_timeout: duration, headers: textMap, name: text };
const HEADER_MESSAGE =
  "authorization header must be changed via the basic_auth, authorization, oauth2, sigv4, azuread or google_iam parameter";
const MESSAGES = ["prometheus.WriteRequest", "io.prometheus.write.v2.Request"];

const remoteWrite = entry(
  {
    ...remoteCommon,
    write_relabel_configs: relabelList("relabeling rule in remote write config"),
    send_exemplars: flag,
    send_native_histograms: flag,
    round_robin_dns: flag,
    protobuf_message: text,
    queue_config: queueFields,
    metadata_config: section({ send: flag, send_interval: duration, max_samples_per_send: integer }),
    sigv4,
    azuread: section({
      cloud: text,
      scope: text,
      managed_identity: section({ client_id: text }),
      oauth: section({ client_id: text, client_secret: secret, tenant_id: text }),
      workload_identity: section({ client_id: text, tenant_id: text, token_file_path: text }),
      sdk: section({ tenant_id: text }),
    }),
    google_iam: section({ credentials_file: text }),
  },
  "empty or null remote write config section",
).superRefine((values, context) => {
  const report = reporter(context);
  if (!values.url) report("url for remote_write is empty");
  checkHeaders(values.headers, HEADER_MESSAGE, report);
  if (values.protobuf_message && !MESSAGES.includes(values.protobuf_message)) {
    const known = MESSAGES.join(", ");
    report(
      `invalid protobuf_message value: unknown type ${values.protobuf_message}, supported: ${known}`,
      "protobuf_message",
    );
  }
  checkHttp(values, report);
  const names = ["basic_auth", "authorization", "oauth2", "sigv4", "azuread", "google_iam"] as const;
  const used = names.filter((name) => values[name]);
  if (used.length > 1) {
    const message = "at most one of basic_auth, authorization, oauth2, sigv4, azuread or google_iam must be configured";
    report(`${message}. Currently configured: [${used.join(" ")}]`, used[1]);
  }
  checkQueue(values.queue_config, report);
});

const remoteRead = entry(
  {
    ...remoteCommon,
    chunked_read_limit: count,
    read_recent: flag,
    required_matchers: textMap,
    filter_external_labels: flag,
  },
  "empty or null remote read config section",
).superRefine((values, context) => {
  const report = reporter(context);
  if (!values.url) report("url for remote_read is empty");
  checkHeaders(values.headers, HEADER_MESSAGE, report);
  checkHttp(values, report);
});

export const remoteWriteFields = list(remoteWrite);
export const remoteReadFields = list(remoteRead);

export function checkRemote(
  writes: z.output<typeof remoteWriteFields>,
  reads: z.output<typeof remoteReadFields>,
  scheme: NameScheme,
  report: Report,
): void {
  checkUnique(writes ?? [], "remote write", "remote_write", report);
  checkUnique(reads ?? [], "remote read", "remote_read", report);
  for (const [i, write] of (writes ?? []).entries()) {
    checkRelabelList(write.write_relabel_configs, scheme, report, "remote_write", i, "write_relabel_configs");
  }
}

function checkUnique(entries: ReadonlyArray<{ name?: string }>, kind: string, key: string, report: Report): void {
  const seen = new Set<string>();
  for (const [i, { name }] of entries.entries()) {
    if (name && seen.has(name)) report(`found multiple ${kind} configs with job name ${goQuote(name)}`, key, i, "name");
    if (name) seen.add(name);
  }
}

export const tracingFields = section({
  client_type: text,
  endpoint: text,
  sampling_fraction: decimal,
  insecure: flag,
  tls_config: section(tlsFields),
  headers: textMap,
  compression: text,
  timeout: duration,
}).superRefine((values, context) => {
  if (!values) return;
  const report = reporter(context);
  checkHeaders(values.headers, "custom authorization header configuration is not yet supported", report);
  checkTls(values.tls_config, report);
  if (!values.endpoint) report("tracing endpoint must be set");
  const type = values.client_type;
  if (type !== undefined && type !== "http" && type !== "grpc") {
    report(`expected tracing client type to be to be http or grpc, but got ${type}`, "client_type");
  }
  if (values.compression && values.compression !== "gzip") {
    report(`invalid compression type ${values.compression} provided, valid options: gzip`, "compression");
  }
});

const STRATEGIES: readonly TranslationStrategy[] = [
  "UnderscoreEscapingWithSuffixes",
  "UnderscoreEscapingWithoutSuffixes",
  "NoUTF8EscapingWithSuffixes",
  "NoTranslation",
];

export const otlpFields = section({
  promote_all_resource_attributes: flag,
  promote_resource_attributes: texts,
  ignore_resource_attributes: texts,
  translation_strategy: text,
  keep_identifying_resource_attributes: flag,
  convert_histograms_to_nhcb: flag,
  promote_scope_metadata: flag,
  label_name_underscore_sanitization: flag,
  label_name_preserve_multiple_underscores: flag,
}).superRefine((values, context) => {
  if (!values) return;
  const report = reporter(context);
  const { promote_resource_attributes: promoted, ignore_resource_attributes: ignored } = values;
  if (values.promote_all_resource_attributes) {
    if ((promoted ?? []).length > 0) {
      report("'promote_all_resource_attributes' and 'promote_resource_attributes' cannot be configured simultaneously");
    }
    checkAttributes(ignored, "ignore_resource_attributes", "ignored", report);
  } else {
    if ((ignored ?? []).length > 0) {
      report("'ignore_resource_attributes' cannot be configured unless 'promote_all_resource_attributes' is true");
    }
    checkAttributes(promoted, "promote_resource_attributes", "promoted", report);
  }
});

function checkAttributes(names: readonly string[] | null | undefined, key: string, kind: string, report: Report): void {
  const seen = new Set<string>();
  for (const [i, raw] of (names ?? []).entries()) {
    const name = raw.trim();
    if (name === "") report(`invalid '${key}': empty ${kind} OTel resource attribute`, key, i);
    else if (seen.has(name)) {
      report(`invalid '${key}': duplicated ${kind} OTel resource attribute ${goQuote(name)}`, key, i);
    }
    seen.add(name);
  }
}

export function toOtlpSettings(otlp: z.output<typeof otlpFields>): OtlpSettings {
  const strategy = STRATEGIES.find((known) => known === otlp?.translation_strategy);
  return {
    strategy: strategy ?? DEFAULT_OTLP_SETTINGS.strategy,
    promote: otlp?.promote_all_resource_attributes ? "all" : (otlp?.promote_resource_attributes ?? []),
    ignore: otlp?.ignore_resource_attributes ?? [],
    keepIdentifying: otlp?.keep_identifying_resource_attributes ?? false,
    nhcb: otlp?.convert_histograms_to_nhcb ?? false,
    promoteScope: otlp?.promote_scope_metadata ?? false,
  };
}

export function checkOtlp(otlp: z.output<typeof otlpFields>, scheme: NameScheme, report: Report): void {
  const strategy = otlp?.translation_strategy;
  if (!strategy) return;
  if (!STRATEGIES.some((known) => known === strategy)) {
    report(`unsupported OTLP translation strategy ${goQuote(strategy)}`, "otlp", "translation_strategy");
  } else if (strategy.startsWith("No") && scheme === "legacy") {
    const message = `OTLP translation strategy ${goQuote(strategy)} is not allowed when UTF8 is disabled`;
    report(message, "otlp", "translation_strategy");
  }
}

const SIZE = "'storage.tsdb.retention.size' must be greater than or equal to 0";
const PERCENTAGE = "'storage.tsdb.retention.percentage' must be in the range [0, 100]";

export const storageFields = section({
  tsdb: section({
    out_of_order_time_window: duration,
    stale_series_compaction_threshold: decimal,
    retention: section({ time: duration, size: byteSize, percentage: decimal }).superRefine((values, context) => {
      const report = reporter(context);
      if ((values?.size ?? 0) < 0) report(SIZE, "size");
      const percentage = values?.percentage ?? 0;
      if (percentage < 0 || percentage > 100) report(PERCENTAGE, "percentage");
    }),
    chunk_encoding: section({ floats: text }).superRefine((values, context) => {
      const floats = values?.floats;
      if (floats === undefined || floats === "" || floats === "xor" || floats === "xor2") return;
      const message =
        "'storage.tsdb.chunk_encoding.floats' must be 'xor' or 'xor2', or the field must be omitted entirely, got";
      reporter(context)(`${message} ${goQuote(floats)}`, "floats");
    }),
  }),
  exemplars: section({ max_exemplars: integer }),
});
