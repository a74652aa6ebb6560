// Health checks on the real things: PostgreSQL and Redis that stop, hang and come back, Elasticsearch's own client, and a
// process that is probed as Kubernetes does.
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { Agent, createServer, get, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import path from "node:path";
import { Client } from "@elastic/elasticsearch";
import { elasticsearchCheck, postgresCheck, redisCheck, storewatch } from "@storewatch/sdk";
import { findPeer, freePort, temporaryDir, waitUntil } from "@storewatch/testkit";
import { Redis } from "ioredis";
import pg from "pg";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { initdb, type PostgresServer, startPostgres } from "./postgres-server.ts";
import { type SdkService, startSdkService } from "./sdk-process.ts";

const LIMIT_MS = 400;
/** A busy machine with two cores may be late by this much. */
const SLACK_MS = 1500;

function monitoring() {
  return storewatch({ service: "shop", metrics: { defaults: false } });
}
type Monitoring = ReturnType<typeof monitoring>;

async function timed<T>(work: () => Promise<T>): Promise<{ result: T; ms: number }> {
  const startMs = performance.now();
  return { result: await work(), ms: performance.now() - startMs };
}

const statusOf = async (sw: Monitoring) => (await sw.health.report()).status;
const ready = async (sw: Monitoring) => (await sw.health.ready()).statusCode;

describe.skipIf(!initdb)("PostgreSQL and pg's pool", () => {
  let server: PostgresServer;
  let pool: pg.Pool;
  let sw: Monitoring;

  beforeAll(async () => {
    server = await startPostgres();
    const { port, password } = server;
    pool = new pg.Pool({ host: "127.0.0.1", port, user: "postgres", password, max: 3 });
    pool.on("error", () => undefined);
    sw = monitoring();
    sw.health.check("database", postgresCheck(pool), { timeoutMs: LIMIT_MS, cacheMs: 0 });
  }, 60_000);
  afterAll(async () => {
    await pool?.end();
    server?.stop();
  });

  /** The server's process and those that serve its connections. */
  function signal(name: NodeJS.Signals): void {
    const main = readFileSync(path.join(server.dir, "data/postmaster.pid"), "utf8").split("\n", 1)[0]!;
    const children = execFileSync("ps", ["-o", "pid=", "--ppid", main], { encoding: "utf8" }).split("\n");
    for (const pid of [main, ...children]) if (pid.trim() !== "") process.kill(Number(pid), name);
  }

  test("healthy, ready, started", async () => {
    expect(await statusOf(sw)).toBe("healthy");
    expect(await ready(sw)).toBe(200);
    expect((await sw.health.startup()).statusCode).toBe(200);
  });

  test("hangs (SIGSTOP): the limit holds, the probes leave the pool connections, and it is well again by itself", async () => {
    signal("SIGSTOP");
    try {
      const { result, ms } = await timed(() => sw.health.report());
      expect(result).toMatchObject({
        status: "unhealthy",
        checks: { database: { status: "error", error: `no answer within ${LIMIT_MS} ms` } },
      });
      expect(ms).toBeGreaterThanOrEqual(LIMIT_MS - 5);
      expect(ms).toBeLessThan(LIMIT_MS + SLACK_MS);
      for (let probe = 0; probe < 20; probe += 1) expect(await ready(sw)).toBe(503);
      expect(sw.health.live().statusCode).toBe(200);
      // Two probes wait for their answer; without a cap 21 would, and the shop's requests behind them.
      expect(pool.totalCount - pool.idleCount + pool.waitingCount).toBeLessThanOrEqual(2);
    } finally {
      signal("SIGCONT");
    }
    await expect.poll(() => ready(sw), { timeout: 10_000 }).toBe(200);
    expect(await statusOf(sw)).toBe("healthy");
  });

  test("stops: unhealthy at once, without the password in the answer; starts: ready again", async () => {
    server.stop();
    const { result, ms } = await timed(() => sw.health.report());
    expect(result.status).toBe("unhealthy");
    expect(ms).toBeLessThan(LIMIT_MS + SLACK_MS);
    await expect
      .poll(async () => (await sw.health.report()).checks.database?.error, { timeout: 5000 })
      .toContain("ECONNREFUSED");
    expect(await sw.health.ready()).toEqual({ statusCode: 503, body: { status: "not ready", failed: ["database"] } });
    expect(JSON.stringify(await sw.health.report())).not.toContain(server.password);
    // What has started once stays started: Kubernetes must not kill it for its database.
    expect((await sw.health.startup()).statusCode).toBe(200);
    server.start();
    await expect.poll(() => ready(sw), { timeout: 10_000 }).toBe(200);
    expect(await sw.metrics.text()).toContain('health_check_status{check="database"} 1\n');
  });

  test("a wrong password is an error that does not tell it", async () => {
    const wrong = new pg.Pool({ host: "127.0.0.1", port: server.port, user: "postgres", password: "wr0ng-hush" });
    const other = monitoring();
    other.health.check("database", postgresCheck(wrong), { timeoutMs: 5000 });
    const report = await other.health.report();
    expect(report.checks.database?.error).toContain("password authentication failed");
    expect(JSON.stringify(report)).not.toContain("wr0ng-hush");
    await wrong.end();
  });
});

const redisServer = findPeer("redis-server");

describe.skipIf(!redisServer)("Redis and ioredis, not critical", () => {
  const dir = temporaryDir("storewatch-redis-");
  let child: ChildProcess;
  let redis: Redis;
  let port = 0;
  const sw = monitoring();

  function start(): void {
    const argv = ["--port", String(port), "--bind", "127.0.0.1", "--dir", dir, "--requirepass", "hush", "--save", ""];
    child = spawn(redisServer!, argv, { stdio: "ignore" });
  }
  async function kill(): Promise<void> {
    const exited = new Promise((resolve) => child.once("exit", resolve));
    child.kill("SIGKILL");
    await exited;
  }

  beforeAll(async () => {
    port = await freePort();
    start();
    redis = new Redis({ host: "127.0.0.1", port, password: "hush", retryStrategy: () => 50 });
    redis.on("error", () => undefined);
    sw.health.check("redis", redisCheck(redis), { critical: false, timeoutMs: LIMIT_MS, cacheMs: 0 });
    await waitUntil(async () => (await statusOf(sw)) === "healthy", 10_000);
  }, 30_000);
  afterAll(async () => {
    redis?.disconnect();
    await kill();
  });

  async function isDegraded(): Promise<void> {
    const { result, ms } = await timed(() => sw.health.overview());
    expect([result.statusCode, result.body.status]).toEqual([200, "degraded"]);
    expect(ms).toBeLessThan(LIMIT_MS + SLACK_MS);
    expect(await ready(sw)).toBe(200);
  }

  test("hangs (SIGSTOP): degraded within the limit, still ready; and well again", async () => {
    child.kill("SIGSTOP");
    await isDegraded();
    child.kill("SIGCONT");
    await expect.poll(() => statusOf(sw), { timeout: 10_000 }).toBe("healthy");
  });

  test("is killed: degraded within the limit, although the client queues what it is asked; and well again", async () => {
    await kill();
    await isDegraded();
    await isDegraded();
    start();
    await expect.poll(() => statusOf(sw), { timeout: 15_000 }).toBe("healthy");
  });
});

describe("Elasticsearch's own client", () => {
  const servers: Server[] = [];
  const clients: Client[] = [];
  afterEach(async () => {
    for (const client of clients.splice(0)) await client.close();
    for (const server of servers.splice(0)) server.close().closeAllConnections();
  });

  type Reply = { status?: number; cluster?: string; product?: boolean; hang?: boolean };

  /** Answers as a cluster of version 8 does: its shapes, its product header, its media type. */
  async function check(reply: Reply) {
    const asked: string[] = [];
    let waiting = 0;
    const server = createServer((request, response) => {
      asked.push(`${request.method} ${request.url} ${request.headers.authorization}`);
      if (reply.hang) {
        waiting += 1;
        response.once("close", () => {
          waiting -= 1;
        });
        return;
      }
      const body = {
        cluster_name: "shop",
        status: reply.cluster ?? "green",
        timed_out: false,
        number_of_nodes: 3,
        number_of_data_nodes: 3,
        active_primary_shards: 12,
        active_shards: 24,
        unassigned_shards: reply.cluster === "green" ? 0 : 4,
      };
      const refused = {
        error: { type: "security_exception", reason: "unable to authenticate user [shop]", root_cause: [] },
        status: reply.status,
      };
      response.writeHead(reply.status ?? 200, {
        "content-type": "application/vnd.elasticsearch+json;compatible-with=8",
        ...(reply.product === false ? {} : { "x-elastic-product": "Elasticsearch" }),
      });
      response.end(JSON.stringify(reply.status === undefined ? body : refused));
    });
    servers.push(server);
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const node = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const client = new Client({ node, auth: { username: "shop", password: "hush" }, maxRetries: 0 });
    clients.push(client);
    const sw = monitoring();
    sw.health.check("search", elasticsearchCheck(client), { critical: false, timeoutMs: LIMIT_MS });
    const { result, ms } = await timed(() => sw.health.report());
    return { search: result.checks.search!, overall: result.status, ms, asked, waiting: () => waiting };
  }

  test("green, yellow, red", async () => {
    const green = await check({});
    expect(green.search).toMatchObject({ status: "healthy", details: { cluster: "green", nodes: 3 } });
    const basic = Buffer.from("shop:hush").toString("base64");
    expect(green.asked).toEqual([`GET /_cluster/health Basic ${basic}`]);
    expect((await check({ cluster: "yellow" })).search).toMatchObject({
      status: "warning",
      details: { cluster: "yellow" },
    });
    const red = await check({ cluster: "red" });
    expect([red.search.status, red.search.error, red.overall]).toEqual(["error", "the cluster is red", "degraded"]);
  });

  test("refused, another product, hanging, away: errors within the limit, without the password", async () => {
    const refused = await check({ status: 401 });
    expect(refused.search.error).toContain("security_exception");
    const other = await check({ product: false });
    expect(other.search.error).toContain("not Elasticsearch");
    const hanging = await check({ hang: true });
    // The request was given up: it does not wait for the client's own limit of 30 s.
    await expect.poll(() => hanging.waiting()).toBe(0);
    expect(hanging.search.error).toBe(`no answer within ${LIMIT_MS} ms`);
    expect(hanging.ms).toBeLessThan(LIMIT_MS + SLACK_MS);
    for (const found of [refused, other, hanging]) {
      expect(found.overall).toBe("degraded");
      expect(JSON.stringify(found.search)).not.toContain("hush");
    }
  });
});

describe("a process, probed as Kubernetes does", () => {
  let service: SdkService | undefined;
  afterEach(async () => {
    service?.child.kill("SIGKILL");
    await service?.ended();
    service = undefined;
  });

  test("startup, then ready and live; SIGTERM: not ready first, running requests end, nothing refused, exit code 0", async () => {
    service = await startSdkService({ WARM_UP_MS: "900", NOTICE_MS: "800" }, { until: "/health/live" });
    // The startup probe decides first; the process lives meanwhile, so that nobody restarts it.
    expect(await service.status("/health/startup")).toBe(503);
    expect(await service.status("/health/ready")).toBe(503);
    await waitUntil(async () => (await service!.status("/health/startup")) === 200, 10_000);
    expect(await service.status("/health/ready")).toBe(200);
    expect(await service.status("/health/live")).toBe(200);

    // A kept-alive connection, as a load balancer has them, and a request that runs.
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const slow = fetch(`${service.url}/slow?ms=1500`).then((reply) => reply.text());
    const kept = () =>
      new Promise<number>((resolve) => {
        get(`${service!.url}/products/1`, { agent }, (reply) => {
          reply.resume();
          reply.once("end", () => resolve(reply.statusCode ?? 0));
        }).once("error", () => resolve(0));
      });
    expect(await kept()).toBe(200);
    const startedMs = performance.now();
    service.child.kill("SIGTERM");
    // Until the balancer has seen the 503 it sends requests: all of them are answered.
    const answers: number[] = [];
    await waitUntil(async () => {
      answers.push(await kept());
      return (await service!.status("/health/ready")) === 503;
    }, 2000);
    answers.push(await kept(), await service.status("/products/2"));
    expect(new Set(answers)).toEqual(new Set([200]));
    expect(await service.status("/health/live")).toBe(200);
    expect(await slow).toBe("done");
    expect(await service.ended()).toBe(0);
    // Notice 0.8 s, drain up to 3 s; a terminationGracePeriodSeconds of 10 would do.
    expect(performance.now() - startedMs).toBeLessThan(10_000);
    expect(await service.status("/products/3")).toBe(0);
    agent.destroy();
  });

  test("a request that does not end is cut off in time", async () => {
    service = await startSdkService({ NOTICE_MS: "100", DRAIN_MS: "500" });
    const cut = fetch(`${service.url}/slow?ms=60000`).then(
      () => "answered",
      () => "cut off",
    );
    await waitUntil(async () => {
      const reply = await (await fetch(`${service!.url}/heap`)).json();
      return (reply as { inFlight: number }).inFlight >= 2;
    }, 5000);
    const startedMs = performance.now();
    service.child.kill("SIGTERM");
    expect(await service.ended()).toBe(0);
    expect(await cut).toBe("cut off");
    expect(performance.now() - startedMs).toBeLessThan(10_000);
  });

  test.skipIf(!initdb)(
    "its database stops: not ready within the probe's time limit, alive, and ready again",
    async () => {
      const database = await startPostgres();
      try {
        service = await startSdkService({ PG_PORT: String(database.port), PG_PASSWORD: database.password });
        database.stop();
        await expect.poll(() => service!.status("/health/ready"), { timeout: 5000 }).toBe(503);
        expect([await service.status("/health/live"), await service.status("/health/startup")]).toEqual([200, 200]);
        expect(await service.status("/products/1")).toBe(200);
        database.start();
        await expect.poll(() => service!.status("/health/ready"), { timeout: 10_000 }).toBe(200);
        service.child.kill("SIGTERM");
        expect(await service.ended()).toBe(0);
      } finally {
        database.stop();
      }
    },
  );
});
