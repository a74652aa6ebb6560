// storewatch.yml: read, checked, with defaults and absolute paths. Modules read the standard files it names by themselves.
import { readFileSync } from "node:fs";
import path from "node:path";
import { parseDurationMs, parseTenantId, type Tenant } from "@storewatch/model";
import { z } from "zod";
import { parseCidr } from "../kernel/address-rules.ts";
import { type ConfigDocument, ConfigError, parseConfigDocument, validate } from "./document.ts";
import { type Environment, expandEnvironment } from "./environment.ts";
import { isLoopbackHost, type ListenAddress, parseListenAddress } from "./listen-address.ts";

export const ANONYMOUS = ["none", "viewer", "admin"] as const;
export type Anonymous = (typeof ANONYMOUS)[number];
export const LOG_LEVELS = ["debug", "info", "warn", "error", "silent"] as const;

/** Frozen result of all sources: defaults, the file, the flags. Every path is absolute. */
export interface StorewatchConfig {
  /** The file it came from, if there is one. */
  readonly file: string | undefined;
  readonly listen: ListenAddress;
  readonly dataDir: string;
  /** How people reach it, for links in notifications; undefined: made from `listen`. No slash at the end. */
  readonly externalUrl: string | undefined;
  readonly tls: { readonly certFile: string; readonly keyFile: string } | undefined;
  readonly auth: { readonly anonymous: Anonymous };
  readonly allowedHosts: readonly string[];
  readonly outgoing: { readonly allow: readonly string[] };
  readonly tenants: readonly Tenant[];
  readonly metrics: { readonly prometheusFile: string | undefined; readonly retentionMs: number };
  readonly alerts: { readonly alertmanagerFile: string | undefined };
  /** Files or folders with dashboard JSON. */
  readonly dashboards: readonly string[];
  readonly logLevel: (typeof LOG_LEVELS)[number];
}

export interface ConfigFlags {
  readonly listen?: string;
  /** Relative to the working directory. */
  readonly data?: string;
  readonly logLevel?: string;
}

export interface LoadConfigOptions {
  /** storewatch.yml; without it the defaults and flags hold. */
  readonly file?: string;
  readonly flags?: ConfigFlags;
  /** What relative flags and the default data directory start from when there is no file. */
  readonly workingDir: string;
  readonly environment: Environment;
}

const later = z
  .unknown()
  .refine((value) => value === undefined, "not in this version of Storewatch")
  .optional();
const fileName = z.string().min(1);
const listen = z
  .string()
  .transform((text, context) => orIssue(parseListenAddress(text), context, "expected HOST:PORT"));
const duration = z
  .string()
  .transform((text, context) => orIssue(parseDurationMs(text), context, "expected a duration such as 30d or 12h"));
const embedded = z.literal("embedded", "only `embedded` is in this version of Storewatch").default("embedded");

const tenantEntry = z.strictObject({
  id: z
    .string()
    .transform((text, context) =>
      orIssue(parseTenantId(text), context, "expected 1–64 letters, digits, `.`, `_`, `-`, first a letter or digit"),
    ),
  name: z.string().min(1).max(200).optional(),
  tier: z.string().min(1).max(64).optional(),
  timezone: z.string().default("UTC").refine(isTimeZone, "expected an IANA time zone such as Asia/Ho_Chi_Minh"),
  currency: z
    .string()
    .regex(/^[A-Z]{3}$/, "expected a currency code such as VND")
    .default("USD"),
  contacts: later,
  limits: later,
  retention: later,
});

/** The keys of storewatch.yml, in the order of the documentation. */
export const storewatchSchema = z.strictObject({
  listen: listen.optional(),
  data: fileName.default("./data"),
  external_url: z.url({ protocol: /^https?$/, error: "expected an http or https URL" }).optional(),
  tls: z.strictObject({ cert: fileName, key: fileName }).optional(),
  auth: z.strictObject({ anonymous: z.enum(ANONYMOUS).default("none") }).prefault({}),
  allowed_hosts: z
    .array(z.string().regex(/^[^\s/:]+$|^\[[0-9A-Fa-f:.]+\]$/, "expected a host name without port"))
    .default([]),
  outgoing: z
    .strictObject({
      allow: z
        .array(
          z.string().refine((text) => parseCidr(text) !== undefined, "expected an address range such as 10.0.0.0/8"),
        )
        .default([]),
    })
    .prefault({}),
  tenants: z.array(tenantEntry).default([]),
  metrics: z.strictObject({ prometheus: fileName.optional(), retention: duration.prefault("30d") }).prefault({}),
  alerts: z.strictObject({ alertmanager: fileName.optional() }).prefault({}),
  dashboards: z.array(fileName).default([]),
  log_level: z.enum(LOG_LEVELS).default("info"),
  storage: z.strictObject({ metrics: embedded, documents: later, metadata: embedded }).prefault({}),
  logs: later,
  errors: later,
  uptime: later,
  respond: later,
  listeners: later,
});

const DEFAULT_LISTEN: ListenAddress = { host: "127.0.0.1", port: 9700 };
const FLAGS = "command line";

/** Throws ConfigError with every problem found. */
export function loadConfig(options: LoadConfigOptions): StorewatchConfig {
  const file = options.file === undefined ? undefined : path.resolve(options.workingDir, options.file);
  const document = parseConfigDocument(options.file ?? FLAGS, file === undefined ? "" : readText(options.file!, file));
  return resolveConfig(document, options, file);
}

/** Checks one text as storewatch.yml, without the environment's values: for `storewatch check`. Throws ConfigError. */
export function checkStorewatchConfig(file: string, text: string): void {
  const document = parseConfigDocument(file, text);
  resolveConfig(document, { workingDir: ".", environment: {} }, path.resolve(file), false);
}

function resolveConfig(
  raw: ConfigDocument,
  options: LoadConfigOptions,
  file: string | undefined,
  expands = true,
): StorewatchConfig {
  const expanded = expands ? expandEnvironment(raw, options.environment) : raw;
  const document = expanded.data === null ? { ...expanded, data: {} } : expanded;
  const read = validate(storewatchSchema, document);
  const flags = options.flags ?? {};
  const from = file === undefined ? options.workingDir : path.dirname(file);
  const absolute = (name: string) => path.resolve(from, name);
  const config: StorewatchConfig = {
    file,
    listen: flags.listen === undefined ? (read.listen ?? DEFAULT_LISTEN) : mustListen(flags.listen),
    dataDir: flags.data === undefined ? absolute(read.data) : path.resolve(options.workingDir, flags.data),
    externalUrl: read.external_url?.replace(/\/+$/, ""),
    tls: read.tls && { certFile: absolute(read.tls.cert), keyFile: absolute(read.tls.key) },
    auth: read.auth,
    allowedHosts: read.allowed_hosts,
    outgoing: read.outgoing,
    tenants: read.tenants.map(({ id, name, tier, timezone, currency }) => ({
      id,
      name: name ?? id,
      tier,
      timezone,
      currency,
    })),
    metrics: {
      prometheusFile: read.metrics.prometheus === undefined ? undefined : absolute(read.metrics.prometheus),
      retentionMs: read.metrics.retention,
    },
    alerts: {
      alertmanagerFile: read.alerts.alertmanager === undefined ? undefined : absolute(read.alerts.alertmanager),
    },
    dashboards: read.dashboards.map(absolute),
    logLevel: mustLogLevel(flags.logLevel) ?? read.log_level,
  };
  checkTogether(config, document);
  return Object.freeze(config);
}

/** What no single key can tell. */
function checkTogether(config: StorewatchConfig, document: ConfigDocument): void {
  const findings = [];
  if (config.auth.anonymous === "admin" && !isLoopbackHost(config.listen.host)) {
    findings.push(
      document.finding(["auth", "anonymous"], "anonymous admin works on a loopback listen address only", {
        code: "CONFIG_ANONYMOUS",
        why: `${config.listen.host} can be reached by other machines, and any of them could change everything`,
        fix: "use `viewer` or `none`, or listen on 127.0.0.1",
      }),
    );
  }
  if (config.metrics.retentionMs < 3_600_000) {
    findings.push(
      document.finding(["metrics", "retention"], "metrics.retention: expected at least 1h", { code: "CONFIG_VALUE" }),
    );
  }
  const seen = new Map<string, number>();
  config.tenants.forEach((tenant, i) => {
    const first = seen.get(tenant.id);
    if (first === undefined) seen.set(tenant.id, i);
    else
      findings.push(
        document.finding(["tenants", i, "id"], `shop ${tenant.id} is declared twice`, { code: "CONFIG_VALUE" }),
      );
  });
  if (findings.length > 0) throw new ConfigError(findings);
}

function readText(shown: string, file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    const reason =
      (error as NodeJS.ErrnoException).code === "ENOENT" ? "there is no such file" : (error as Error).message;
    throw new ConfigError([
      { code: "CONFIG_FILE", severity: "error", file: shown, line: 1, column: 1, message: reason },
    ]);
  }
}

function flagError(message: string): ConfigError {
  return new ConfigError([{ code: "USAGE", severity: "error", file: FLAGS, line: 1, column: 1, message }]);
}

function mustListen(text: string): ListenAddress {
  const address = parseListenAddress(text);
  if (!address) throw flagError(`--listen ${text}: expected HOST:PORT`);
  return address;
}

function mustLogLevel(text: string | undefined): StorewatchConfig["logLevel"] | undefined {
  if (text === undefined) return undefined;
  const level = LOG_LEVELS.find((known) => known === text);
  if (!level) throw flagError(`--log-level ${text}: expected one of ${LOG_LEVELS.join(", ")}`);
  return level;
}

function orIssue<T>(value: T | undefined, context: z.RefinementCtx, message: string): T {
  if (value !== undefined) return value;
  context.addIssue({ code: "custom", message });
  return z.NEVER;
}

function isTimeZone(name: string): boolean {
  try {
    return new Intl.DateTimeFormat("en", { timeZone: name }) !== undefined;
  } catch {
    return false;
  }
}
