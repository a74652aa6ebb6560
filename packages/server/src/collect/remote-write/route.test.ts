import { Labels, METRIC_NAME, type Sample, TENANT_LABEL, type TenantScope, tenantScope } from "@storewatch/model";
import { FakeClock } from "@storewatch/testkit";
import Fastify, { type FastifyInstance } from "fastify";
import { Registry } from "prom-client";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { StorewatchError } from "../../kernel/errors.ts";
import { createIntake } from "../intake/intake.ts";
import { MetadataBook } from "../metadata/metadata-book.ts";
import { snappyCompress } from "../protobuf/snappy.ts";
import { ProtoWriter } from "../protobuf/writer.ts";
import { intakeParts } from "../testing/intake-parts.ts";
import { encodeWriteRequest, type WriteContent } from "./encode-v1.ts";
import { remoteWriteRoutes } from "./route.ts";

const NOW_MS = 1_700_000_000_000;

class FakeStore {
  readonly samples: Sample[] = [];
  failure: Error | undefined;
  answer = { duplicates: 0, tooOld: 0 };

  async append(_scope: TenantScope, samples: readonly Sample[]) {
    if (this.failure) throw this.failure;
    const appended = samples.length - this.answer.duplicates - this.answer.tooOld;
    this.samples.push(...samples.slice(0, appended));
    return { appended, ...this.answer };
  }
}

const acme = tenantScope(["acme" as never]);
const two = tenantScope(["acme" as never, "bravo" as never]);

let app: FastifyInstance;
let store: FakeStore;
let scope: TenantScope;
let metadata: MetadataBook;

beforeEach(async () => {
  store = new FakeStore();
  scope = { kind: "all" };
  metadata = new MetadataBook();
  const metrics = new Registry();
  const intake = createIntake(intakeParts({ store, clock: new FakeClock(NOW_MS), metrics, metadata }));
  app = Fastify();
  app.decorateRequest("principal", null as never);
  app.addHook("onRequest", async (request) => {
    request.principal = { name: "sender", role: "ingest", scope, via: "token" };
  });
  await app.register(remoteWriteRoutes({ intake, metrics, nextTurn: async () => {} }));
});
afterEach(() => app.close());

const series = (labels: Record<string, string>) => Labels.from({ [METRIC_NAME]: "http_requests_total", ...labels });

function body(content: WriteContent): Buffer {
  const out = new ProtoWriter();
  encodeWriteRequest(out, content);
  return Buffer.from(snappyCompress(out.finish()));
}

async function send(payload: Buffer, headers: Record<string, string> = {}, url = "/api/v1/write") {
  return app.inject({
    method: "POST",
    url,
    payload,
    headers: {
      "content-type": "application/x-protobuf",
      "content-encoding": "snappy",
      "x-prometheus-remote-write-version": "0.1.0",
      ...headers,
    },
  });
}

describe("a write request 1.0", () => {
  test("is stored with its values, zero and markers included, and answered by 204", async () => {
    const labels = series({ [TENANT_LABEL]: "acme", path: "/giỏ hàng" });
    const samples: Sample[] = [
      { labels, timeMs: NOW_MS - 2, value: 0 },
      { labels, timeMs: NOW_MS - 1, value: 1.5 },
      { labels, timeMs: NOW_MS, value: Number.NaN, stale: true },
    ];
    const reply = await send(body({ samples }));
    expect(reply.statusCode).toBe(204);
    expect(store.samples).toEqual(samples);
    expect(reply.headers["x-prometheus-remote-write-samples-written"]).toBe("3");
  });

  test("gives a series the tenant of a credential for one", async () => {
    scope = acme;
    await send(body({ samples: [{ labels: series({}), timeMs: NOW_MS, value: 1 }] }));
    await send(body({ samples: [{ labels: series({}), timeMs: NOW_MS + 1, value: 2 }] }));
    expect(store.samples.map(({ labels }) => labels.get(TENANT_LABEL))).toEqual(["acme", "acme"]);
  });

  test("stores the good and refuses another tenant's series for ever", async () => {
    scope = acme;
    const reply = await send(
      body({
        samples: [
          { labels: series({ [TENANT_LABEL]: "bravo" }), timeMs: NOW_MS, value: 1 },
          { labels: series({ [TENANT_LABEL]: "acme" }), timeMs: NOW_MS, value: 2 },
        ],
      }),
    );
    expect(reply.statusCode).toBe(400);
    expect(reply.body).toContain("names shop bravo, and neither the credential nor the request is for it");
    expect(store.samples.map(({ value }) => value)).toEqual([2]);
  });

  test("lets path and header choose among the credential's tenants only", async () => {
    scope = two;
    const payload = body({ samples: [{ labels: series({}), timeMs: NOW_MS, value: 1 }] });
    expect((await send(payload, { "x-scope-orgid": "bravo" })).statusCode).toBe(204);
    expect((await send(payload, {}, "/t/acme/api/v1/write")).statusCode).toBe(204);
    expect(store.samples.map(({ labels }) => labels.get(TENANT_LABEL))).toEqual(["bravo", "acme"]);
    expect((await send(payload, { "x-scope-orgid": "charlie" })).statusCode).toBe(403);
    expect((await send(payload, { "x-scope-orgid": "not a tenant" })).statusCode).toBe(400);
    const unnamed = await send(payload);
    expect(unnamed.statusCode).toBe(400);
    expect(unnamed.body).toContain("names no tenant_id");
  });

  test("takes what is sent again as done, and refuses what is too old or too far ahead", async () => {
    store.answer = { duplicates: 1, tooOld: 0 };
    const one = [{ labels: series({}), timeMs: NOW_MS, value: 1 }];
    expect((await send(body({ samples: one }))).statusCode).toBe(204);
    store.answer = { duplicates: 0, tooOld: 1 };
    const old = await send(body({ samples: one }));
    expect([old.statusCode, old.body]).toEqual([400, expect.stringContaining("out-of-order window")]);
    store.answer = { duplicates: 0, tooOld: 0 };
    const ahead = await send(body({ samples: [{ labels: series({}), timeMs: NOW_MS + 600_001, value: 1 }] }));
    expect([ahead.statusCode, ahead.body]).toEqual([400, expect.stringContaining("future")]);
  });

  test("refuses series without a name or with a label twice, and keeps the others", async () => {
    const out = new ProtoWriter();
    const label = (name: string, value: string) => (to: ProtoWriter) => {
      to.string(1, name).string(2, value);
    };
    const sample = (to: ProtoWriter) => {
      to.double(1, 7).int(2, NOW_MS);
    };
    out.message(1, (one) => one.message(1, label("a", "b")).message(2, sample));
    out.message(1, (one) =>
      one.message(1, label("__name__", "x")).message(1, label("a", "1")).message(1, label("a", "2")).message(2, sample),
    );
    // Labels after the sample, in no order, with an empty one: odd, and allowed.
    out.message(1, (one) =>
      one.message(2, sample).message(1, label("z", "")).message(1, label("b", "2")).message(1, label("__name__", "ok")),
    );
    const reply = await send(Buffer.from(snappyCompress(out.finish())));
    expect(reply.statusCode).toBe(400);
    expect(reply.body).toContain("missing metric name");
    expect(reply.body).toContain('duplicated label "a"');
    expect(store.samples).toEqual([{ labels: Labels.from({ __name__: "ok", b: "2" }), timeMs: NOW_MS, value: 7 }]);
  });

  test("asks to try again when the store cannot write", async () => {
    store.failure = new Error("ENOSPC");
    const reply = await send(body({ samples: [{ labels: series({}), timeMs: NOW_MS, value: 1 }] }));
    expect([reply.statusCode, reply.headers["retry-after"]]).toEqual([503, "5"]);
    store.failure = new StorewatchError("LIMIT", { reason: "too many samples", seconds: 3 });
    const limited = await send(body({ samples: [{ labels: series({}), timeMs: NOW_MS, value: 1 }] }));
    expect([limited.statusCode, limited.headers["retry-after"]]).toEqual([429, "3"]);
  });

  test("keeps metadata", async () => {
    const told = { type: "counter", help: "Requests.", unit: "requests" };
    await send(body({ samples: [], metadata: new Map([["http_requests", told]]) }));
    expect(metadata.all().get("http_requests")).toEqual([told]);
  });
});

describe("what is no write request", () => {
  test("is refused for ever", async () => {
    expect((await send(Buffer.from("nonsense that is no snappy block"))).statusCode).toBe(400);
    expect((await send(Buffer.from(snappyCompress(Buffer.from([0xff, 0xff, 0xff]))))).statusCode).toBe(400);
    expect((await send(body({ samples: [] }), { "content-type": "application/json" })).statusCode).toBe(415);
    expect((await send(body({ samples: [] }), { "content-encoding": "zstd" })).statusCode).toBe(415);
    const unknown = "application/x-protobuf;proto=io.prometheus.write.v3.Request";
    expect((await send(body({ samples: [] }), { "content-type": unknown })).statusCode).toBe(415);
    expect(store.samples).toEqual([]);
  });

  test("may not declare more than its decompressed size's limit", async () => {
    // A varint for 4 GB, and nothing behind it.
    expect((await send(Buffer.from([0xff, 0xff, 0xff, 0xff, 0x0f]))).statusCode).toBe(400);
  });
});
