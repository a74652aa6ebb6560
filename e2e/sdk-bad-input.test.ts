// A service with the built SDK under input that nobody means well: it answers, and its memory stays bounded.
import { request } from "node:http";
import { connect } from "node:net";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type SdkService, startSdkService } from "./sdk-process.ts";

let service: SdkService;
beforeAll(async () => {
  service = await startSdkService({ NOTICE_MS: "0", DEFAULTS: "off" }, { nodeArgs: ["--expose-gc"] });
}, 30_000);
afterAll(async () => {
  service?.child.kill("SIGTERM");
  // Whatever was thrown at it: it ends in order.
  expect(await service?.ended()).toBe(0);
});

interface State {
  readonly heapUsed: number;
  readonly inFlight: number;
}
/** After a garbage collection; this very request is in flight. */
const state = async () => (await (await fetch(`${service.url}/heap`)).json()) as State;

/** Sends a request as it is, also what fetch would not let through; the status, and 0 when there is no answer. */
function raw(text: string): Promise<number> {
  return new Promise((resolve) => {
    const socket = connect(service.port, "127.0.0.1", () => socket.write(text, "latin1"));
    let got = "";
    socket.setTimeout(5000, () => socket.destroy());
    socket.on("data", (chunk) => (got += chunk.toString("latin1")));
    socket.on("error", () => undefined);
    socket.on("close", () => resolve(Number(/^HTTP\/1\.1 (\d+)/.exec(got)?.[1] ?? 0)));
  });
}
const withHeader = (name: string, value: string) =>
  raw(`GET /products/1 HTTP/1.1\r\nhost: x\r\nconnection: close\r\n${name}: ${value}\r\n\r\n`);

/** Runs `count` pieces of work, some at a time. */
async function many(count: number, work: (index: number) => Promise<unknown>): Promise<void> {
  let next = 0;
  const worker = async () => {
    while (next < count) await work(next++);
  };
  await Promise.all(Array.from({ length: 24 }, worker));
}

const HOSTILE = [
  "__proto__",
  "constructor",
  "toString",
  "a".repeat(8000),
  '"} 1\\nevil_total{x="',
  "../../etc/passwd",
  "\u00e9\u00ff\u0080",
  "acme, globex",
  "<script>alert(1)</script>",
  "%00%0a%0d",
  "",
  " ",
  "00-00000000000000000000000000000000-0000000000000000-00",
  `00-${"f".repeat(4000)}-x-01`,
];

describe("hostile headers", () => {
  test.each(["x-tenant-id", "x-request-id", "traceparent", "tracestate", "authorization"])("%s", async (header) => {
    for (const value of HOSTILE)
      expect([value.slice(0, 40), await withHeader(header, value)]).toEqual([value.slice(0, 40), 200]);
    // Twice the same header.
    expect(await withHeader(header, `a\r\n${header}: b`)).toBe(200);
  });

  test("nothing of it is in the metrics, and every line of them is whole", async () => {
    const text = await service.metrics();
    for (const trace of ["evil", "script", "passwd", "aaaaaaaa", "%00", "ffffffff"]) expect(text).not.toContain(trace);
    for (const line of text.split("\n"))
      expect(line).toMatch(/^$|^# (HELP|TYPE) [a-z_]+ |^[a-z_]+(\{([a-z_]+="[^"\\]*",?)*\})? [-+.\deE]+$/);
    expect(({} as Record<string, unknown>).tenantId).toBeUndefined();
  });

  test("paths, methods and broken requests do not become labels", async () => {
    for (let i = 0; i < 300; i += 1) await raw(`GET /no/such/${i} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n`);
    await raw("MESSAGE /products/1 HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
    await raw("PROPFIND /products/1 HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
    expect(await raw("GET / HTTP/9.9\r\n\r\n")).toBeGreaterThanOrEqual(400);
    expect(await raw("\u0000\u0001\u0002\r\n\r\n")).toBe(400);
    const text = await service.metrics();
    expect(text).not.toContain("/no/such");
    expect(text).not.toContain('method="MESSAGE"');
    expect(text).not.toContain("PROPFIND");
    expect(await service.status("/products/1")).toBe(200);
  });
});

describe("bodies and clients that go away", () => {
  test("a body of 64 MB streams through: the SDK keeps none of it", async () => {
    const before = await state();
    const body = new Uint8Array(64 * 1024 * 1024);
    const reply = await fetch(`${service.url}/upload`, { method: "POST", body });
    expect(await reply.json()).toEqual({ bytes: body.length });
    expect((await state()).heapUsed - before.heapUsed).toBeLessThan(8_000_000);
  });

  test("500 requests that are given up in the middle: none stays in flight, all are counted", async () => {
    await many(500, (index) => {
      return new Promise<void>((resolve) => {
        const asked = request(`${service.url}/slow?ms=150`, { headers: { "x-tenant-id": "aborted" } });
        asked.on("error", () => resolve());
        asked.on("close", () => resolve());
        asked.end();
        setTimeout(() => asked.destroy(), 5 + (index % 20));
      });
    });
    await expect.poll(async () => (await state()).inFlight, { timeout: 10_000 }).toBe(1);
    const text = await service.metrics();
    const gone = /route="\/slow",status_code="499",tenant_id="aborted"\} (\d+)/.exec(text)?.[1];
    expect(Number(gone)).toBeGreaterThan(250);
    expect(await service.status("/products/1")).toBe(200);
  });
});

test("10,000 made-up tenants and 13,000 made-up order states: bounded series, bounded memory, all counted", async () => {
  const ask = (index: number) =>
    fetch(`${service.url}/orders?status=s${index}`, {
      method: "POST",
      headers: { "x-tenant-id": `shop${index % 10_000}` },
    }).then((reply) => reply.body?.cancel());
  await many(10_000, ask);
  const first = await state();
  const firstText = await service.metrics();
  await many(3000, (index) => ask(index + 10_000));
  const second = await state();
  const text = await service.metrics();
  const tenants = new Set([...text.matchAll(/^orders_total\{tenant_id="([^"]+)"/gm)].map((match) => match[1]));
  // 2000 have figures of their own, the rest share one name.
  expect(tenants.size).toBeLessThanOrEqual(2001);
  expect(tenants).toContain("__other__");
  const sum = [...text.matchAll(/^orders_total\{[^}]*\} (\d+)$/gm)].reduce(
    (total, match) => total + Number(match[1]),
    0,
  );
  expect(sum).toBe(13_000);
  expect(firstText.split("\n").length).toBeLessThan(150_000);
  // Another 3000 odd values cost little: the caps hold.
  expect(second.heapUsed - first.heapUsed).toBeLessThan(15_000_000);
  expect(second.heapUsed).toBeLessThan(300_000_000);
  expect(await service.status("/health/ready")).toBe(200);
}, 120_000);
