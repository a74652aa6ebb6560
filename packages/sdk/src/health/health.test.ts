import { mkdtempSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import os from "node:os";
import path from "node:path";
import { describe, expect, test } from "vitest";
import {
  diskCheck,
  elasticsearchCheck,
  httpCheck,
  memoryCheck,
  postgresCheck,
  redisCheck,
  storewatch,
} from "../index.ts";

function service(health = {}) {
  const clock = { now: 0, monotonicMs: () => clock.now, wallMs: () => Date.UTC(2026, 0, 22) + clock.now };
  const sw = storewatch({
    service: "shop",
    version: "1.2.3",
    clock,
    health,
    metrics: { defaults: false },
    shutdown: { noticeMs: 0, drainMs: 50 },
  });
  return { sw, health: sw.health, clock };
}
const away = () => Promise.reject(new Error("connect ECONNREFUSED postgres://shop:secret@db:5432/shop"));

describe("the answer", () => {
  test("all well, degraded by what is not critical, unhealthy by what is", async () => {
    const { health } = service();
    health.check("database", () => ({ rows: [], status: 200 }));
    expect(await health.report()).toEqual({
      status: "healthy",
      timestamp: "2026-01-22T00:00:00.000Z",
      service: "shop",
      version: "1.2.3",
      checks: { database: { status: "healthy", latency: 0, critical: true } },
    });
    health.check("search", away, { critical: false });
    const degraded = await health.overview();
    expect([degraded.statusCode, degraded.body.status]).toEqual([200, "degraded"]);
    expect((await health.ready()).statusCode).toBe(200);
    health.check("database", away);
    const unhealthy = await health.overview();
    expect([unhealthy.statusCode, unhealthy.body.status]).toEqual([503, "unhealthy"]);
    expect(JSON.stringify(unhealthy.body)).not.toContain("secret");
    expect(await health.ready()).toEqual({ statusCode: 503, body: { status: "not ready", failed: ["database"] } });
    expect(health.live().statusCode).toBe(200);
  });

  test("a check that throws, hangs, or gives what cannot be printed is an error or nothing, never a failure", async () => {
    const { health } = service();
    const circular: Record<string, unknown> = { status: "healthy", details: { ok: 1n, n: 1 } };
    circular.self = circular;
    health.check("throws", () => {
      throw null;
    });
    health.check("hangs", () => new Promise(() => undefined), { timeoutMs: 20 });
    health.check("circular", () => circular);
    const { checks } = await health.report();
    expect(checks.throws).toMatchObject({ status: "error", error: "null" });
    expect(checks.hangs).toMatchObject({ status: "error", error: "no answer within 20 ms" });
    expect(checks.circular).toMatchObject({ status: "healthy", details: { n: 1 } });
    expect(() => JSON.stringify(checks)).not.toThrow();
  });

  test("results are given again for a while, and callers at the same time share one run", async () => {
    const { health, clock } = service();
    let runs = 0;
    health.check("db", () => (runs += 1), { cacheMs: 1000 });
    await Promise.all([health.report(), health.ready(), health.report()]);
    clock.now = 999;
    await health.report();
    expect(runs).toBe(1);
    clock.now = 1000;
    await health.report();
    expect(runs).toBe(2);
  });

  test("a check that hangs is not started again and again: its runs hold the shop's connections", async () => {
    const { health, clock } = service();
    const ends: (() => void)[] = [];
    health.check("db", () => new Promise<void>((resolve) => ends.push(resolve)), { timeoutMs: 5, cacheMs: 0 });
    const error = async () => (await health.report()).checks.db?.error;
    for (let i = 0; i < 2; i += 1) expect(await error()).toBe("no answer within 5 ms");
    for (let i = 0; i < 20; i += 1) expect(await error()).toBe("earlier runs still hang");
    expect(ends).toHaveLength(2);
    // Should they never end (a connection that a network lost), a new one is tried now and then.
    clock.now += 10_000;
    expect(await error()).toBe("no answer within 5 ms");
    expect(ends).toHaveLength(3);
    // When they end, the next probe asks at once.
    for (const end of ends.splice(0)) end();
    await new Promise((resolve) => setImmediate(resolve));
    const asked = health.report();
    ends[0]?.();
    expect((await asked).checks.db?.status).toBe("healthy");
  });

  test("slower than it should be is a warning", async () => {
    const { health, clock } = service();
    const takes300 = () => {
      clock.now += 300;
    };
    health.check("db", takes300, { slowMs: 200 });
    expect((await health.report()).checks.db).toMatchObject({ status: "warning", latency: 300 });
  });

  test("started when every critical check has passed once, and for good; or when the application says so", async () => {
    const { health } = service();
    health.check("db", away, { cacheMs: 0 });
    expect((await health.startup()).body).toEqual({ status: "starting", failed: ["db"] });
    health.check("db", () => undefined);
    expect((await health.startup()).statusCode).toBe(200);
    health.check("db", away);
    expect((await health.startup()).statusCode).toBe(200);
    const manual = service({ startsByItself: false }).health;
    expect((await manual.ready()).statusCode).toBe(503);
    manual.started();
    expect((await manual.ready()).statusCode).toBe(200);
  });

  test("the gauge shows the last results", async () => {
    const { sw, health } = service();
    health.check("db", away);
    await health.report();
    expect(await sw.metrics.text()).toContain('health_check_status{check="db"} 0\n');
  });
});

describe("checks", () => {
  const result = async (check: Parameters<ReturnType<typeof service>["health"]["check"]>[1]) =>
    (await service().health.check("x", check).report()).checks.x!;

  test("postgres, redis, elasticsearch by the method that is called", async () => {
    const asked: string[] = [];
    expect((await result(postgresCheck({ query: async (sql) => void asked.push(sql) }))).status).toBe("healthy");
    expect(asked).toEqual(["SELECT 1"]);
    expect((await result(redisCheck({ ping: async () => "PONG" }))).status).toBe("healthy");
    expect((await result(redisCheck({ ping: async () => "LOADING" }))).status).toBe("error");
    const cluster = (status: string) => ({ ping: async () => true, cluster: { health: async () => ({ status }) } });
    expect((await result(elasticsearchCheck(cluster("green")))).status).toBe("healthy");
    expect((await result(elasticsearchCheck(cluster("yellow")))).status).toBe("warning");
    expect((await result(elasticsearchCheck(cluster("red")))).status).toBe("error");
    expect((await result(elasticsearchCheck({ ping: async () => false }))).status).toBe("error");
  });

  test("memory against the cgroup's limit, page cache left out; the machine's without one", async () => {
    const dir = mkdtempSync(path.join(os.tmpdir(), "cgroup-"));
    const file = (name: string, text: string) => {
      writeFileSync(path.join(dir, name), text);
      return path.join(dir, name);
    };
    const cgroup = (used: number) => [
      {
        source: "cgroup v2",
        limit: file("memory.max", "1000000\n"),
        used: file("memory.current", `${used}\n`),
        stat: file("memory.stat", "anon 5\ninactive_file 100000\n"),
        reclaimable: "inactive_file",
      },
    ];
    const calm = await result(memoryCheck({}, cgroup(950_000)));
    expect(calm).toMatchObject({ status: "healthy", details: { percent: 85, limitBytes: 1_000_000 } });
    expect((await result(memoryCheck({}, cgroup(1_000_000)))).status).toBe("warning");
    expect((await result(memoryCheck({ errorPercent: 90 }, cgroup(1_000_000)))).status).toBe("error");
    expect((await result(memoryCheck({ warningPercent: 101 }, []))).details?.source).toBe("machine");
  });

  test("memory of the process against a limit of its own, wherever it runs", async () => {
    const rss = process.memoryUsage.rss();
    const roomy = await result(memoryCheck({ limitBytes: 4 * rss }));
    expect(roomy).toMatchObject({ status: "healthy", details: { limitBytes: 4 * rss, source: "own limit" } });
    expect(roomy.details?.usedBytes).toBe(roomy.details?.rssBytes);
    expect((await result(memoryCheck({ limitBytes: rss / 2 }))).status).toBe("warning");
    expect((await result(memoryCheck({ limitBytes: rss / 2, errorPercent: 150 }))).status).toBe("error");
    expect(() => memoryCheck({ limitBytes: 0 })).toThrow("limitBytes");
    expect(() => memoryCheck({ limitBytes: Number("256Mi") })).toThrow("limitBytes");
  });

  test("disk, and a service that is called", async () => {
    expect((await result(diskCheck(".", { warningPercent: 0 }))).status).toBe("warning");
    expect((await result(diskCheck("/no/such/folder"))).status).toBe("error");
    const server = createServer((request, response) => {
      response.statusCode = request.url === "/ok" ? 204 : 503;
      response.end();
    }).listen(0, "127.0.0.1");
    await new Promise((resolve) => server.once("listening", resolve));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    expect((await result(httpCheck(`${url}/ok`))).status).toBe("healthy");
    expect(await result(httpCheck(`${url}/no`))).toMatchObject({ status: "error", error: "answered with 503" });
    server.close();
    server.closeAllConnections();
  });
});

describe("shutdown", () => {
  test("ready goes off first, running requests end, then steps run from the last added; a failing one is passed over", async () => {
    const { sw } = service();
    const order: string[] = [];
    let finish = () => undefined as unknown;
    const server = createServer((request, response) => {
      const work = () => {
        finish = () => response.end("done");
      };
      sw.requests.handle(request, response, () => "/slow", work);
    }).listen(0, "127.0.0.1");
    await new Promise((resolve) => server.once("listening", resolve));
    sw.stopping.server(server).step("pool", () => void order.push("pool"));
    sw.stopping.step("broken", () => Promise.reject(new Error("no")));
    sw.stopping.step("logger", () => void order.push("logger"));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const response = fetch(url);
    await expect.poll(() => sw.requests.inFlight).toBe(1);
    const report = sw.shutdown("SIGTERM");
    expect((await sw.health.ready()).body).toEqual({ status: "stopping" });
    expect(order).toEqual([]);
    finish();
    expect(await (await response).text()).toBe("done");
    expect(await report).toEqual({ cutOff: 0, failedSteps: ["broken"] });
    expect(order).toEqual(["logger", "pool"]);
    await expect(fetch(url)).rejects.toThrow();
    expect(sw.shutdown("again")).toBe(report);
  });
});
