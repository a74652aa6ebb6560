// The product, assembled: options → wire → start → reload → stop. Startable within a test.
import { fileURLToPath } from "node:url";
import { ALL_TENANTS, type Clock, type Finding, formatFinding, TENANT_LABEL, type Tenant } from "@storewatch/model";
import type { FastifyPluginAsync } from "fastify";
import { alertRoutes, calmRoutes, routingRoutes } from "../alerts/index.ts";
import { type Auth, authRoutes, createAuth, ensureAdminToken } from "../auth/index.ts";
import { type Collector, createCollector } from "../collect/index.ts";
import { DEFAULT_OTLP_SETTINGS } from "../collect/ingest/otlp/settings.ts";
import { receiptRoutes } from "../collect/limits/route.ts";
import { collectRoutes } from "../collect/route.ts";
import type { Environment } from "../config/environment.ts";
import { formatListenAddress } from "../config/listen-address.ts";
import type { RumKey } from "../config/rum.ts";
import type { StorewatchConfig } from "../config/storewatch-config.ts";
import {
  createHttpServer,
  createStreamHub,
  type HttpServer,
  healthRoutes,
  operationRoutes,
  type ServedRoute,
  type StreamHub,
  streamRoutes,
} from "../http/index.ts";
import { createAddressRules } from "../kernel/address-rules.ts";
import { Disposables } from "../kernel/disposables.ts";
import type { Logger } from "../kernel/logger.ts";
import { createSelfMetrics, type SelfMetrics } from "../kernel/self-metrics.ts";
import { notifyRoutes, receiverRoutes } from "../notify/index.ts";
import { ruleGroupRoutes } from "../rules/group-route.ts";
import { rulePreviewRoutes } from "../rules/preview-route.ts";
import { ruleRoutes } from "../rules/route.ts";
import { lockDataDir, metadataFile, openMetadataStore } from "../store/meta/index.ts";
import type { MetadataStore } from "../store/meta/interface.ts";
import { createTenantRegistry, type TenantRegistry } from "../tenant/registry.ts";
import { tenantRoutes } from "../tenant/route.ts";
import { type AlertStage, type AlertStageConfig, createAlertStage } from "./alert-stage.ts";
import { type ApiStage, createApiStage } from "./api-stage.ts";
import { chainProblem } from "./chain-health.ts";
import { createIntakeStage, type IntakeStage } from "./intake-stage.ts";
import { type MetricStage, openMetricStage, retentionOptions } from "./metric-stage.ts";
import { loadOperatorFiles, type OperatorFiles } from "./operator-files.ts";
import { createPageStage, type PageStage } from "./page-stage.ts";
import { createPushStage, type PushStage } from "./push-stage.ts";
import { watchedReload } from "./reload-metrics.ts";
import { createRemoteWriteStage, type RemoteWriteStage } from "./remote-write-stage.ts";
import { createRuleStage, type RuleStage } from "./rule-stage.ts";
import { VERSION } from "./version.ts";

export interface AppOptions {
  readonly config: StorewatchConfig;
  /** Reads the configuration anew at a reload. Throws ConfigError. */
  readonly readConfig: () => StorewatchConfig;
  readonly environment: Environment;
  readonly clock: Clock;
  readonly logger: Logger;
  /** What the demo adds; it starts before the files are read, because it writes some of them. */
  readonly demo?: (base: Base) => Promise<DemoParts>;
}

export interface DemoParts {
  readonly tenants: readonly Tenant[];
  readonly routes: readonly FastifyPluginAsync[];
  readonly prometheusFile: string;
  readonly alertmanagerFile: string;
  /** For the pages of the example shop. */
  readonly rumKeys: readonly RumKey[];
  stop(): Promise<void>;
}

/** What everything else stands on. */
export interface Base {
  readonly metrics: SelfMetrics;
  readonly meta: MetadataStore;
  readonly auth: Auth;
  readonly hub: StreamHub;
}

export interface Running {
  /** How to reach it from this machine. */
  readonly url: string;
  /** Set when this start made the first admin token: the file that holds it. */
  readonly adminTokenFile: string | undefined;
  /** Its own metrics, as /metrics shows them. */
  readonly metrics: SelfMetrics;
  /** What the port answers. */
  readonly routes: readonly ServedRoute[];
  /** A link that signs in an admin once. */
  signInLink(): Promise<string>;
  /** Throws ConfigError and keeps everything as it was. */
  reload(): Promise<void>;
  stop(): Promise<void>;
}

const UI_DIR = fileURLToPath(new URL("../../../ui/dist/", import.meta.url));
const TENANT_INFO_EVERY_MS = 15_000;

/** Starts everything; when a part cannot start, what had started is stopped and the error thrown. */
export async function startStorewatch(options: AppOptions): Promise<Running> {
  const started = new Disposables();
  try {
    return await start(options, started);
  } catch (error) {
    await started.disposeAll((name, problem) => options.logger.warn({ err: problem }, `stopping ${name}`));
    throw error;
  }
}

async function start(options: AppOptions, started: Disposables): Promise<Running> {
  const { clock, logger } = options;
  const lock = await lockDataDir(options.config.dataDir);
  started.add("data directory", () => lock.release());
  const base = await openBase(options, started);
  const adminTokenFile = await ensureAdminToken(base.meta, options.config.dataDir, clock);
  const [stage, demo] = await openStageAndDemo(options, base, started);
  const config = demo ? withDemo(options.config, demo) : options.config;
  const files = loadOperatorFiles(config, options.environment);
  tell(logger, files.findings);

  const parts = await assemble(options, config, files, base, stage, started);
  const state = { started: false, ready: false };
  const reload = watchedReload(() => reloadAll(options, demo, parts), base.metrics, clock);
  const http = await createServer({ options, config, base, parts, demo, state, reload });
  const address = await http.start();
  started.add("http", () => http.stop());
  await startStages(parts, clock, started);
  state.started = true;
  state.ready = true;
  return {
    url: address.url,
    adminTokenFile,
    metrics: base.metrics,
    routes: http.routes,
    signInLink: async () => `${address.url}/?token=${await base.auth.createSignInLink()}`,
    reload,
    async stop() {
      state.ready = false;
      await started.disposeAll((name, problem) => logger.warn({ err: problem }, `stopping ${name}`));
    },
  };
}

/** Side by side, because the demo mostly waits for its processes. When one fails, the other is there to be stopped. */
async function openStageAndDemo(
  { config, clock, logger, demo }: AppOptions,
  base: Base,
  started: Disposables,
): Promise<[MetricStage, DemoParts | undefined]> {
  const { metrics } = base;
  const opening = openMetricStage({
    dataDir: config.dataDir,
    retention: retentionOptions(config.metrics),
    isExperimental: config.features.promqlExperimental,
    clock,
    logger,
    metrics,
  }).then((stage) => {
    started.add("metric store", () => stage.close());
    return stage;
  });
  const starting = demo?.(base).then((parts) => {
    started.add("demo", () => parts.stop());
    return parts;
  });
  await Promise.allSettled([opening, starting]);
  return Promise.all([opening, starting]);
}

async function openBase({ config, clock, logger }: AppOptions, started: Disposables): Promise<Base> {
  const metrics = createSelfMetrics();
  const meta = await openMetadataStore(metadataFile(config.dataDir));
  started.add("metadata store", () => meta.close());
  const auth = createAuth({
    store: meta,
    clock,
    logger,
    metrics,
    anonymous: config.auth.anonymous,
    // Behind a proxy that ends TLS, browsers reach it by https as well.
    secureCookies: config.tls !== undefined || config.externalUrl?.startsWith("https:") === true,
  });
  started.add("auth", () => auth.close());
  const hub = createStreamHub(clock, metrics);
  started.add("live stream", () => hub.close());
  return { metrics, meta, auth, hub };
}

interface Parts {
  readonly stage: MetricStage;
  readonly intake: IntakeStage;
  readonly remoteWrite: RemoteWriteStage;
  readonly push: PushStage;
  readonly tenants: TenantRegistry;
  readonly alerts: AlertStage;
  readonly rules: RuleStage;
  readonly collector: Collector;
  readonly pages: PageStage;
  readonly api: ApiStage;
  readonly tenantInfo: { start(): void; stop(): void };
}

async function assemble(
  { clock, logger }: AppOptions,
  config: StorewatchConfig,
  files: OperatorFiles,
  base: Base,
  opened: MetricStage,
  started: Disposables,
): Promise<Parts> {
  const { metrics, hub } = base;
  const externalUrl = config.externalUrl ?? ownUrl(config);
  const shared = { dataDir: config.dataDir, clock, logger, metrics };
  const remoteWrite = createRemoteWriteStage({ ...shared, stage: opened, allowedRanges: config.outgoing.allow });
  started.add("remote write", () => remoteWrite.stop());
  const { stage } = remoteWrite;
  const tenants = openTenants(stage, config, clock);
  const alerts = await createAlertStage({
    ...shared,
    config: alertConfig(config, files),
    externalUrl,
    allowedRanges: config.outgoing.allow,
  });
  const rules = createRuleStage({
    ...shared,
    stage,
    sink: alerts.sink,
    groups: files.ruleGroups,
    prometheus: files.prometheus,
    promqlExperimental: config.features.promqlExperimental,
    externalUrl,
  });
  tell(logger, rules.book.problems());
  const intake = createIntakeStage({ ...shared, stage, limits: config.tenantLimits });
  started.add("intake", () => intake.close());
  const collector = createCollector({
    store: intake.collectStore,
    config: files.prometheus,
    clock,
    logger,
    metrics,
    self: { instance: formatListenAddress(config.listen), expose: () => metrics.metrics() },
    addressRules: createAddressRules(config.outgoing.allow),
  });
  intake.useTargets(collector.board);
  await remoteWrite.start(files.prometheus, () => intake.metadata.mergedWith(collector.board.metadata()));
  const pages = createPageStage({
    ...shared,
    provisioned: config.dashboards,
    query: stage.query,
    tenants,
    onAnnotationChange: () => hub.publish("annotations"),
  });
  tell(logger, pages.findings);
  publishChanges(hub, stage, alerts, started);
  const push = createPushStage({
    ...shared,
    intake: intake.intake,
    dogstatsd: config.listeners.dogstatsd,
    otlp: files.prometheus?.otlp ?? DEFAULT_OTLP_SETTINGS,
    rum: config.rum,
    isKnownTenant: (id) => tenants.get(id) !== undefined,
    annotate: pages.annotate,
  });
  return {
    stage,
    intake,
    remoteWrite,
    push,
    tenants,
    alerts,
    rules,
    collector,
    pages,
    api: createApiStage({
      ...shared,
      stage,
      prometheus: files.prometheus,
      retentionMs: config.metrics.retentionMs,
      auth: base.auth,
      board: collector.board,
      metadata: intake.metadata,
      alertmanagers: () => alerts.externalAlertmanagers(),
      forget: (tenant) => push.forget(tenant),
    }),
    tenantInfo: tenantInfo(stage, tenants, clock, logger),
  };
}

function openTenants({ store }: MetricStage, config: StorewatchConfig, clock: Clock): TenantRegistry {
  return createTenantRegistry({
    declared: config.tenants,
    labelValues: (matchers, fromMs, toMs) => store.labelValues(ALL_TENANTS, TENANT_LABEL, matchers, fromMs, toMs),
    retentionMs: config.metrics.retentionMs,
    clock,
  });
}

/** How this machine reaches it, when the port is a fixed one. */
export function ownUrl({ listen, tls }: StorewatchConfig): string {
  const host = listen.host === "0.0.0.0" || listen.host === "::" ? { ...listen, host: "127.0.0.1" } : listen;
  return `${tls ? "https" : "http"}://${formatListenAddress(host)}`;
}

function publishChanges(hub: StreamHub, stage: MetricStage, alerts: AlertStage, started: Disposables): void {
  const stops = [
    stage.store.onArrival(() => {
      hub.publish("samples");
      hub.publish("targets");
    }),
    alerts.manager.onChange(() => hub.publish("alerts")),
    alerts.notifier.log.onChange(() => hub.publish("notifications")),
  ];
  started.add("change listeners", () => {
    for (const stop of stops) stop();
  });
}

/** Writes storewatch_tenant_info of every known shop, so that rules notice one whose own series have ended. */
function tenantInfo(stage: MetricStage, tenants: TenantRegistry, clock: Clock, logger: Logger) {
  let timer = { cancel() {} };
  const write = () => {
    const samples = tenants.infoSamples(clock.nowMs());
    if (samples.length > 0) {
      stage.store
        .append(ALL_TENANTS, samples)
        .catch((error: unknown) => logger.warn({ err: error }, "writing the list of shops"));
    }
    timer = clock.setTimer(TENANT_INFO_EVERY_MS, write);
  };
  return { start: write, stop: () => timer.cancel() };
}

function alertConfig(config: StorewatchConfig, files: OperatorFiles): AlertStageConfig {
  const { heartbeat, calm } = config.alerts;
  return { alertmanager: files.alertmanager, prometheus: files.prometheus, heartbeat, calm };
}

/** In the order of the data; stopped in reverse, so that what is upstream stops first. */
async function startStages(parts: Parts, clock: Clock, started: Disposables): Promise<void> {
  const { collector, rules, stage } = parts;
  const chain = {
    clock,
    targets: () => collector.board.active(),
    groups: () => rules.engine.board.groups(),
    isDegraded: () => stage.isDegraded(),
  };
  const startedAtMs = clock.nowMs();
  await parts.alerts.start(() => chainProblem(chain, startedAtMs));
  started.add("alerts", () => parts.alerts.stop());
  parts.rules.engine.start();
  started.add("rules", () => parts.rules.engine.stop());
  parts.pages.start();
  started.add("pages", () => parts.pages.stop());
  parts.tenantInfo.start();
  started.add("tenant info", () => parts.tenantInfo.stop());
  await parts.push.start();
  started.add("push protocols", () => parts.push.stop());
  parts.collector.start();
  started.add("collector", () => parts.collector.stop());
}

interface ServerParts {
  readonly options: AppOptions;
  readonly config: StorewatchConfig;
  readonly base: Base;
  readonly parts: Parts;
  readonly demo: DemoParts | undefined;
  readonly state: { readonly started: boolean; readonly ready: boolean };
  readonly reload: () => Promise<void>;
}

function createServer({ options, config, base, parts, demo, state, reload }: ServerParts): Promise<HttpServer> {
  const { clock, logger } = options;
  const { metrics, auth, hub } = base;
  const { stage } = parts;
  return createHttpServer({
    listen: config.listen,
    ...(config.tls ? { tls: config.tls } : {}),
    allowedHosts: config.allowedHosts,
    ...(config.externalUrl ? { externalUrl: config.externalUrl } : {}),
    auth,
    hub,
    metrics,
    logger,
    clock,
    version: VERSION,
    uiDir: UI_DIR,
    ingestRoutes: [...parts.intake.routes, ...parts.push.routes],
    alsoListen: config.listeners.http,
    routes: [
      healthRoutes(() => ({ ...state, degraded: stage.isDegraded() })),
      operationRoutes({ metrics, version: VERSION, reload }),
      authRoutes({ auth, demo: demo !== undefined, version: VERSION }),
      streamRoutes(hub),
      tenantRoutes(parts.tenants),
      receiptRoutes(parts.intake.receipts),
      ...parts.api.routes,
      ruleRoutes(parts.rules.engine.board),
      ruleGroupRoutes({ book: parts.rules.book, audit: auth.audit.bind(auth) }),
      rulePreviewRoutes({
        query: stage.query,
        clock,
        settings: parts.rules.settings,
        format: { experimental: config.features.promqlExperimental },
        externalUrl: parts.rules.externalUrl,
      }),
      collectRoutes({ board: parts.collector.board, metadata: parts.intake.metadata, store: stage.store }),
      alertRoutes({ manager: parts.alerts.manager, version: VERSION }),
      calmRoutes({ manager: parts.alerts.manager, journal: parts.alerts.quality }),
      routingRoutes({ manager: parts.alerts.manager }),
      notifyRoutes({ log: parts.alerts.notifier.log }),
      receiverRoutes({ notifier: parts.alerts.notifier, clock, externalUrl: config.externalUrl ?? ownUrl(config) }),
      ...parts.pages.routes,
      ...(demo?.routes ?? []),
    ],
  });
}

/** Reads everything before anything changes: a bad file keeps all of the old configuration. */
async function reloadAll(options: AppOptions, demo: DemoParts | undefined, parts: Parts): Promise<void> {
  try {
    await reloadOrThrow(options, demo, parts);
  } catch (error) {
    parts.api.reload(undefined);
    throw error;
  }
}

async function reloadOrThrow(options: AppOptions, demo: DemoParts | undefined, parts: Parts): Promise<void> {
  const read = options.readConfig();
  const config = demo ? withDemo(read, demo) : read;
  const files = loadOperatorFiles(config, options.environment);
  parts.rules.book.mustFit(files.ruleGroups);
  const applyAlerts = await parts.alerts.prepareReload(alertConfig(config, files));
  parts.pages.reload(config.dashboards);
  await applyAlerts();
  await parts.rules.reload(files.ruleGroups, files.prometheus);
  parts.intake.setLimits(config.tenantLimits);
  await parts.remoteWrite.reload(files.prometheus);
  await parts.collector.reload(files.prometheus);
  parts.push.reload({ otlp: files.prometheus?.otlp ?? DEFAULT_OTLP_SETTINGS, rum: config.rum });
  parts.tenants.setDeclared(config.tenants);
  parts.api.reload(files.prometheus);
  tell(options.logger, files.findings);
  options.logger.info("configuration reloaded");
}

function withDemo(config: StorewatchConfig, demo: DemoParts): StorewatchConfig {
  return {
    ...config,
    tenants: [...demo.tenants, ...config.tenants],
    metrics: { ...config.metrics, prometheusFile: config.metrics.prometheusFile ?? demo.prometheusFile },
    alerts: { ...config.alerts, alertmanagerFile: config.alerts.alertmanagerFile ?? demo.alertmanagerFile },
    rum: { ...config.rum, keys: [...demo.rumKeys, ...config.rum.keys] },
  };
}

function tell(logger: Logger, findings: readonly Finding[]): void {
  for (const finding of findings) logger.warn(formatFinding(finding));
}
