// The push protocols beside remote write: their routes, their UDP port, and the state that they add up in.
import path from "node:path";
import { ALL_TENANTS, type Clock, TENANT_LABEL, type TenantId, type TenantScope, tenantScope } from "@storewatch/model";
import type { FastifyPluginAsync } from "fastify";
import { type DatadogEvent, datadogRoutes } from "../collect/ingest/datadog/route.ts";
import { DogStatsdListener } from "../collect/ingest/dogstatsd/listener.ts";
import { labelsOfTags } from "../collect/ingest/names.ts";
import { newRelicRoutes } from "../collect/ingest/newrelic/route.ts";
import { DeltaState } from "../collect/ingest/otlp/deltas.ts";
import { otlpRoutes } from "../collect/ingest/otlp/route.ts";
import type { OtlpSettings } from "../collect/ingest/otlp/settings.ts";
import { PushedTotals } from "../collect/ingest/pushed-totals.ts";
import { PushGroups } from "../collect/ingest/pushgateway/groups.ts";
import { pushgatewayRoutes } from "../collect/ingest/pushgateway/route.ts";
import { RumReceiver } from "../collect/ingest/rum/receiver.ts";
import { rumRoutes } from "../collect/ingest/rum/route.ts";
import { labelsInScope } from "../collect/ingest/scope.ts";
import type { Intake } from "../collect/intake/interface.ts";
import type { DogStatsdConfig } from "../config/listeners.ts";
import type { RumConfig } from "../config/rum.ts";
import type { NewAnnotation } from "../dashboards/index.ts";
import { senderRules } from "../kernel/address-rules.ts";
import type { Logger } from "../kernel/logger.ts";
import type { SelfMetrics } from "../kernel/self-metrics.ts";

export interface PushStage {
  readonly routes: readonly FastifyPluginAsync[];
  /** Throws PORT_TAKEN, LISTEN_FAILED. */
  start(): Promise<void>;
  reload(settings: { readonly otlp: OtlpSettings; readonly rum: RumConfig }): void;
  stop(): Promise<void>;
  /** Before a shop's data is erased: nothing of it is told again. */
  forget(tenant: TenantId): Promise<void>;
}

export interface PushStageOptions {
  readonly dataDir: string;
  readonly intake: Intake;
  readonly dogstatsd: DogStatsdConfig | undefined;
  readonly otlp: OtlpSettings;
  readonly rum: RumConfig;
  /** Declared, or found in the data. */
  readonly isKnownTenant: (id: TenantId) => boolean;
  /** Events become marks on the time axis. */
  readonly annotate: (annotation: NewAnnotation) => void;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: SelfMetrics;
}

export function createPushStage(options: PushStageOptions): PushStage {
  const { intake, clock, logger } = options;
  let { otlp } = options;
  const totals = new PushedTotals({ intake, clock, logger });
  const groups = new PushGroups({ dir: path.join(options.dataDir, "push-groups"), intake, clock, logger });
  const onEvent = (scope: TenantScope, event: DatadogEvent) => markEvent(options, scope, event);
  const statsd = options.dogstatsd && createDogStatsd(options, options.dogstatsd, onEvent);
  const deltas = new DeltaState(totals);
  const receiver = new RumReceiver({ ...options, config: options.rum });
  return {
    routes: [
      otlpRoutes({ intake, deltas, settings: () => otlp, clock }),
      datadogRoutes({ intake, totals, onEvent, clock }),
      newRelicRoutes({ intake, totals, clock }),
      pushgatewayRoutes({ groups }),
      rumRoutes({ receiver }),
    ],
    async start() {
      await groups.open();
      groups.start();
      totals.start();
      receiver.start();
      const port = await statsd?.start();
      if (port !== undefined) logger.info({ port }, "listening for DogStatsD (UDP)");
    },
    reload(settings) {
      otlp = settings.otlp;
      receiver.reload(settings.rum);
    },
    async stop() {
      await statsd?.stop();
      await receiver.stop();
      totals.stop();
      groups.stop();
    },
    async forget(tenant) {
      totals.forget(tenant);
      deltas.forget(tenant);
      statsd?.forget(tenant);
      receiver.forget(tenant);
      await groups.forget(tenant);
    },
  };
}

function createDogStatsd(
  { intake, clock, metrics, logger }: PushStageOptions,
  { address, allow, tenants }: DogStatsdConfig,
  onEvent: (scope: TenantScope, event: DatadogEvent) => void,
): DogStatsdListener {
  return new DogStatsdListener({
    ...address,
    scope: tenants ? tenantScope(tenants) : ALL_TENANTS,
    isAllowed: senderRules(allow),
    intake,
    onEvent,
    clock,
    metrics,
    logger,
  });
}

/** An event of another shop, or of none where the credential is for several, is left out: it would be shown to strangers. */
function markEvent(options: PushStageOptions, scope: TenantScope, event: DatadogEvent): void {
  const labels = labelsInScope(scope, labelsOfTags("event", event.tags));
  if (!labels) return;
  const timeMs = event.timeMs ?? options.clock.nowMs();
  options.annotate({
    time: timeMs,
    timeEnd: timeMs,
    text: event.text === "" ? event.title : `${event.title}\n${event.text}`,
    tags: ["event", event.alertType, ...event.tags].slice(0, 50),
    tenant: labels.get(TENANT_LABEL) || null,
    by: "push",
  });
}
