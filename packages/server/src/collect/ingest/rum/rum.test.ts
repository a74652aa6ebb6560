import { type Labels, parseTenantId, type Sample, type TenantId, type TenantScope } from "@storewatch/model";
import { FakeClock } from "@storewatch/testkit";
import fc from "fast-check";
import type { FastifyInstance, InjectOptions } from "fastify";
import Fastify from "fastify";
import { pino } from "pino";
import { Registry } from "prom-client";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type RumConfig, rumSchema, toRum } from "../../../config/rum.ts";
import { StorewatchError } from "../../../kernel/errors.ts";
import type { Batch } from "../../intake/interface.ts";
import { readBeacon } from "./beacon.ts";
import { PageBook, pageLabel } from "./pages.ts";
import { RumReceiver } from "./receiver.ts";
import { rumRoutes } from "./route.ts";

const id = (text: string) => parseTenantId(text) as TenantId;
const rum = (yaml: object): RumConfig => toRum(rumSchema.parse(yaml));

const CONFIG = rum({
  keys: [
    { key: "pk-acme-1", tenant: "acme", origins: ["https://acme.example"] },
    { key: "pk-platform", platform: true },
    { key: "pk-two-shops", platform: true, tenants: ["acme", "globex"] },
  ],
  pages_per_tenant: 3,
});

let clock: FakeClock;
let metrics: Registry;
let written: Array<{ readonly scope: TenantScope; readonly batch: Batch }>;
let logged: string[];
let failing: boolean;
let receiver: RumReceiver;
let app: FastifyInstance;

async function open(config = CONFIG): Promise<void> {
  clock = new FakeClock();
  metrics = new Registry();
  written = [];
  logged = [];
  failing = false;
  receiver = new RumReceiver({
    config,
    isKnownTenant: (tenant) => ["acme", "globex", "initech"].includes(tenant),
    intake: {
      write: async (scope, batch) => {
        if (failing) throw new StorewatchError("UNAVAILABLE", { reason: "the disk is full" });
        written.push({ scope, batch });
        return { samples: batch.samples.length, histograms: 0, exemplars: 0, refusals: [] };
      },
    },
    clock,
    logger: pino({ level: "info" }, { write: (line: string) => logged.push(line) }),
    metrics,
  });
  receiver.start();
  app = Fastify();
  app.setErrorHandler((error, _request, reply) =>
    error instanceof StorewatchError ? reply.code(error.status).send() : reply.send(error),
  );
  await app.register(rumRoutes({ receiver }));
}

beforeEach(() => open());
afterEach(async () => {
  await receiver.stop();
  await app.close();
});

const VIEW = { kind: "view", page: "/" };
const body = (more: object = {}, ...events: object[]) => ({
  v: 1,
  ...more,
  events: events.length > 0 ? events : [VIEW],
});

function send(key: string, payload: object | string, more: InjectOptions = {}) {
  return app.inject({
    method: "POST",
    url: `/rum/${key}`,
    headers: { "content-type": "text/plain;charset=UTF-8", origin: "https://acme.example" },
    payload: typeof payload === "string" ? payload : JSON.stringify(payload),
    ...more,
  });
}

async function flushed(ms = 5000): Promise<readonly Sample[]> {
  const before = written.length;
  await clock.advance(ms);
  return written.slice(before).flatMap(({ batch }) => batch.samples);
}

const text = (labels: Labels) => `${labels}`;
/** The last value of each series, by its text. */
const values = (samples: readonly Sample[]) =>
  Object.fromEntries(samples.map(({ labels, value }) => [text(labels), value]));

async function count(name: string, outcome: string): Promise<number> {
  const { values: found } = (await metrics.getSingleMetric(name)?.get()) ?? { values: [] };
  return found.find(({ labels }) => labels.outcome === outcome)?.value ?? 0;
}
const beacons = (outcome: string) => count("storewatch_rum_beacons_total", outcome);
const events = (outcome: string) => count("storewatch_rum_events_total", outcome);

describe("what becomes of a beacon", () => {
  test("counters and histograms of the key's shop, each led by a 0 that rate() starts from", async () => {
    const load = { kind: "load", page: "/products/4711?from=mail", value: 1.7 };
    expect((await send("pk-acme-1", body({}, VIEW, load))).statusCode).toBe(202);
    const samples = await flushed();
    const views = samples.filter(({ labels }) => labels.metricName === "page_views_total");
    expect(views.map(({ timeMs, value }) => [timeMs - clock.nowMs(), value])).toEqual([
      [-5000, 0],
      [0, 1],
    ]);
    expect(values(samples)).toMatchObject({
      'page_views_total{page="/", tenant_id="acme"}': 1,
      'page_load_duration_seconds_bucket{le="1.5", page="/products/:id", tenant_id="acme"}': 0,
      'page_load_duration_seconds_bucket{le="2", page="/products/:id", tenant_id="acme"}': 1,
      'page_load_duration_seconds_bucket{le="+Inf", page="/products/:id", tenant_id="acme"}': 1,
      'page_load_duration_seconds_sum{page="/products/:id", tenant_id="acme"}': 1.7,
      'page_load_duration_seconds_count{page="/products/:id", tenant_id="acme"}': 1,
    });
    expect(written[0].batch.metadata?.get("page_load_duration_seconds")?.type).toBe("histogram");
  });

  test("totals go on over flushes and over a store that was away", async () => {
    await send("pk-acme-1", body());
    await flushed();
    failing = true;
    await send("pk-acme-1", body());
    expect(await flushed()).toEqual([]);
    failing = false;
    await send("pk-acme-1", body());
    expect(values(await flushed())).toEqual({ 'page_views_total{page="/", tenant_id="acme"}': 3 });
  });

  test("an idle series is told again, ends after an hour, and its page makes room", async () => {
    for (const page of ["/a", "/b", "/c"]) await send("pk-acme-1", body({}, { kind: "view", page }));
    await flushed();
    expect((await flushed(60_000)).map(({ value }) => value)).toEqual([1, 1, 1]);
    expect((await flushed(3_600_000)).filter(({ stale }) => stale)).toHaveLength(3);
    await send("pk-acme-1", body({}, { kind: "view", page: "/d" }));
    expect(values(await flushed())).toEqual({ 'page_views_total{page="/d", tenant_id="acme"}': 1 });
  });

  test("a route change is a view as well; its duration only where it is known", async () => {
    const route = (value?: number) => ({ kind: "route", page: "/cart", value });
    await send("pk-acme-1", body({}, route(), route(0.2)));
    expect(values(await flushed())).toMatchObject({
      'page_views_total{page="/cart", tenant_id="acme"}': 2,
      'route_changes_total{page="/cart", tenant_id="acme"}': 2,
      'route_change_duration_seconds_count{page="/cart", tenant_id="acme"}': 1,
    });
  });

  test("a sampled page view counts for as many as it stands for", async () => {
    await send("pk-acme-1", body({ weight: 4 }, VIEW, { kind: "lcp", page: "/", value: 3 }));
    expect(values(await flushed())).toMatchObject({
      'page_views_total{page="/", tenant_id="acme"}': 4,
      'web_vitals_lcp_seconds_count{page="/", tenant_id="acme"}': 4,
      'web_vitals_lcp_seconds_sum{page="/", tenant_id="acme"}': 12,
    });
    expect((await send("pk-acme-1", body({ weight: 101 }))).statusCode).toBe(400);
  });

  test("errors are counted by kind; the log has a sample of them", async () => {
    const error = {
      kind: "error",
      page: "/cart",
      message: "TypeError: x is undefined",
      source: "https://a/x.js",
      line: 3,
    };
    const foreign = { kind: "foreign", page: "/cart", message: "Script error." };
    for (let i = 0; i < 8; i++) await send("pk-acme-1", body({ release: "1.4.0" }, error, foreign));
    expect(values(await flushed())).toEqual({
      'browser_errors_total{kind="error", page="/cart", tenant_id="acme"}': 8,
      'browser_errors_total{kind="foreign", page="/cart", tenant_id="acme"}': 8,
    });
    expect(logged).toHaveLength(10);
    expect(JSON.parse(logged[0])).toMatchObject({ tenant: "acme", release: "1.4.0", message: error.message, line: 3 });
  });

  test("values that cannot be true, and kinds that are not known, are left out and counted", async () => {
    const cannotBe = [-1, 601].map((value) => ({ kind: "load", page: "/", value }));
    const unread = [{ kind: "heap", page: "/", value: 1 }, { kind: "load", page: "/" }, { kind: "view", page: "" }, 7];
    await send("pk-acme-1", { v: 1, events: [...cannotBe, ...unread, VIEW] });
    expect(values(await flushed())).toEqual({ 'page_views_total{page="/", tenant_id="acme"}': 1 });
    expect([await events("implausible"), await events("unread"), await events("taken")]).toEqual([2, 4, 1]);
  });

  test("what a shop's beacons added up to is let go with the shop", async () => {
    await send("pk-acme-1", body());
    await flushed();
    await send("pk-acme-1", body());
    receiver.forget(id("acme"));
    expect(await flushed(120_000)).toEqual([]);
  });
});

describe("who may speak for whom", () => {
  const f = async (key: string, tenant: string | undefined, written: string | undefined) => {
    const reply = await send(key, body(tenant === undefined ? {} : { tenant }));
    const samples = await flushed();
    expect([...new Set(samples.map(({ labels }) => labels.get("tenant_id")))]).toEqual(written ? [written] : []);
    expect(reply.statusCode).toBe(written ? 202 : 403);
  };
  test("a shop's key: that shop alone", async () => {
    await f("pk-acme-1", undefined, "acme");
    await f("pk-acme-1", "acme", "acme");
    await f("pk-acme-1", "globex", undefined);
    await f("pk-acme-1", "no such id!", undefined);
    expect(await beacons("wrong_tenant")).toBe(2);
  });
  test("a platform's key: the named shop, when it is known", async () => {
    await f("pk-platform", "initech", "initech");
    await f("pk-platform", "made-up", undefined);
    await f("pk-platform", undefined, undefined);
    await f("pk-platform", "", undefined);
  });
  test("a platform's key with a list: those of the list alone", async () => {
    await f("pk-two-shops", "globex", "globex");
    await f("pk-two-shops", "initech", undefined);
  });
  test("no event can name a shop or a label of its own", async () => {
    await send("pk-acme-1", body({}, { ...VIEW, tenant_id: "globex", tenant: "globex", le: "1" }));
    expect(Object.keys(values(await flushed()))).toEqual(['page_views_total{page="/", tenant_id="acme"}']);
  });
});

describe("who is let in", () => {
  test("a wrong key, a wrong origin and a wrong shop get the same answer, and nothing is counted for them", async () => {
    const wrongOrigin = { headers: { origin: "https://evil.example" } };
    const replies = [
      await send("pk-unknown", body()),
      await send("__proto__", body()),
      await send("pk-acme-1", body(), wrongOrigin),
      await send("pk-acme-1", body(), { headers: {} }),
      await send("pk-acme-1", body({ tenant: "globex" })),
    ];
    for (const { statusCode, body: answer } of replies) expect([statusCode, answer]).toEqual([403, ""]);
    expect([await beacons("unknown_key"), await beacons("wrong_origin"), await beacons("wrong_tenant")]).toEqual([
      2, 2, 1,
    ]);
    expect(await flushed()).toEqual([]);
  });

  test("CORS: the allowed origin of a key with origins, any where there are none", async () => {
    const allow = async (key: string, origin: string) =>
      (await send(key, body({ tenant: "acme" }), { headers: { origin } })).headers["access-control-allow-origin"];
    expect(await allow("pk-acme-1", "https://acme.example")).toBe("https://acme.example");
    expect(await allow("pk-acme-1", "https://evil.example")).toBeUndefined();
    expect(await allow("pk-platform", "https://anywhere.example")).toBe("*");
  });

  test("the preflight of a sender that uses another content type", async () => {
    const preflight = (key: string, origin: string) =>
      app.inject({
        method: "OPTIONS",
        url: `/rum/${key}`,
        headers: { origin, "access-control-request-method": "POST" },
      });
    const { statusCode, headers } = await preflight("pk-acme-1", "https://acme.example");
    expect(statusCode).toBe(204);
    expect(headers).toMatchObject({
      "access-control-allow-origin": "https://acme.example",
      "access-control-allow-methods": "POST",
      "access-control-allow-headers": "content-type",
    });
    for (const [key, origin] of [
      ["pk-acme-1", "https://evil.example"],
      ["pk-unknown", "https://acme.example"],
    ]) {
      const refused = await preflight(key, origin);
      expect(refused.headers["access-control-allow-origin"]).toBeUndefined();
      expect(refused.statusCode).toBe(403);
    }
  });

  test("bodies that are none: 400; over 16 KiB, also when they are small only on the way: 413", async () => {
    for (const bad of ["", "{", "[]", '{"v":2,"events":[]}', '{"v":1,"events":[]}', "[".repeat(15_000)]) {
      expect((await send("pk-acme-1", bad)).statusCode).toBe(400);
    }
    expect(await beacons("bad_body")).toBe(6);
    expect((await send("pk-acme-1", body({ pad: "x".repeat(17_000) }))).statusCode).toBe(413);
    const { gzipSync } = await import("node:zlib");
    const packed = await app.inject({
      method: "POST",
      url: "/rum/pk-acme-1",
      headers: { origin: "https://acme.example", "content-encoding": "gzip", "content-type": "text/plain" },
      payload: gzipSync(JSON.stringify(body({ pad: "x".repeat(100_000) }))),
    });
    expect(packed.statusCode).toBe(413);
    expect(await beacons("too_large")).toBe(2);
  });

  test("so many a second and address, then 429 until there is room; other addresses go on", async () => {
    const from = (remoteAddress: string, more = {}) => send("pk-acme-1", body(), { remoteAddress, ...more });
    for (let i = 0; i < 100; i++) expect((await from("203.0.113.1")).statusCode).toBe(202);
    const refused = await from("203.0.113.1");
    expect([refused.statusCode, refused.headers["retry-after"]]).toEqual([429, "1"]);
    expect((await from("203.0.113.2")).statusCode).toBe(202);
    expect(await beacons("rate_limited")).toBe(1);
    await clock.advance(1000);
    expect((await from("203.0.113.1")).statusCode).toBe(202);
  });

  test("behind a proxy on this machine each customer has a limit of his own; a made-up hop gives nobody another", async () => {
    const from = (forwarded: string, remoteAddress = "127.0.0.1") =>
      send("pk-acme-1", body(), {
        remoteAddress,
        headers: { origin: "https://acme.example", "x-forwarded-for": forwarded },
      });
    for (let i = 0; i < 100; i++) await from(`10.1.1.${i}, 203.0.113.1`);
    expect((await from("10.9.9.9, 203.0.113.1")).statusCode).toBe(429);
    expect((await from("203.0.113.2")).statusCode).toBe(202);
    // Who is no proxy of ours may write what he likes.
    for (let i = 0; i < 100; i++) await from(`203.0.113.${i}`, "198.51.100.7");
    expect((await from("203.0.113.200", "198.51.100.7")).statusCode).toBe(429);
  });

  test("so many a second and key, over all addresses; another key goes on", async () => {
    await open(
      rum({
        keys: [
          { key: "pk-first-1", tenant: "acme" },
          { key: "pk-second", tenant: "globex" },
        ],
        beacons_per_second: 2,
      }),
    );
    const answers: number[] = [];
    for (let i = 0; i < 10; i++)
      answers.push((await send("pk-first-1", body(), { remoteAddress: `203.0.113.${i}` })).statusCode);
    expect(answers).toEqual([...Array(8).fill(202), 429, 429]);
    expect((await send("pk-second", body())).statusCode).toBe(202);
  });

  test("a reload changes keys at once", async () => {
    receiver.reload(rum({ keys: [{ key: "pk-new-key", tenant: "globex" }] }));
    expect((await send("pk-acme-1", body())).statusCode).toBe(403);
    expect((await send("pk-new-key", body())).statusCode).toBe(202);
  });
});

describe("pages", () => {
  test("names are templates", () => {
    const f = (path: string, label: string) => expect(pageLabel(path)).toBe(label);
    f("/products/4711", "/products/:id");
    f("/products/:slug", "/products/:slug");
    f("/orders/2f1c9a44-0b7e-4b8e-9b5a-1d2e3f4a5b6c/pay", "/orders/:id/pay");
    f("/search?q=secret#x", "/search");
    f("/a/b;jsessionid=1", "/a/b");
    f("/customers/jane@example.com", "/customers/:id");
    f("/c/%C3%A1o-d%C3%A0i", "/c/:id");
    f(`/x/${"long-".repeat(20)}`, "/x/:id");
    f("/v2/blog", "/v2/blog");
    f("", "/");
    f("?x", "/");
    f("/a\u0000\n\ud800b", "/a___b");
    expect(pageLabel("/ab".repeat(200))).toHaveLength(100);
  });

  test("over the shop's number of pages: __other__, of that shop alone", async () => {
    for (const letter of "abcdefgh") {
      await send("pk-platform", body({ tenant: "acme" }, { kind: "view", page: `/${letter}` }));
    }
    await send("pk-platform", body({ tenant: "globex" }, { kind: "view", page: "/h" }));
    expect(values(await flushed())).toEqual({
      'page_views_total{page="/a", tenant_id="acme"}': 1,
      'page_views_total{page="/b", tenant_id="acme"}': 1,
      'page_views_total{page="/c", tenant_id="acme"}': 1,
      'page_views_total{page="__other__", tenant_id="acme"}': 5,
      'page_views_total{page="/h", tenant_id="globex"}': 1,
    });
    expect([await events("taken"), await events("rolled_up")]).toEqual([4, 5]);
  });

  test("pages that come often keep their place", async () => {
    const book = new PageBook(clock);
    for (const page of ["/a", "/b"]) book.labelOf(id("acme"), page, 2);
    await clock.advance(3_000_000);
    book.labelOf(id("acme"), "/a", 2);
    await clock.advance(1_000_000);
    expect(book.labelOf(id("acme"), "/c", 2)).toBe("/c");
    expect(book.labelOf(id("acme"), "/b", 2)).toBe("__other__");
  });
});

describe("a beacon from anybody (fuzz)", () => {
  const mostly = <T>(usual: fc.Arbitrary<T>) =>
    fc.oneof({ weight: 9, arbitrary: usual }, { weight: 1, arbitrary: fc.anything() });
  const beacon = fc.record(
    {
      v: mostly(fc.constant(1)),
      tenant: mostly(fc.string()),
      release: mostly(fc.string()),
      weight: mostly(fc.integer({ min: 1, max: 100 })),
      events: mostly(
        fc.array(
          fc.record(
            {
              kind: fc.constantFrom("view", "route", "load", "cls", "error", "heap", "__proto__"),
              page: fc.oneof(fc.string({ unit: "binary", maxLength: 300 }), fc.anything()),
              value: fc.oneof(fc.double(), fc.anything()),
              message: fc.oneof(fc.string(), fc.anything()),
              line: fc.anything(),
            },
            { requiredKeys: ["kind", "page"] },
          ),
          { minLength: 1, maxLength: 80 },
        ),
      ),
    },
    { requiredKeys: ["v", "events"] },
  );

  test("it is read, or refused with BAD_REQUEST; what is read is bounded and legal", () => {
    let read = 0;
    const f = (bytes: Buffer) => {
      try {
        const { events: found, weight } = readBeacon(bytes);
        read += 1;
        expect(found.length).toBeLessThanOrEqual(60);
        expect(weight).toBeLessThanOrEqual(100);
        for (const event of found) {
          const label = pageLabel(event.page);
          expect(label.length).toBeLessThanOrEqual(100);
          expect(label).not.toMatch(/[\n\r\ud800-\udfff]/);
          if ("value" in event && event.value !== undefined) expect(event.value >= 0 && event.value <= 600).toBe(true);
        }
      } catch (error) {
        if (!(error instanceof StorewatchError) || error.code !== "BAD_REQUEST") throw error;
      }
    };
    fc.assert(
      fc.property(beacon, (value) => f(Buffer.from(JSON.stringify(value) ?? ""))),
      { numRuns: 1500, seed: 7 },
    );
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => f(Buffer.from(bytes))),
      { numRuns: 1000, seed: 8 },
    );
    expect(read).toBeGreaterThan(300);
  });
});

describe("configuration", () => {
  const f = (keys: object[], message: RegExp) => {
    const result = rumSchema.safeParse({ keys });
    expect(result.success ? "" : JSON.stringify(result.error.issues)).toMatch(message);
  };
  test("what is refused", () => {
    f([{ key: "pk-acme-1" }], /needs `tenant`/);
    f([{ key: "pk-acme-1", tenant: "acme", platform: true }], /not both/);
    f([{ key: "pk-acme-1", tenant: "acme", tenants: ["globex"] }], /goes with/);
    f([{ key: "short", tenant: "acme" }], /8–64/);
    f([{ key: "pk-acme-1", tenant: "acme", origins: ["https://acme.example/shop"] }], /origin/);
    f(
      [
        { key: "pk-acme-1", tenant: "acme" },
        { key: "pk-acme-1", tenant: "globex" },
      ],
      /twice/,
    );
  });
  test("without keys nothing is taken", async () => {
    await open(rum({}));
    expect((await send("pk-acme-1", body())).statusCode).toBe(403);
  });
});
