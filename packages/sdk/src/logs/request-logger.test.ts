import { once } from "node:events";
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import express5 from "express";
// @ts-expect-error Express 4 has no types here; the tests use what 4 and 5 share.
import express4 from "express4";
import Fastify from "fastify";
import pino from "pino";
import { afterEach, describe, expect, test } from "vitest";
import winston from "winston";
import { storewatchExpress } from "../express/index.ts";
import { storewatchFastify } from "../fastify/index.ts";
import type { Storewatch } from "../index.ts";
import { createPino, lineLogger } from "./pino/index.ts";
import { type LineLogger, type RequestLoggerOptions, requestLogger } from "./request-logger.ts";
import { KeptLines, testService } from "./testing.ts";
import { createLogger } from "./winston/index.ts";

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

type Serve = (sw: Storewatch) => Promise<string>;

const onExpress =
  (express: typeof express5): Serve =>
  async (sw) => {
    const app = express();
    app.use(storewatchExpress(sw));
    const shop = express.Router();
    shop.get("/products/:id", async (_request, response) => void response.send("ok"));
    shop.get("/broken", (_request, response) => void response.status(503).send("no"));
    app.use("/api", shop);
    const server: Server = app.listen(0, "127.0.0.1");
    closing.push(() => server.close());
    await once(server, "listening");
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  };

const onFastify: Serve = async (sw) => {
  const server = Fastify();
  closing.push(() => server.close());
  await server.register(storewatchFastify(sw));
  server.get("/api/products/:id", async () => "ok");
  server.get("/api/broken", async (_request, reply) => reply.code(503).send("no"));
  return server.listen({ port: 0, host: "127.0.0.1" });
};

const frameworks: [string, Serve][] = [
  ["Express 4", onExpress(express4 as unknown as typeof express5)],
  ["Express 5", onExpress(express5)],
  ["Fastify 5", onFastify],
];

function logged(options: RequestLoggerOptions = {}) {
  const sw = testService({ user: () => "ann" });
  const kept = new KeptLines();
  const logger = createLogger(sw, { console: false, transports: [kept] });
  const detach = requestLogger(sw, logger, options);
  return { sw, kept, detach };
}

/** The line of the answer comes when the connection is done with it. */
async function answered(kept: { lines: unknown[] }, count: number): Promise<void> {
  for (let turn = 0; turn < 400 && kept.lines.length < count; turn += 1)
    await new Promise((done) => setTimeout(done, 5));
}

describe.each(frameworks)("%s", (_name, serve) => {
  test("one line for the request, one for the answer, and the request's id in the answer", async () => {
    const { sw, kept } = logged();
    const url = await serve(sw);
    const headers = { "x-request-id": "from-the-proxy:1", "x-tenant-id": "acme", "user-agent": "test/1" };
    const response = await fetch(`${url}/api/products/7?q=red&access_token=tok123&pin=4711`, { headers });
    await response.text();
    expect(response.headers.get("x-request-id")).toBe("from-the-proxy:1");
    await answered(kept, 2);
    const [request, answer] = kept.lines;
    const both = {
      level: "info",
      requestId: "from-the-proxy:1",
      tenantId: "acme",
      userId: "ann",
      method: "GET",
      service: "checkout",
    };
    expect(request).toMatchObject({ ...both, message: "HTTP Request", userAgent: "test/1", ip: "127.0.0.1" });
    expect(answer).toMatchObject({ ...both, message: "HTTP Response", statusCode: 200, route: "/api/products/:id" });
    expect(answer!.duration).toBeGreaterThan(0);
    expect(answer!.duration).toBeLessThan(30_000);
    for (const line of kept.lines) {
      expect(line.url).toMatch(/^\/api\/products\/7\?q=red&access_token=.*redacted.*&pin=.*redacted/);
      expect(JSON.stringify(line)).not.toMatch(/tok123|4711/);
    }
  });

  test("an id is made when there is none, or one that is no id; the level says how it went", async () => {
    const { sw, kept } = logged({ requests: false });
    const url = await serve(sw);
    const made = await fetch(`${url}/api/products/1`).then((response) => response.headers.get("x-request-id"));
    await answered(kept, 1);
    const odd = await fetch(`${url}/nothing`, { headers: { "x-request-id": "no id { }" } });
    await answered(kept, 2);
    await fetch(`${url}/api/broken`);
    await answered(kept, 3);
    expect(made).toMatch(/^[0-9a-f-]{36}$/);
    expect(kept.lines[0]!.requestId).toBe(made);
    expect(odd.headers.get("x-request-id")).toMatch(/^[0-9a-f-]{36}$/);
    expect(kept.lines.map(({ message, level, statusCode }) => [message, level, statusCode])).toEqual([
      ["HTTP Response", "info", 200],
      ["HTTP Response", "warn", 404],
      ["HTTP Response", "error", 503],
    ]);
  });
});

describe("options", () => {
  test("skip leaves lines out and returns the id all the same; ip and level are the application's to say", async () => {
    const { sw, kept, detach } = logged({
      skip: (request) => (request.url ?? "").startsWith("/api/broken"),
      ip: (request) => String(request.headers["x-forwarded-for"]).split(",")[0],
      level: () => "warn",
    });
    const url = await onExpress(express5)(sw);
    const skipped = await fetch(`${url}/api/broken`);
    expect(skipped.headers.get("x-request-id")).toMatch(/^[0-9a-f-]{36}$/);
    await fetch(`${url}/api/products/1`, { headers: { "x-forwarded-for": "203.0.113.9, 10.0.0.1" } });
    await answered(kept, 2);
    expect(kept.lines.map(({ message, ip, level }) => [message, ip, level])).toEqual([
      ["HTTP Request", "203.0.113.9", "info"],
      ["HTTP Response", undefined, "warn"],
    ]);
    detach();
    const after = await fetch(`${url}/api/products/1`);
    expect(after.headers.get("x-request-id")).toBeNull();
  });

  test("the client's own address header is not believed by itself", async () => {
    const { sw, kept } = logged();
    const url = await onExpress(express5)(sw);
    await fetch(`${url}/api/products/1`, { headers: { "x-forwarded-for": "203.0.113.9" } });
    expect(kept.lines[0]!.ip).toBe("127.0.0.1");
  });

  test("functions that throw and a logger that throws leave the request alone", async () => {
    const broken = () => {
      throw new Error("broken");
    };
    const sw = testService();
    requestLogger(sw, { info: broken, warn: broken, error: broken }, { skip: broken, ip: broken, level: broken });
    const url = await onExpress(express5)(sw);
    const response = await fetch(`${url}/api/products/1`);
    expect([response.status, await response.text()]).toEqual([200, "ok"]);
    expect(response.headers.get("x-request-id")).toMatch(/^[0-9a-f-]{36}$/);
  });
});

describe("other loggers", () => {
  test("pino gets the same lines", async () => {
    const sw = testService({ user: () => "ann" });
    const texts: string[] = [];
    const logger = createPino(sw, pino, {}, { write: (text: string) => void texts.push(text) });
    requestLogger(sw, lineLogger(logger));
    const url = await onExpress(express5)(sw);
    await fetch(`${url}/api/products/1`, { headers: { "x-tenant-id": "acme", "x-request-id": "r1" } });
    const kept = {
      get lines() {
        return texts.map((text) => JSON.parse(text) as Record<string, unknown>);
      },
    };
    await answered(kept, 2);
    expect(kept.lines.map(({ message, level, requestId, tenantId }) => [message, level, requestId, tenantId])).toEqual([
      ["HTTP Request", "info", "r1", "acme"],
      ["HTTP Response", "info", "r1", "acme"],
    ]);
  });

  test("the document's own winston logger goes on beside it, and can be what the request logger writes to", async () => {
    const { format } = winston;
    const own = new KeptLines();
    const logger = winston.createLogger({
      level: "info",
      format: format.combine(
        format.timestamp(),
        format.errors({ stack: true }),
        format.json(),
        format.printf(({ timestamp, level, message, tenantId, userId, ...meta }) =>
          JSON.stringify({ timestamp, level, message, tenantId, userId, ...meta }),
        ),
      ),
      defaultMeta: { service: "ecommerce-api", version: "1.0.0" },
      transports: [own],
    });
    const { sw, kept } = logged();
    requestLogger(sw, logger as LineLogger);
    logger.error(new Error("theirs"));
    expect(own.last).toMatchObject({ message: "theirs", service: "ecommerce-api" });
    expect(own.last.stack).toContain("request-logger.test.ts");
    const url = await onExpress(express5)(sw);
    await fetch(`${url}/api/products/1?password=x`, { headers: { "x-tenant-id": "acme", "x-request-id": "r1" } });
    await answered(own, 3);
    expect(own.lines[2]).toMatchObject({ requestId: "r1", tenantId: "acme", userId: "ann", statusCode: 200 });
    expect(own.texts.join("")).not.toContain("password=x");
    expect(kept.lines).toHaveLength(2);
  });
});
