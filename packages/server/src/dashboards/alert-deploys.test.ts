import { mkdtempSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { ALL_TENANTS, type TenantId, tenantScope } from "@storewatch/model";
import { FakeClock } from "@storewatch/testkit";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type AlertStart, deploysAround } from "./alert-deploys.ts";
import { AnnotationStore } from "./annotation-store.ts";
import { markDeploy } from "./deploys.ts";

const START = 1_700_000_000_000;
const MINUTE = 60_000;
let directory: string;
let store: AnnotationStore;
let clock: FakeClock;

beforeEach(() => {
  directory = mkdtempSync(path.join(os.tmpdir(), "alert-deploys-"));
  clock = new FakeClock(START);
  const file = path.join(directory, "annotations.jsonl");
  store = new AnnotationStore({ file, clock, onChange: () => {}, onUnreadable: () => {} });
});
afterEach(() => {
  store.close();
  rmSync(directory, { recursive: true, force: true });
});

/** A mark `minutes` after the alert's start. */
function mark(minutes: number, service: string, version: string, shop: string | null = null, more = {}): void {
  markDeploy(store, clock, { service, version, time: START + minutes * MINUTE, shop, by: "ci", ...more });
}

function shown(alert: Partial<AlertStart>, scope = ALL_TENANTS): string[] {
  return deploysAround(scope, store, { startMs: START, services: [], tenant: undefined, ...alert }).map(
    (one) => `${one.related ? "" : "other: "}${one.service} ${one.version}${one.tenant ? ` for ${one.tenant}` : ""}`,
  );
}

test("from an hour before the start until now, the nearest before it first, what came later after those", () => {
  mark(-61, "shop", "1.0");
  mark(-60, "shop", "1.1");
  mark(-4, "shop", "1.2");
  mark(0, "search", "3.0");
  mark(10, "shop", "1.1");
  mark(20, "shop", "1.2");
  expect(shown({})).toEqual(["search 3.0", "shop 1.2", "shop 1.1", "shop 1.2", "shop 1.1"]);
});

test("those of the alert's service, and for its shop or all, stand before others", () => {
  mark(-1, "search", "3.0");
  mark(-2, "shop", "1.4-canary", "bepnha");
  mark(-3, "shop", "1.3-canary", "acme");
  mark(-50, "shop", "1.2");
  expect(shown({ services: ["shop"], tenant: "acme" })).toEqual([
    "shop 1.3-canary for acme",
    "shop 1.2",
    "other: search 3.0",
    "other: shop 1.4-canary for bepnha",
  ]);
  expect(shown({ services: ["http", "search"], tenant: "acme" })[0]).toBe("search 3.0");
  // Of the platform: a canary for one shop is not its likeliest cause. Without a service, all of them may be.
  expect(shown({}).slice(0, 2)).toEqual(["search 3.0", "shop 1.2"]);
});

test("a shop's people see their own and those for everyone, whatever they ask for", () => {
  mark(-2, "shop", "1.4-canary", "bepnha");
  mark(-3, "shop", "1.3-canary", "acme");
  mark(-4, "shop", "1.2");
  const acme = tenantScope(["acme" as TenantId]);
  expect(shown({ tenant: "acme" }, acme)).toEqual(["shop 1.3-canary for acme", "shop 1.2"]);
  expect(shown({ tenant: "bepnha" }, acme)).toEqual(["shop 1.2", "other: shop 1.3-canary for acme"]);
  expect(shown({ tenant: "bepnha" }, tenantScope([]))).toEqual(["shop 1.2"]);
});

test("what was told beside it goes along, links only to the web; a mark without a service keeps its text", () => {
  const told = { environment: "production", commit: "abc", link: "https://ci.example/7", message: "faster" };
  mark(-1, "shop", "1.2", null, told);
  const foreign = { tags: ["deploy"], tenant: null, by: "x", data: { link: "javascript:alert(1)" } };
  store.add({ time: START - MINUTE, timeEnd: START - MINUTE, text: "by hand", ...foreign });
  const [first, second] = deploysAround(ALL_TENANTS, store, { startMs: START, services: ["shop"], tenant: undefined });
  expect(first).toMatchObject({ service: "shop", version: "1.2", time: START - MINUTE, related: true, ...told });
  expect(second).toMatchObject({ text: "by hand", related: false });
  expect([second.service, second.version, second.link]).toEqual([undefined, undefined, undefined]);
});

test("at most 20, the likeliest", () => {
  for (let i = 0; i < 30; i++) mark(-i, "other", `0.${i}`);
  mark(-40, "shop", "1.0");
  const list = shown({ services: ["shop"] });
  expect([list.length, list[0]]).toEqual([20, "shop 1.0"]);
});
