// The figures of all shops and of the platform at one moment: a fixed number of queries, however many shops.
import { TENANT_LABEL, type TenantScope } from "@storewatch/model";
import type { Figures, Money } from "@storewatch/model/api";
import type { QueryResult, VectorSample } from "@storewatch/promql/engine";
import type { QueryService } from "../query/interface.ts";
import { INSTANT } from "./expressions.ts";
import type { FiringAlert } from "./health.ts";
import { byTenant, firstOf, sumOf, vectorOf } from "./results.ts";

export interface Snapshot {
  readonly platform: Figures;
  readonly shop: (id: string) => Figures;
  /** Ids that any of the figures names. */
  readonly shopIds: ReadonlySet<string>;
  readonly alerts: readonly FiringAlert[];
  readonly pending: number;
  readonly connections: number | null;
}

type Name = keyof typeof INSTANT;
type Results = Readonly<Record<Name, QueryResult>>;

export async function takeSnapshot(
  query: QueryService,
  scope: TenantScope,
  atMs: number,
  rewrite: (expression: string) => string = (expression) => expression,
): Promise<Snapshot> {
  const names = Object.keys(INSTANT) as Name[];
  const answers = await Promise.all(names.map((name) => query.instant(scope, rewrite(INSTANT[name]), atMs)));
  const results = Object.fromEntries(names.map((name, i) => [name, answers[i]])) as Results;
  return readSnapshot((firstOf(results.history) ?? 0) < HISTORY_POINTS ? withoutHistory(results) : results);
}

/** A quarter of an hour to compare with, at least: less is the noise of a start. */
const HISTORY_POINTS = 3;

function withoutHistory(results: Results): Results {
  const none: QueryResult = { ...results.history, value: { type: "vector", samples: [] } };
  const before = Object.keys(results).filter((name) => name.endsWith("Before"));
  return { ...results, ...Object.fromEntries(before.map((name) => [name, none])) };
}

function readSnapshot(results: Results): Snapshot {
  const requests = byTenant(results.requests);
  const errors = byTenant(results.errors);
  const requestsBefore = byTenant(results.requestsBefore);
  const errorsBefore = byTenant(results.errorsBefore);
  const p95 = byTenant(results.p95);
  const p95Before = byTenant(results.p95Before);
  const orders = byTenant(results.orders);
  const ordersBefore = byTenant(results.ordersBefore);
  const revenue = vectorOf(results.revenue);
  const revenueBefore = vectorOf(results.revenueBefore);
  const hourly = (perSecond: number | null | undefined) =>
    perSecond === null || perSecond === undefined ? null : perSecond * 3600;

  const shop = (id: string): Figures => ({
    requestsPerSecond: { value: requests.get(id) ?? null, before: requestsBefore.get(id) ?? null },
    errorRatio: {
      value: ratio(errors.get(id), requests.get(id)),
      before: ratio(errorsBefore.get(id), requestsBefore.get(id)),
    },
    p95Seconds: { value: p95.get(id) ?? null, before: p95Before.get(id) ?? null },
    ordersPerHour: { value: hourly(orders.get(id)), before: hourly(ordersBefore.get(id)) },
    revenuePerHour: money(revenue, revenueBefore, (sample) => sample.labels.get(TENANT_LABEL) === id),
  });
  const platform: Figures = {
    requestsPerSecond: { value: sumOf(requests), before: sumOf(requestsBefore) },
    errorRatio: {
      value: ratio(sumOf(errors), sumOf(requests)),
      before: ratio(sumOf(errorsBefore), sumOf(requestsBefore)),
    },
    p95Seconds: { value: firstOf(results.p95All), before: firstOf(results.p95AllBefore) },
    ordersPerHour: { value: hourly(sumOf(orders)), before: hourly(sumOf(ordersBefore)) },
    revenuePerHour: money(revenue, revenueBefore, () => true),
  };
  const shopIds = new Set([requests, orders, requestsBefore, ordersBefore].flatMap((map) => [...map.keys()]));
  shopIds.delete("");
  return { platform, shop, shopIds, ...readAlerts(results), connections: firstOf(results.connections) };
}

/** No errors at all means no error series: that is a ratio of 0, not an unknown one. */
function ratio(part: number | null | undefined, whole: number | null | undefined): number | null {
  if (whole === null || whole === undefined || whole === 0) return null;
  return (part ?? 0) / whole;
}

function money(
  now: readonly VectorSample[],
  before: readonly VectorSample[],
  wanted: (s: VectorSample) => boolean,
): Money[] {
  const sums = new Map<string, { value: number | null; before: number | null }>();
  const add = (samples: readonly VectorSample[], key: "value" | "before") => {
    for (const sample of samples) {
      if (!wanted(sample) || !Number.isFinite(sample.value)) continue;
      const currency = sample.labels.get("currency");
      const sum = sums.get(currency) ?? { value: null, before: null };
      sum[key] = (sum[key] ?? 0) + sample.value * 3600;
      sums.set(currency, sum);
    }
  };
  add(now, "value");
  add(before, "before");
  const list = [...sums].map(([currency, sum]) => ({ currency, ...sum }));
  return list.sort((a, b) => (b.value ?? 0) - (a.value ?? 0));
}

function readAlerts(results: Results): { alerts: FiringAlert[]; pending: number } {
  const key = (sample: VectorSample) => sample.labels.without(["__name__", "alertstate"]).key;
  const since = new Map(vectorOf(results.alertsSince).map((sample) => [key(sample), sample.value * 1000]));
  const alerts: FiringAlert[] = [];
  let pending = 0;
  for (const sample of vectorOf(results.alerts)) {
    // Severity none is a sign of life (the Watchdog): it fires always and is no news.
    if (sample.value !== 1 || sample.labels.get("severity") === "none") continue;
    if (sample.labels.get("alertstate") === "pending") pending++;
    else {
      alerts.push({
        alert: sample.labels.get("alertname"),
        severity: sample.labels.get("severity"),
        tenant: sample.labels.get(TENANT_LABEL),
        sinceMs: since.get(key(sample)) ?? null,
      });
    }
  }
  return { alerts, pending };
}
