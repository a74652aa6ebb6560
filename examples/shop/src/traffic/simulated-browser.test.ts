import { describe, expect, test } from "vitest";
import { html } from "../pages/html.ts";
import { pageMonitorFrom, shopDocument } from "../pages/layout.ts";
import { seededRandom } from "../random.ts";
import { tenantById } from "../tenants.ts";
import { SimulatedBrowser } from "./simulated-browser.ts";

const monitor = { endpoint: "https://monitor.example", key: "pk" };

function page(heavy: boolean, watched = true): string {
  const tenant = tenantById("acme");
  if (!tenant) throw new Error("no such shop");
  const about = { tenant, version: "1.2.0", monitor: watched ? monitor : undefined, heavy, inCart: 0 };
  return shopDocument({ ...about, title: "x", name: "/item/:id", body: html`<p>x</p>` });
}

/** Answers take `ms` by a clock of its own. */
function browserOf(files: Readonly<Record<string, { body: string; ms: number; status?: number }>>) {
  let nowMs = 0;
  const asked: string[] = [];
  const browser = new SimulatedBrowser({
    random: seededRandom(5),
    nowMs: () => nowMs,
    fetch: async (path) => {
      asked.push(path);
      nowMs += files[path].ms;
      return { status: files[path].status ?? 200, body: files[path].body };
    },
  });
  return { browser, asked };
}

describe("simulated browser", () => {
  test("tells of a page what it measured, under the page's own name, in a plausible order", async () => {
    const { browser, asked } = browserOf({ "/t/acme/item/p1": { body: page(false), ms: 30 } });
    for (let i = 0; i < 200; i++) {
      const visit = await browser.visit("/t/acme/item/p1");
      expect(visit).toMatchObject({ tenant: "acme", version: "1.2.0" });
      const events = visit?.events ?? [];
      expect(new Set(events.map((event) => event.page))).toEqual(new Set(["/item/:id"]));
      const value = (kind: string) => events.find((event) => event.kind === kind)?.value ?? Number.NaN;
      const inOrder = [0.03, value("ttfb"), value("fcp"), value("lcp"), value("load")];
      expect(inOrder).toEqual(inOrder.toSorted((a, b) => a - b));
      expect(value("cls")).toBeGreaterThanOrEqual(0);
    }
    expect(asked).toHaveLength(200);
  });

  test("most pages of a healthy shop load in under two seconds; with a script that takes 2.5 s none does", async () => {
    const path = "/t/acme/";
    const files = { "/t/acme/assets/recommendations.js": { body: "", ms: 2500 } };
    const loads = async (heavy: boolean) => {
      const { browser } = browserOf({ ...files, [path]: { body: page(heavy), ms: 10 } });
      const visits = [];
      for (let i = 0; i < 300; i++) visits.push(await browser.visit(path));
      const values = visits.map((visit) => visit?.events.find((event) => event.kind === "load")?.value ?? 0);
      return values.sort((a, b) => a - b);
    };
    const [healthy, slow] = [await loads(false), await loads(true)];
    expect(healthy[225]).toBeLessThan(1.6);
    expect(slow[0]).toBeGreaterThan(2.5);
  });

  test("a page that failed, or that tells nobody, makes no visit", async () => {
    const { browser } = browserOf({
      "/gone": { body: page(false), ms: 1, status: 500 },
      "/quiet": { body: page(false, false), ms: 1 },
    });
    expect([await browser.visit("/gone"), await browser.visit("/quiet")]).toEqual([undefined, undefined]);
  });
});

test("pages tell only where there are an endpoint and a key", () => {
  const env = { STOREWATCH_RUM_ENDPOINT: monitor.endpoint, STOREWATCH_RUM_KEY: monitor.key };
  expect(pageMonitorFrom(env)).toEqual(monitor);
  expect(pageMonitorFrom({ ...env, STOREWATCH_RUM_KEY: "" })).toBeUndefined();
  expect(pageMonitorFrom({ ...env, STOREWATCH_RUM_ENDPOINT: "nonsense" })).toBeUndefined();
});
