// What a valid Prometheus file can ask for and this version of Storewatch does not do. An error where leaving it out
// would leave something unwatched or unprotected; a warning where the rest works all the same.
import type { Finding } from "@storewatch/model";
import type { ConfigDocument, Path } from "../../config/document.ts";
import { foreignDiscovery } from "./discovery-kinds.ts";
import type { PrometheusFields } from "./file-schema.ts";
import type { ScrapeFields } from "./scrape-fields.ts";
import { KNOWN_KINDS } from "./to-discoveries.ts";

const NOT_YET = "not in this version of Storewatch";

type Severity = "error" | "warning";

function finding(document: ConfigDocument, at: Path, message: string, severity: Severity, fix?: string): Finding {
  return document.finding(at, message, { code: "CONFIG_UNSUPPORTED", severity, ...(fix ? { fix } : {}) });
}

/** Sections of the whole file. */
export function unsupportedIn(fields: PrometheusFields, document: ConfigDocument): Finding[] {
  const findings: Finding[] = [];
  const warn = (given: unknown, at: Path, message: string, fix?: string) => {
    const empty = given == null || given === "" || (Array.isArray(given) && given.length === 0);
    if (!empty) findings.push(finding(document, at, message, "warning", fix));
  };
  findings.push(...unsupportedRemoteWrites(fields, document));
  warn(fields.remote_read, ["remote_read"], `remote_read: ${NOT_YET}: queries see what is stored here only`);
  warn(fields.tracing, ["tracing"], `tracing: ${NOT_YET}`);
  findings.push(...unsupportedAlertmanagers(fields, document));
  warn(fields.runtime?.gogc, ["runtime", "gogc"], "runtime.gogc: has no meaning here");
  warn(fields.global?.query_log_file, ["global", "query_log_file"], `query_log_file: ${NOT_YET}`);
  warn(
    fields.global?.scrape_failure_log_file,
    ["global", "scrape_failure_log_file"],
    `scrape_failure_log_file: ${NOT_YET}`,
  );
  const retention = fields.storage?.tsdb?.retention;
  const retentionAt = ["storage", "tsdb", "retention"];
  const elsewhere = (key: string) => `set metrics.${key} in storewatch.yml`;
  const notRead = "is not read here";
  warn(retention?.time || undefined, [...retentionAt, "time"], `retention.time ${notRead}`, elsewhere("retention"));
  warn(
    retention?.size || undefined,
    [...retentionAt, "size"],
    `retention.size ${notRead}`,
    elsewhere("retention_size"),
  );
  warn(
    retention?.percentage || undefined,
    ["storage", "tsdb", "retention", "percentage"],
    `retention by percentage: ${NOT_YET}`,
  );
  return findings;
}

/** Without these a remote would be asked without credentials. */
function unsupportedRemoteWrites(fields: PrometheusFields, document: ConfigDocument): Finding[] {
  return (fields.remote_write ?? []).flatMap((one, i) => {
    const keys = (["sigv4", "azuread", "google_iam"] as const).filter((key) => one[key]);
    return keys.map((key) =>
      finding(document, ["remote_write", i, key], `${key} of remote_write: ${NOT_YET}`, "error"),
    );
  });
}

/** An Alertmanager that cannot be reached as asked is told of, and rules go on: our own routes still tell people. */
function unsupportedAlertmanagers(fields: PrometheusFields, document: ConfigDocument): Finding[] {
  return (fields.alerting?.alertmanagers ?? []).flatMap((one, i) => {
    const found: Finding[] = [];
    const warn = (key: string, message: string, fix?: string) =>
      void found.push(finding(document, ["alerting", "alertmanagers", i, key], message, "warning", fix));
    for (const key of Object.keys(foreignDiscovery) as Array<keyof typeof foreignDiscovery>) {
      if ((one[key] ?? []).length === 0 || KNOWN_KINDS.has(key)) continue;
      warn(key, `${key}: ${NOT_YET}`, "name the Alertmanagers in static_configs");
    }
    if (usesSignedGrant(one.oauth2)) warn("oauth2", `oauth2 with grant_type ${JWT_GRANT}: ${NOT_YET}`);
    if (one.sigv4) warn("sigv4", `sigv4 of Alertmanagers: ${NOT_YET}`);
    return found;
  });
}

/** What one job asks for; `at` is its path in `document`. */
export function unsupportedInJob(job: ScrapeFields, document: ConfigDocument, at: Path): Finding[] {
  const findings: Finding[] = [];
  const add = (key: keyof ScrapeFields, message: string, severity: Severity, fix?: string) =>
    void findings.push(finding(document, [...at, key], message, severity, fix));
  for (const key of Object.keys(foreignDiscovery) as Array<keyof typeof foreignDiscovery>) {
    if ((job[key] ?? []).length === 0 || KNOWN_KINDS.has(key)) continue;
    add(
      key,
      `${key}: ${NOT_YET}`,
      "error",
      "let a tool write the targets to a file for file_sd_configs, or list them in static_configs",
    );
  }
  if (usesSignedGrant(job.oauth2)) {
    add("oauth2", `oauth2 with grant_type ${JWT_GRANT}: ${NOT_YET}`, "error", "use a client_secret_file");
  }
  for (const key of secretReferences(job)) {
    findings.push(
      finding(document, [...at, ...key], `${key.join(".")}: ${NOT_YET}`, "error", "use the key that ends in _file"),
    );
  }
  if (job.scheme !== undefined && job.scheme !== "http" && job.scheme !== "https") {
    add("scheme", `scheme ${job.scheme}: only http and https can be asked`, "error");
  }
  if (job.scrape_failure_log_file) add("scrape_failure_log_file", `scrape_failure_log_file: ${NOT_YET}`, "warning");
  return findings;
}

const JWT_GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer";

function usesSignedGrant(oauth2: ScrapeFields["oauth2"]): boolean {
  return oauth2?.grant_type === JWT_GRANT;
}

function secretReferences(job: ScrapeFields): string[][] {
  const keys: string[][] = [];
  const look = (section: object | null | undefined, name: string) => {
    for (const [key, value] of Object.entries(section ?? {})) if (key.endsWith("_ref") && value) keys.push([name, key]);
  };
  look(job.basic_auth, "basic_auth");
  look(job.authorization, "authorization");
  look(job.tls_config, "tls_config");
  look(job.oauth2, "oauth2");
  return keys;
}
