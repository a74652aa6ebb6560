import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import os from "node:os";
import path from "node:path";
import { ALL_TENANTS, Labels, type Sample } from "@storewatch/model";
import { Registry } from "prom-client";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { systemClock } from "../../kernel/clock.ts";
import { createLogger } from "../../kernel/logger.ts";
import { createSafeHttp, type SafeHttp } from "../../kernel/safe-http.ts";
import { parsePrometheusConfig } from "../prometheus-config.ts";
import { snappyDecompress } from "../protobuf/snappy.ts";
import { WriteRequestDecoder } from "../remote-write/decode-v1.ts";
import { WriteRequestV2Decoder } from "../remote-write/decode-v2.ts";
import { SeriesCache, SymbolCache } from "../remote-write/series-cache.ts";
import { FakeRows } from "../testing/fake-rows.ts";
import { RemoteWriter } from "./remote-writer.ts";
import { retryAfterMs } from "./request.ts";

const NOW_MS = Date.now();

interface Received {
  readonly headers: IncomingMessage["headers"];
  readonly samples: readonly Sample[];
  readonly metadata: readonly string[];
}

let dir: string;
let server: Server;
let url: string;
let http: SafeHttp;
let metrics: Registry;
let received: Received[];
/** Status and headers of each answer to come; none: 204. */
let answers: Array<readonly [number, Record<string, string>?]>;
let writer: RemoteWriter;

beforeEach(async () => {
  dir = mkdtempSync(path.join(os.tmpdir(), "remote-write-"));
  received = [];
  answers = [];
  server = createServer(receive);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/write`;
  http = createSafeHttp();
  writer = newWriter();
});
afterEach(async () => {
  await writer.stop();
  await http.close();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  rmSync(dir, { recursive: true });
});

function newWriter(): RemoteWriter {
  metrics = new Registry();
  const logger = createLogger("silent");
  return new RemoteWriter({
    dir,
    clock: systemClock,
    logger,
    metrics,
    send: http.request,
    userAgent: "test",
    random: () => 0.5,
  });
}

function receive(request: IncomingMessage, response: ServerResponse): void {
  const parts: Buffer[] = [];
  request.on("data", (part: Buffer) => parts.push(part));
  request.on("end", () => {
    const [status, headers] = answers.shift() ?? [204, {}];
    if (status < 300) received.push(decoded(request.headers, Buffer.concat(parts)));
    const written = { "x-prometheus-remote-write-samples-written": "1" };
    response.writeHead(status, { ...written, ...headers }).end(status === 400 ? "out of order sample" : "");
  });
}

function decoded(headers: IncomingMessage["headers"], body: Buffer): Received {
  const bytes = snappyDecompress(body, 1e8);
  const isSecond = headers["content-type"]?.includes("v2");
  const decoder = isSecond
    ? new WriteRequestV2Decoder(bytes, new SymbolCache())
    : new WriteRequestDecoder(bytes, new SeriesCache());
  while (decoder.step(1000));
  const { samples, metadata } = decoder.result();
  return { headers, samples, metadata: [...metadata].map(([family, { type }]) => `${family} ${type}`) };
}

const QUEUE = "queue_config: { batch_send_deadline: 20ms, min_backoff: 5ms, max_backoff: 20ms }";

async function start(more = QUEUE, extra = ""): Promise<void> {
  const text = `${extra}\nremote_write:\n  - { url: "${url}", name: r, ${more} }\n`;
  const sources = { readFile: () => text, glob: () => [], environment: {} };
  const { remoteWrites, global } = parsePrometheusConfig("/p.yml", sources);
  const metadata = new Map([["a_total", [{ type: "counter", help: "A.", unit: "" }]]]);
  await writer.start({ remotes: remoteWrites, externalLabels: global.externalLabels }, () => metadata);
}

const labels = (name: string, more: Record<string, string> = {}) => Labels.from({ __name__: name, ...more });

function append(...samples: readonly Sample[]) {
  const store = async () => ({ appended: samples.length, duplicates: 0, tooOld: 0 });
  return writer.tapAppend(store)(ALL_TENANTS, samples);
}

const sample = (name: string, value: number, afterMs = 0): Sample => ({
  labels: labels(name),
  timeMs: NOW_MS + afterMs,
  value,
});

/** Name and value of all that came, in order. */
const seen = () =>
  received.flatMap(({ samples }) => samples.map((one) => `${one.labels.metricName} ${one.stale ? "end" : one.value}`));

async function until(what: () => boolean): Promise<void> {
  for (let i = 0; i < 500 && !what(); i++) await new Promise((resolve) => setTimeout(resolve, 10));
  expect(what()).toBe(true);
}

async function metric(name: string): Promise<string[]> {
  const text = await metrics.getSingleMetricAsString(`storewatch_remote_write_${name}`);
  return text.split("\n").filter((line) => !line.startsWith("#"));
}

describe("samples", () => {
  test("arrive in order, with the credentials, headers and labels that the file says", async () => {
    await start(
      `${QUEUE}, basic_auth: { username: u, password: p }, headers: { X-Scope-OrgID: shop }, write_relabel_configs: [{ source_labels: [__name__], regex: secret, action: drop }]`,
      "global: { external_labels: { cluster: eu } }",
    );
    await append(sample("a_total", 1), sample("secret", 5), sample("b", 2));
    await append(sample("a_total", 3, 1));
    await until(() => seen().length === 3);
    expect(seen()).toEqual(["a_total 1", "b 2", "a_total 3"]);
    expect(received[0].samples[0].labels.get("cluster")).toBe("eu");
    expect(received[0].headers).toMatchObject({
      "content-type": "application/x-protobuf",
      "content-encoding": "snappy",
      "x-prometheus-remote-write-version": "0.1.0",
      "x-scope-orgid": "shop",
      authorization: `Basic ${Buffer.from("u:p").toString("base64")}`,
    });
    expect(await metric("dropped_samples_total")).toEqual([
      'storewatch_remote_write_dropped_samples_total{remote="r"} 1',
    ]);
  });

  test("of scraped rows come too, and the end of a series once", async () => {
    await start();
    const inner = new FakeRows();
    const rows = writer.tapRows(inner);
    const [a, b] = [rows.column(labels("a")), rows.column(labels("b"))];
    const row = (values: Readonly<Record<number, number>>, timeMs: number) => {
      rows.begin();
      for (const [column, value] of Object.entries(values)) rows.row[rows.base + Number(column)] = value;
      expect(rows.commit(timeMs)).toBe(true);
    };
    row({ [a]: 1, [b]: 2 }, NOW_MS);
    row({ [a]: 3 }, NOW_MS + 1);
    row({ [a]: 4 }, NOW_MS + 2);
    rows.close(NOW_MS + 3);
    await until(() => seen().length === 6);
    expect(seen()).toEqual(["a 1", "b 2", "a 3", "b end", "a 4", "a end"]);
  });

  test("are spread over parallel requests, a series always in the same order", async () => {
    await start("queue_config: { batch_send_deadline: 50ms, max_samples_per_send: 10, max_shards: 4 }");
    const series = Array.from({ length: 20 }, (_, i) => labels(`m${i}`));
    for (let round = 0; round < 10; round++) {
      await append(...series.map((one) => ({ labels: one, timeMs: NOW_MS + round, value: round })));
    }
    await until(() => seen().length === 200);
    for (let i = 0; i < 20; i++) {
      const values = received.flatMap(({ samples }) => samples.filter((one) => one.labels.metricName === `m${i}`));
      expect(values.map(({ value }) => value)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    }
    expect(Math.max(...received.map(({ samples }) => samples.length))).toBeLessThanOrEqual(10);
  });

  test("go by protocol 2.0 with the type of their metric, and count as failed where the receiver does not know it", async () => {
    await start(`${QUEUE}, protobuf_message: io.prometheus.write.v2.Request`);
    await append(sample("a_total", 1));
    await until(() => received.length === 1);
    expect(received[0].metadata).toEqual(["a_total counter"]);
    expect(received[0].headers["x-prometheus-remote-write-version"]).toBe("2.0.0");
  });
});

describe("a receiver that fails", () => {
  test("is asked again until it takes them; what comes meanwhile waits behind", async () => {
    await start();
    answers = [[503], [500], [502]];
    await append(sample("a", 1));
    await new Promise((resolve) => setTimeout(resolve, 40));
    await append(sample("a", 2, 1));
    await until(() => seen().length === 2);
    expect(seen()).toEqual(["a 1", "a 2"]);
    expect((await metric("retried_samples_total"))[0]).toMatch(/ [3-9]$/);
  });

  test("may ask for patience by Retry-After, in seconds or as a date", async () => {
    const clock = { nowMs: () => Date.parse("2026-01-01T00:00:00Z") };
    expect(retryAfterMs("3", clock)).toBe(3000);
    expect(retryAfterMs("Thu, 01 Jan 2026 00:00:07 GMT", clock)).toBe(7000);
    expect(retryAfterMs("999999", clock)).toBe(600_000);
    expect([undefined, "", "soon", "-4"].map((text) => retryAfterMs(text, clock))).toEqual([0, 0, 0, 0]);
    await start(QUEUE.replace("}", ", retry_on_http_429: true }"));
    answers = [[429, { "retry-after": "1" }]];
    const startedMs = performance.now();
    await append(sample("a", 1));
    await until(() => seen().length === 1);
    expect(performance.now() - startedMs).toBeGreaterThanOrEqual(1000);
  });

  test("loses what it refuses, and gets the rest", async () => {
    await start();
    answers = [[400]];
    await append(sample("a", 1));
    await until(() => answers.length === 0);
    await append(sample("a", 2, 1));
    await until(() => seen().length === 1);
    expect(seen()).toEqual(["a 2"]);
    expect(await metric("failed_samples_total")).toEqual([
      'storewatch_remote_write_failed_samples_total{remote="r",reason="refused"} 1',
    ]);
  });

  test("never holds up who writes", async () => {
    await start();
    answers = Array.from({ length: 1000 }, () => [503] as const);
    const startedMs = performance.now();
    for (let i = 0; i < 200; i++) await append(sample("a", i, i));
    expect(performance.now() - startedMs).toBeLessThan(2000);
  });
});

describe("after a stop", () => {
  test("goes on where it was: nothing is missing and nothing comes twice", async () => {
    await start();
    await append(sample("a", 1));
    await until(() => seen().length === 1);
    answers = Array.from({ length: 100_000 }, () => [503] as const);
    await append(sample("a", 2, 1), sample("b", 3, 1));
    await writer.stop();
    answers = [];
    writer = newWriter();
    await start();
    await append(sample("a", 4, 2));
    await until(() => seen().length === 4);
    expect(seen()).toEqual(["a 1", "a 2", "b 3", "a 4"]);
  });

  test("a log that somebody removed is begun anew, and what is new arrives", async () => {
    await start();
    for (let i = 0; i < 3; i++) {
      await append(sample("a", i, i));
      await until(() => seen().length === i + 1);
      await writer.stop();
      writer = newWriter();
      await start();
    }
    await writer.stop();
    rmSync(path.join(dir, "log"), { recursive: true });
    writer = newWriter();
    await start();
    await append(sample("a", 7, 7));
    await until(() => seen().length === 4);
    expect(seen()).toEqual(["a 0", "a 1", "a 2", "a 7"]);
  });

  test("no receiver any more: nothing of the log stays on disk", async () => {
    await start();
    await append(sample("a", 1));
    await writer.reload({ remotes: [], externalLabels: Labels.empty });
    expect(readdirSync(dir)).toEqual([]);
  });

  test("a damaged file costs what is behind the damage and no more", async () => {
    await start();
    answers = Array.from({ length: 100_000 }, () => [503] as const);
    await append(sample("a", 1));
    await writer.stop();
    const file = path.join(dir, "log", readdirSync(path.join(dir, "log"))[0]);
    writeFileSync(file, Buffer.from([1, 2, 3, 255, 255, 255, 255, 9]), { flag: "a" });
    answers = [];
    writer = newWriter();
    await start();
    await append(sample("a", 2, 1));
    await until(() => seen().length === 2);
    expect(seen()).toEqual(["a 1", "a 2"]);
  });
});
