// The standard Prometheus file: read, checked as strictly as the original does, and turned into what collecting needs.
//
// What the original accepts is accepted here: every kind of service discovery is read and checked. What Storewatch does
// not do yet is told as findings: `parsePrometheusConfig` gives them beside the configuration, `loadPrometheusConfig`
// (which a start or reload uses) refuses a file with such an error and passes the warnings on.
import { readFileSync } from "node:fs";
import path from "node:path";
import { type Finding, Labels } from "@storewatch/model";
import type { z } from "zod";
import { type ConfigDocument, ConfigError, parseConfigDocument, validate } from "../config/document.ts";
import { glob } from "./glob.ts";
import type { PrometheusConfig } from "./prometheus/config-types.ts";
import { type Report, withSources } from "./prometheus/fields.ts";
import { fileSchema, type PrometheusFields, scrapeFileSchema } from "./prometheus/file-schema.ts";
import { checkAlerting, checkOtlp, checkRemote, toOtlpSettings } from "./prometheus/other-sections.ts";
import { toRelabelConfigs } from "./prometheus/relabel-fields.ts";
import { checkGlobal, checkJob, type GlobalFields, type ScrapeFields, schemeOf } from "./prometheus/scrape-fields.ts";
import { toAlertmanagers } from "./prometheus/to-alertmanagers.ts";
import { toRemoteWrites } from "./prometheus/to-remote-writes.ts";
import { toScrapeConfig } from "./prometheus/to-scrape-config.ts";
import { unsupportedIn, unsupportedInJob } from "./prometheus/unsupported.ts";
import { goQuote } from "./scrape/go-text.ts";

export type {
  AlertmanagerConfig,
  DiscoveryConfig,
  DnsDiscoveryConfig,
  DnsRecordType,
  FileDiscoveryConfig,
  HttpClientConfig,
  HttpDiscoveryConfig,
  KubernetesAccess,
  KubernetesDiscoveryConfig,
  KubernetesRole,
  PrometheusConfig,
  ProxyClientConfig,
  RemoteWriteConfig,
  ScrapeConfig,
  StaticDiscoveryConfig,
  TargetGroup,
  TlsClientConfig,
} from "./prometheus/config-types.ts";

export interface ConfigSources {
  readonly readFile: (file: string) => string;
  /** Existing files that match an absolute pattern. */
  readonly glob: (pattern: string) => readonly string[];
  /** For `${NAME}` in external labels. */
  readonly environment: Readonly<Record<string, string | undefined>>;
}

export const fileSources = (environment: ConfigSources["environment"]): ConfigSources => ({
  readFile: (file) => readFileSync(file, "utf8"),
  glob,
  environment,
});

/** For a start or reload: throws ConfigError also for what this version cannot do. Warnings are in `unsupported`. */
export function loadPrometheusConfig(file: string, sources: ConfigSources): PrometheusConfig {
  const config = parsePrometheusConfig(file, sources);
  if (config.unsupported.some((finding) => finding.severity === "error")) throw new ConfigError(config.unsupported);
  return config;
}

/** Reads and checks the file. Throws ConfigError with every problem found. */
export function parsePrometheusConfig(file: string, sources: ConfigSources): PrometheusConfig {
  const document = read(file, sources);
  // An empty file, or one of comments only, is a valid configuration that asks for nothing.
  const fields: PrometheusFields = document.data === null ? {} : check(fileSchema, document);
  const findings: Finding[] = [];
  const report: Report = (message, ...at) =>
    void findings.push(document.finding(at, message, { code: "CONFIG_VALUE" }));
  const global = fields.global ?? {};
  checkWhole(fields, global, report);
  const jobs = readJobs(fields, document, global, sources, findings);
  if (findings.length > 0) throw new ConfigError(findings);
  const dir = path.dirname(path.resolve(file));
  return {
    file,
    global: {
      evaluationIntervalMs: global.evaluation_interval || 60_000,
      ruleQueryOffsetMs: global.rule_query_offset ?? 0,
      externalLabels: externalLabels(global, sources.environment),
    },
    ruleFiles: (fields.rule_files ?? []).map((pattern) => path.resolve(dir, pattern)),
    scrapeConfigs: jobs.map(({ job, dir: jobDir }) =>
      toScrapeConfig(job, global, { dir: jobDir, environment: sources.environment }),
    ),
    alertmanagers: toAlertmanagers(fields.alerting, schemeOf(global), { dir, environment: sources.environment }),
    alertRelabel: toRelabelConfigs(fields.alerting?.alert_relabel_configs),
    remoteWrites: toRemoteWrites(fields.remote_write, schemeOf(global), { dir, environment: sources.environment }),
    otlp: toOtlpSettings(fields.otlp),
    unsupported: [
      ...unsupportedIn(fields, document),
      ...jobs.flatMap(({ job, document: own, at }) => unsupportedInJob(job, own, at)),
    ],
  };
}

/** The rule files that exist now, each once, in the order of the patterns. */
export function findRuleFiles(config: PrometheusConfig, sources: ConfigSources): string[] {
  return [...new Set(config.ruleFiles.flatMap((pattern) => sources.glob(pattern)))];
}

function read(file: string, sources: ConfigSources): ConfigDocument {
  let text: string;
  try {
    text = sources.readFile(file);
  } catch (error) {
    const message = `cannot read the file: ${error instanceof Error ? error.message : String(error)}`;
    throw new ConfigError([{ code: "CONFIG_FILE", severity: "error", file, line: 1, column: 1, message }]);
  }
  return withSources(parseConfigDocument(file, text));
}

/** As `validate`, with the original's words beside ours where a key is not known: people search for those. */
function check<S extends z.ZodType>(what: S, document: ConfigDocument): z.output<S> {
  try {
    return validate(what, document);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    throw new ConfigError(error.findings.map(withOriginalWords));
  }
}

function withOriginalWords(finding: Finding): Finding {
  const key = /^unknown key `(.*)`\./s.exec(finding.message)?.[1];
  if (finding.code !== "CONFIG_KEY" || key === undefined) return finding;
  const rest = finding.message.slice(`unknown key \`${key}\`.`.length);
  return { ...finding, message: `unknown key \`${key}\` (field ${key} not found in type config.plain).${rest}` };
}

const ONE_STAR = /^[^*]*(\*[^/]*)?$/;

function checkWhole(fields: PrometheusFields, global: GlobalFields, report: Report): void {
  checkGlobal(global, report);
  for (const [i, pattern] of (fields.rule_files ?? []).entries()) {
    if (!ONE_STAR.test(pattern)) report(`invalid rule file path ${goQuote(pattern)}`, "rule_files", i);
  }
  for (const [i, pattern] of (fields.scrape_config_files ?? []).entries()) {
    if (!ONE_STAR.test(pattern))
      report(`invalid scrape config file path ${goQuote(pattern)}`, "scrape_config_files", i);
  }
  const scheme = schemeOf(global);
  checkAlerting(fields.alerting, scheme, report);
  checkRemote(fields.remote_write, fields.remote_read, scheme, report);
  checkOtlp(fields.otlp, scheme, report);
}

interface ReadJob {
  readonly job: ScrapeFields;
  readonly document: ConfigDocument;
  readonly at: ReadonlyArray<string | number>;
  readonly dir: string;
}

/** The jobs of the file and of the files it includes. */
function readJobs(
  fields: PrometheusFields,
  document: ConfigDocument,
  global: GlobalFields,
  sources: ConfigSources,
  findings: Finding[],
): ReadJob[] {
  const jobs: ReadJob[] = [];
  const names = new Map<string, string>();
  const addAll = (list: readonly ScrapeFields[], own: ConfigDocument, origin: string) => {
    const report: Report = (message, ...at) => void findings.push(own.finding(at, message, { code: "CONFIG_VALUE" }));
    for (const [i, job] of list.entries()) {
      const at = ["scrape_configs", i];
      checkJob(job, global, report, ...at);
      const name = job.job_name ?? "";
      const first = names.get(name);
      if (first !== undefined) {
        const where = first === origin ? "" : `, first found in ${first}`;
        report(`found multiple scrape configs with job name ${goQuote(name)}${where}`, ...at, "job_name");
      }
      names.set(name, origin);
      jobs.push({ job, document: own, at, dir: path.dirname(path.resolve(own.file)) });
    }
  };
  addAll(fields.scrape_configs ?? [], document, "main config file");
  const dir = path.dirname(path.resolve(document.file));
  for (const pattern of fields.scrape_config_files ?? []) {
    if (!ONE_STAR.test(pattern)) continue;
    for (const file of sources.glob(path.resolve(dir, pattern))) {
      const own = read(file, sources);
      const included = own.data === null ? {} : check(scrapeFileSchema, own);
      // Each inclusion counts as a file of its own: the same file twice has each job twice.
      addAll(included.scrape_configs ?? [], own, goQuote(file));
    }
  }
  return jobs;
}

/** `$NAME` and `${NAME}` come from the environment, `$$` is a dollar; what is not set is empty, as in the original. */
function externalLabels(global: GlobalFields, environment: ConfigSources["environment"]): Labels {
  const expand = (value: string) =>
    value.replace(/\$(?:\{([^}]*)\}|([A-Za-z_]\w*)|\$)/g, (all, braced?: string, bare?: string) => {
      const name = braced ?? bare;
      return name === undefined || all === "$$" ? "$" : (environment[name] ?? "");
    });
  return Labels.fromEntries(Object.entries(global.external_labels ?? {}).map(([name, value]) => [name, expand(value)]));
}
