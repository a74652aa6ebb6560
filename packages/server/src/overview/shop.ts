// GET /tenants/ID/overview: one shop's lanes on one time axis, and when its alerts were pending or firing.
import type { TenantScope } from "@storewatch/model";
import type { AlertSpan, Line, TenantOverview, TenantView } from "@storewatch/model/api";
import type { MatrixSeries } from "@storewatch/promql/engine";
import { chartExpressions, forShop, SHOP_INSTANT } from "./expressions.ts";
import { type OverviewSources, outcomeLines, shopOverview } from "./platform.ts";
import { type Axis, alignedAxis, axisLength, axisTimes, firstOf, matrixOf, onAxis, sumLines } from "./results.ts";
import { takeSnapshot } from "./snapshot.ts";

const LANE_POINTS = 240;

export interface Span {
  readonly fromMs: number;
  readonly toMs: number;
}

export async function shopPage(
  sources: OverviewSources,
  scope: TenantScope,
  tenant: TenantView,
  span: Span,
): Promise<TenantOverview> {
  const atMs = sources.clock.nowMs();
  const axis = alignedAxis(span.fromMs, span.toMs, LANE_POINTS);
  const rangeMs = span.toMs - span.fromMs;
  const own = (expression: string) => forShop(expression, tenant.id);
  const instant = async (expression: string) => firstOf(await sources.query.instant(scope, own(expression), atMs));
  const [snapshot, { alertSpans, ...lanes }, conversionRate, cartAbandonmentRate, pageLoadSeconds] = await Promise.all([
    takeSnapshot(sources.query, scope, atMs, own),
    shopLanes(sources, scope, tenant.id, axis, rangeMs),
    instant(SHOP_INSTANT.conversion),
    instant(SHOP_INSTANT.abandonment),
    instant(SHOP_INSTANT.pageLoad),
  ]);
  const timesMs = axisTimes(axis);
  return {
    atMs,
    fromMs: span.fromMs,
    toMs: span.toMs,
    stepMs: axis.stepMs,
    shop: shopOverview(tenant, snapshot, timesMs, lanes.orders[0]?.values ?? new Array(timesMs.length).fill(null)),
    conversionRate,
    cartAbandonmentRate,
    pageLoadSeconds,
    timesMs,
    lanes,
    alertSpans,
  };
}

type Lanes = TenantOverview["lanes"] & { readonly alertSpans: AlertSpan[] };

async function shopLanes(
  sources: OverviewSources,
  scope: TenantScope,
  id: string,
  axis: Axis,
  rangeMs: number,
): Promise<Lanes> {
  const expressions = chartExpressions(axis.stepMs);
  const run = async (expression: string, shiftMs = 0) => {
    const [from, to] = [axis.startMs - shiftMs, axis.endMs - shiftMs];
    return matrixOf(await sources.query.range(scope, forShop(expression, id), from, to, axis.stepMs));
  };
  const [orders, before, revenue, requests, errors, p50, p95, alerts] = await Promise.all([
    run(expressions.orders),
    run(expressions.orders, rangeMs),
    run(expressions.revenue),
    run(expressions.requests),
    run(expressions.errors),
    run(expressions.p50),
    run(expressions.p95),
    run(expressions.alerts),
  ]);
  const shifted = { ...axis, startMs: axis.startMs - rangeMs, endMs: axis.endMs - rangeMs };
  const line = (name: string, series: readonly MatrixSeries[], on = axis): Line => ({
    name,
    values: sumLines(
      series.map((one) => onAxis(one, on)),
      axisLength(axis),
    ),
  });
  const outcomes = outcomeLines(requests, axis);
  return {
    orders: [line("orders", orders), line("before", before, shifted)],
    revenue: revenue.map((series) => ({ name: series.labels.get("currency"), values: onAxis(series, axis) })),
    requests: outcomes,
    errors: [{ name: "errors", values: errorLine(errors, outcomes, axis) }],
    latency: [line("p50", p50), line("p95", p95)],
    alertSpans: spansOf(alerts, axis),
  };
}

/** Without any 5xx there is no error series; where there are requests the ratio is 0 then. */
function errorLine(errors: readonly MatrixSeries[], outcomes: readonly Line[], axis: Axis): (number | null)[] {
  const ratio = sumLines(
    errors.map((one) => onAxis(one, axis)),
    axisLength(axis),
  );
  return ratio.map((value, i) => value ?? (outcomes.some((line) => line.values[i] !== null) ? 0 : null));
}

/** Runs of neighbouring points of an ALERTS series, one span each. */
export function spansOf(series: readonly MatrixSeries[], axis: Axis): AlertSpan[] {
  const spans: AlertSpan[] = [];
  for (const one of series) {
    const state = one.labels.get("alertstate") === "pending" ? "pending" : "firing";
    const common = { alert: one.labels.get("alertname"), severity: one.labels.get("severity"), state } as const;
    let fromMs = one.timesMs[0];
    for (let i = 0; i < one.timesMs.length; i++) {
      const next = one.timesMs[i + 1];
      if (next !== undefined && next - one.timesMs[i] <= axis.stepMs * 1.5) continue;
      spans.push({ ...common, fromMs, toMs: Math.min(one.timesMs[i] + axis.stepMs, axis.endMs) });
      fromMs = next;
    }
  }
  return spans.sort((a, b) => a.fromMs - b.fromMs);
}
