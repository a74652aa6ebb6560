import { mkdtempSync, rmSync } from "node:fs";
import type { AddressInfo } from "node:net";
import os from "node:os";
import path from "node:path";
import { Writable } from "node:stream";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { createShop, type Shop } from "./app.ts";
import { FAULTS } from "./faults/switches.ts";
import { PaymentProvider } from "./provider.ts";
import { seededRandom } from "./random.ts";

let directory: string;
let providers: Record<string, PaymentProvider>;
let shop: Shop;
let url: string;
let crashes: number;
const deployed: string[] = [];
const lines: string[] = [];
/** Enough for all routes of a shop, too few for what an importer gone wild makes. */
const SERIES_PER_TENANT = 400;

function recordingStream(): Writable {
  lines.length = 0;
  return new Writable({
    write(chunk, _encoding, done) {
      lines.push(String(chunk));
      done();
    },
  });
}

beforeEach(async () => {
  directory = mkdtempSync(path.join(os.tmpdir(), "shop-"));
  crashes = 0;
  const make = (name: string) =>
    new PaymentProvider({ name, random: seededRandom(1), declineShare: 0, latencyMs: { min: 0, max: 1 } });
  providers = { paynow: make("paynow"), vietpay: make("vietpay") };
  const urls: Record<string, string> = {};
  for (const [name, provider] of Object.entries(providers)) urls[name] = `http://127.0.0.1:${await provider.listen()}`;
  shop = await createShop({
    databaseFile: path.join(directory, "shop.db"),
    version: "1.0.0",
    providers: urls,
    logging: { level: "info", stream: recordingStream() },
    random: seededRandom(7),
    deploy: (version) => deployed.push(version),
    setProviderDown: (name, merchant, down) => void providers[name].setDown(merchant, down),
    crash: () => {
      crashes += 1;
    },
    defaultMetrics: false,
    seriesPerTenant: SERIES_PER_TENANT,
  });
  await new Promise<void>((resolve) => shop.server.listen(0, "127.0.0.1", resolve));
  url = `http://127.0.0.1:${(shop.server.address() as AddressInfo).port}`;
});

afterEach(async () => {
  await shop.close();
  for (const provider of Object.values(providers)) await provider.close();
  rmSync(directory, { recursive: true, force: true });
});

async function call(method: string, where: string, body?: object, headers: Record<string, string> = {}) {
  const response = await fetch(`${url}${where}`, {
    method,
    headers: { "content-type": "application/json", ...headers },
    ...(body ? { body: JSON.stringify(body) } : {}),
  });
  const text = await response.text();
  const json = text.startsWith("{") ? (JSON.parse(text) as Record<string, unknown>) : {};
  return { status: response.status, json, text, headers: response.headers };
}

const as = (tenant: string) => ({ "x-tenant-id": tenant, "x-session-id": `s-${tenant}` });

/** Cart, checkout, payment: the status of the step that stopped it, or of the payment. */
async function purchase(tenant: string, provider = "paynow"): Promise<number> {
  const cart = await call("POST", "/carts", undefined, as(tenant));
  if (cart.status !== 201) return cart.status;
  const item = await call("POST", `/carts/${cart.json.id}/items`, { productId: "p1", quantity: 2 }, as(tenant));
  if (item.status !== 201) return item.status;
  const order = await call("POST", "/checkout", { cartId: cart.json.id, city: "Hà Nội" }, as(tenant));
  if (order.status !== 201) return order.status;
  return (await call("POST", `/orders/${order.json.id}/payment`, { provider }, as(tenant))).status;
}

async function metric(line: string): Promise<number | undefined> {
  const found = (await shop.sw.metrics.text()).split("\n").find((candidate) => candidate.startsWith(`${line} `));
  return found === undefined ? undefined : Number(found.slice(line.length + 1));
}

const fault = (name: string, query = "") => call("POST", `/faults/${name}${query}`);

describe("shop", () => {
  test("a purchase becomes an order, revenue, conversion and request metrics of its shop", async () => {
    expect((await call("GET", "/t/bepnha/products")).status).toBe(200);
    expect(await purchase("bepnha")).toBe(200);
    expect(await metric('orders_total{tenant_id="bepnha",status="paid"}')).toBe(1);
    expect(await metric('revenue_total{tenant_id="bepnha",currency="VND"}')).toBeGreaterThan(10_000);
    expect(await metric('payment_attempts_total{tenant_id="bepnha",provider="paynow",outcome="approved"}')).toBe(1);
    expect(await metric('cart_abandonment_rate{tenant_id="bepnha"}')).toBe(0);
    // Two visitors came (one without a session id), one bought.
    expect(await metric('conversion_rate{tenant_id="bepnha"}')).toBe(50);
    expect(
      await metric(
        'http_requests_total{method="POST",route="/orders/:id/payment",status_code="200",tenant_id="bepnha"}',
      ),
    ).toBe(1);
    expect(await metric('orders_total{tenant_id="acme",status="paid"}')).toBe(0);
  });

  test("an order is of one shop only, and is paid once", async () => {
    const cart = await call("POST", "/carts", undefined, as("acme"));
    await call("POST", `/carts/${cart.json.id}/items`, { productId: "p1", quantity: 1 }, as("acme"));
    expect((await call("POST", "/checkout", { cartId: cart.json.id, city: "Portland" }, as("bepnha"))).status).toBe(
      422,
    );
    expect((await call("POST", "/checkout", { cartId: cart.json.id, city: "Hà Nội" }, as("bepnha"))).status).toBe(404);
    const order = await call("POST", "/checkout", { cartId: cart.json.id, city: "Portland" }, as("acme"));
    const pay = () => call("POST", `/orders/${order.json.id}/payment`, { provider: "vietpay" }, as("acme"));
    expect((await pay()).status).toBe(200);
    expect((await pay()).status).toBe(409);
    expect((await call("GET", `/orders/${order.json.id}`, undefined, as("bepnha"))).status).toBe(404);
    expect((await call("GET", `/orders/${order.json.id}`, undefined, as("acme"))).json).toMatchObject({
      status: "paid",
    });
  });

  test("bad input is the client's error, with the request id in the answer", async () => {
    const cases: Array<[string, string, object | undefined, number]> = [
      ["GET", "/products", undefined, 400],
      ["GET", "/t/nobody/products", undefined, 404],
      ["GET", "/t/acme/products/p999", undefined, 404],
      ["POST", "/t/acme/carts/none/items", { productId: "p1", quantity: 0 }, 400],
      ["POST", "/t/acme/carts/none/items", { productId: "p1", quantity: 1 }, 404],
      ["POST", "/t/acme/checkout", {}, 400],
      ["POST", "/t/acme/orders/none/payment", { provider: "nobank" }, 400],
      ["POST", "/t/acme/orders/none/payment", { provider: "paynow" }, 404],
      ["POST", "/faults/nonsense", undefined, 404],
      ["POST", "/faults/order-drop?tenant=nobody", undefined, 404],
      ["POST", "/faults/order-drop?on=maybe", undefined, 400],
      ["POST", "/deploy?version=%20", undefined, 400],
    ];
    for (const [method, where, body, status] of cases) {
      const reply = await call(method, where, body, { "x-request-id": "r-1" });
      expect([where, reply.status]).toEqual([where, status]);
      expect(reply.json.requestId).toBe("r-1");
      expect(reply.headers.get("x-request-id")).toBe("r-1");
    }
    const broken = await fetch(`${url}/t/acme/checkout`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: "{",
    });
    expect(broken.status).toBe(400);
  });

  test("series do not grow with paths, methods or ids", async () => {
    const count = async () => (await shop.sw.metrics.text()).split("\n").filter((l) => l.startsWith("http_")).length;
    await call("GET", "/nowhere");
    await call("PURGE", "/nowhere");
    await purchase("acme");
    const before = await count();
    for (let i = 0; i < 30; i++) {
      await call("GET", `/nowhere/${i}`);
      await call("GET", `/wp-admin/${i}.php?x=${i}`, undefined, { "x-request-id": `r${i}` });
      await call(`X${i}`, "/nowhere").catch(() => {});
      await purchase("acme");
    }
    expect(await count()).toBe(before);
    expect(
      await metric('http_requests_total{method="GET",route="unmatched",status_code="404",tenant_id="unknown"}'),
    ).toBe(61);
  });

  test("health, admin page, tenants, deploy", async () => {
    expect((await call("GET", "/health")).json).toMatchObject({
      status: "healthy",
      checks: { database: { status: "healthy" } },
    });
    for (const probe of ["live", "ready", "startup"]) expect((await call("GET", `/health/${probe}`)).status).toBe(200);
    await purchase("berlin-audio");
    const admin = await call("GET", "/admin");
    expect(admin.text).toContain("Berlin Audio");
    expect((await call("GET", "/tenants")).json.tenants).toHaveLength(20);
    expect((await call("POST", "/deploy?version=2.0.0")).status).toBe(202);
    expect(deployed).toEqual(["2.0.0"]);
    expect(await metric('service_build_info{service="shop",version="1.0.0",environment="development"}')).toBe(1);
  });
});

describe("pages", () => {
  const cookieOf = (headers: Headers) => (headers.get("set-cookie") ?? "").split(";")[0];
  const form = async (where: string, fields: Record<string, string>, cookie: string, more: object = {}) => {
    const headers = { "content-type": "application/x-www-form-urlencoded", cookie, ...more };
    const body = new URLSearchParams(fields);
    return await fetch(`${url}${where}`, { method: "POST", headers, body, redirect: "manual" });
  };

  test("a visitor without a script browses, fills a cart, orders, pays; nobody else sees the order", async () => {
    const home = await call("GET", "/t/sen-mart/");
    const cookie = cookieOf(home.headers);
    expect(cookie).toMatch(/^visitor=[0-9a-f-]{36}$/);
    expect(home.text).toContain("Tất cả sản phẩm");
    expect(home.headers.get("content-security-policy")).toMatch(/script-src 'self';.*connect-src 'none'/);
    expect(home.text).not.toContain("<script");
    expect((await call("GET", "/t/sen-mart/item/p4", undefined, { cookie })).text).toContain("Nước mắm");
    const added = await form("/t/sen-mart/cart", { productId: "p4", quantity: "2", how: "add" }, cookie);
    expect([added.status, added.headers.get("location")]).toEqual([303, "/t/sen-mart/cart"]);
    expect((await call("GET", "/t/sen-mart/cart", undefined, { cookie })).text).toContain('value="2"');
    expect((await call("GET", "/t/sen-mart/cart")).text).toContain("đang trống");
    expect((await call("GET", "/t/sen-mart/order", undefined, { cookie })).text).toContain("<option>Hà Nội</option>");
    const paid = await form("/t/sen-mart/order", { city: "Hà Nội", provider: "paynow" }, cookie);
    const thanks = paid.headers.get("location") ?? "";
    expect(thanks).toMatch(/^\/t\/sen-mart\/thanks\//);
    expect((await call("GET", thanks, undefined, { cookie })).text).toContain("Cảm ơn");
    expect((await call("GET", thanks)).status).toBe(404);
    expect(await metric('orders_total{tenant_id="sen-mart",status="paid"}')).toBe(1);
    expect((await call("GET", "/t/sen-mart/cart", undefined, { cookie })).text).toContain("đang trống");
  });

  test("a payment that fails can be tried again", async () => {
    const cookie = cookieOf((await call("GET", "/t/acme/")).headers);
    await form("/t/acme/cart", { productId: "p1", quantity: "1", how: "add" }, cookie);
    await fault("payment-provider-down");
    const failed = await form("/t/acme/order", { city: "Portland", provider: "paynow" }, cookie);
    const where = failed.headers.get("location") ?? "";
    expect((await call("GET", where, undefined, { cookie })).text).toContain("did not go through");
    await form(where, { provider: "vietpay" }, cookie);
    expect((await call("GET", where, undefined, { cookie })).text).toContain("Thank you");
  });

  test("what visitors type is text; forms of other sites and odd forms are refused; errors are pages", async () => {
    const evil = "\"><script>alert('1')</script>&";
    const { text } = await call("GET", `/t/acme/?q=${encodeURIComponent(evil)}`);
    expect(text).not.toContain("<script");
    expect(text).toContain("&quot;&gt;&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt;&amp;");
    const item = { productId: "p1", quantity: "1", how: "add" };
    expect((await form("/t/acme/cart", item, "", { "sec-fetch-site": "cross-site" })).status).toBe(403);
    expect(
      (await form("/admin/faults", { fault: "order-drop", on: "true" }, "", { "sec-fetch-site": "cross-site" })).status,
    ).toBe(403);
    for (const bad of [{ quantity: "-1" }, { quantity: "100" }, { how: "steal" }])
      expect((await form("/t/acme/cart", { ...item, ...bad }, "")).status).toBe(400);
    expect((await form("/t/acme/cart", { ...item, productId: "p999" }, "")).status).toBe(404);
    const missing = await call("GET", "/t/acme/item/p999");
    expect([missing.status, missing.text.includes("<h1>404</h1>")]).toEqual([404, true]);
  });

  test("the admin page lists every fault and switches them; the front page every shop", async () => {
    await form("/admin/faults", { fault: "slow-page", tenant: "acme", on: "true" }, "");
    const { text } = await call("GET", "/admin");
    for (const name of Object.keys(FAULTS)) expect(text).toContain(`value="${name}"`);
    expect(text).toMatch(/slow-page<\/b>\s*<span class="quiet">Acme Outfitters, since/);
    await form("/admin/faults", { fault: "slow-page", tenant: "acme", on: "false" }, "");
    expect((await call("GET", "/admin")).text).toContain("None.");
    await form("/admin/deploy", { version: "3.0.0" }, "");
    expect(deployed.at(-1)).toBe("3.0.0");
    expect((await call("GET", "/")).text.match(/class="card"/g)).toHaveLength(20);
  });
});

describe("faults", () => {
  test("every fault is listed, and turns on and off for one shop", async () => {
    const { json } = await call("GET", "/faults");
    expect((json.faults as Array<{ name: string }>).map((f) => f.name)).toEqual(Object.keys(FAULTS));
    await fault("order-drop", "?tenant=acme");
    const active = async () =>
      ((await call("GET", "/faults")).json.faults as Array<{ active: unknown[] }>).flatMap((f) => f.active);
    expect(await active()).toMatchObject([{ tenant: "acme" }]);
    await fault("order-drop", "?on=false");
    expect(await active()).toEqual([]);
  });

  test("error-burst: about half of one shop's requests fail, on their own route", async () => {
    await fault("error-burst", "?tenant=acme");
    const statuses = { acme: [] as number[], bepnha: [] as number[] };
    for (let i = 0; i < 40; i++) {
      statuses.acme.push((await call("GET", "/t/acme/products")).status);
      statuses.bepnha.push((await call("GET", "/t/bepnha/products")).status);
    }
    const errors = statuses.acme.filter((status) => status === 500).length;
    expect(errors).toBeGreaterThan(8);
    expect(errors).toBeLessThan(32);
    expect(statuses.bepnha.every((status) => status === 200)).toBe(true);
    const series = 'http_requests_total{method="GET",route="/products",status_code="500",tenant_id="acme"}';
    expect(await metric(series)).toBe(errors);
  });

  test("slow-database: statements of that shop take over two seconds", async () => {
    await fault("slow-database", "?tenant=acme");
    const startedMs = performance.now();
    const [slow] = await Promise.all([call("GET", "/t/acme/products"), call("GET", "/t/bepnha/products")]);
    expect(slow.status).toBe(200);
    expect(performance.now() - startedMs).toBeGreaterThan(2100);
    expect(
      await metric('http_request_duration_seconds_bucket{le="1",method="GET",route="/products",tenant_id="bepnha"}'),
    ).toBe(1);
    expect(
      await metric('http_request_duration_seconds_bucket{le="1",method="GET",route="/products",tenant_id="acme"}'),
    ).toBe(0);
    expect(await metric('db_slow_queries_total{tenant_id="acme",operation="list products"}')).toBe(1);
  });

  test("payment-provider-down: connections are refused, the other provider works; for one merchant only it is cut off", async () => {
    await fault("payment-provider-down");
    expect(await purchase("acme", "paynow")).toBe(502);
    expect(await purchase("acme", "vietpay")).toBe(200);
    expect(await metric('orders_total{tenant_id="acme",status="payment_failed"}')).toBe(1);
    expect(await metric('payment_attempts_total{tenant_id="acme",provider="paynow",outcome="error"}')).toBe(1);
    await fault("payment-provider-down", "?on=false");
    await expect.poll(() => purchase("acme", "paynow")).toBe(200);
    await fault("payment-provider-down", "?tenant=acme");
    expect(await purchase("acme", "paynow")).toBe(502);
    expect(await purchase("bepnha", "paynow")).toBe(200);
  });

  test("order-drop: no order of that shop comes through, and nothing looks like a server error", async () => {
    await fault("order-drop", "?tenant=acme");
    expect(await purchase("acme")).toBe(422);
    expect(await purchase("bepnha")).toBe(200);
    expect(await metric('orders_total{tenant_id="acme",status="paid"}')).toBe(0);
    await fault("order-drop", "?tenant=acme&on=false");
    expect(await purchase("acme")).toBe(200);
  });

  test("connection-leak: connections stay in use after their requests until the fault ends", async () => {
    expect(await metric("db_connections_in_use")).toBe(0);
    await fault("connection-leak");
    await call("GET", "/t/acme/products");
    await new Promise((resolve) => setTimeout(resolve, 1050));
    await call("GET", "/t/acme/products");
    expect(await metric("db_connections_in_use")).toBe(2);
    expect(await metric("db_connections_max")).toBe(40);
    await fault("connection-leak", "?on=false");
    expect(await metric("db_connections_in_use")).toBe(0);
  });

  test("memory-leak: the process keeps 128 KiB a request, and gives them back when it ends", async () => {
    setFlagsFromString("--expose-gc");
    const collect = runInNewContext("gc") as () => void;
    const residentMiB = () => process.memoryUsage.rss() / 2 ** 20;
    await call("GET", "/t/acme/products");
    collect();
    const before = residentMiB();
    await fault("memory-leak", "?tenant=acme");
    for (let i = 0; i < 320; i++) await call("GET", "/t/acme/products");
    const grown = residentMiB();
    expect(grown - before).toBeGreaterThan(20);
    await fault("memory-leak", "?tenant=acme&on=false");
    // Another thread returns the pages, in its own time.
    await vi.waitFor(() => {
      collect();
      expect(grown - residentMiB()).toBeGreaterThan(20);
    }, 10_000);
  });

  test("process-crash ends the process", async () => {
    expect((await fault("process-crash")).status).toBe(200);
    expect(crashes).toBe(1);
  });

  test("log-flood: of thousands of lines of that shop a bounded number is written, and one says how many are not", async () => {
    await fault("log-flood", "?tenant=acme");
    await new Promise((resolve) => setTimeout(resolve, 1000));
    await fault("log-flood", "?on=false");
    const count = () => lines.filter((line) => line.includes("Stock feed refused") && line.includes('"acme"')).length;
    const flooded = count();
    // One second of them, or two that the time touches.
    expect(flooded).toBeGreaterThanOrEqual(1000);
    expect(flooded).toBeLessThanOrEqual(3000);
    expect(lines.some((line) => line.includes("Stock feed") && !line.includes('"acme"'))).toBe(false);
    await new Promise((resolve) => setTimeout(resolve, 1100));
    expect(count()).toBe(flooded);
    expect(lines.some((line) => /"message":"\d+ log lines left out"/.test(line) && line.includes('"acme"'))).toBe(true);
  });

  test("noisy-tenant: series of the noisy shop stay within its cap, other shops keep theirs", async () => {
    await call("GET", "/t/bepnha/search?q=gang");
    await fault("noisy-tenant", "?tenant=acme");
    const rolled = 'storewatch_sdk_rolled_up_observations_total{metric="shop_searches_total"}';
    await expect.poll(() => metric(rolled), { timeout: 15_000 }).toBeGreaterThan(20);
    await fault("noisy-tenant", "?on=false");
    await call("GET", "/t/bepnha/search?q=khong-co");
    const text = await shop.sw.metrics.text();
    const series = (tenant: string) =>
      text.split("\n").filter((line) => line.startsWith("shop_searches") && line.includes(tenant));
    expect(series("acme").length).toBeLessThan(SERIES_PER_TENANT);
    expect(series("acme").some((line) => line.includes("__other__"))).toBe(true);
    expect(series("bepnha")).toEqual([
      'shop_searches_total{tenant_id="bepnha",result="found"} 1',
      'shop_searches_total{tenant_id="bepnha",result="nothing"} 1',
    ]);
  });

  test("slow-page: a page of that shop is complete after two seconds, those of others at once", async () => {
    await fault("slow-page", "?tenant=acme");
    const load = async (tenant: string) => {
      const startedMs = performance.now();
      const { text } = await call("GET", `/t/${tenant}/`);
      const scripts = [...text.matchAll(/<script src="([^"]+)"/g)].map(([, src]) => src);
      for (const src of scripts) expect((await call("GET", src)).status).toBe(200);
      return performance.now() - startedMs;
    };
    const [slow, fast] = await Promise.all([load("acme"), load("bepnha")]);
    expect(slow).toBeGreaterThan(2000);
    expect(fast).toBeLessThan(1000);
    // The page itself is as fast as ever: what is slow is what its visitors wait for.
    expect(await metric('http_request_duration_seconds_bucket{le="1",method="GET",route="/",tenant_id="acme"}')).toBe(
      1,
    );
    await fault("slow-page", "?on=false");
    expect((await call("GET", "/t/acme/")).text).not.toContain("recommendations");
  });
});
