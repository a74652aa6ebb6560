import type { Server } from "node:net";
import { collectDefaultMetrics, Gauge, type OpenMetricsContentType, Registry } from "prom-client";
import { currentContext } from "../context/store.ts";
import type { Guard } from "../guard.ts";
import { UNKNOWN_TENANT } from "../tenant/tenant-id.ts";
import { OpenConnections } from "./connections.ts";
import {
  expositionOf,
  listenForScrapes,
  type MetricsAuth,
  type MetricsListenOptions,
  metricsHandler,
  type NodeHandler,
} from "./exposition.ts";
import { HttpMetrics } from "./http-metrics.ts";
import {
  type InstrumentOptions,
  Instruments,
  type LabelValues,
  type SafeCounter,
  type SafeGauge,
  type SafeHistogram,
} from "./instruments.ts";
import { observeSampled, SampledHistogram } from "./sampled-histogram.ts";
import { SeriesBudget, type SeriesLimits } from "./series-budget.ts";

export interface MetricsOptions {
  /** Where the metrics go; a shop that has prom-client metrics already gives its registry. Default: a new one. */
  readonly registry?: Registry | Registry<OpenMetricsContentType>;
  /** Node's own metrics (event loop, memory, garbage collection). Default true. */
  readonly defaults?: boolean;
  readonly limits?: Partial<SeriesLimits>;
}

/** One value of a gauge that is read when scraped. */
export interface GaugeReading {
  readonly labels: LabelValues;
  readonly value: number;
}

const DEFAULT_LIMITS: SeriesLimits = { perTenant: 5000, tenants: 2000 };
const DEFAULT_BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/** The metrics of a service: the platform's, Node's, and what the shop adds. No method throws once it is set up. */
export class AppMetrics {
  readonly registry: Registry;
  readonly http: HttpMetrics;
  readonly connections = new OpenConnections();
  readonly instruments: Instruments;
  private readonly guard: Guard;
  private readonly budget: SeriesBudget;
  private readonly listeners: Server[] = [];

  constructor(options: MetricsOptions, guard: Guard) {
    this.registry = (options.registry ?? new Registry()) as Registry;
    this.guard = guard;
    this.budget = new SeriesBudget({ ...DEFAULT_LIMITS, ...options.limits });
    this.instruments = new Instruments(this.registry, this.budget, guard);
    this.http = new HttpMetrics(this.registry, this.budget, this.connections);
    if (options.defaults !== false) {
      guard.run("metrics", () => collectDefaultMetrics({ register: this.registry }), undefined);
    }
    this.reportItself();
  }

  counter(options: InstrumentOptions): SafeCounter {
    return this.instruments.counter(options);
  }

  gauge(options: InstrumentOptions): SafeGauge {
    return this.instruments.gauge(options);
  }

  histogram(options: InstrumentOptions & { readonly buckets?: readonly number[] }): SafeHistogram {
    return this.instruments.histogram(options);
  }

  /** A histogram that takes one observation in `oneIn` at random, and counts it that often. */
  sampledHistogram(
    options: InstrumentOptions & { readonly buckets?: readonly number[]; readonly oneIn: number },
  ): SafeHistogram {
    const { name, help, oneIn, buckets = DEFAULT_BUCKETS } = options;
    return this.instruments.once("sampled histogram", name, { observe: () => undefined }, () => {
      const histogram = new SampledHistogram({ name, help, buckets, oneIn }).register(this.registry);
      const book = this.instruments.book(options, buckets.length + 3);
      const wantsTenant = options.labelNames?.includes("tenant_id") ?? false;
      const tenant = () => currentContext()?.tenantId ?? UNKNOWN_TENANT;
      const observe = (labels: LabelValues, value: number) =>
        this.guard.run(
          "metrics",
          () =>
            observeSampled(histogram, book, () => (wantsTenant ? { tenant_id: tenant(), ...labels } : labels), value),
          undefined,
        );
      return { observe };
    });
  }

  /** A gauge whose value is read when it is scraped. `read` gives undefined for "not known": then there is no series. */
  observedGauge(options: InstrumentOptions, read: () => MaybeReadings | Promise<MaybeReadings>): void {
    this.instruments.once("observed gauge", options.name, undefined, () => {
      const book = this.instruments.book(options, 1);
      new Gauge({
        name: options.name,
        help: options.help,
        labelNames: [...(options.labelNames ?? [])],
        registers: [this.registry],
        async collect() {
          const readings = await read();
          this.reset();
          if (typeof readings === "number") this.set(readings);
          else for (const { labels, value } of readings ?? []) this.set(book.labels(labels), value);
        },
      });
    });
  }

  /** Counts the open connections of a server from now on; otherwise from its first request on. */
  watchServer(server: Server): void {
    this.connections.watch(server);
  }

  /** The exposition text. */
  text(): Promise<string> {
    return expositionOf(this.registry, this.guard);
  }

  /** A handler for a router of one's own, which should not be the public one. */
  handler(auth?: MetricsAuth): NodeHandler {
    return metricsHandler(this.registry, this.guard, auth);
  }

  /** /metrics on a port of its own. */
  async listen(options: MetricsListenOptions): Promise<Server> {
    const server = await listenForScrapes(options, (auth) => this.handler(auth));
    this.listeners.push(server);
    return server;
  }

  close(): void {
    for (const server of this.listeners.splice(0)) server.close();
  }

  private reportItself(): void {
    const { budget, guard } = this;
    const part = { name: "storewatch_sdk_errors_total", help: "Failures of monitoring itself", labelNames: ["part"] };
    const rolled = {
      name: "storewatch_sdk_rolled_up_observations_total",
      help: "Observations that went to __other__ because a tenant is at its cap of series",
      labelNames: ["metric"],
    };
    this.observedTotals(part, () => guard.failures());
    this.observedTotals(rolled, () => budget.rollUps());
  }

  /** Totals that are counted elsewhere. They only rise, so they are shown as what they are: counters. */
  private observedTotals(
    shape: { name: string; help: string; labelNames: string[] },
    read: () => ReadonlyMap<string, number>,
  ): void {
    const [label] = shape.labelNames;
    const get = async () => ({
      name: shape.name,
      help: shape.help,
      type: "counter",
      aggregator: "sum",
      values: [...read()].map(([key, value]) => ({ labels: { [label!]: key }, value })),
    });
    const metric = { name: shape.name, help: shape.help, type: "counter", get, reset: () => undefined };
    this.registry.registerMetric(metric as unknown as Parameters<Registry["registerMetric"]>[0]);
  }
}

type MaybeReadings = number | readonly GaugeReading[] | undefined;
