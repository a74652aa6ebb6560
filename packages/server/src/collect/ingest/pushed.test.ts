// Datadog's and New Relic's payloads, zstd, and the totals under them.
import { Readable } from "node:stream";
import { ALL_TENANTS, Labels, parseTenantId, type Sample, type TenantId, tenantScope } from "@storewatch/model";
import { FakeClock } from "@storewatch/testkit";
import fc from "fast-check";
import Fastify from "fastify";
import { describe, expect, onTestFinished, test } from "vitest";
import { StorewatchError } from "../../kernel/errors.ts";
import { ProtobufError } from "../protobuf/reader.ts";
import { ProtoWriter } from "../protobuf/writer.ts";
import { takeRawBodies } from "./body.ts";
import { BucketCounts, RunningTotals, WIDE_BOUNDS } from "./counters.ts";
import { readSeriesPayload } from "./datadog/protobuf.ts";
import { readDistributions, readSeriesV1, readSeriesV2, Translation } from "./datadog/series.ts";
import { toLabelName, toMetricName } from "./names.ts";
import { readPayload, translate } from "./newrelic/metrics.ts";
import { unzstd } from "./zstd.ts";

const shown = (samples: readonly Sample[]) =>
  samples.map((s) => `${s.labels} ${s.stale ? "stale" : s.value} @${s.timeMs}`);

describe("names", () => {
  test("always in the alphabet (fuzz)", () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        expect(toMetricName(text)).toMatch(/^[A-Za-z_:][A-Za-z0-9_:]*$/);
        expect(toLabelName(text)).toMatch(/^(?!__)[A-Za-z_][A-Za-z0-9_]*$/);
      }),
    );
  });
});

describe("running totals", () => {
  test("idle ones are told each minute and end after an hour", async () => {
    const clock = new FakeClock(1_000_000);
    const totals = new RunningTotals({ clock });
    const labels = Labels.from({ __name__: "x" });
    expect(shown(totals.add(labels, 2, 990_000, 1_000_000)!)).toEqual(["x 0 @990000", "x 2 @1000000"]);
    // A late addition stands after the newest sample of its total, never in its past.
    expect(shown(totals.add(labels, 1, 980_000, 995_000)!)).toEqual(["x 3 @1000001"]);
    expect(totals.due()).toEqual([]);
    await clock.advance(60_000);
    expect(shown(totals.due())).toEqual(["x 3 @1060000"]);
    await clock.advance(3_600_001);
    expect(shown(totals.due())).toEqual(["x stale @4660001"]);
    await clock.advance(60_000);
    expect(totals.due()).toEqual([]);
  });

  test("an erased shop's are told no more", async () => {
    const clock = new FakeClock(0);
    const totals = new RunningTotals({ clock });
    for (const tenant_id of ["acme", "beta"]) totals.add(Labels.from({ __name__: "x", tenant_id }), 1, 0, 1);
    totals.forget("acme" as TenantId);
    await clock.advance(60_000);
    expect(shown(totals.due())).toEqual(['x{tenant_id="beta"} 1 @60000']);
  });

  test("a bound on the number of series", () => {
    const totals = new RunningTotals({ clock: new FakeClock(0), seriesMax: 1 });
    expect(totals.add(Labels.from({ __name__: "a" }), 1, 0, 1)).toHaveLength(2);
    expect(totals.add(Labels.from({ __name__: "b" }), 1, 0, 1)).toBeUndefined();
    expect(totals.add(Labels.from({ __name__: "a" }), 1, 0, 2)).toHaveLength(1);
  });

  test("one shop cannot use up the room of the others, and an end gives room back", async () => {
    const clock = new FakeClock(0);
    const totals = new RunningTotals({ clock, seriesMax: 80 });
    const add = (tenant_id: string, i: number) =>
      totals.add(Labels.from({ __name__: "x", tenant_id, i: `${i}` }), 1, 0, 1);
    const taken = (tenant: string) => Array.from({ length: 200 }, (_, i) => add(tenant, i)).filter(Boolean).length;
    expect(taken("noisy")).toBe(40);
    expect(taken("quiet")).toBe(20);
    expect(taken("third")).toBe(20);
    await clock.advance(3_600_001);
    totals.due();
    expect(taken("quiet")).toBe(40);
  });

  test("buckets count as a search through all bounds would (fuzz)", () => {
    fc.assert(
      fc.property(fc.array(fc.double({ noNaN: true, min: -1e3, max: 1e3 })), (values) => {
        const counts = new BucketCounts(WIDE_BOUNDS);
        for (const value of values) counts.observe(value);
        const found = new Map([...counts.additions(Labels.from({ __name__: "x" }))].map(([l, n]) => [`${l}`, n]));
        for (const bound of WIDE_BOUNDS)
          expect(found.get(`x_bucket{le="${bound}"}`)).toBe(values.filter((v) => v <= bound).length);
        expect(found.get("x_count")).toBe(values.length);
      }),
    );
  });
});

describe("Datadog", () => {
  const translation = (scope = ALL_TENANTS) =>
    new Translation(scope, new RunningTotals({ clock: new FakeClock(1_000_000) }));

  test("counts, rates and gauges of both versions", () => {
    const target = translation();
    const v1 = { series: [{ metric: "a.b", type: "count", points: [[100, 2]], tags: ["env:x", "solo"], host: "h" }] };
    const point = { timestamp: 100, value: 3 };
    const v2 = {
      series: [
        { metric: "c", type: 2, points: [point] },
        { metric: "d", points: [point] },
      ],
    };
    for (const one of [...readSeriesV1(v1), ...readSeriesV2(v2)]) target.series(one);
    expect(shown(target.samples)).toEqual([
      'a_b{env="x", host="h", solo="true"} 0 @90000',
      'a_b{env="x", host="h", solo="true"} 2 @100000',
      "c 3 @100000",
      "d 3 @100000",
    ]);
    expect([...target.metadata].map(([name, { type }]) => `${name} ${type}`)).toEqual([
      "a_b counter",
      "c gauge",
      "d gauge",
    ]);
  });

  test("distributions are histograms", () => {
    const target = translation();
    for (const one of readDistributions({ series: [{ metric: "d", points: [[100, [1, 2, 700]]] }] }))
      target.distribution(one);
    const at = (text: string) => target.samples.find((s) => `${s.labels}` === text && s.timeMs === 100_000)?.value;
    expect([at('d_bucket{le="1"}'), at('d_bucket{le="5"}'), at("d_count"), at("d_sum")]).toEqual([1, 2, 3, 703]);
  });

  test("another shop's series is refused before it is added up", () => {
    const target = translation(tenantScope([parseTenantId("acme")!]));
    const one = (tags: string[]) => ({ metric: "x", type: "count", points: [[100, 1]], tags });
    for (const series of readSeriesV1({ series: [one(["tenant_id:rival"]), one([])] })) target.series(series);
    expect(shown(target.samples)).toEqual(['x{tenant_id="acme"} 0 @90000', 'x{tenant_id="acme"} 1 @100000']);
    expect(target.refusals).toMatchObject([{ reason: "out-of-scope" }]);
  });

  test("the agent's protobuf payload; damaged ones are refused (fuzz)", () => {
    const resource = new ProtoWriter().string(1, "host").string(2, "web").finish();
    const point = new ProtoWriter().double(1, 4.5).int(2, 100).finish();
    const series = new ProtoWriter()
      .raw(1, resource)
      .string(2, "agent.up")
      .string(3, "env:prod")
      .raw(4, point)
      .uint(5, 1)
      .int(8, 20)
      .finish();
    const body = Buffer.from(new ProtoWriter().raw(1, series).finish());
    expect(readSeriesPayload(body)).toEqual([
      {
        metric: "agent.up",
        type: "count",
        tags: ["env:prod"],
        host: "web",
        unit: "",
        intervalMs: 20_000,
        points: [{ timeMs: 100_000, value: 4.5 }],
      },
    ]);
    fc.assert(
      fc.property(fc.nat(body.length - 1), fc.nat(255), (at, byte) => {
        const damaged = Buffer.from(body);
        damaged[at] = byte;
        try {
          readSeriesPayload(damaged);
        } catch (error) {
          expect(error).toBeInstanceOf(ProtobufError);
        }
      }),
      { numRuns: 2000 },
    );
  });
});

describe("bodies", () => {
  async function server(bytesMax: number) {
    const app = Fastify();
    onTestFinished(() => app.close());
    let goOn = () => {};
    const held = new Promise<void>((resolve) => {
      goOn = resolve;
    });
    app.setErrorHandler((error, _request, reply) =>
      reply.code(error instanceof StorewatchError ? error.status : 500).send(error),
    );
    takeRawBodies(app, 1000, bytesMax);
    app.post("/", async (request) => {
      await held;
      return { length: (request.body as Buffer).length };
    });
    return { app, goOn };
  }

  test("together take so much memory and no more, and give it back when they are answered", async () => {
    const { app, goOn } = await server(2500);
    const post = (bytes: number) => app.inject({ method: "POST", url: "/", payload: Buffer.alloc(bytes) });
    const first = [post(1000), post(1000)];
    await expect.poll(async () => (await post(1001)).statusCode).toBe(413);
    await expect.poll(async () => (await post(600)).statusCode).toBe(503);
    goOn();
    expect((await Promise.all(first)).map((reply) => reply.json())).toEqual([{ length: 1000 }, { length: 1000 }]);
    for (let i = 0; i < 5; i++) expect((await post(1000)).statusCode).toBe(200);
  });

  test("of unknown length are counted as they come", async () => {
    const { app, goOn } = await server(2500);
    goOn();
    const post = (parts: number) =>
      app.inject({
        method: "POST",
        url: "/",
        headers: { "transfer-encoding": "chunked" },
        payload: Readable.from(Array(parts).fill(Buffer.alloc(100))),
      });
    expect((await post(10)).json()).toEqual({ length: 1000 });
    expect((await post(11)).statusCode).toBe(413);
    const url = await app.listen({ host: "127.0.0.1", port: 0 });
    const body = Readable.toWeb(Readable.from(Array(500).fill(Buffer.alloc(10_000)))) as ReadableStream;
    const reply = await fetch(url, { method: "POST", body, duplex: "half" } as RequestInit);
    expect(reply.status).toBe(413);
    expect((await post(10)).statusCode).toBe(200);
  });
});

describe("zstd", () => {
  // "hello hello hello hello hello\n" as the zstd program writes it.
  const frame = Buffer.from("28b52ffd241e65000048656c6c6f20", "hex");
  const raw = Buffer.concat([Buffer.from("28b52ffd2005290000", "hex"), Buffer.from("hello")]);
  test("a raw block comes through, a bomb and rubbish do not", async () => {
    expect((await unzstd(raw, 100)).toString()).toBe("hello");
    // One run-length block of 2^20 times the same byte, in eleven bytes.
    const bomb = Buffer.from("28b52ffda000001000030080" + "41", "hex");
    await expect(unzstd(bomb, 1000)).rejects.toThrow();
    await expect(unzstd(frame.subarray(0, 8), 1000)).rejects.toThrow();
    await expect(unzstd(Buffer.from("not zstd at all"), 1000)).rejects.toThrow();
  });
});

describe("New Relic", () => {
  const options = () => ({
    scope: ALL_TENANTS,
    totals: new RunningTotals({ clock: new FakeClock(200_000) }),
    nowMs: 200_000,
  });
  test("counts over their interval, summaries in parts, gauges as they are", () => {
    const body = [
      {
        common: {
          timestamp: 1_700_000_000_000,
          "interval.ms": 5000,
          attributes: { "service.name": "api", n: 1, gone: null },
        },
        metrics: [
          { name: "orders.paid", type: "count", value: 3 },
          { name: "dur", type: "summary", value: { count: 2, sum: 0.5, min: 0.1, max: 0.4 } },
          { name: "g", value: -1, timestamp: 1_700_000_001, attributes: { n: 2 } },
        ],
      },
    ];
    const { batch, refusals } = translate(readPayload(body), options());
    const common = 'n="1", service_name="api"';
    expect(shown(batch.samples)).toEqual([
      `orders_paid{${common}} 0 @1700000000000`,
      `orders_paid{${common}} 3 @1700000005000`,
      `dur_count{${common}} 0 @1700000000000`,
      `dur_count{${common}} 2 @1700000005000`,
      `dur_sum{${common}} 0 @1700000000000`,
      `dur_sum{${common}} 0.5 @1700000005000`,
      `dur_min{${common}} 0.1 @1700000005000`,
      `dur_max{${common}} 0.4 @1700000005000`,
      'g{n="2", service_name="api"} -1 @1700000001000',
    ]);
    expect(refusals).toEqual([]);
  });
});
