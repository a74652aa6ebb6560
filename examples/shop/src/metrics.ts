// What the shop tells its monitoring: the platform's metric names and labels. Every value comes from handled requests.
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";
import { ShopKpis } from "./kpi.ts";
import { TENANTS } from "./tenants.ts";

const DURATION_BUCKETS = [0.1, 0.3, 0.5, 0.7, 1, 3, 5, 7, 10];
/** `payment_failed`: the provider could not be reached; `declined`: it said no. */
export const ORDER_STATUSES = ["paid", "declined", "payment_failed"] as const;
export type OrderStatus = (typeof ORDER_STATUSES)[number];
export const PAYMENT_OUTCOMES = ["approved", "declined", "error"] as const;
export type PaymentOutcome = (typeof PAYMENT_OUTCOMES)[number];

export interface MetricsOptions {
  readonly service: string;
  readonly version: string;
  readonly providers: readonly string[];
  readonly memoryLimitBytes: number;
  readonly defaults?: boolean;
}

export class ShopMetrics {
  readonly registry = new Registry();
  readonly kpis = new Map(TENANTS.map((tenant) => [tenant.id, new ShopKpis()]));

  private readonly requests = this.counter("http_requests_total", "Total number of HTTP requests", [
    "method",
    "route",
    "status_code",
    "tenant_id",
  ]);
  private readonly durations = new Histogram({
    name: "http_request_duration_seconds",
    help: "HTTP request duration in seconds",
    labelNames: ["method", "route", "tenant_id"],
    buckets: DURATION_BUCKETS,
    registers: [this.registry],
  });
  private readonly connections = this.gauge("active_connections", "Number of open client connections");
  private readonly orders = this.counter("orders_total", "Total number of orders by outcome", ["tenant_id", "status"]);
  private readonly revenue = this.counter("revenue_total", "Total revenue of paid orders, in the shop's own currency", [
    "tenant_id",
    "currency",
  ]);
  private readonly payments = this.counter("payment_attempts_total", "Calls to payment providers by outcome", [
    "tenant_id",
    "provider",
    "outcome",
  ]);
  private readonly slowQueries = this.counter("db_slow_queries_total", "Database statements that took over 1 s", [
    "tenant_id",
    "operation",
  ]);

  /** Bounded as the labels are: methods × routes × shops. */
  private readonly seenRoutes = new Set<string>();

  constructor(private readonly options: MetricsOptions) {
    if (options.defaults !== false) collectDefaultMetrics({ register: this.registry });
    this.gauge("shop_build_info", "Always 1; the version that runs is in the label", ["service", "version"]).set(
      { service: options.service, version: options.version },
      1,
    );
    this.gauge("app_memory_limit_bytes", "Memory the process is meant to stay within").set(options.memoryLimitBytes);
    this.startAtZero();
    this.collectKpis();
  }

  requestDone(labels: { method: string; route: string; tenant: string }, statusCode: number, seconds: number): void {
    const { method, route, tenant } = labels;
    this.startErrorsAtZero(method, route, tenant);
    this.requests.inc({ method, route, status_code: String(statusCode), tenant_id: tenant });
    this.durations.observe({ method, route, tenant_id: tenant }, seconds);
  }

  connectionOpened(): void {
    this.connections.inc();
  }

  connectionClosed(): void {
    this.connections.dec();
  }

  orderDone(tenant: string, status: OrderStatus, sessionId: string): void {
    this.orders.inc({ tenant_id: tenant, status });
    if (status === "paid") this.kpis.get(tenant)?.orderPaid(sessionId, performance.now());
  }

  revenueReceived(tenant: string, currency: string, amount: number): void {
    this.revenue.inc({ tenant_id: tenant, currency }, amount);
  }

  paymentTried(tenant: string, provider: string, outcome: PaymentOutcome): void {
    this.payments.inc({ tenant_id: tenant, provider, outcome });
  }

  slowQuery(tenant: string, operation: string): void {
    this.slowQueries.inc({ tenant_id: tenant, operation });
  }

  /** Gauges of the connection pool, read when scraped. */
  watchPool(pool: { readonly inUse: number; readonly max: number; readonly waiting: number }): void {
    const values: ReadonlyArray<readonly [string, string, () => number]> = [
      ["db_connections_in_use", "Database connections taken by requests", () => pool.inUse],
      ["db_connections_max", "Size of the database connection pool", () => pool.max],
      ["db_connections_waiting", "Requests that wait for a database connection", () => pool.waiting],
    ];
    for (const [name, help, read] of values) {
      const collect = function (this: Gauge) {
        this.set(read());
      };
      new Gauge({ name, help, registers: [this.registry], collect });
    }
  }

  /** With a route's first request its counter of server errors starts at 0: see startAtZero. */
  private startErrorsAtZero(method: string, route: string, tenant: string): void {
    const key = `${method} ${route} ${tenant}`;
    if (this.seenRoutes.has(key)) return;
    this.seenRoutes.add(key);
    this.requests.inc({ method, route, status_code: "500", tenant_id: tenant }, 0);
  }

  /** A counter that appears with its first event loses that event to rate(): all known ones start at 0. */
  private startAtZero(): void {
    for (const tenant of TENANTS) {
      for (const status of ORDER_STATUSES) this.orders.inc({ tenant_id: tenant.id, status }, 0);
      this.revenue.inc({ tenant_id: tenant.id, currency: tenant.currency }, 0);
      for (const provider of this.options.providers) {
        for (const outcome of PAYMENT_OUTCOMES) this.payments.inc({ tenant_id: tenant.id, provider, outcome }, 0);
      }
    }
  }

  private collectKpis(): void {
    const abandonment = this.gauge(
      "cart_abandonment_rate",
      "Carts of the last 30 minutes without a purchase, percent",
      ["tenant_id"],
    );
    const active = this.gauge("active_sessions", "Visitors seen in the last minute", ["tenant_id"]);
    const { kpis } = this;
    new Gauge({
      name: "conversion_rate",
      help: "Visitors of the last 30 minutes that bought, percent",
      labelNames: ["tenant_id"],
      registers: [this.registry],
      collect() {
        for (const [tenant, shop] of kpis) {
          const read = shop.read(performance.now());
          const labels = { tenant_id: tenant };
          if (read.conversion !== undefined) this.set(labels, read.conversion);
          if (read.abandonment !== undefined) abandonment.set(labels, read.abandonment);
          active.set(labels, read.activeSessions);
        }
      },
    });
  }

  private counter<L extends string = never>(name: string, help: string, labelNames: L[] = []): Counter<L> {
    return new Counter({ name, help, labelNames, registers: [this.registry] });
  }

  private gauge<L extends string = never>(name: string, help: string, labelNames: L[] = []): Gauge<L> {
    return new Gauge({ name, help, labelNames, registers: [this.registry] });
  }
}
