import { Labels, type Sample, type SeriesSamples, type TenantScope, tenantScope } from "@storewatch/model";
import Fastify, { type FastifyInstance } from "fastify";
import { afterEach, beforeEach, expect, test } from "vitest";
import { snappyCompress } from "../protobuf/snappy.ts";
import { ProtoWriter } from "../protobuf/writer.ts";
import { encodeWriteRequest } from "../remote-write/encode-v1.ts";
import { backfillRoutes } from "./route.ts";

const UNTIL_MS = 1_700_000_000_000;

let app: FastifyInstance;
let scope: TenantScope;
let blocks: SeriesSamples[];
let appended: Sample[];
let failure: Error | undefined;

beforeEach(async () => {
  scope = { kind: "all" };
  blocks = [];
  appended = [];
  failure = undefined;
  app = Fastify();
  app.decorateRequest("principal", null as never);
  app.addHook("onRequest", async (request) => {
    request.principal = { name: "importer", role: "ingest", scope, via: "token" };
  });
  const store = {
    async backfill(_scope: TenantScope, series: readonly SeriesSamples[]) {
      if (failure) throw failure;
      blocks.push(...series);
      const written = series.reduce((sum, { timesMs }) => sum + timesMs.filter((time) => time < UNTIL_MS).length, 0);
      return { written, tooOld: 0, untilMs: UNTIL_MS };
    },
    async append(_scope: TenantScope, samples: readonly Sample[]) {
      appended.push(...samples);
      return { appended: samples.length, duplicates: 0, tooOld: 0 };
    },
  };
  await app.register(backfillRoutes({ store, nextTurn: async () => {} }));
});
afterEach(() => app.close());

const labels = (more: Record<string, string> = {}) => Labels.from({ __name__: "a", ...more });

async function send(samples: readonly Sample[], headers: Record<string, string> = {}) {
  const out = new ProtoWriter();
  encodeWriteRequest(out, { samples });
  const payload = Buffer.from(snappyCompress(out.finish()));
  const type = { "content-type": "application/x-protobuf" };
  return app.inject({ method: "POST", url: "/api/storewatch/v1/backfill", payload, headers: { ...type, ...headers } });
}

test("samples come as series with rising times, each time once; the young ones are appended", async () => {
  const one = labels();
  const reply = await send([
    { labels: one, timeMs: UNTIL_MS + 1, value: 4 },
    { labels: one, timeMs: 2, value: 2 },
    { labels: one, timeMs: 1, value: 1 },
    { labels: one, timeMs: 2, value: 9 },
    { labels: one, timeMs: 3, value: Number.NaN, stale: true },
  ]);
  expect(reply.json()).toEqual({ written: 4, tooOld: 0, refused: [] });
  expect(blocks).toHaveLength(1);
  expect([...blocks[0].timesMs]).toEqual([1, 2, 3, UNTIL_MS + 1]);
  expect([...blocks[0].values].slice(0, 2)).toEqual([1, 2]);
  expect(new BigUint64Array(blocks[0].values.slice(2, 3).buffer)[0]).toBe(0x7ff0000000000002n);
  expect(appended.map((sample) => [`${sample.labels}`, sample.timeMs, sample.value])).toEqual([["a", UNTIL_MS + 1, 4]]);
});

test("a credential for one shop writes its history only", async () => {
  scope = tenantScope(["acme" as never]);
  const reply = await send([
    { labels: labels(), timeMs: 1, value: 1 },
    { labels: labels({ tenant_id: "bravo" }), timeMs: 1, value: 1 },
    { labels: labels({ tenant_id: "bravo" }), timeMs: 2, value: 1 },
  ]);
  expect(blocks.map((one) => one.labels.get("tenant_id"))).toEqual(["acme"]);
  const { refused } = reply.json() as { refused: Array<{ reason: string; count: number }> };
  expect(refused).toMatchObject([{ reason: "out-of-scope", count: 2 }]);
  expect((await send([], { "x-scope-orgid": "bravo" })).statusCode).toBe(403);
});

test("what is no request is refused, and a store that cannot write says so", async () => {
  const bad = { method: "POST", url: "/api/storewatch/v1/backfill", payload: "nonsense" } as const;
  expect((await app.inject({ ...bad, headers: { "content-type": "application/x-protobuf" } })).statusCode).toBe(400);
  failure = new Error("ENOSPC");
  expect((await send([{ labels: labels(), timeMs: 1, value: 1 }])).statusCode).toBe(503);
});
