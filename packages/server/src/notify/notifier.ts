// Receivers of a configuration → Deliveries: an integration with retries behind a breaker, the log, and metrics.
import type { Clock, NotificationData } from "@storewatch/model";
import type { ReceiverTestResult, ReceiverView } from "@storewatch/model/api";
import type { ReceiverConfig } from "../alerts/config/index.ts";
import type { AlertStatePersistence, Delivery } from "../alerts/interface.ts";
import type { Logger } from "../kernel/logger.ts";
import type { SelfMetrics } from "../kernel/self-metrics.ts";
import type { TemplateSet } from "../template/index.ts";
import { createDeliver } from "./deliver.ts";
import { DeliveryLog } from "./delivery-log.ts";
import { IntegrationHealth, type Way } from "./health.ts";
import type { HttpSend } from "./http.ts";
import { createNotifyMetrics } from "./metrics.ts";
import { createIntegration } from "./registry.ts";
import { createTest } from "./test-delivery.ts";

export interface NotifierOptions {
  readonly clock: Clock;
  readonly rng: () => number;
  readonly logger: Logger;
  readonly metrics: SelfMetrics;
  /** createSafeHttp(…).request */
  readonly http: HttpSend;
  /** Where the log of notifications is kept: a file of its own. */
  readonly persistence: AlertStatePersistence;
  readonly logEntriesMax?: number;
}

export interface Notifier {
  readonly log: DeliveryLog;
  /** Loads the log. */
  start(): Promise<void>;
  /** The ways to a receiver, with the templates of its configuration. */
  deliveries(receiver: ReceiverConfig, templates: TemplateSet): Delivery[];
  /** Forgets receivers that are not of these names: after a reload. */
  retain(names: ReadonlySet<string>): void;
  /** How the receivers fare. */
  receivers(): Promise<ReceiverView[]>;
  /** One attempt by each integration of a receiver (or the one named); undefined: there is no such. */
  test(data: NotificationData, integration?: string): Promise<ReceiverTestResult["results"] | undefined>;
}

export function createNotifier(options: NotifierOptions): Notifier {
  const { clock, http, logger, persistence } = options;
  const log = new DeliveryLog({ persistence, logger, entriesMax: options.logEntriesMax });
  const known = new Map<string, Way[]>();
  const metrics = createNotifyMetrics(options.metrics, () => known);
  const deliver = createDeliver({ ...options, log, metrics });
  const test = createTest({ clock, log });
  return {
    log,
    start: () => log.load(),
    deliveries(receiver, templates) {
      const before = known.get(receiver.name) ?? [];
      const ways = receiver.integrations.map((config): Way => {
        const integration = createIntegration(config, { clock, http, templates });
        const name = `${integration.kind}[${integration.index}]`;
        const kept = before.find((way) => way.name === name)?.health;
        return { name, integration, health: kept ?? healthFromLog(clock, log, receiver.name, name) };
      });
      known.set(receiver.name, ways);
      // From 0 on: a rate sees the first failure too.
      for (const outcome of ["delivered", "failed"]) {
        if (ways.length > 0) metrics.notifications.inc({ receiver: receiver.name, outcome }, 0);
      }
      return ways.map((way) => {
        const { kind, index, sendResolved } = way.integration;
        return { kind, index, sendResolved, deliver: (request, signal) => deliver(way, request, signal) };
      });
    },
    retain(names) {
      for (const name of known.keys()) if (!names.has(name)) known.delete(name);
    },
    receivers: () =>
      Promise.all(
        [...known].map(async ([name, ways]) => ({
          name,
          integrations: await Promise.all(ways.map(({ health, integration }) => health.view(integration))),
        })),
      ),
    async test(data, integration) {
      const ways = known.get(data.receiver)?.filter(({ name }) => integration === undefined || name === integration);
      if (!ways || (integration !== undefined && ways.length === 0)) return undefined;
      return Promise.all(ways.map((way) => test(way, data)));
    },
  };
}

function healthFromLog(clock: Clock, log: DeliveryLog, receiver: string, integration: string): IntegrationHealth {
  const health = new IntegrationHealth(clock);
  for (const entry of log.lastOf(receiver, integration)) health.remember(entry);
  return health;
}
