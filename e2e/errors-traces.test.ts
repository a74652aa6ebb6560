// Errors and traces of real services: Express 5, Fastify 5, Nest 11, ES modules and CommonJS, with a real PostgreSQL and
// Redis, the real clients, and a receiver of our own in place of the error tracker.
import { type ChildProcess, spawn } from "node:child_process";
import { createConnection } from "node:net";
import { findPeer, freePort, waitUntil } from "@storewatch/testkit";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { initdb, type PostgresServer, startPostgres } from "./postgres-server.ts";
import {
  DSN_KEY,
  instrumented,
  type Receiver,
  SECRET,
  type Service,
  startReceiver,
  startService,
} from "./traced-service.ts";

const redisServer = findPeer("redis-server");
const TRACE = "0af7651916cd43dd8448eb211c80319c";
const CALLER = "b7ad6b7169203331";
const HEADERS = {
  "x-tenant-id": "acme",
  "x-user": "u7",
  "x-request-id": "request-1",
  cookie: `sid=${SECRET}`,
  authorization: `Bearer ${SECRET}`,
  "x-api-key": SECRET,
  traceparent: `00-${TRACE}-${CALLER}-01`,
};

const services: Service[] = [];
const receivers: Receiver[] = [];
afterEach(async () => {
  for (const service of services.splice(0)) await service.stop();
  for (const receiver of receivers.splice(0)) await receiver.close();
});

async function receive(): Promise<Receiver> {
  const receiver = await startReceiver();
  receivers.push(receiver);
  return receiver;
}

async function serve(...how: Parameters<typeof startService>): Promise<Service> {
  const service = await startService(...how);
  services.push(service);
  return service;
}

const dsn = ({ port }: { port: number }) => `http://${DSN_KEY}@127.0.0.1:${port}/1`;

interface Span {
  readonly name: string;
  readonly trace_id: string;
  readonly parent_span_id?: string;
  readonly is_segment: boolean;
  readonly attributes: Record<string, { value: unknown } | undefined>;
}

/** Spans of the client's streamed form. */
function spansOf(receiver: Receiver): Span[] {
  return receiver.items("span").flatMap(({ items }) => items as Span[]);
}

describe.skipIf(!initdb || !redisServer)("a shop with PostgreSQL and Redis", () => {
  let postgres: PostgresServer;
  let redis: ChildProcess;
  let stores: Record<string, string>;

  beforeAll(async () => {
    postgres = await startPostgres();
    const port = await freePort();
    redis = spawn(redisServer!, ["--port", String(port), "--bind", "127.0.0.1", "--save", ""], { stdio: "ignore" });
    await waitUntil(
      () => answers(port),
      10_000,
      () => "redis-server did not start",
    );
    const password = encodeURIComponent(postgres.password);
    stores = {
      SHOP_PG: `postgres://postgres:${password}@127.0.0.1:${postgres.port}/postgres`,
      SHOP_REDIS: String(port),
    };
  });
  afterAll(() => {
    redis?.kill("SIGKILL");
    postgres?.stop();
  });

  const env = (receiver: Receiver) => ({ ...stores, SHOP_PROVIDER: `http://127.0.0.1:${receiver.port}` });

  test("Sentry: an error once, with tenant, user, release, breadcrumbs and no secrets", async () => {
    const receiver = await receive();
    const shop = await serve("shop.mjs", { ...env(receiver), SHOP_DSN: dsn(receiver) }, instrumented("sentry"));
    const response = await fetch(`${shop.url}/boom/9?card=${SECRET}`, { headers: HEADERS });
    expect(response.status).toBe(500);
    expect((await fetch(`${shop.url}/missing`, { headers: HEADERS })).status).toBe(404);
    expect((await fetch(`${shop.url}/text-boom`, { headers: HEADERS })).status).toBe(500);
    expect((await shop.stop()).code).toBe(0);
    const events = receiver.items("event");
    expect(events.map(({ transaction }) => transaction).sort()).toEqual(["GET /boom/:id", "GET /text-boom"]);
    const event = events.find(({ transaction }) => transaction === "GET /boom/:id");
    expect(event).toMatchObject({
      release: "1.4.0",
      environment: "production",
      tags: { tenant_id: "acme", request_id: "request-1", service: "ecommerce-api" },
      user: { id: "u7" },
      contexts: { trace: { trace_id: TRACE } },
      exception: { values: [{ type: "Error", value: "order 9 failed at postgres://***@db/shop?password=[redacted]" }] },
    });
    expect(event?.breadcrumbs).toContainEqual(
      expect.objectContaining({ message: "Slow database query detected", level: "warning", category: "performance" }),
    );
    expect(receiver.bodies.join("\n")).not.toContain(SECRET);
    expect(receiver.bodies.join("\n")).not.toContain("an@example.com");
  });

  test("Sentry: spans of http, pg, Redis, the provider and the operation, one trace, each with its tenant", async () => {
    const receiver = await receive();
    const shop = await serve("shop.mjs", { ...env(receiver), SHOP_DSN: dsn(receiver) }, instrumented("sentry"));
    const response = await fetch(`${shop.url}/products/5?q=${SECRET}`, { headers: HEADERS });
    expect(await response.json()).toEqual({ traceId: TRACE, provider: { paid: true } });
    await shop.stop();
    const mine = spansOf(receiver).filter((span) => span.trace_id === TRACE);
    const untagged = mine.filter(({ attributes }) => attributes.tenant_id?.value !== "acme").map(({ name }) => name);
    expect(untagged).toEqual([]);
    const value = (span: Span, name: string) => span.attributes[name]?.value;
    const root = mine.find((span) => span.is_segment)!;
    expect(root).toMatchObject({ name: "GET /products/:id", parent_span_id: CALLER });
    expect(value(root, "user.id")).toBe("u7");
    const statements = mine.map((span) => String(value(span, "db.query.text")));
    expect(statements).toContainEqual(expect.stringMatching(/^SELECT \S+ AS id, \? AS note/));
    const redisCommands = mine.filter((span) => value(span, "db.system.name") === "redis");
    expect(redisCommands.map((span) => value(span, "db.operation.name"))).toEqual(["set", "get"]);
    expect(mine.some((span) => span.name === "checkout.pay")).toBe(true);
    expect(mine.some((span) => value(span, "sentry.op") === "http.client")).toBe(true);
    expect(receiver.asked[0]).toMatchObject({ "sentry-trace": expect.stringContaining(TRACE) });
    expect(receiver.asked[0]?.traceparent).toContain(`00-${TRACE}-`);
    expect(receiver.bodies.join("\n")).not.toContain(SECRET);
  });

  test("OTLP: the same spans, one trace, each with its tenant", async () => {
    const receiver = await receive();
    const otlp = `http://127.0.0.1:${receiver.port}`;
    const shop = await serve("shop.mjs", { ...env(receiver), SHOP_OTLP: otlp }, instrumented("otel"));
    const response = await fetch(`${shop.url}/products/5?q=${SECRET}`, { headers: HEADERS });
    expect(await response.json()).toEqual({ traceId: TRACE, provider: { paid: true } });
    await fetch(`${shop.url}/boom/9`, { headers: HEADERS });
    expect((await shop.stop()).code).toBe(0);
    const spans = receiver.bodies.flatMap(otlpSpans);
    const mine = spans.filter((span) => span.traceId === TRACE);
    expect(mine.filter(({ attributes }) => attributes.tenant_id !== "acme").map(({ name }) => name)).toEqual([]);
    const root = mine.find(({ name }) => name === "GET /products/:id");
    expect(root).toMatchObject({
      parentSpanId: CALLER,
      attributes: { "http.route": "/products/:id", "user.id": "u7" },
    });
    const names = mine.map(({ name }) => name);
    expect(names).toEqual(expect.arrayContaining(["checkout.pay", "set", "get", "GET /boom/:id"]));
    expect(mine.map(({ attributes }) => attributes["db.statement"] ?? attributes["db.query.text"])).toContain(
      "SELECT $1::text AS id, ? AS note, pg_sleep(?)",
    );
    expect(receiver.asked[0]?.traceparent).toContain(`00-${TRACE}-`);
    expect(receiver.bodies[0]).toContain('"deployment.environment.name","value":{"stringValue":"production"}');
    expect(receiver.bodies.join("\n")).not.toContain(SECRET);
    expect(receiver.bodies.join("\n")).not.toMatch(/client\.address|network\.peer\.address/);
  });
});

describe("other frameworks and module forms", () => {
  test.each([
    { file: "fastify.mjs", message: "fastify boom" },
    { file: "nest.mjs", message: "nest boom" },
  ])("$file: an error once, with its tenant; what is an answer is none", async ({ file, message }) => {
    const receiver = await receive();
    const shop = await serve(file, { SHOP_DSN: dsn(receiver) }, instrumented("sentry"));
    expect((await fetch(`${shop.url}/boom/9`, { headers: HEADERS })).status).toBe(500);
    expect((await fetch(`${shop.url}/missing`, { headers: HEADERS })).status).toBe(404);
    await shop.stop();
    const events = receiver.items("event");
    expect(events).toMatchObject([{ tags: { tenant_id: "acme" }, exception: { values: [{ value: message }] } }]);
  });

  test("CommonJS: an error, and spans", async () => {
    const receiver = await receive();
    const shop = await serve("common.cjs", { SHOP_DSN: dsn(receiver) });
    expect((await fetch(`${shop.url}/boom/9`, { headers: HEADERS })).status).toBe(500);
    await shop.stop();
    expect(receiver.items("event")).toMatchObject([{ tags: { tenant_id: "acme" }, release: "1.4.0" }]);
    expect(spansOf(receiver).find((span) => span.is_segment)).toMatchObject({ name: "GET /boom/:id", trace_id: TRACE });
  });

  test("CommonJS: OTLP", async () => {
    const receiver = await receive();
    const shop = await serve("common.cjs", { SHOP_OTLP: `http://127.0.0.1:${receiver.port}/v1/traces` });
    expect((await fetch(`${shop.url}/boom/9`, { headers: HEADERS })).status).toBe(500);
    await shop.stop();
    const spans = receiver.bodies.flatMap(otlpSpans);
    expect(spans.find(({ name }) => name === "GET /boom/:id")).toMatchObject({
      traceId: TRACE,
      attributes: { tenant_id: "acme" },
    });
  });

  test("off: nothing is loaded, nobody listens", async () => {
    const shop = await serve("common.cjs", {});
    expect(await (await fetch(`${shop.url}/off`)).json()).toEqual({ loaded: [], listeners: [], watched: false });
    expect((await fetch(`${shop.url}/boom/1`)).status).toBe(500);
    expect(shop.output()).not.toContain("storewatch:");
  });

  test("the document's file runs with the old names", async () => {
    const receiver = await receive();
    const shop = await serve("seed.mjs", { SENTRY_DSN: dsn(receiver), NODE_ENV: "production", APP_VERSION: "1.4.0" });
    expect((await fetch(`${shop.url}/boom/9`)).status).toBe(500);
    expect(await (await fetch(`${shop.url}/pay`)).json()).toEqual({ result: "paid" });
    await shop.stop();
    const events = receiver.items("event");
    expect(events).toMatchObject([{ release: "1.4.0", environment: "production", transaction: "GET /boom/9" }]);
    expect(events[0]?.breadcrumbs).toContainEqual(expect.objectContaining({ message: "Slow database query" }));
    const names = spansOf(receiver).map(({ name }) => name);
    expect(names).toEqual(expect.arrayContaining(["checkout.pay", "nightly", "count"]));
    const off = await serve("seed.mjs", {});
    expect(await (await fetch(`${off.url}/pay`)).json()).toEqual({ result: "paid" });
    expect((await fetch(`${off.url}/boom/9`)).status).toBe(500);
  });
});

describe("a receiver in trouble", () => {
  const troubles: Record<string, Parameters<Receiver["behave"]>[0]> = {
    hangs: () => undefined,
    "says 429": (_request, response) => void response.writeHead(429, { "retry-after": "60" }).end(),
    "says 500": (_request, response) => void response.writeHead(500).end("no"),
    "talks garbage": (request) => void request.socket.end("garbage\u0000\r\n"),
  };
  const cases = Object.keys(troubles).flatMap((trouble) => [
    { client: "sentry" as const, trouble },
    { client: "otel" as const, trouble },
  ]);

  test.each(cases)(
    "$client, a receiver that $trouble: requests go on, memory is bounded, shutdown in time",
    async ({ client, trouble }) => {
      const receiver = await receive();
      receiver.behave(troubles[trouble]!);
      await unharmed(client, receiver.port);
    },
  );

  test.each(["sentry", "otel"] as const)("%s, nobody there", async (client) => {
    await unharmed(client, await freePort());
  });

  test.each<Record<string, string>>([{ SHOP_DSN: "no dsn" }, { SHOP_OTLP: "no url" }])(
    "%o is said, and nothing is sent",
    async (env) => {
      const shop = await serve("common.cjs", env);
      expect((await fetch(`${shop.url}/boom/1`)).status).toBe(500);
      expect(shop.output()).toContain("is off");
      expect((await shop.stop()).code).toBe(0);
    },
  );
});

const ROUNDS = 40;
const AT_ONCE = 25;

async function unharmed(client: "sentry" | "otel", port: number): Promise<void> {
  const env: Record<string, string> =
    client === "sentry" ? { SHOP_DSN: dsn({ port }) } : { SHOP_OTLP: `http://127.0.0.1:${port}` };
  const shop = await serve("shop.mjs", env, ["--expose-gc", ...instrumented(client)]);
  const round = async () => {
    const all = Array.from({ length: AT_ONCE }, (_, at) =>
      fetch(`${shop.url}/${at % 5 === 0 ? "plain-boom" : "trace"}`),
    );
    return (await Promise.all(all)).map(({ status }) => status);
  };
  const heap = async () => ((await (await fetch(`${shop.url}/rss`)).json()) as { heap: number }).heap;
  for (let done = 0; done < ROUNDS / 2; done++) await round();
  const half = await heap();
  for (let done = 0; done < ROUNDS / 2; done++) {
    const statuses = await round();
    expect(new Set(statuses)).toEqual(new Set([200, 500]));
    expect(statuses.filter((status) => status === 500)).toHaveLength(AT_ONCE / 5);
  }
  // Queues are full by half time: what still grew would be a leak.
  expect((await heap()) - half).toBeLessThan(20 * 2 ** 20);
  const { ms, code } = await shop.stop();
  expect(code).not.toBeNull();
  expect(ms).toBeLessThan(8000);
}

interface OtlpSpan {
  readonly name: string;
  readonly traceId: string;
  readonly parentSpanId?: string;
  readonly attributes: Record<string, unknown>;
}

function otlpSpans(body: string): OtlpSpan[] {
  interface Raw extends Omit<OtlpSpan, "attributes"> {
    readonly attributes: { key: string; value: Record<string, unknown> }[];
  }
  const { resourceSpans } = JSON.parse(body) as { resourceSpans: { scopeSpans: { spans: Raw[] }[] }[] };
  const spans = resourceSpans.flatMap(({ scopeSpans }) => scopeSpans.flatMap((scope) => scope.spans));
  return spans.map((span) => ({
    ...span,
    attributes: Object.fromEntries(span.attributes.map(({ key, value }) => [key, Object.values(value)[0]])),
  }));
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection(port, "127.0.0.1", () => {
      socket.destroy();
      resolve(true);
    });
    socket.on("error", () => resolve(false));
  });
}
