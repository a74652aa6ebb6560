// GET /overview: the platform and its shops, worst first.
import { type Clock, parseTenantId, TENANT_LABEL, type TenantScope } from "@storewatch/model";
import type { Line, Overview, ShopOverview, TenantView } from "@storewatch/model/api";
import type { MatrixSeries } from "@storewatch/promql/engine";
import type { QueryService } from "../query/interface.ts";
import { chartExpressions } from "./expressions.ts";
import { type FiringAlert, fellSince, healthRank, judge, worstHealth } from "./health.ts";
import { type Axis, alignedAxis, axisLength, axisTimes, matrixOf, onAxis, sumLines } from "./results.ts";
import { type Snapshot, takeSnapshot } from "./snapshot.ts";

export interface OverviewSources {
  readonly query: QueryService;
  /** The shops that a scope may see. */
  readonly tenants: (scope: TenantScope) => Promise<readonly TenantView[]> | readonly TenantView[];
  readonly clock: Clock;
}

/** Points of a chart on the overview: enough for a third of a wide screen. */
const CHART_POINTS = 120;

export async function platformOverview(
  sources: OverviewSources,
  scope: TenantScope,
  rangeMs: number,
): Promise<Overview> {
  const atMs = sources.clock.nowMs();
  const axis = alignedAxis(atMs - rangeMs, atMs, CHART_POINTS);
  const [snapshot, charts, tenants] = await Promise.all([
    takeSnapshot(sources.query, scope, atMs),
    platformCharts(sources.query, scope, axis, rangeMs),
    sources.tenants(scope),
  ]);
  const timesMs = axisTimes(axis);
  const shops = withUndeclared(tenants, snapshot).map((tenant) =>
    shopOverview(tenant, snapshot, timesMs, charts.ordersByShop.get(tenant.id) ?? new Array(timesMs.length).fill(null)),
  );
  shops.sort(worstFirst);
  const reasons = judgePlatform(snapshot.alerts);
  const since = [...reasons, ...shops].flatMap((item) => item.sinceMs ?? []);
  return {
    atMs,
    rangeMs,
    stepMs: axis.stepMs,
    health: worstHealth([...reasons, ...shops].map((item) => (item.health === "unknown" ? "ok" : item.health))),
    sinceMs: since.length === 0 ? null : Math.min(...since),
    reasons,
    alerts: { firing: snapshot.alerts.length, pending: snapshot.pending },
    figures: snapshot.platform,
    activeConnections: snapshot.connections,
    timesMs,
    charts: { orders: charts.orders, requests: charts.requests, latency: charts.latency },
    shops,
  };
}

/** Alerts that name no shop, or what stands for none ("unknown"), concern the platform. */
function judgePlatform(alerts: readonly FiringAlert[]) {
  const figures = { value: 0, before: 0 };
  const calm = {
    requestsPerSecond: figures,
    errorRatio: figures,
    p95Seconds: figures,
    ordersPerHour: figures,
    revenuePerHour: [],
  };
  return judge(
    calm,
    alerts.filter((alert) => parseTenantId(alert.tenant) === undefined),
    null,
  );
}

/** A shop may send data before the registry has noticed it; what stands for no shop ("unknown") is none. */
function withUndeclared(tenants: readonly TenantView[], snapshot: Snapshot): TenantView[] {
  const known = new Set(tenants.map((tenant) => tenant.id));
  const found = [...snapshot.shopIds].filter((id) => !known.has(id) && parseTenantId(id) !== undefined);
  return [...tenants, ...found.map(undeclared)];
}

export const undeclared = (id: string): TenantView => ({
  id,
  name: id,
  tier: null,
  timezone: "UTC",
  currency: "VND",
  source: "data",
});

export function shopOverview(
  tenant: TenantView,
  snapshot: Snapshot,
  timesMs: readonly number[],
  orders: (number | null)[],
): ShopOverview {
  const figures = snapshot.shop(tenant.id);
  const alerts = snapshot.alerts.filter((alert) => alert.tenant === tenant.id);
  const reasons = judge(figures, alerts, fellSince(timesMs, orders, figures.ordersPerHour.before));
  const since = reasons.flatMap((reason) => reason.sinceMs ?? []);
  return {
    id: tenant.id,
    name: tenant.name,
    tier: tenant.tier,
    timezone: tenant.timezone,
    currency: tenant.currency,
    health: worstHealth(reasons.map((reason) => reason.health)),
    sinceMs: since.length === 0 ? null : Math.min(...since),
    reasons,
    figures,
    orders,
  };
}

/** By health, then by orders lost an hour; healthy ones by size. */
export function worstFirst(a: ShopOverview, b: ShopOverview): number {
  if (a.health !== b.health) return healthRank(b.health) - healthRank(a.health);
  const lost = (shop: ShopOverview) =>
    (shop.figures.ordersPerHour.before ?? 0) - (shop.figures.ordersPerHour.value ?? 0);
  const size = (shop: ShopOverview) => shop.figures.ordersPerHour.value ?? -1;
  const order = a.health === "ok" ? size(b) - size(a) : lost(b) - lost(a);
  return order || (a.id < b.id ? -1 : 1);
}

interface PlatformCharts {
  readonly orders: Line[];
  readonly requests: Line[];
  readonly latency: Line[];
  readonly ordersByShop: ReadonlyMap<string, (number | null)[]>;
}

async function platformCharts(
  query: QueryService,
  scope: TenantScope,
  axis: Axis,
  rangeMs: number,
): Promise<PlatformCharts> {
  const expressions = chartExpressions(axis.stepMs);
  const run = async (expression: string, shiftMs = 0) =>
    matrixOf(await query.range(scope, expression, axis.startMs - shiftMs, axis.endMs - shiftMs, axis.stepMs));
  const [orders, before, requests, p50, p95] = await Promise.all([
    run(expressions.orders),
    run(`sum(${expressions.orders})`, rangeMs),
    run(expressions.requests),
    run(expressions.p50),
    run(expressions.p95),
  ]);
  const length = axisLength(axis);
  const ordersByShop = new Map(orders.map((series) => [series.labels.get(TENANT_LABEL), onAxis(series, axis)]));
  const shifted = { ...axis, startMs: axis.startMs - rangeMs, endMs: axis.endMs - rangeMs };
  const line = (name: string, series: readonly MatrixSeries[], on = axis): Line => ({
    name,
    values: sumLines(
      series.map((one) => onAxis(one, on)),
      length,
    ),
  });
  return {
    ordersByShop,
    orders: [{ name: "orders", values: sumLines([...ordersByShop.values()], length) }, line("before", before, shifted)],
    requests: outcomeLines(requests, axis),
    latency: [line("p50", p50), line("p95", p95)],
  };
}

/** Status codes folded into their classes; classes that never occur are left out. */
export function outcomeLines(series: readonly MatrixSeries[], axis: Axis): Line[] {
  return ["2xx", "3xx", "4xx", "5xx"].flatMap((name) => {
    const own = series.filter((one) => one.labels.get("status_code").startsWith(name[0]));
    return own.length === 0
      ? []
      : [
          {
            name,
            values: sumLines(
              own.map((one) => onAxis(one, axis)),
              axisLength(axis),
            ),
          },
        ];
  });
}
