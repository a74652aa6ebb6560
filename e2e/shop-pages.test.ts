// The example shop's pages in a real browser: a purchase at both widths, nothing that their own policy forbids, and what the
// SDK's browser script tells of them.
import { type ChildProcess, fork } from "node:child_process";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import path from "node:path";
import { findPeer, temporaryDir, waitUntil } from "@storewatch/testkit";
import { type Browser, chromium } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

const CHROMIUM = findPeer("chromium");
const SHOP = path.resolve(import.meta.dirname, "../examples/shop/dist/main.js");

interface Beacon {
  readonly url: string;
  readonly origin: string | undefined;
  readonly body: {
    readonly tenant: string;
    readonly events: ReadonlyArray<{ kind: string; page: string; value?: number }>;
  };
}

describe.skipIf(!CHROMIUM)("the example shop in a browser", () => {
  const beacons: Beacon[] = [];
  let monitor: Server;
  let shop: ChildProcess;
  let browser: Browser;
  let url: string;

  beforeAll(async () => {
    monitor = createServer((request, response) => {
      let text = "";
      request.on("data", (chunk) => {
        text += String(chunk);
      });
      request.on("end", () => {
        beacons.push({ url: request.url ?? "", origin: request.headers.origin, body: JSON.parse(text) });
        response.writeHead(204).end();
      });
    });
    await new Promise<void>((resolve) => monitor.listen(0, "127.0.0.1", resolve));
    const endpoint = `http://127.0.0.1:${(monitor.address() as AddressInfo).port}`;
    shop = fork(SHOP, ["--port", "0", "--rate", "0", "--data", temporaryDir("shop-pages-")], {
      silent: true,
      execArgv: [],
      env: { ...process.env, STOREWATCH_RUM_ENDPOINT: endpoint, STOREWATCH_RUM_KEY: "pk-test" },
    });
    ({ url } = await new Promise<{ url: string }>((resolve) =>
      shop.once("message", (m) => resolve(m as { url: string })),
    ));
    browser = await chromium.launch({ executablePath: CHROMIUM, args: ["--no-sandbox", "--disable-gpu"] });
  });

  afterAll(async () => {
    await browser?.close();
    shop?.kill("SIGTERM");
    monitor?.close();
  });

  async function open(width: number) {
    const context = await browser.newContext({ viewport: { width, height: 900 } });
    const page = await context.newPage();
    const complaints: string[] = [];
    page.on("console", (message) => {
      if (message.type() === "error") complaints.push(message.text());
    });
    page.on("pageerror", (error) => complaints.push(error.message));
    const fits = async () => expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(width);
    return { context, page, complaints, fits };
  }

  test.each([1440, 390])("a customer buys, %i pixels wide", async (width) => {
    const { context, page, complaints, fits } = await open(width);
    await page.goto(`${url}/t/sen-mart/`);
    await fits();
    await page.click(".card >> nth=3");
    await fits();
    await page.click("text=Thêm vào giỏ");
    await fits();
    await page.click("a.button");
    await fits();
    await page.click("text=Đặt hàng và thanh toán");
    await page.waitForURL(/\/thanks\//);
    await fits();
    expect(await page.textContent("h1")).toMatch(/Cảm ơn|không thành công/);
    await page.goto(`${url}/admin`);
    await fits();
    expect(complaints).toEqual([]);
    await context.close();
  });

  test("each page tells its name, its shop and its timings; a slow one that it was slow", async () => {
    await waitUntil(
      () => beacons.flatMap(({ body }) => body.events).some(({ page }) => page === "/thanks/:id"),
      10_000,
    );
    for (const beacon of beacons)
      expect([beacon.url, beacon.origin, beacon.body.tenant]).toEqual(["/rum/pk-test", url, "sen-mart"]);
    const events = () => beacons.flatMap(({ body }) => body.events);
    const pages = new Set(events().map(({ page }) => page));
    expect(pages).toEqual(new Set(["/", "/item/:id", "/cart", "/order", "/thanks/:id"]));
    const { context, page } = await open(1440);
    await fetch(`${url}/faults/slow-page?tenant=acme`, { method: "POST" });
    await page.goto(`${url}/t/acme/`);
    // `goto` ends with the load event, and how long that took is known after it: a visitor stays a moment.
    await page.waitForTimeout(300);
    await page.goto("about:blank");
    const load = () =>
      beacons
        .filter(({ body }) => body.tenant === "acme")
        .flatMap(({ body }) => body.events)
        .find(({ kind }) => kind === "load");
    await waitUntil(() => load() !== undefined, 10_000);
    expect(load()?.value).toBeGreaterThan(2);
    await context.close();
  });
});
