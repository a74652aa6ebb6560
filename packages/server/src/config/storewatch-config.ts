// storewatch.yml: read, checked, with defaults and absolute paths. Modules read the standard files it names by themselves.
import { readFileSync } from "node:fs";
import path from "node:path";
import { parseDurationMs, parseTenantId, type Tenant } from "@storewatch/model";
import { z } from "zod";
import { parseCidr } from "../kernel/address-rules.ts";
import { type CalmConfig, calmSchema, toCalmConfig } from "./calm.ts";
import { type ConfigDocument, ConfigError, parseConfigDocument, validate } from "./document.ts";
import { type Environment, expandEnvironment } from "./environment.ts";
import { isLoopbackHost, type ListenAddress, parseListenAddress } from "./listen-address.ts";
import { type ListenersConfig, listenersSchema, toListeners } from "./listeners.ts";
import { DEFAULT_CLASS, MIN_RETENTION_MS, type RetentionConfig, retentionKeys, toRetention } from "./retention.ts";
import { type RumConfig, rumSchema, toRum } from "./rum.ts";
import { type TenantLimitKeys, tenantLimitsSchema, toTenantLimits } from "./tenant-limits.ts";

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
  /** What shops may write: for all, and by id what differs. */
  readonly tenantLimits: { readonly defaults: TenantLimitKeys; readonly tenants: ReadonlyMap<string, TenantLimitKeys> };
  readonly metrics: {
    readonly prometheusFile: string | undefined;
    readonly retentionMs: number;
    /** The default class first. */
    readonly retention: readonly [RetentionConfig, ...RetentionConfig[]];
    /** Blocks and log of all classes, bytes. */
    readonly sizeBytes: number | undefined;
    /** Tenant → name of its class, of those that have one. */
    readonly classOfTenant: ReadonlyMap<string, string>;
  };
  readonly alerts: {
    readonly alertmanagerFile: string | undefined;
    /** Storewatch's own health rules beside the operator's rule files; without such files they hold anyway. */
    readonly healthRules: boolean;
    /** "I am alive" to a service elsewhere; the URL may hold a secret. */
    readonly heartbeat:
      | { readonly url: string; readonly method: "GET" | "POST"; readonly intervalMs: number }
      | undefined;
    readonly calm: CalmConfig;
  };
  /** Files or folders with dashboard JSON. */
  readonly dashboards: readonly string[];
  readonly logLevel: (typeof LOG_LEVELS)[number];
  /** What is off unless it is asked for. */
  readonly features: { readonly promqlExperimental: boolean };
  readonly listeners: ListenersConfig;
  readonly rum: RumConfig;
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
    )
    .describe("Value of the label `tenant_id`: 1–64 letters, digits, `.`, `_`, `-`, first a letter or digit. Needed."),
  name: z.string().min(1).max(200).optional().describe("What people call the shop. Without it the id is shown."),
  tier: z.string().min(1).max(64).optional().describe("Contract or size class, any word: `gold`."),
  timezone: z
    .string()
    .default("UTC")
    .refine(isTimeZone, "expected an IANA time zone such as Asia/Ho_Chi_Minh")
    .describe("IANA name of the shop's time zone."),
  currency: z
    .string()
    .regex(/^[A-Z]{3}$/, "expected a currency code such as VND")
    .default("USD")
    .describe("ISO 4217 code of the shop's money."),
  contacts: later,
  limits: tenantLimitsSchema.optional().describe("What this shop may write, in place of `tenant_limits`, key by key."),
  retention: z
    .string()
    .optional()
    .describe("How long the shop's samples are kept: a name in `metrics.retention_classes`."),
});

const heartbeat = z.strictObject({
  url: z
    .url({ protocol: /^https?$/, error: "expected an http or https URL" })
    .describe(
      "Asked at each interval while scraping and rules work; a service there tells you when it stops. A secret.",
    ),
  method: z.enum(["GET", "POST"]).default("GET").describe("How it is asked."),
  interval: duration
    .refine((ms) => ms >= 5_000 && ms <= 86_400_000, "expected 5s to 1d")
    .prefault("1m")
    .describe("How often, from `5s` to `1d`."),
});

/** The keys of storewatch.yml, in the order of the documentation; docs/reference/config.md is made from this. */
export const storewatchSchema = z.strictObject({
  listen: listen.optional().describe("Address of the one port, `HOST:PORT`. `:9700` is all addresses of the machine."),
  data: fileName.default("./data").describe("The data directory. Made when absent; one process at a time."),
  external_url: z
    .url({ protocol: /^https?$/, error: "expected an http or https URL" })
    .optional()
    .describe("How people reach it: for links in notifications. Its host name is allowed in the Host header."),
  tls: z
    .strictObject({
      cert: fileName.describe("Certificate chain, PEM."),
      key: fileName.describe("Private key, PEM."),
    })
    .optional()
    .describe("TLS on the port, 1.2 and up. Changed files are taken up within 5 s, without a reload."),
  auth: z
    .strictObject({
      anonymous: z
        .enum(ANONYMOUS)
        .default("none")
        .describe("What a request without a credential may do. `admin` works on a loopback address only."),
    })
    .prefault({}),
  allowed_hosts: z
    .array(z.string().regex(/^[^\s/:]+$|^\[[0-9A-Fa-f:.]+\]$/, "expected a host name without port"))
    .default([])
    .describe("Further names that may stand in the Host header, without port."),
  outgoing: z
    .strictObject({
      allow: z
        .array(
          z.string().refine((text) => parseCidr(text) !== undefined, "expected an address range such as 10.0.0.0/8"),
        )
        .default([])
        .describe(
          "Address ranges that outgoing requests may reach although they are closed to them: `169.254.0.0/16`.",
        ),
    })
    .prefault({}),
  tenants: z
    .array(tenantEntry)
    .default([])
    .describe("Shops. Those found in the data need no entry: it adds name, tier, time zone and currency."),
  tenant_limits: tenantLimitsSchema
    .prefault({})
    .describe("What each shop may write, unless its entry says otherwise. Without a key: no limit."),
  metrics: z
    .strictObject({
      prometheus: fileName.optional().describe("A standard Prometheus file: scrape jobs, rule files."),
      retention: duration.prefault("30d").describe("How long samples are kept, at least `1h`."),
      ...retentionKeys,
    })
    .prefault({}),
  alerts: z
    .strictObject({
      alertmanager: fileName
        .optional()
        .describe("A standard Alertmanager file. Without one alerts are shown in the web app and nobody is told."),
      health_rules: z
        .boolean()
        .default(false)
        .describe(
          "Storewatch's own health rules and the Watchdog beside your rule files. Without a Prometheus file they hold anyway.",
        ),
      heartbeat: heartbeat.optional(),
      calm: calmSchema.prefault({}),
    })
    .prefault({}),
  dashboards: z.array(fileName).default([]).describe("Files with Grafana dashboards, or folders of such files."),
  log_level: z.enum(LOG_LEVELS).default("info").describe("The log goes to stderr, one JSON object a line."),
  features: z
    .strictObject({
      promql_experimental: z
        .boolean()
        .default(false)
        .describe(
          "PromQL parts that may still change: `info()`, `limitk`, `anchored` and `smoothed` ranges, duration expressions, fill modifiers.",
        ),
    })
    .prefault({}),
  storage: z
    .strictObject({
      metrics: embedded.describe("Where samples are kept."),
      documents: later,
      metadata: embedded.describe("Where users and tokens are kept."),
    })
    .prefault({}),
  logs: later,
  errors: later,
  uptime: later,
  respond: later,
  listeners: listenersSchema,
  rum: rumSchema,
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
  const listen = flags.listen === undefined ? (read.listen ?? DEFAULT_LISTEN) : mustListen(flags.listen);
  const config: StorewatchConfig = {
    file,
    listen,
    dataDir: flags.data === undefined ? absolute(read.data) : path.resolve(options.workingDir, flags.data),
    externalUrl: read.external_url?.replace(/\/+$/, ""),
    tls: read.tls && { certFile: absolute(read.tls.cert), keyFile: absolute(read.tls.key) },
    auth: read.auth,
    allowedHosts: read.allowed_hosts,
    outgoing: read.outgoing,
    tenantLimits: {
      defaults: toTenantLimits(read.tenant_limits),
      tenants: new Map(read.tenants.flatMap(({ id, limits }) => (limits ? [[id, toTenantLimits(limits)]] : []))),
    },
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
      retention: [
        toRetention(DEFAULT_CLASS, { retention: read.metrics.retention, downsampling: read.metrics.downsampling }),
        ...Object.entries(read.metrics.retention_classes).map(([name, each]) => toRetention(name, each)),
      ],
      sizeBytes: read.metrics.retention_size,
      classOfTenant: new Map(read.tenants.flatMap(({ id, retention }) => (retention ? [[id, retention]] : []))),
    },
    alerts: {
      alertmanagerFile: read.alerts.alertmanager === undefined ? undefined : absolute(read.alerts.alertmanager),
      healthRules: read.alerts.health_rules,
      heartbeat: read.alerts.heartbeat && {
        url: read.alerts.heartbeat.url,
        method: read.alerts.heartbeat.method,
        intervalMs: read.alerts.heartbeat.interval,
      },
      calm: toCalmConfig(read.alerts.calm),
    },
    dashboards: read.dashboards.map(absolute),
    logLevel: mustLogLevel(flags.logLevel) ?? read.log_level,
    features: { promqlExperimental: read.features.promql_experimental },
    listeners: toListeners(read.listeners, listen),
    rum: toRum(read.rum),
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
  if (config.metrics.retentionMs < MIN_RETENTION_MS) {
    findings.push(
      document.finding(["metrics", "retention"], "metrics.retention: expected at least 1h", { code: "CONFIG_VALUE" }),
    );
  }
  for (const { name, timeMs } of config.metrics.retention.slice(1)) {
    if (timeMs >= MIN_RETENTION_MS) continue;
    findings.push(
      document.finding(
        ["metrics", "retention_classes", name, "retention"],
        `metrics.retention_classes.${name}.retention: expected at least 1h`,
        { code: "CONFIG_VALUE" },
      ),
    );
  }
  config.tenants.forEach(({ id }, i) => {
    const name = config.metrics.classOfTenant.get(id);
    if (name === undefined || config.metrics.retention.some((one) => one.name === name)) return;
    findings.push(
      document.finding(["tenants", i, "retention"], `there is no class ${name} in metrics.retention_classes`, {
        code: "CONFIG_VALUE",
      }),
    );
  });
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
