// The transport in a winston logger, against a server on the loopback that behaves in every bad way.
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { gunzipSync } from "node:zlib";
import { afterEach, expect, test } from "vitest";
import winston from "winston";
import { ElasticsearchTransport } from "winston-elasticsearch";
import { systemClock } from "../../clock.ts";
import { Guard } from "../../guard.ts";
import { Warnings } from "../../warnings.ts";
import type { ElasticsearchOptions } from "./options.ts";
import { elasticsearchTransport } from "./transport.ts";

interface Doc {
  index: string;
  doc: Record<string, unknown>;
}

/** What a server does with a request: its documents are stored first unless it says otherwise. */
type Behaviour = (request: { response: ServerResponse; store: () => string }) => void;

const ok: Behaviour = ({ response, store }) => response.end(store());

class Sink {
  readonly docs = new Map<string, Doc>();
  readonly order: string[] = [];
  readonly headers: IncomingMessage["headers"][] = [];
  readonly urls: string[] = [];
  behaviours: Behaviour[] = [];
  private constructor(readonly server: Server) {}

  static async start(port = 0): Promise<Sink> {
    const server = createServer();
    const sink = new Sink(server);
    server.on("request", (request, response) => void sink.answer(request, response));
    await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
    sinks.push(server);
    return sink;
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  private async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    this.headers.push(request.headers);
    this.urls.push(request.url ?? "");
    response.setHeader("x-elastic-product", "Elasticsearch");
    if (!request.url?.includes("/_bulk")) {
      // What winston-elasticsearch asks before it sends.
      response.setHeader("content-type", "application/json").end('{"status":"green"}');
      return;
    }
    const chunks: Buffer[] = [];
    for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
    const bytes = Buffer.concat(chunks);
    const body = (request.headers["content-encoding"] === "gzip" ? gunzipSync(bytes) : bytes).toString();
    const behaviour = this.behaviours.shift() ?? ok;
    behaviour({ response, store: () => this.store(body) });
  }

  private store(body: string): string {
    const rows = body.trimEnd().split("\n");
    const items: unknown[] = [];
    for (let at = 0; at < rows.length; at += 2) {
      const action = JSON.parse(rows[at] ?? "") as Record<string, { _id?: string; _index: string }>;
      const { _id = `made-${this.docs.size}`, _index = "" } = action.create ?? action.index ?? {};
      const there = this.docs.has(_id);
      if (!there) {
        this.docs.set(_id, { index: _index, doc: JSON.parse(rows[at + 1] ?? "") as Doc["doc"] });
        this.order.push(_id);
      }
      items.push({ [action.create ? "create" : "index"]: { _id, status: there ? 409 : 201 } });
    }
    return JSON.stringify({ took: 1, errors: false, items });
  }

  numbers(index?: string): unknown[] {
    const docs = this.order.map((id) => this.docs.get(id));
    return docs.filter((each) => index === undefined || each?.index === index).map((each) => each?.doc.n);
  }
}

const sinks: Server[] = [];
const closing: (() => void)[] = [];
afterEach(() => {
  for (const close of closing.splice(0)) close();
  for (const server of sinks.splice(0)) {
    server.close();
    server.closeAllConnections();
  }
});

function rig(port: number, options: Partial<ElasticsearchOptions> = {}) {
  const warnings: string[] = [];
  const warn = (message: string, meta?: Record<string, unknown>) => warnings.push(`${message} ${JSON.stringify(meta)}`);
  const guard = new Guard(new Warnings(systemClock, { warn }));
  const transport = elasticsearchTransport(
    { node: `http://me:hidden@127.0.0.1:${port}`, flushIntervalMs: 20, requestTimeoutMs: 300, ...options },
    { guard, clock: systemClock, random: () => 0 },
  );
  const logger = winston.createLogger({ level: "debug", format: winston.format.timestamp(), transports: [transport] });
  closing.push(() => logger.close());
  return { transport, logger, warnings, guard };
}

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
const upTo = (count: number) => Array.from({ length: count }, (_, n) => n);

test("each line lands in its tenant's index of the day, flat", async () => {
  const sink = await Sink.start();
  const { logger, transport } = rig(sink.port, { compress: true });
  const timestamp = new Date().toISOString();
  logger.info("paid", { tenantId: "shop-a", userId: "u1", n: 1 });
  logger.error("failed", { tenantId: "Shop-A", n: 2 });
  logger.warn("no shop", { n: 3 });
  logger.info("hostile", { tenantId: "../x", n: 4 });
  await transport.flush(2000);
  const day = timestamp.slice(0, 10).replaceAll("-", ".");
  const [paid, failed, none, hostile] = [...sink.docs.values()];
  expect(paid?.index).toBe(`tenant-shop-a-logs-${day}`);
  expect(paid?.doc).toMatchObject({ level: "info", message: "paid", tenantId: "shop-a", userId: "u1" });
  expect(paid?.doc["@timestamp"]).toBe(paid?.doc.timestamp);
  expect(failed?.index).toMatch(/^tenant-shop-a~[0-9a-f]{12}-logs-/);
  expect([none?.index, hostile?.index]).toEqual([`system-logs-${day}`, `system-logs-${day}`]);
  expect(sink.headers[0]).toMatchObject({
    "content-type": "application/x-ndjson",
    "content-encoding": "gzip",
    authorization: `Basic ${Buffer.from("me:hidden").toString("base64")}`,
  });
  expect(sink.urls[0]).toMatch(/^\/_bulk\?filter_path=/);
});

test("an index of one's own; what it throws or makes up falls back to the tenant's", async () => {
  const sink = await Sink.start();
  const { logger, transport, guard } = rig(sink.port, {
    index: (line, date) => {
      if (line.n === 2) throw new Error("no");
      return line.n === 3 ? "Not/Legal" : `own-${date.getUTCFullYear()}`;
    },
  });
  for (const n of [1, 2, 3]) logger.info("x", { n, tenantId: "a", timestamp: "2026-01-01T00:00:00Z" });
  await transport.flush(2000);
  const indices = [...sink.docs.values()].map(({ index }) => index);
  expect(indices[0]).toMatch(/^own-20\d\d$/);
  expect(indices.slice(1).every((index) => /^tenant-a-logs-/.test(index))).toBe(true);
  expect(guard.failures().get("logs")).toBe(1);
});

const STORED_BUT_LOST: Record<string, Behaviour> = {
  "half an answer, then a reset": ({ response, store }) => {
    response.writeHead(200, { "content-length": "1000" });
    response.write(store().slice(0, 20), () => response.destroy());
  },
  "no answer": ({ store }) => void store(),
  "a reset": ({ response, store }) => {
    store();
    response.destroy();
  },
  "an answer that is none": ({ response, store }) => {
    store();
    response.end("<html>welcome</html>");
  },
  "500 after storing": ({ response, store }) => {
    store();
    response.writeHead(500).end("{");
  },
};
const NOT_STORED: Record<string, Behaviour> = {
  "429 with Retry-After": ({ response }) => response.writeHead(429, { "retry-after": "0" }).end(),
  "503": ({ response }) => response.writeHead(503).end("{}"),
  "a redirect": ({ response }) => response.writeHead(307, { location: "http://127.0.0.1:9/_bulk" }).end(),
  "bytes that are no HTTP": ({ response }) => response.socket?.end("SSH-2.0-OpenSSH\r\n\r\n"),
  "an endless answer": ({ response }) => {
    const drip = setInterval(() => response.write("x"), 20);
    response.on("close", () => clearInterval(drip));
  },
};

test.each(Object.entries({ ...STORED_BUT_LOST, ...NOT_STORED }))(
  "%s: nothing lost, nothing twice, in order",
  async (_, behaviour) => {
    const sink = await Sink.start();
    sink.behaviours = [behaviour, ok, behaviour, behaviour];
    const { logger, transport } = rig(sink.port);
    for (const n of upTo(1200)) logger.info("line", { n, tenantId: n % 2 ? "odd" : "even" });
    await transport.flush(10_000);
    expect(sink.numbers()).toEqual(upTo(1200));
    expect(transport.stats()).toMatchObject({ bufferedLines: 0, deliveredLines: 1200 });
    // A kept connection that breaks as it is used is tried once more without being a failure.
    expect(transport.stats().failedRequests).toBeGreaterThanOrEqual(2);
  },
);

test("a slow server: one request at a time, and logging does not wait", async () => {
  const sink = await Sink.start();
  let open = 0;
  let most = 0;
  const slow: Behaviour = ({ response, store }) => {
    open += 1;
    most = Math.max(most, open);
    setTimeout(() => {
      open -= 1;
      response.end(store());
    }, 100);
  };
  sink.behaviours = upTo(20).map(() => slow);
  const { logger, transport } = rig(sink.port);
  const fromMs = performance.now();
  for (const n of upTo(2000)) logger.info("line", { n });
  expect(performance.now() - fromMs).toBeLessThan(1000);
  await transport.flush(10_000);
  expect(sink.numbers()).toEqual(upTo(2000));
  expect(most).toBe(1);
});

test("connection refused, then it is there: all arrives; the password is in no warning", async () => {
  const first = await Sink.start();
  const { port } = first;
  await new Promise((resolve) => first.server.close(resolve));
  const { logger, transport, warnings } = rig(port);
  for (const n of upTo(700)) logger.info("line", { n });
  await pause(1200);
  expect(transport.stats()).toMatchObject({ bufferedLines: 700, deliveredLines: 0 });
  expect(warnings.join()).toContain("ECONNREFUSED");
  expect(warnings.join()).not.toContain("hidden");
  const sink = await Sink.start(port);
  await transport.flush(5000);
  expect(sink.numbers()).toEqual(upTo(700));
});

test("a kept connection that the server closes is no failure", async () => {
  const sink = await Sink.start();
  const { logger, transport, warnings } = rig(sink.port);
  for (const n of upTo(5)) {
    logger.info("line", { n });
    await transport.flush(2000);
    sink.server.closeIdleConnections();
  }
  expect(sink.numbers()).toEqual(upTo(5));
  expect(warnings).toEqual([]);
});

test("a kept connection that breaks as it is used is tried once more at once, and no further", async () => {
  const sink = await Sink.start();
  const { logger, transport } = rig(sink.port);
  const reset: Behaviour = ({ response }) => response.destroy();
  logger.info("line", { n: 0 });
  await transport.flush(2000);
  sink.behaviours = [reset];
  logger.info("line", { n: 1 });
  await transport.flush(2000);
  expect(transport.stats()).toMatchObject({ deliveredLines: 2, failedRequests: 0 });
  sink.behaviours = [reset, reset];
  logger.info("line", { n: 2 });
  await transport.flush(2000);
  expect(transport.stats()).toMatchObject({ deliveredLines: 3, failedRequests: 1 });
  expect(sink.numbers()).toEqual([0, 1, 2]);
});

test("the end of the logger sends the last lines; its removal too", async () => {
  const sink = await Sink.start();
  const { logger } = rig(sink.port, { flushIntervalMs: 60_000 });
  logger.info("last", { n: 0 });
  await new Promise((resolve) => logger.on("finish", resolve).end());
  expect(sink.numbers()).toEqual([0]);
  const other = rig(sink.port, { flushIntervalMs: 60_000 });
  other.logger.info("last", { n: 1 });
  other.logger.remove(other.transport);
  await pause(200);
  expect(sink.numbers()).toEqual([0, 1]);
});

test("the document's own winston-elasticsearch may stand beside it: each its own index and form", async () => {
  const sink = await Sink.start();
  const { logger, transport } = rig(sink.port);
  const url = `http://127.0.0.1:${sink.port}`;
  const seeds = new ElasticsearchTransport({ level: "info", clientOpts: { node: url }, index: "ecommerce-logs" });
  logger.add(seeds as unknown as winston.transport);
  logger.info("paid", { tenantId: "shop-a", n: 1 });
  await transport.flush(2000);
  await expect.poll(() => sink.docs.size, { timeout: 5000 }).toBe(2);
  const docs = [...sink.docs.values()];
  const theirs = docs.find(({ index }) => index === "ecommerce-logs");
  const ours = docs.find(({ index }) => index.startsWith("tenant-shop-a-logs-"));
  expect(theirs?.doc).toMatchObject({ severity: "info", message: "paid", fields: { tenantId: "shop-a", n: 1 } });
  expect(ours?.doc).toMatchObject({ level: "info", message: "paid", tenantId: "shop-a", n: 1 });
});

test("levels: the transport's own goes before the logger's", async () => {
  const sink = await Sink.start();
  const { logger, transport } = rig(sink.port, { level: "warn" });
  logger.info("no", { n: 1 });
  logger.warn("yes", { n: 2 });
  await transport.flush(2000);
  expect(sink.numbers()).toEqual([2]);
});

test("options that cannot be meant are told at the start", () => {
  expect(() => rig(1, { maxBufferLines: 0 })).toThrow(RangeError);
  expect(() => rig(1, { maxBufferBytes: 10 })).toThrow(RangeError);
  expect(() => rig(1, { flushIntervalMs: Number.NaN })).toThrow(RangeError);
});
