// The example shop on real PostgreSQL and Redis: the same contracts as on SQLite and memory, and both of them going away.
import { type ChildProcess, fork, spawn } from "node:child_process";
import path from "node:path";
import { findPeer, freePort, temporaryDir, waitUntil } from "@storewatch/testkit";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { MemoryCarts } from "../examples/shop/src/carts/memory-carts.ts";
import { RedisCarts } from "../examples/shop/src/carts/redis-carts.ts";
import { SteadyCarts } from "../examples/shop/src/carts/steady-carts.ts";
import { FaultSwitches } from "../examples/shop/src/faults/switches.ts";
import { PostgresPool } from "../examples/shop/src/store/postgres-pool.ts";
import { ShopStore } from "../examples/shop/src/store/shop-store.ts";
import { cartContract, storeContract } from "../examples/shop/src/testing/contracts.ts";
import { initdb, type PostgresServer, startPostgres } from "./postgres-server.ts";

const redisServer = findPeer("redis-server");

describe.skipIf(!initdb)("PostgreSQL", () => {
  let server: PostgresServer;
  let databases = 0;
  beforeAll(async () => {
    server = await startPostgres();
  });
  afterAll(() => server.stop());

  function freshUrl(): string {
    databases += 1;
    server.sql(`CREATE DATABASE shop${databases}`);
    return `postgres://postgres:${encodeURIComponent(server.password)}@127.0.0.1:${server.port}/shop${databases}`;
  }

  storeContract("PostgreSQL", async (limits) => {
    // Longer than SQLite's: the pool's own limit is also that for connecting.
    const pool = new PostgresPool(freshUrl(), { ...limits, waitMs: 500 }, () => {});
    return { pool, dispose: async () => {} };
  });

  test("several processes may create the tables at once", async () => {
    const url = freshUrl();
    const parts = {
      faults: new FaultSwitches(),
      performance: { timeQuery: async <T>(_: string, run: () => T | Promise<T>) => run() },
      random: () => 0,
    };
    const stores = [1, 2, 3].map(
      () => new ShopStore(new PostgresPool(url, { max: 2, perTenantMax: 2, waitMs: 5000 }, () => {}), parts),
    );
    await Promise.all(stores.map((store) => store.prepare()));
    const counts = await Promise.all(stores.map((store) => store.withSession("acme", (session) => session.products())));
    expect(counts.map(({ length }) => length)).toEqual([24, 24, 24]);
    await Promise.all(stores.map((store) => store.close()));
  });

  test("a leaked connection is one of the server's; a server that restarts is used again", async () => {
    const lost: Error[] = [];
    const pool = new PostgresPool(freshUrl(), { max: 3, perTenantMax: 2, waitMs: 2000 }, (error) => lost.push(error));
    const open = () =>
      server.sql("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'storewatch-example-shop'").trim();
    const first = await pool.acquire("acme");
    pool.leak(first);
    pool.release(await pool.acquire("acme"));
    expect([pool.inUse, open()]).toEqual([1, "2"]);
    server.stop();
    await waitUntil(() => lost.length > 0, 5000);
    await expect(pool.acquire("acme")).rejects.toThrow("no database connection");
    server.start();
    const again = await pool.acquire("acme");
    expect(await again.query("SELECT 1 AS one")).toEqual([{ one: 1 }]);
    pool.release(again);
    pool.reclaim();
    expect(pool.inUse).toBe(0);
    await pool.close();
  }, 60_000);
});

describe.skipIf(!redisServer)("Redis", () => {
  let port: number;
  let redis: ChildProcess;
  const url = () => `redis://127.0.0.1:${port}`;

  async function start(): Promise<void> {
    const where = ["--port", String(port), "--bind", "127.0.0.1", "--dir", temporaryDir("shop-redis-"), "--save", ""];
    redis = spawn(redisServer ?? "", where, { stdio: "ignore" });
    const probe = new RedisCarts(url(), () => {});
    await waitUntil(async () => (await probe.client.ping().catch(() => "")) === "PONG", 10_000);
    await probe.close();
  }

  async function stop(): Promise<void> {
    const ended = new Promise((resolve) => redis.once("exit", resolve));
    redis.kill("SIGKILL");
    await ended;
  }

  beforeAll(async () => {
    port = await freePort();
    await start();
  });
  afterAll(stop);

  async function fresh(): Promise<RedisCarts> {
    const carts = new RedisCarts(url(), () => {});
    await carts.connect();
    await carts.client.flushall();
    return carts;
  }

  cartContract("Redis", fresh);
  cartContract("Redis with memory behind it", async () => new SteadyCarts(await fresh(), new MemoryCarts()));

  test("carts expire, and two processes share them", async () => {
    const [one, two] = [await fresh(), new RedisCarts(url(), () => {})];
    await two.connect();
    const id = await one.create("acme", "s1");
    expect(await two.of("acme", "s1")).toBe(id);
    await two.change({ tenant: "acme", cartId: id, productId: "p1", quantity: 1, how: "add" });
    for (const key of await one.client.keys("shop:*")) expect(await one.client.pttl(key)).toBeGreaterThan(7_000_000);
    await Promise.all([one.close(), two.close()]);
  });

  test("while Redis is away the shop goes on, without waiting; then it is used again", async () => {
    const carts = new SteadyCarts(await fresh(), new MemoryCarts());
    const before = await carts.create("acme", "s1");
    await stop();
    const startedMs = performance.now();
    const meanwhile = await carts.create("acme", "s1");
    const change = { tenant: "acme", cartId: meanwhile, productId: "p1", quantity: 2, how: "add" } as const;
    expect(await carts.change(change)).toBe(true);
    expect(await carts.of("acme", "s1")).toBe(meanwhile);
    expect(await carts.read("acme", before)).toBeUndefined();
    expect(performance.now() - startedMs).toBeLessThan(2500);
    await start();
    await waitUntil(async () => {
      const id = await carts.create("acme", "s2");
      const other = new RedisCarts(url(), () => {});
      await other.connect();
      const found = await other.read("acme", id);
      await other.close();
      return found !== undefined;
    }, 20_000);
    await carts.close();
  }, 60_000);
});

describe.skipIf(!initdb || !redisServer)("the whole shop on both", () => {
  test("orders are in PostgreSQL, carts in Redis; without Redis it is degraded and still sells", async () => {
    const server = await startPostgres();
    const port = await freePort();
    const where = ["--port", String(port), "--bind", "127.0.0.1", "--dir", temporaryDir("shop-redis-"), "--save", ""];
    const redis = spawn(redisServer ?? "", where, { stdio: "ignore" });
    const shop = fork(
      path.resolve(import.meta.dirname, "../examples/shop/dist/main.js"),
      ["--port", "0", "--rate", "0", "--data", temporaryDir("shop-data-")],
      {
        silent: true,
        execArgv: [],
        env: {
          ...process.env,
          DATABASE_URL: `postgres://postgres:${encodeURIComponent(server.password)}@127.0.0.1:${server.port}/postgres`,
          REDIS_URL: `redis://127.0.0.1:${port}`,
        },
      },
    );
    try {
      const { url } = await new Promise<{ url: string }>((resolve) =>
        shop.once("message", (message) => resolve(message as { url: string })),
      );
      const status = async () => ((await (await fetch(`${url}/health`)).json()) as { status: string }).status;
      await waitUntil(async () => (await status()) === "healthy", 15_000);
      expect(await purchase(url)).toBe("paid");
      expect(server.sql("SELECT tenant_id, status FROM orders").trim()).toBe("acme|paid");
      const gone = new Promise((resolve) => redis.once("exit", resolve));
      redis.kill("SIGKILL");
      await gone;
      expect(await purchase(url)).toBe("paid");
      await waitUntil(async () => (await status()) === "degraded", 10_000);
      expect((await fetch(`${url}/health/ready`)).status).toBe(200);
      server.stop();
      await waitUntil(async () => (await status()) === "unhealthy", 15_000);
      expect((await fetch(`${url}/health/ready`)).status).toBe(503);
      server.start();
      await waitUntil(async () => (await status()) === "degraded", 15_000);
      expect(await purchase(url)).toBe("paid");
    } finally {
      const ended = new Promise((resolve) => shop.once("exit", resolve));
      shop.kill("SIGTERM");
      await ended;
      redis.kill("SIGKILL");
      server.stop();
    }
  }, 90_000);
});

/** The status of the order, or of the request that failed. Declined by chance: tried again. */
async function purchase(url: string): Promise<string> {
  const post = async (where: string, body: object) => {
    const headers = { "content-type": "application/json", "x-session-id": "s1" };
    const reply = await fetch(`${url}/t/acme${where}`, { method: "POST", headers, body: JSON.stringify(body) });
    return { ...((await reply.json()) as { id?: string }), status: reply.status };
  };
  const { id: cartId } = await post("/carts", {});
  await post(`/carts/${cartId}/items`, { productId: "p1", quantity: 1 });
  const order = await post("/checkout", { cartId, city: "Portland" });
  if (order.status !== 201) return `checkout ${order.status}`;
  for (let attempt = 0; attempt < 5; attempt++) {
    const paid = await post(`/orders/${order.id}/payment`, { provider: "paynow" });
    if (paid.status === 200) return "paid";
    if (paid.status !== 402) return `payment ${paid.status}`;
  }
  return "declined";
}
