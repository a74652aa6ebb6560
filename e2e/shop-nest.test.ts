// The Nest example as a process of its own, over HTTP: what its README says is what it does.
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import path from "node:path";
import { freePort, waitUntil } from "@storewatch/testkit";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

const ROOT = path.resolve(import.meta.dirname, "..");
const EXAMPLE = path.join(ROOT, "examples/shop-nest");
const TOKEN = "scrape-S3cret";

interface Shop {
  readonly url: string;
  readonly child: ChildProcess;
  metrics(headers?: Record<string, string>): Promise<Response>;
  output(): string;
}

async function startShop(env: Record<string, string> = {}): Promise<Shop> {
  const [port, metricsPort] = [await freePort(), await freePort()];
  const child = spawn(process.execPath, ["dist/main.js"], {
    cwd: EXAMPLE,
    env: {
      ...process.env,
      PORT: String(port),
      METRICS_PORT: String(metricsPort),
      METRICS_TOKEN: TOKEN,
      NOTICE_MS: "600",
      ...env,
    },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk) => (output += String(chunk)));
  const url = `http://127.0.0.1:${port}`;
  await waitUntil(
    () =>
      fetch(`${url}/health/ready`).then(
        (reply) => reply.ok,
        () => false,
      ),
    20_000,
    () => `the shop did not become ready:\n${output}`,
  );
  return {
    url,
    child,
    metrics: (headers = { authorization: `Bearer ${TOKEN}` }) =>
      fetch(`http://127.0.0.1:${metricsPort}/metrics`, { headers }),
    output: () => output,
  };
}

function ended(child: ChildProcess): Promise<number | null> {
  return new Promise((resolve) => {
    if (child.exitCode !== null || child.signalCode !== null) resolve(child.exitCode);
    else child.once("exit", (code) => resolve(code));
  });
}

let shop: Shop;
beforeAll(async () => {
  // `npm run build` of the example: with the compiler's decorators, and the SDK beside its own Nest 12.
  const tsc = path.join(ROOT, "node_modules/typescript/bin/tsc");
  execFileSync(process.execPath, [path.join(EXAMPLE, "tools/own-sdk.mjs")], { stdio: "pipe" });
  execFileSync(process.execPath, [tsc, "-p", EXAMPLE], { stdio: "pipe" });
  shop = await startShop();
}, 60_000);
afterAll(async () => {
  shop?.child.kill("SIGKILL");
  if (shop !== undefined) await ended(shop.child);
});

function as(tenant: string | undefined, body?: unknown): RequestInit {
  return {
    headers: {
      "content-type": "application/json",
      "x-session-id": `${tenant}-visitor`,
      ...(tenant === undefined ? {} : { "x-tenant-id": tenant }),
    },
    ...(body === undefined ? {} : { method: "POST", body: JSON.stringify(body) }),
  };
}

async function buy(tenant: string, card: string): Promise<{ cart: string; reply: Response }> {
  const cart = (await (await fetch(`${shop.url}/carts`, as(tenant, { product: "tea" }))).json()) as { id: string };
  await fetch(`${shop.url}/carts/${cart.id}/products`, as(tenant, { product: "pot" }));
  return { cart: cart.id, reply: await fetch(`${shop.url}/carts/${cart.id}/payment`, as(tenant, { card })) };
}

const text = async () => (await shop.metrics()).text();

describe("the Nest example", () => {
  test("sells, and its orders, revenue, payments and requests are counted by shop", async () => {
    expect(await (await fetch(`${shop.url}/products`, as("acme"))).json()).toHaveLength(3);
    const { reply } = await buy("acme", "4111");
    expect(await reply.json()).toMatchObject({ tenantId: "acme", status: "paid", total: 470_000 });
    expect((await buy("acme", "declined")).reply.status).toBe(402);
    const page = await text();
    expect(page).toContain('orders_total{tenant_id="acme",status="paid"} 1\n');
    expect(page).toContain('orders_total{tenant_id="acme",status="declined"} 1\n');
    expect(page).toContain('revenue_total{tenant_id="acme",currency="VND"} 470000\n');
    expect(page).toContain('payment_attempts_total{tenant_id="acme",provider="local",outcome="declined"} 1\n');
    expect(page).toContain('checkout_steps_total{tenant_id="acme",step="visit"} 1\n');
    expect(page).toContain('conversion_rate{tenant_id="acme"} 100\n');
    const route = 'method="POST",route="/carts/:cart/payment"';
    expect(page).toContain(`http_requests_total{${route},status_code="201",tenant_id="acme"} 1\n`);
    expect(page).toContain(`http_requests_total{${route},status_code="402",tenant_id="acme"} 1\n`);
    // The neighbour is there from the start, at 0.
    expect(page).toContain('orders_total{tenant_id="bep-nha",status="paid"} 0\n');
  });

  test("a message's work counts for the shop whose message it is", async () => {
    await buy("bep-nha", "4111");
    await expect.poll(text).toContain('order_mails_sent_total{tenant_id="bep-nha"} 1\n');
    expect(await text()).toContain("order_mails_waiting 0\n");
  });

  test("no shop, no answer; another shop's cart and orders are not there", async () => {
    for (const tenant of [undefined, "nobody", "acme\u0000", "__proto__"]) {
      const headers: HeadersInit = tenant === undefined ? {} : { "x-tenant-id": encodeURIComponent(tenant) };
      expect((await fetch(`${shop.url}/products`, { headers })).status).toBe(400);
    }
    const { cart } = await buy("acme", "declined");
    expect((await fetch(`${shop.url}/carts/${cart}/payment`, as("bep-nha", { card: "4111" }))).status).toBe(404);
    const orders = (await (await fetch(`${shop.url}/orders`, as("bep-nha"))).json()) as { tenantId: string }[];
    expect(orders.length).toBeGreaterThan(0);
    expect(new Set(orders.map((order) => order.tenantId))).toEqual(new Set(["bep-nha"]));
    expect((await fetch(`${shop.url}/carts`, as("acme", { product: 7 }))).status).toBe(400);
    expect((await fetch(`${shop.url}/products/none`, as("acme"))).status).toBe(404);
    expect(await text()).not.toContain("nobody");
  });

  test("metrics are for those with the token: on their own port, and through the guard", async () => {
    expect((await shop.metrics({})).status).toBe(401);
    expect((await shop.metrics({ authorization: "Bearer other" })).status).toBe(401);
    expect((await fetch(`${shop.url}/metrics`)).status).toBe(404);
    const guarded = (headers: Record<string, string>) => fetch(`${shop.url}/internal/metrics`, { headers });
    expect((await guarded({})).status).toBe(401);
    const read = await guarded({ authorization: `Bearer ${TOKEN}` });
    expect(read.headers.get("content-type")).toContain("text/plain; version=0.0.4");
    expect(await read.text()).toContain('service_build_info{service="shop-nest",version="1.0.0"');
  });

  test("an empty token lets nobody in", async () => {
    const open = await startShop({ METRICS_TOKEN: "" });
    try {
      for (const authorization of ["Bearer ", "Bearer x", "Basic Og=="])
        expect((await fetch(`${open.url}/internal/metrics`, { headers: { authorization } })).status).toBe(401);
      // The listener has no token either, and is on loopback.
      expect((await open.metrics({})).status).toBe(200);
    } finally {
      open.child.kill("SIGKILL");
      await ended(open.child);
    }
  });

  test("a payment provider that is away: 500 and counted, degraded, still ready; and well again", async () => {
    const status = async () => ((await (await fetch(`${shop.url}/health`)).json()) as { status: string }).status;
    expect((await buy("acme", "outage")).reply.status).toBe(500);
    await expect.poll(status).toBe("degraded");
    expect((await fetch(`${shop.url}/health/ready`)).status).toBe(200);
    expect(await text()).toContain('payment_attempts_total{tenant_id="acme",provider="local",outcome="error"} 1\n');
    expect(await text()).toContain('health_check_status{check="payments"} 0\n');
    expect((await buy("acme", "recovery")).reply.status).toBe(201);
    await expect.poll(status).toBe("healthy");
  });

  test("SIGTERM: not ready first while it still answers, then the end with exit code 0", async () => {
    const one = await startShop();
    one.child.kill("SIGTERM");
    await expect.poll(async () => (await fetch(`${one.url}/health/ready`)).status).toBe(503);
    expect((await fetch(`${one.url}/products`, as("acme"))).status).toBe(200);
    expect((await fetch(`${one.url}/health/live`)).status).toBe(200);
    const startedMs = performance.now();
    expect(await ended(one.child)).toBe(0);
    expect(performance.now() - startedMs).toBeLessThan(8000);
    await expect(fetch(`${one.url}/products`)).rejects.toThrow();
  });
});
