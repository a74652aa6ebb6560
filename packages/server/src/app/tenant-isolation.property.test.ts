// What one shop's people get is the same whether other shops exist or not: each question is asked of a server that holds
// their shop only and of one that holds others too, and the replies must be the same bytes. So no name, value, count or
// error text of another shop can be in them.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { ALL_TENANTS, Labels, type MetricMetadata, parseTenantId, type Sample, tenantScope } from "@storewatch/model";
import { FakeClock } from "@storewatch/testkit";
import fc from "fast-check";
import Fastify, { type FastifyInstance } from "fastify";
import { serializerCompiler, validatorCompiler } from "fastify-type-provider-zod";
import { Registry } from "prom-client";
import { expect, test } from "vitest";
import type { MetadataBook } from "../collect/metadata/metadata-book.ts";
import { fileSources, loadPrometheusConfig } from "../collect/prometheus-config.ts";
import { snappyCompress } from "../collect/protobuf/snappy.ts";
import { ProtoWriter } from "../collect/protobuf/writer.ts";
import { collectRoutes } from "../collect/route.ts";
import { createErrorHandler } from "../http/errors.ts";
import { silentLogger } from "../kernel/logger.ts";
import { createApiStage } from "./api-stage.ts";
import { type MetricStage, openMetricStage } from "./metric-stage.ts";

const NOW_MS = 1_700_000_000_000;
const own = tenantScope([parseTenantId("own")!]);
const RETENTION = { default: { name: "default", timeMs: 30 * 86_400_000 } };

interface World {
  readonly app: FastifyInstance;
  readonly stage: MetricStage;
  close(): Promise<void>;
}

async function openWorld(): Promise<World> {
  const dataDir = await mkdtemp(path.join(tmpdir(), "storewatch-isolation-"));
  const clock = new FakeClock(NOW_MS);
  const metrics = new Registry();
  const stage = await openMetricStage({
    dataDir,
    retention: RETENTION,
    clock,
    logger: silentLogger,
    metrics,
    isExperimental: true,
  });
  const prometheus = loadPrometheusConfig("(built in)", {
    ...fileSources({}),
    readFile: () => "global: { external_labels: { cluster: eu } }",
  });
  const board = { active: () => [], dropped: () => [], metadata: () => new Map<string, readonly MetricMetadata[]>() };
  const metadata = {
    mergedWith: () => new Map([...stage.store.metadata()].map(([family, one]) => [family, [one]] as const)),
  } as unknown as MetadataBook;
  const auth = { audit: () => Promise.resolve() };
  const kept = { retentionMs: 86_400_000, dataDir, alertmanagers: () => ["http://rival:9093"], forget: async () => {} };
  const api = createApiStage({
    stage,
    prometheus,
    ...kept,
    auth,
    clock,
    metrics,
    logger: silentLogger,
    board,
    metadata,
  });
  const app = Fastify();
  app.setValidatorCompiler(validatorCompiler);
  app.setSerializerCompiler(serializerCompiler);
  app.setErrorHandler(createErrorHandler(silentLogger));
  app.decorateRequest("principal", null as never);
  app.addHook("onRequest", async (request) => {
    request.principal = { name: "someone", role: "viewer", scope: own, via: "token" };
  });
  for (const routes of api.routes) await app.register(routes);
  await app.register(collectRoutes({ board, metadata, store: stage.store }));
  return {
    app,
    stage,
    async close() {
      await app.close();
      await stage.close();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}

interface Point {
  readonly metric: string;
  readonly tenant: string;
  readonly label: string;
  readonly seconds: number;
  readonly value: number;
}

const point = (tenants: readonly string[]): fc.Arbitrary<Point> =>
  fc.record({
    metric: fc.constantFrom("m_total", "g", "b_bucket", "only_others"),
    tenant: fc.constantFrom(...tenants),
    label: fc.constantFrom("1", "2", "3", "+Inf"),
    seconds: fc.nat(900),
    value: fc.oneof(fc.integer({ min: 0, max: 9 }), fc.double({ noNaN: true, min: 0, max: 100 })),
  });

function sampleOf({ metric, tenant, label, seconds, value }: Point): Sample {
  const more: Record<string, string> = metric === "b_bucket" ? { le: label } : { i: label };
  const labels = Labels.from({ __name__: metric, tenant_id: tenant, ...more });
  return { labels, timeMs: NOW_MS - seconds * 1000, value };
}

async function write({ stage }: World, points: readonly Point[]): Promise<void> {
  for (const one of points) {
    const sample = sampleOf(one);
    await stage.store.append(ALL_TENANTS, [sample]);
    stage.store.putMetadata([[one.metric, { type: "gauge", help: `${one.metric} of ${one.tenant}.`, unit: "" }]]);
    const exemplar = {
      labels: Labels.from({ trace_id: `${one.tenant}-${one.seconds}` }),
      value: one.value,
      timeMs: sample.timeMs,
    };
    stage.store.appendExemplars(ALL_TENANTS, [{ series: sample.labels, exemplar }]);
  }
}

const matchers = fc.constantFrom(
  "",
  '{tenant_id=~".*"}',
  '{tenant_id!="own"}',
  '{tenant_id=""}',
  '{tenant_id!~"own"}',
  '{tenant_id="rival"}',
  '{i!="1"}',
  '{__name__!=""}',
);
const selector = fc
  .tuple(fc.constantFrom("m_total", "g", "b_bucket", "only_others", "none"), matchers)
  .map(([name, tail]) => (tail.includes("__name__") ? tail : name + tail));
const FIRST: Readonly<Record<string, string>> = {
  topk: "2, ",
  limitk: "1, ",
  quantile: "0.5, ",
  count_values: '"tenant_id", ',
};
const expression = fc.letrec<{ vector: string }>((tie) => ({
  vector: fc.oneof(
    { maxDepth: 3, withCrossShrink: true },
    selector,
    fc
      .tuple(selector, fc.constantFrom("rate", "increase", "count_over_time", "absent_over_time", "last_over_time"))
      .map(([one, f]) => `${f}(${one}[7m])`),
    fc
      .tuple(
        tie("vector"),
        fc.constantFrom("sum", "count", "avg", "group", "topk", "limitk", "quantile", "count_values"),
        fc.constantFrom("", " by (tenant_id)", " without (i)"),
      )
      .map(([inner, op, by]) => {
        const first = FIRST[op] ?? "";
        return `${op}${by} (${first}${inner})`;
      }),
    fc
      .tuple(
        tie("vector"),
        tie("vector"),
        fc.constantFrom(
          "or",
          "and",
          "unless",
          "+",
          "* on ()",
          "/ ignoring (i) group_left ()",
          "- on (i) group_right (tenant_id)",
        ),
      )
      .map(([a, b, op]) => `(${a}) ${op} (${b})`),
    tie("vector").map((inner) => `label_replace(${inner}, "tenant_id", "rival", "i", "1")`),
    tie("vector").map((inner) => `label_join(${inner}, "tenant_id", "-", "tenant_id", "i")`),
    tie("vector").map((inner) => `absent(${inner})`),
    tie("vector").map((inner) => `histogram_quantile(0.9, ${inner})`),
    tie("vector").map((inner) => `sort_by_label(${inner}, "tenant_id")`),
    tie("vector").map((inner) => `info(${inner}, {tenant_id=~".+"})`),
    tie("vector").map((inner) => `max_over_time((${inner})[5m:1m])`),
    tie("vector").map((inner) => `scalar(${inner}) + ${inner}`),
    selector.map((one) => `${one} @ end() offset -1m`),
    fc.constantFrom("sum(", "g[", 'g{x=~"("}', "rate(g)", "1 +", "g offset 1"),
  ),
})).vector;

const encode = encodeURIComponent;
const seconds = NOW_MS / 1000;

/** Every way to ask, for one expression and one selector. */
function questions(
  text: string,
  match: string,
): Array<{ method: "GET" | "POST"; url: string; payload?: Buffer; headers?: Record<string, string> }> {
  const get = (url: string) => ({ method: "GET" as const, url });
  const pages = ["tsdb", "tsdb/blocks", "config", "flags", "buildinfo", "walreplay", "self_metrics"].map(
    (name) => `status/${name}`,
  );
  return [
    ...["", "&limit=1", "&lookback_delta=30s"].map((more) =>
      get(`/api/v1/query?query=${encode(text)}&time=${seconds}${more}`),
    ),
    ...["60", "77"].map((step) =>
      get(`/api/v1/query_range?query=${encode(text)}&start=${seconds - 900}&end=${seconds}&step=${step}`),
    ),
    get(`/api/v1/query_exemplars?query=${encode(text)}`),
    get(`/api/v1/format_query?query=${encode(text)}`),
    get(`/api/v1/parse_query?query=${encode(text)}`),
    get(`/api/v1/series?match[]=${encode(match)}`),
    get(`/api/v1/series?match[]=${encode(match)}&match[]=g&limit=2`),
    get(`/api/v1/labels?match[]=${encode(match)}`),
    get("/api/v1/labels"),
    ...["__name__", "tenant_id", "i", "le"].flatMap((label) => [
      get(`/api/v1/label/${label}/values`),
      get(`/api/v1/label/${label}/values?match[]=${encode(match)}&limit=1`),
    ]),
    get(`/federate?match[]=${encode(match)}&match[]=g`),
    { ...get(`/federate?match[]=${encode(match)}`), headers: { accept: "application/openmetrics-text;version=1.0.0" } },
    { method: "POST", url: "/api/v1/read", payload: readBody(), headers: { "content-type": "application/x-protobuf" } },
    ...[
      ...pages,
      "features",
      "notifications",
      "metadata",
      "targets",
      "targets/metadata",
      "scrape_pools",
      "scrape_pools/config?scrapePool=x",
      "alertmanagers",
    ].map((page) => get(`/api/v1/${page}`)),
    get("/api/storewatch/v1/slow-queries"),
  ];
}

/** All series: `__name__ != ""`, and one that asks for the others by name. */
function readBody(): Buffer {
  const out = new ProtoWriter();
  for (const [type, name, value] of [
    [1, "__name__", ""],
    [2, "tenant_id", "rival|own|"],
  ] as const) {
    out.message(1, (query) => {
      query.int(1, NOW_MS - 900_000).int(2, NOW_MS);
      query.message(3, (matcher) => {
        matcher.uint(1, type).string(2, name).string(3, value);
      });
    });
  }
  return Buffer.from(snappyCompress(out.view()));
}

/** What differs between two runs of the very same thing. */
function steady(text: string): string {
  return text.replace(/"(startTime|serverTime|lastConfigTime|CWD)":"[^"]*"/g, "");
}

type Data = ReadonlyArray<readonly [mine: Point, others: readonly Point[]]>;

/** Asks both servers everything. How many replies told of the own shop: none would mean that nothing was compared. */
async function compare(data: Data, asked: ReadonlyArray<readonly [text: string, match: string]>): Promise<number> {
  const alone = await openWorld();
  const shared = await openWorld();
  let told = 0;
  try {
    for (const [mine, others] of data) {
      await write(shared, others);
      await write(alone, [mine]);
      await write(shared, [mine]);
    }
    for (const question of asked.flatMap(([text, match]) => questions(text, match))) {
      const [a, b] = await Promise.all([alone.app.inject(question), shared.app.inject(question)]);
      const what = decodeURIComponent(question.url);
      expect(`${b.statusCode} ${steady(b.body)}`, what).toBe(`${a.statusCode} ${steady(a.body)}`);
      expect(a.statusCode, `${what}: ${a.body}`).toBeLessThan(500);
      expect(b.rawPayload.equals(a.rawPayload) || steady(a.body) !== a.body, what).toBe(true);
      if (b.body.includes('"own"')) told++;
    }
  } finally {
    await alone.close();
    await shared.close();
  }
  return told;
}

test("replies to one shop's people do not depend on what other shops have", async () => {
  // A failure prints the seed and the path that repeat it.
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(point(["own"]), fc.array(point(["rival", "own-2", "", "rival"]), { maxLength: 3 })), {
        maxLength: 12,
      }),
      fc.array(fc.tuple(expression, selector), { minLength: 2, maxLength: 4 }),
      async (data, asked) => {
        await compare(data, asked);
      },
    ),
    { numRuns: 12 },
  );
}, 120_000);

test("the questions do tell of the own shop", async () => {
  const at = (metric: string, tenant: string, value: number): Point => ({
    metric,
    tenant,
    label: "1",
    seconds: 30,
    value,
  });
  const data: Data = [
    [at("g", "own", 5), [at("g", "rival", 7), at("only_others", "rival", 1)]],
    [at("m_total", "own", 2), [at("m_total", "own-2", 3)]],
  ];
  const told = await compare(data, [
    ["g", "g"],
    ["sum by (tenant_id) (m_total)", '{__name__!=""}'],
  ]);
  expect(told).toBeGreaterThanOrEqual(20);
}, 60_000);
