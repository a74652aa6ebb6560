import { ALL_TENANTS, Labels, parseTenantId, type TenantScope, tenantScope } from "@storewatch/model";
import { type Overview, overviewSchema, tenantOverviewSchema } from "@storewatch/model/api";
import type { QueryResult, QueryValue } from "@storewatch/promql/engine";
import { FakeClock } from "@storewatch/testkit";
import fastify from "fastify";
import { describe, expect, it } from "vitest";
import type { QueryService } from "../query/interface.ts";
import { forShop, INSTANT, SHOP_INSTANT } from "./expressions.ts";
import { fellSince, judge } from "./health.ts";
import { overviewRoutes } from "./index.ts";
import { alignedAxis } from "./results.ts";
import { readSpan } from "./route.ts";
import { spansOf } from "./shop.ts";

const NOW = 1_700_000_000_000;
const figure = (value: number | null, before: number | null = value) => ({ value, before });
const calm = {
  requestsPerSecond: figure(10),
  errorRatio: figure(0.001),
  p95Seconds: figure(0.2),
  ordersPerHour: figure(200),
  revenuePerHour: [],
};

describe("judge", () => {
  it("finds nothing wrong with a calm shop, nor with one whose few orders happen to fail to come", () => {
    expect(judge(calm, [], null)).toEqual([]);
    expect(judge({ ...calm, ordersPerHour: figure(0, 12) }, [], null)).toEqual([]);
  });
  it("says how far orders fell against the hour before, and that none come", () => {
    const [drop] = judge({ ...calm, ordersPerHour: figure(104, 200) }, [], NOW);
    expect(drop).toMatchObject({ kind: "orders-drop", health: "warn", sinceMs: NOW });
    expect(drop.value).toBeCloseTo(-0.48);
    expect(drop.text).toBe("orders −48\u202f% against the hour before");
    expect(judge({ ...calm, ordersPerHour: figure(0, 200) }, [], null)[0]).toMatchObject({
      kind: "no-orders",
      health: "crit",
    });
  });
  it("puts the worst reason first", () => {
    const alert = { alert: "HighResponseTime", severity: "warning", tenant: "acme", sinceMs: 5 };
    const reasons = judge({ ...calm, errorRatio: figure(0.2, 0) }, [alert], null);
    expect(reasons.map((reason) => [reason.kind, reason.health])).toEqual([
      ["errors", "crit"],
      ["alert", "warn"],
    ]);
  });
  it("does not call silence healthy", () => {
    const nothing = { ...calm, requestsPerSecond: figure(null), errorRatio: figure(null), ordersPerHour: figure(null) };
    expect(judge(nothing, [], null)).toMatchObject([{ kind: "no-data", health: "unknown" }]);
  });
});

it("finds when orders fell: the last unbroken stretch below three quarters", () => {
  expect(fellSince([1, 2, 3, 4, 5], [100, 40, 100, 50, null], 100)).toBe(4);
  expect(fellSince([1, 2], [100, 90], 100)).toBeNull();
});

it("narrows every selector to the shop", () => {
  expect(
    forShop('sum(rate(http_requests_total{status_code=~"5.."}[2m])) / sum(rate(http_requests_total[2m]))', "a"),
  ).toBe(
    'sum(rate(http_requests_total{tenant_id="a",status_code=~"5.."}[2m])) / sum(rate(http_requests_total{tenant_id="a"}[2m]))',
  );
});

it("turns points of ALERTS into spans", () => {
  const axis = { startMs: 0, endMs: 100, stepMs: 10 };
  const labels = Labels.from({ __name__: "ALERTS", alertname: "A", alertstate: "firing", severity: "critical" });
  const series = { labels, timesMs: Float64Array.of(10, 20, 50), values: Float64Array.of(1, 1, 1) };
  expect(spansOf([series], axis).map((span) => [span.fromMs, span.toMs])).toEqual([
    [10, 30],
    [50, 60],
  ]);
});

it("reads ranges and refuses senseless ones", () => {
  expect(readSpan({ range: "6h" }, NOW)).toEqual({ fromMs: NOW - 21_600_000, toMs: NOW });
  expect(readSpan({ from: "1000", to: "61000" }, NOW)).toEqual({ fromMs: 1000, toMs: 61_000 });
  for (const bad of [{ range: "soon" }, { from: "5", to: "4" }, { range: "9y" }])
    expect(readSpan(bad, NOW)).toBeUndefined();
  expect(alignedAxis(NOW - 3_600_000, NOW, 120).stepMs).toBe(30_000);
});

describe("routes", () => {
  it("answer by the schemas, ask within the scope only, and compute once per moment", async () => {
    const { app, calls, clock } = server(tenantScope([parseTenantId("acme")!]));
    const answer = await app.inject("/api/storewatch/v1/overview?range=1h");
    const overview = overviewSchema.parse(answer.json());
    expect(overview.shops.map((shop) => shop.id)).toEqual(["acme"]);
    expect(overview.shops[0].reasons.map((reason) => reason.kind)).toEqual(["alert", "orders-drop"]);
    expect(overview).toMatchObject({ health: "crit", alerts: { firing: 1, pending: 0 }, sinceMs: 1_699_999_000_000 });
    const before = calls.length;
    await app.inject("/api/storewatch/v1/overview?range=1h");
    expect(calls.length).toBe(before);
    await clock.advance(2000);
    await app.inject("/api/storewatch/v1/overview?range=1h");
    expect(calls.length).toBe(2 * before);
    expect(calls.every((call) => call.scope.kind === "tenants" && call.scope.ids.has("acme" as never))).toBe(true);
  });

  it("show a shop's page, and answer 404 for one outside the scope", async () => {
    const { app, calls } = server(tenantScope([parseTenantId("acme")!]));
    const page = await app.inject("/api/storewatch/v1/tenants/acme/overview?range=1h");
    expect(tenantOverviewSchema.parse(page.json()).shop.figures.ordersPerHour).toEqual({ value: 72, before: 360 });
    expect(page.json()).toMatchObject({ pageLoadSeconds: 1.6, conversionRate: null });
    const asked = calls.map(({ expression }) => expression).find((expression) => expression.includes("page_load"));
    expect(asked).toContain('page_load_duration_seconds_bucket{tenant_id="acme"}[10m]');
    expect((await app.inject("/api/storewatch/v1/tenants/other/overview")).statusCode).toBe(404);
    expect((await app.inject("/api/storewatch/v1/overview?range=x")).statusCode).toBe(400);
  });

  it("work without any data", async () => {
    const { app } = server(ALL_TENANTS, { silent: true });
    const overview = (await app.inject("/api/storewatch/v1/overview")).json() as Overview;
    expect(overviewSchema.parse(overview)).toMatchObject({
      health: "ok",
      figures: { requestsPerSecond: { value: null } },
    });
    expect(overview.shops[0].health).toBe("unknown");
  });
});

function server(scope: TenantScope, options: { silent?: boolean } = {}) {
  const calls: Array<{ scope: TenantScope; expression: string }> = [];
  const answer = (value: QueryValue): QueryResult => ({
    value,
    warnings: [],
    infos: [],
    stats: { samplesRead: 0, peakSamples: 0, busyMs: 0 },
  });
  const vector = (samples: Array<[Record<string, string>, number]>) =>
    answer({
      type: "vector",
      samples: samples.map(([labels, value]) => ({ labels: Labels.from(labels), timeMs: NOW, value })),
    });
  const acme = { tenant_id: "acme" };
  const alert = { ...acme, alertname: "TenantOrderRateLow", severity: "critical" };
  const known = new Map<string, Array<[Record<string, string>, number]>>([
    [INSTANT.requests, [[acme, 10]]],
    [SHOP_INSTANT.pageLoad, [[acme, 1.6]]],
    [INSTANT.orders, [[acme, 0.02]]],
    [INSTANT.ordersBefore, [[acme, 0.1]]],
    [INSTANT.history, [[{}, 12]]],
    [
      INSTANT.alerts,
      [
        [{ ...alert, __name__: "ALERTS", alertstate: "firing" }, 1],
        [{ __name__: "ALERTS", alertstate: "firing", alertname: "Watchdog", severity: "none" }, 1],
      ],
    ],
    [INSTANT.alertsSince, [[{ ...alert, __name__: "ALERTS_FOR_STATE" }, 1_699_999_000]]],
  ]);
  const query: QueryService = {
    async instant(given, expression) {
      calls.push({ scope: given, expression });
      const plain = expression.replaceAll('tenant_id="acme",', "").replaceAll('{tenant_id="acme"}', "");
      return vector(options.silent ? [] : (known.get(plain) ?? []));
    },
    async range(given, expression) {
      calls.push({ scope: given, expression });
      return answer({ type: "matrix", series: [] });
    },
    read: (_scope, _options, read) => read(new AbortController().signal),
  };
  const clock = new FakeClock(NOW);
  const acmeView = {
    id: "acme",
    name: "Acme",
    tier: "gold",
    timezone: "Asia/Ho_Chi_Minh",
    currency: "VND",
    source: "config" as const,
  };
  const app = fastify();
  app.setErrorHandler((error, _request, reply) =>
    reply.code((error as { status?: number }).status ?? 500).send(String(error)),
  );
  app.addHook("onRequest", async (request) => {
    request.principal = { name: "t", role: "viewer", scope, via: "token" };
  });
  app.register(overviewRoutes({ query, tenants: () => [acmeView], clock }));
  return { app, calls, clock };
}
