// The HTTP API over the real store and engine, asked by inject().
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { ALL_TENANTS, Labels, parseTenantId, type TenantScope, tenantScope } from "@storewatch/model";
import { createEngine } from "@storewatch/promql/engine";
import { FakeClock } from "@storewatch/testkit";
import { openTsdb } from "@storewatch/tsdb";
import Fastify, { type FastifyInstance } from "fastify";
import { pino } from "pino";
import { Registry } from "prom-client";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { MetricStore } from "../store/interface.ts";
import { createEmbeddedMetricStore } from "../store/metrics/embedded.ts";
import { queryRoutes } from "./route.ts";
import { createQueryService } from "./service.ts";
import { createSlowQueryLog } from "./slow-queries.ts";

const NOW_MS = 1_700_000_000_000;
const SECONDS = NOW_MS / 1000;
const acme = tenantScope([parseTenantId("acme")!]);

let app: FastifyInstance;
let store: MetricStore;
let dir: string;
let scope: TenantScope = ALL_TENANTS;
const done: string[] = [];

beforeAll(async () => {
  dir = await mkdtemp(path.join(tmpdir(), "storewatch-api-"));
  const clock = new FakeClock(NOW_MS);
  const retention = { default: { name: "default", timeMs: 86_400_000 } };
  store = createEmbeddedMetricStore(await openTsdb({ dataDir: dir, clock, retention }));
  const engine = createEngine({ clock });
  const metrics = new Registry();
  const slow = createSlowQueryLog({ slowMs: 1e9, clock, logger: pino({ level: "silent" }) });
  const nextTurn = () => new Promise<void>((resolve) => setImmediate(resolve));
  const query = createQueryService({ store, engine, urgentEngine: engine, clock, metrics, slow, nextTurn });
  for (const [tenant, value] of [
    ["acme", 5],
    ["bep-nha", 7],
  ] as const) {
    const labels = Labels.from({ __name__: "orders_total", tenant_id: tenant });
    await store.append(ALL_TENANTS, [
      { labels, timeMs: NOW_MS - 60_000, value: value - 1 },
      { labels, timeMs: NOW_MS - 1000, value },
    ]);
    const exemplar = { labels: Labels.from({ trace_id: `of-${tenant}` }), value: 0.5, timeMs: NOW_MS - 1500 };
    store.appendExemplars(ALL_TENANTS, [{ series: labels, exemplar }]);
  }
  app = Fastify();
  app.decorateRequest("principal", null as never);
  app.addHook("onRequest", async (request) => {
    request.principal = { name: "tester", role: "admin", scope, via: "token" };
  });
  await app.register(
    queryRoutes({
      query,
      store,
      exemplars: store.exemplars,
      clock,
      nextTurn,
      isExperimental: false,
      status: { "status/flags": () => ({ a: "b" }), features: (asked) => ({ sees: asked.kind }) },
      admin: {
        deleteSeries: async (matchers, fromMs, toMs) => {
          done.push(`delete ${matchers.map(({ name, value }) => `${name}=${value}`)} ${fromMs} ${toMs}`);
          return { series: 1 };
        },
        cleanUp: async () => void done.push("clean"),
        snapshot: async () => "20231114T221320Z-x",
        audit: async (by, action, subject, detail) => void done.push(`${by.name} ${action} ${subject} ${detail ?? ""}`),
      },
    }),
  );
});

afterAll(async () => {
  await app.close();
  await store.close();
  await rm(dir, { recursive: true, force: true });
});

async function get(
  url: string,
  as: TenantScope = ALL_TENANTS,
): Promise<{ status: number; json: { data?: unknown } & Record<string, unknown> }> {
  scope = as;
  const reply = await app.inject({ url });
  return { status: reply.statusCode, json: reply.json() };
}

async function post(url: string, form: Record<string, string | string[]>) {
  scope = ALL_TENANTS;
  const pairs = Object.entries(form).flatMap(([name, value]) => [value].flat().map((one) => [name, one]));
  return app.inject({
    method: "POST",
    url,
    headers: { "content-type": "application/x-www-form-urlencoded" },
    payload: new URLSearchParams(pairs).toString(),
  });
}

const data = async (url: string, as?: TenantScope) => (await get(url, as)).json.data;

describe("queries", () => {
  test("stats are there when asked for, and `timeout`, `limit` and `lookback_delta` count", async () => {
    const reply = await get(`/api/v1/query?query=orders_total&stats=all&time=${SECONDS}`);
    expect(reply.json.data).toMatchObject({
      resultType: "vector",
      stats: {
        samples: { totalQueryableSamples: 4, peakSamples: expect.any(Number) },
        timings: { execTotalTime: expect.any(Number) },
      },
    });
    const limited = await get(`/api/v1/query?query=orders_total&limit=1&time=${SECONDS}`);
    expect((limited.json.data as { result: unknown[] }).result).toHaveLength(1);
    expect(limited.json.warnings).toEqual(["results truncated due to limit"]);
    const late = `/api/v1/query?query=orders_total&time=${SECONDS + 20}`;
    expect(await data(late)).toMatchObject({ result: [{}, {}] });
    expect(await data(`${late}&lookback_delta=10s`)).toMatchObject({ result: [] });
    expect((await get(`${late}&timeout=soon`)).status).toBe(400);
    expect((await get(`${late}&lookback_delta=0`)).status).toBe(400);
  });

  test("errors say what and where, in upstream's envelope", async () => {
    expect(await get("/api/v1/query?query=sum(")).toMatchObject({
      status: 400,
      json: {
        status: "error",
        errorType: "bad_data",
        error: expect.stringMatching(/^invalid parameter "query": 1:\d+: parse error: /),
      },
    });
    expect(await get("/api/v1/query")).toMatchObject({ status: 400, json: { errorType: "bad_data" } });
    expect(await get(`/api/v1/query_range?query=up&start=1&end=100000&step=1`)).toMatchObject({
      status: 400,
      json: { error: expect.stringContaining("exceeded maximum resolution of 11,000 points per timeseries") },
    });
    expect(await get(`/api/v1/query?query=orders_total*on()orders_total&time=${SECONDS}`)).toMatchObject({
      status: 422,
      json: { errorType: "execution" },
    });
  });

  test("exemplars of every selector, in the caller's scope", async () => {
    const url = "/api/v1/query_exemplars?query=rate(orders_total[5m])/scalar(orders_total)";
    const of = (tenant: string) => ({
      seriesLabels: { __name__: "orders_total", tenant_id: tenant },
      exemplars: [{ labels: { trace_id: `of-${tenant}` }, value: "0.5", timestamp: 1_699_999_998.5 }],
    });
    expect(await data(url)).toEqual([of("acme"), of("bep-nha")]);
    expect(await data(url, acme)).toEqual([of("acme")]);
    expect(await data(`${url}&start=${SECONDS}`)).toEqual([]);
    expect((await get("/api/v1/query_exemplars?query=sum(")).status).toBe(400);
  });

  test("format_query and parse_query", async () => {
    expect((await post("/api/v1/format_query", { query: "sum by(a)(rate(x{b='c'}[5m]))>1" })).json()).toEqual({
      status: "success",
      data: 'sum by (a) (rate(x{b="c"}[5m])) > 1',
    });
    const text = 'sum by (a) (x{b!~"c"} offset 1m @ 5.5) / on (d) group_left (e) -y[1h:5m] @ end()';
    expect((await post("/api/v1/parse_query", { query: text })).json().error).toMatch(/1:\d+: parse error/);
    expect(
      (await post("/api/v1/parse_query", { query: text.replace("-y[1h:5m] @ end()", "(x > bool 1)") })).json().data,
    ).toEqual({
      type: "binaryExpr",
      op: "/",
      bool: false,
      matching: {
        card: "many-to-one",
        labels: ["d"],
        on: true,
        include: ["e"],
        fillValues: { lhs: null, rhs: null },
      },
      lhs: expect.objectContaining({
        type: "aggregation",
        grouping: ["a"],
        param: null,
        expr: expect.objectContaining({ type: "vectorSelector", offset: 60_000, timestamp: 5500, startOrEnd: null }),
      }),
      rhs: { type: "parenExpr", expr: expect.objectContaining({ type: "binaryExpr", bool: true, matching: null }) },
    });
    expect(await data("/api/v1/parse_query?query=topk(2, rate(x{b!~'c'}[5m] @ start()))")).toEqual({
      type: "aggregation",
      op: "topk",
      param: { type: "numberLiteral", val: "2" },
      grouping: [],
      without: false,
      expr: {
        type: "call",
        func: { name: "rate", argTypes: ["matrix"], variadic: 0, returnType: "vector" },
        args: [
          {
            type: "matrixSelector",
            name: "x",
            range: 300_000,
            offset: 0,
            matchers: [
              { name: "b", value: "c", type: "!~" },
              { name: "__name__", value: "x", type: "=" },
            ],
            timestamp: null,
            startOrEnd: "start",
            anchored: false,
            smoothed: false,
          },
        ],
      },
    });
    expect(await data("/api/v1/parse_query?query=1e25")).toEqual({ type: "numberLiteral", val: `1${"0".repeat(25)}` });
    expect(await data("/api/v1/parse_query?query=1.5e-9")).toEqual({ type: "numberLiteral", val: "0.0000000015" });
  });
});

describe("series", () => {
  test("limits warn, names in a path may be escaped, scopes hold", async () => {
    expect(await data("/api/v1/series?match[]=orders_total", acme)).toEqual([
      { __name__: "orders_total", tenant_id: "acme" },
    ]);
    expect(await get("/api/v1/label/tenant_id/values?limit=1")).toMatchObject({
      json: { data: ["acme"], warnings: ["results truncated due to limit"] },
    });
    expect(await data("/api/v1/label/U__tenant__id/values", acme)).toEqual(["acme"]);
    expect(await data("/api/v1/labels?match[]=orders_total&match[]=nothing")).toEqual(["__name__", "tenant_id"]);
    expect((await get("/api/v1/series")).json.error).toBe("no match[] parameter provided");
    expect((await get("/api/v1/series?match[]={")).status).toBe(400);
    expect((await get("/api/v1/series?match[]=up&start=2&end=1")).status).toBe(400);
  });
});

describe("status and administration", () => {
  test("a status page hears whose question it is", async () => {
    expect(await data("/api/v1/features")).toEqual({ sees: "all" });
    expect(await data("/api/v1/features", acme)).toEqual({ sees: "tenants" });
  });

  test("delete, clean and snapshot, each written down", async () => {
    const reply = await post("/api/v1/admin/tsdb/delete_series", {
      "match[]": ['up{a="b"}', "x"],
      start: "5",
      end: "7",
    });
    expect(reply.statusCode).toBe(204);
    expect((await post("/api/v1/admin/tsdb/delete_series", {})).statusCode).toBe(400);
    expect((await post("/api/v1/admin/tsdb/clean_tombstones", {})).statusCode).toBe(204);
    expect((await post("/api/v1/admin/tsdb/snapshot", {})).json().data).toEqual({ name: "20231114T221320Z-x" });
    expect(done).toEqual([
      "delete a=b,__name__=up 5000 7000",
      'tester series.delete {a="b",__name__="up"} 5…7: 1 series',
      "delete __name__=x 5000 7000",
      'tester series.delete {__name__="x"} 5…7: 1 series',
      "clean",
      "tester series.clean all ",
      "tester metrics.snapshot 20231114T221320Z-x ",
    ]);
  });
});
