// The SDK's browser entry in a real browser, on a page of another origin, against the built process: what a customer's
// visit tells becomes metrics of the right shop and page. And a shop whose monitor is away does not notice.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { createRequire } from "node:module";
import type { AddressInfo } from "node:net";
import path from "node:path";
import {
  findPeer,
  freePort,
  type StorewatchProcess,
  startStorewatch,
  temporaryDir,
  waitUntil,
} from "@storewatch/testkit";
import { type Browser, chromium, type Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

const CHROMIUM = findPeer("chromium");
const ARGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"];
const resolve = createRequire(new URL("../examples/shop/package.json", import.meta.url)).resolve;
const SLOW_IMAGE_MS = 1200;
const KEY = "pk-platform-e2e";

/** A shop's pages: a product's with the classic script, and an application of one page with the module. */
function productPage(storewatch: string, foreign: string): string {
  return `<!doctype html><html><head><title>Product</title>
<script src="/storewatch.js" data-endpoint="${storewatch}" data-key="${KEY}" data-tenant="acme" data-version="1.4.0"></script>
</head><body><h1>Ao dai</h1><img src="/slow.png" width="300" height="200" alt="">
<button id="buy">Buy</button><script src="${foreign}/ads.js"></script><script src="/product.js"></script></body></html>`;
}
const PRODUCT_JS = `
document.getElementById("buy").addEventListener("click", () => {
  const until = performance.now() + 120;
  while (performance.now() < until);
  history.pushState({}, "", "/cart?coupon=secret");
  document.body.append("cart");
});
addEventListener("load", () => {
  for (let i = 0; i < 3; i++) setTimeout(() => { undefinedFunction(); }, 10);
  Promise.reject(new Error("payment widget: https://pay.example/x?token=secret"));
});`;
function modulePage(storewatch: string): string {
  return `<!doctype html><html><head><title>App</title><script type="module">
import { startBrowser } from "/browser.mjs";
window.monitor = startBrowser({ endpoint: "${storewatch}", key: "${KEY}", tenant: "globex",
  page: ({ pathname }) => pathname.startsWith("/app/p/") ? "/app/p/:slug" : pathname });
window.again = startBrowser({ endpoint: "${storewatch}", key: "${KEY}", tenant: "globex" }) === window.monitor;
navigation.addEventListener("navigate", (event) => {
  if (event.canIntercept) event.intercept({ handler: () => new Promise((done) => setTimeout(done, 300)) });
});
document.body.append("ready");
</script></head><body><p>One page</p></body></html>`;
}

/**
 * Pages that lead themselves through a visit, for a browser that nobody drives: a driver's browser keeps no page for going
 * back. The first page is left and returned to, which gives it a second view; then a product is opened that was loaded
 * in advance. One more is loaded in advance and never opened.
 */
function visitPage(storewatch: string, name: string): string {
  const own = `<script src="/storewatch.js" data-endpoint="${storewatch}" data-key="${KEY}" data-tenant="initech"></script>`;
  return `<!doctype html><html><head><title>${name}</title>${name === "between" ? "" : own}</head><body><h1>${name}</h1>
<script>const name = "${name}", prerendered = ["/visit/opened", "/visit/never"];</script><script src="/visit.js"></script></body></html>`;
}
const VISIT_JS = `
const after = (ms, run) => setTimeout(run, ms);
const leave = () => { location.href = "/visit/between"; };
const prerender = () => {
  const rules = document.createElement("script");
  rules.type = "speculationrules";
  rules.textContent = JSON.stringify({ prerender: [{ urls: prerendered, eagerness: "immediate" }] });
  document.body.append(rules);
  after(3000, () => { location.href = "/visit/opened"; });
};
if (name === "home") {
  addEventListener("load", () => after(500, leave));
  addEventListener("pageshow", ({ persisted }) => persisted && after(500, prerender));
  after(100, () => history.replaceState({}, "", "/visit/home-routed"));
}
if (name === "between") addEventListener("load", () => after(500, () => history.back()));
if (name === "opened" || name === "never") {
  const early = document.prerendering;
  history.replaceState({}, "", location.pathname + "-routed");
  after(0, () => { throw new Error((early ? "in advance: " : "at sight: ") + name); });
  document.addEventListener("prerenderingchange", () => after(500, () => { location.href = "about:blank"; }));
}`;

function serve(answer: (path: string) => { readonly type: string; readonly body: string; readonly delayMs?: number }) {
  const server = createServer((request, response) => {
    const { type, body, delayMs = 0 } = answer(new URL(request.url ?? "/", "http://x").pathname);
    setTimeout(() => response.writeHead(200, { "content-type": type, "cache-control": "no-cache" }).end(body), delayMs);
  });
  return new Promise<{ server: Server; url: string }>((done) =>
    server.listen(0, "127.0.0.1", () =>
      done({ server, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` }),
    ),
  );
}

let storewatch: StorewatchProcess;
let shop: { server: Server; url: string };
let foreign: { server: Server; url: string };
let browser: Browser;
let port: number;
let config: string;

async function value(query: string): Promise<number> {
  const reply = (await storewatch.json(`/api/v1/query?query=${encodeURIComponent(query)}`)) as {
    data: { result: Array<{ value: [number, string] }> };
  };
  return Number(reply.data.result[0]?.value[1] ?? Number.NaN);
}

async function becomes(query: string, expected: number): Promise<void> {
  let last = Number.NaN;
  await waitUntil(
    async () => {
      last = await value(query);
      return last === expected;
    },
    25_000,
    () => `${query} is ${last}, not ${expected}`,
  );
}

describe.skipIf(CHROMIUM === undefined)("browser entry", () => {
  beforeAll(async () => {
    port = await freePort();
    const monitor = `http://127.0.0.1:${port}`;
    const scriptFile = resolve("@storewatch/sdk/browser/script");
    const script = readFileSync(scriptFile, "utf8");
    // Its name leads to the sources here, as for all of the workspace.
    const module = readFileSync(path.join(path.dirname(scriptFile), "index.js"), "utf8");
    foreign = await serve(() => ({ type: "text/javascript", body: "throw new Error('ads')" }));
    const javascript = (body: string) => ({ type: "text/javascript", body });
    shop = await serve((path) => {
      if (path === "/storewatch.js") return javascript(script);
      if (path === "/browser.mjs") return javascript(module);
      if (path === "/product.js") return javascript(PRODUCT_JS);
      if (path === "/visit.js") return javascript(VISIT_JS);
      if (path.startsWith("/visit/"))
        return { type: "text/html", body: visitPage(monitor, path.slice("/visit/".length)) };
      if (path === "/slow.png") return { type: "image/svg+xml", body: IMAGE, delayMs: SLOW_IMAGE_MS };
      return {
        type: "text/html",
        body: path.startsWith("/app") ? modulePage(monitor) : productPage(monitor, foreign.url),
      };
    });
    config = `
tenants: [{ id: acme }, { id: globex }, { id: initech }]
rum:
  keys:
    - { key: ${KEY}, platform: true, origins: ["${shop.url}"] }
    - { key: pk-acme-e2e, tenant: acme }
`;
    storewatch = await startStorewatch({ port, files: { "storewatch.yml": config } });
    browser = await chromium.launch({ executablePath: CHROMIUM, args: ARGS });
  }, 60_000);

  afterAll(async () => {
    await browser?.close();
    for (const one of [shop, foreign]) one?.server.close();
    await storewatch?.stop();
  }, 30_000);

  test("a visit becomes metrics of its shop and page", { timeout: 90_000 }, async () => {
    const page = await browser.newPage();
    await page.goto(`${shop.url}/products/4711?utm=secret`, { waitUntil: "load" });
    await page.waitForTimeout(200);
    await page.click("#buy");
    await page.getByText("cart").waitFor();
    // Chromium tells of a click only when its frame has been shown.
    await page.waitForTimeout(1500);
    await page.goto("about:blank");

    await becomes('page_views_total{tenant_id="acme", page="/products/:id"}', 1);
    await becomes('page_views_total{tenant_id="acme", page="/cart"}', 1);
    expect(await value('route_changes_total{tenant_id="acme", page="/cart"}')).toBe(1);
    const at = '{tenant_id="acme", page="/products/:id"}';
    for (const name of ["page_load_duration_seconds", ...VITALS]) await becomes(`${name}_count${at}`, 1);
    const loadSeconds = await value(`page_load_duration_seconds_sum${at}`);
    expect(loadSeconds).toBeGreaterThanOrEqual(SLOW_IMAGE_MS / 1000);
    expect(await value(`web_vitals_lcp_seconds_sum${at}`)).toBeLessThanOrEqual(10);
    expect(await value(`web_vitals_inp_seconds_sum${at}`)).toBeGreaterThanOrEqual(0.1);
    const p75 = await value(
      'histogram_quantile(0.75, sum by (le, tenant_id) (rate(page_load_duration_seconds_bucket{tenant_id="acme"}[1m])))',
    );
    expect(p75).toBeGreaterThan(1);

    // The same error three times over is one; the ad's script tells nothing but that it failed.
    await becomes('browser_errors_total{tenant_id="acme", kind="error"}', 1);
    await becomes('browser_errors_total{tenant_id="acme", kind="rejection"}', 1);
    await becomes('browser_errors_total{tenant_id="acme", kind="foreign"}', 1);
    expect(storewatch.output()).toContain("undefinedFunction is not defined");
    expect(storewatch.output()).toContain('"release":"1.4.0"');
    expect(storewatch.output()).not.toContain("secret");
    expect(await value('count({tenant_id="globex", page!=""})')).toBeNaN();
    await page.close();
  });

  test("an application of one page: names of its own, route changes with their time, errors it caught", {
    timeout: 90_000,
  }, async () => {
    const page = await browser.newPage();
    await page.goto(`${shop.url}/app/home`);
    await page.getByText("ready").waitFor();
    expect(await page.evaluate("window.again")).toBe(true);
    await page.evaluate('navigation.navigate("/app/p/red-shirt").finished');
    await page.evaluate('navigation.navigate("/app/p/blue-shirt").finished');
    // A filter is no page.
    await page.evaluate('navigation.navigate("/app/p/blue-shirt?size=m").finished');
    await page.evaluate('window.monitor.captureError(new Error("caught by the framework"))');
    await page.close({ runBeforeUnload: false });
    await becomes('route_changes_total{tenant_id="globex", page="/app/p/:slug"}', 2);
    await becomes('route_change_duration_seconds_count{tenant_id="globex", page="/app/p/:slug"}', 2);
    expect(await value('route_change_duration_seconds_sum{tenant_id="globex"} / 2')).toBeGreaterThanOrEqual(0.3);
    await becomes('page_views_total{tenant_id="globex", page="/app/home"}', 1);
    await becomes('browser_errors_total{tenant_id="globex", page="/app/p/:slug", kind="error"}', 1);
  });

  test("a page that is shown again and gets worse tells so; one that gets no worse tells nothing", {
    timeout: 90_000,
  }, async () => {
    const page = await browser.newPage();
    await page.goto(`${shop.url}/visit/reading`, { waitUntil: "load" });
    const click = async (busyMs: number) => {
      await page.evaluate((ms) => {
        document.onclick = () => {
          const until = performance.now() + ms;
          while (performance.now() < until);
        };
      }, busyMs);
      await page.click("h1");
      // Chromium tells of a click only when its frame has been shown.
      await page.waitForTimeout(1500);
    };
    const show = (state: string) =>
      page.evaluate((visibilityState) => {
        Object.defineProperty(document, "visibilityState", { value: visibilityState, configurable: true });
        document.dispatchEvent(new Event("visibilitychange", { bubbles: true }));
      }, state);
    const at = '{tenant_id="initech", page="/visit/reading"}';
    await click(0);
    await show("hidden");
    await becomes(`web_vitals_inp_seconds_count${at}`, 1);
    expect(await value(`web_vitals_inp_seconds_sum${at}`)).toBeLessThan(0.5);
    await show("visible");
    await click(600);
    await show("hidden");
    await becomes(`web_vitals_inp_seconds_count${at}`, 2);
    expect(await value(`web_vitals_inp_seconds_sum${at}`)).toBeGreaterThanOrEqual(0.6);
    await show("visible");
    await click(800);
    await show("hidden");
    await page.close();
    await new Promise((resolve) => setTimeout(resolve, 6000));
    expect(await value(`web_vitals_inp_seconds_count${at}`)).toBe(2);
    expect(await value(`web_vitals_cls_count${at}`)).toBe(1);
  });

  test("a page that is gone back to is viewed anew; one loaded in advance when it is shown", {
    timeout: 90_000,
  }, async () => {
    const args = [...ARGS, "--headless=new", `--user-data-dir=${temporaryDir("visit-")}`, `${shop.url}/visit/home`];
    const visitor = spawn(CHROMIUM!, args, { stdio: "ignore" });
    try {
      const of = (page: string, metric: string) => `${metric}{tenant_id="initech", page="${page}"}`;
      await becomes(of("/visit/opened-routed", "page_views_total"), 1);
      await becomes(of("/visit/home-routed", "page_views_total"), 2);
      expect(await value(of("/visit/home", "page_views_total"))).toBe(1);
      // Of the first load, and of the return, which is of the page that was returned to.
      await becomes(of("/visit/home", "web_vitals_ttfb_seconds_count"), 1);
      await becomes(of("/visit/home-routed", "web_vitals_ttfb_seconds_count"), 1);
      expect(await value(of("/visit/home-routed", "web_vitals_ttfb_seconds_sum"))).toBe(0);
      expect(await value(of("/visit/home", "page_load_duration_seconds_count"))).toBe(1);
      // It was all there when it was opened.
      expect(await value(of("/visit/opened-routed", "page_load_duration_seconds_sum"))).toBe(0);
      await becomes(of("/visit/opened-routed", "browser_errors_total"), 1);
      expect(storewatch.output()).toContain("in advance: opened");
      expect(storewatch.output()).not.toContain("in advance: never");
      expect(await value('count({tenant_id="initech", page=~"/visit/never.*"})')).toBeNaN();
    } finally {
      const gone = once(visitor, "exit");
      visitor.kill();
      await gone;
    }
  });

  test("a page of another site, and a key of another shop, add nothing", { timeout: 60_000 }, async () => {
    const elsewhere = await serve(() => ({ type: "text/html", body: "<p>elsewhere</p>" }));
    const page = await browser.newPage();
    await page.goto(elsewhere.url);
    const tell = (key: string, tenant: string) =>
      page.evaluate(
        ([url, body]) => navigator.sendBeacon(url, body),
        [
          `${storewatch.url}/rum/${key}`,
          JSON.stringify({ v: 1, tenant, events: [{ kind: "view", page: "/from-elsewhere" }] }),
        ],
      );
    expect(await tell(KEY, "acme")).toBe(true);
    expect(await tell("pk-acme-e2e", "globex")).toBe(true);
    await tell("pk-acme-e2e", "acme");
    await becomes('page_views_total{page="/from-elsewhere"}', 1);
    expect(await value('page_views_total{page="/from-elsewhere", tenant_id="acme"}')).toBe(1);
    const metrics = await (await storewatch.fetch("/metrics")).text();
    expect(metrics).toContain('storewatch_rum_beacons_total{outcome="wrong_origin"} 1');
    expect(metrics).toContain('storewatch_rum_beacons_total{outcome="wrong_tenant"} 1');
    await page.close();
    elsewhere.server.close();
  });

  test("counters start anew after a restart, and increase() misses nothing", { timeout: 60_000 }, async () => {
    const tell = () =>
      fetch(`${storewatch.url}/rum/pk-acme-e2e`, {
        method: "POST",
        body: JSON.stringify({ v: 1, events: [{ kind: "view", page: "/restarts" }] }),
      });
    for (let i = 0; i < 3; i++) expect((await tell()).status).toBe(202);
    await becomes('page_views_total{page="/restarts"}', 3);
    await tell();
    // Stopping writes what waits: 4. Killed, it would have lost that one.
    expect(await storewatch.stop()).toBe(0);
    const { dataDir } = storewatch;
    storewatch = await startStorewatch({ port, dataDir, files: { "storewatch.yml": config } });
    expect((await tell()).status).toBe(202);
    await becomes('page_views_total{page="/restarts"}', 1);
    expect(Math.round(await value('sum(increase(page_views_total{page="/restarts"}[2m]))'))).toBeGreaterThanOrEqual(5);
    expect(await value('max_over_time(page_views_total{page="/restarts"}[2m])')).toBe(4);
  });

  test("the shop's page works when the monitor is away", { timeout: 60_000 }, async () => {
    await storewatch.stop();
    const page = await browser.newPage();
    const thrown = errorsOf(page);
    await page.goto(`${shop.url}/products/1`, { waitUntil: "load" });
    await page.waitForTimeout(200);
    await page.click("#buy");
    await page.getByText("cart").waitFor();
    // The queue's own time, and the end of the page: both find nobody.
    await page.waitForTimeout(5500);
    await page.goto(`${shop.url}/app/home`);
    await page.getByText("ready").waitFor();
    await page.close();
    expect([...new Set(thrown)].sort()).toEqual([
      "ads",
      "payment widget: https://pay.example/x?token=secret",
      "undefinedFunction is not defined",
    ]);
  });
});

const VITALS = ["lcp_seconds", "inp_seconds", "fcp_seconds", "ttfb_seconds", "cls"].map((name) => `web_vitals_${name}`);
const IMAGE = '<svg xmlns="http://www.w3.org/2000/svg" width="300" height="200"><rect width="300" height="200"/></svg>';

function errorsOf(page: Page): string[] {
  const thrown: string[] = [];
  page.on("pageerror", ({ message }) => thrown.push(message));
  return thrown;
}
