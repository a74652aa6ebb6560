// The shop's monitoring: everything that Storewatch gives a service, set up in one place.
import { diskCheck, memoryCheck, redisCheck, type Storewatch, storewatch } from "@storewatch/sdk";
import type { Redis } from "ioredis";
import type { ActiveVisitors } from "./active-visitors.ts";
import type { ShopStore } from "./store/shop-store.ts";
import { TENANTS } from "./tenants.ts";

/** What the process is meant to stay within; the memory leak goes beyond it, the rest stays far below. */
const MEMORY_LIMIT_BYTES = 256 * 1024 * 1024;
const ORDER_STATUSES = ["paid", "declined", "payment_failed"];
const PAYMENT_OUTCOMES = ["approved", "declined", "error"];
/** Visitors of the demo think for seconds: a cart that nothing happened to for a minute was left. */
const CART_IDLE_MS = 60_000;

export interface MonitoringOptions {
  readonly version: string;
  readonly environment?: string;
  /** False leaves Node's own metrics out. */
  readonly defaultMetrics?: boolean;
  /** Series that one shop may have. */
  readonly seriesPerTenant?: number;
  /** Time between "not ready" and closing, ms; a balancer needs some. */
  readonly shutdownNoticeMs?: number;
}

export function monitorShop(options: MonitoringOptions): Storewatch {
  const { seriesPerTenant } = options;
  return storewatch({
    service: "shop",
    version: options.version,
    ...(options.environment ? { environment: options.environment } : {}),
    tenant: {
      from: [{ path: "/t/:tenant" }, { header: "x-tenant-id" }],
      known: TENANTS.map(({ id }) => id),
    },
    metrics: {
      defaults: options.defaultMetrics ?? true,
      ...(seriesPerTenant === undefined ? {} : { limits: { perTenant: seriesPerTenant } }),
    },
    business: { cartIdleMs: CART_IDLE_MS },
    shutdown: { noticeMs: options.shutdownNoticeMs ?? 0, drainMs: 2000, stepMs: 2000 },
  });
}

/** Counters that appear with their first event lose that event to `rate()`: all that there can be start at 0. */
export function startTenants(sw: Storewatch, providers: readonly string[]): void {
  const payments = providers.flatMap((provider) => PAYMENT_OUTCOMES.map((outcome) => ({ provider, outcome })));
  for (const { id, currency } of TENANTS)
    sw.business.startTenant({ tenantId: id, statuses: ORDER_STATUSES, currencies: [currency], payments });
}

/** Gauges that are read when they are scraped. */
export function watchShop(sw: Storewatch, store: ShopStore, visitors: ActiveVisitors): void {
  const { metrics } = sw;
  const { pool } = store;
  const gauge = (name: string, help: string, read: () => number) => metrics.observedGauge({ name, help }, read);
  gauge("db_connections_in_use", "Database connections taken by requests", () => pool.inUse);
  gauge("db_connections_max", "Size of the database connection pool", () => pool.max);
  gauge("db_connections_waiting", "Requests that wait for a database connection", () => pool.waiting);
  gauge("app_memory_limit_bytes", "Memory the process is meant to stay within", () => MEMORY_LIMIT_BYTES);
  const tenants = TENANTS.map(({ id }) => id);
  metrics.observedGauge(
    { name: "active_sessions", help: "Visitors seen in the last minute", labelNames: ["tenant_id"] },
    () => [...visitors.count(tenants)].map(([tenant_id, value]) => ({ labels: { tenant_id }, value })),
  );
}

/** What /health looks at. `redis` is there when carts are kept in it; the shop works without. */
export function checkShop(sw: Storewatch, parts: { store: ShopStore; redis?: Redis; directory: string }): void {
  const { store, redis, directory } = parts;
  sw.health
    .check("database", () => checkDatabase(store))
    .check("memory", memoryCheck({ limitBytes: MEMORY_LIMIT_BYTES }), { critical: false })
    .check("disk", diskCheck(directory), { critical: false });
  if (redis) sw.health.check("redis", redisCheck(redis), { critical: false });
}

async function checkDatabase(store: ShopStore) {
  const { inUse, max, waiting } = store.pool;
  await store.withSession("", (session) => session.ping());
  const status = inUse > 0.8 * max ? ("warning" as const) : ("healthy" as const);
  return { status, details: { inUse, max, waiting } };
}
