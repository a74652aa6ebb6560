import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { ALL_TENANTS, type TenantId, tenantScope } from "@storewatch/model";
import { FakeClock } from "@storewatch/testkit";
import fc from "fast-check";
import Fastify, { type FastifyInstance } from "fastify";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Principal } from "../tenant/principal.ts";
import { DashboardStore } from "./dashboard-store.ts";
import { jsonErrorPosition } from "./json-position.ts";
import { FileDashboards } from "./persistence.ts";
import { readDashboardPath, readDashboardText } from "./read-dashboard.ts";
import { dashboardRoutes } from "./route.ts";

const BUILTIN = fileURLToPath(new URL("../../content/dashboards/", import.meta.url));
const EDITOR: Principal = { name: "ann", role: "editor", scope: ALL_TENANTS, via: "token" };
const SHOP_EDITOR: Principal = { ...EDITOR, name: "shop", scope: tenantScope(["acme" as TenantId]) };

let directory: string;
let clock: FakeClock;
let app: FastifyInstance;
let principal: Principal;
let store: DashboardStore;

function open(provisioned: string[] = []): DashboardStore {
  const persistence = new FileDashboards(path.join(directory, "dashboards"), (file) => {
    throw new Error(`unreadable ${file}`);
  });
  const opened = new DashboardStore({ persistence, clock, builtinDir: BUILTIN, provisioned });
  expect(opened.reload()).toEqual([]);
  return opened;
}

beforeEach(async () => {
  directory = mkdtempSync(path.join(os.tmpdir(), "dashboards-"));
  clock = new FakeClock(1_700_000_000_000);
  principal = EDITOR;
  store = open();
  app = Fastify();
  app.addHook("onRequest", async (request) => {
    request.principal = principal;
  });
  await app.register(dashboardRoutes({ store }));
});

afterEach(async () => {
  await app.close();
  rmSync(directory, { recursive: true, force: true });
});

async function call(method: "GET" | "POST" | "DELETE", url: string, payload?: object) {
  const response = await app.inject({ method, url, ...(payload ? { payload } : {}) });
  return { status: response.statusCode, json: response.json() as Record<string, unknown> };
}

const panel = { type: "timeseries", title: "p", targets: [{ expr: "up" }] };
const save = (dashboard: object, more: object = {}) =>
  call("POST", "/api/dashboards/db", { dashboard: { panels: [panel], ...dashboard }, ...more });

describe("dashboard API", () => {
  test("create, read, update with version check, delete", async () => {
    const made = await save({ title: "Bán hàng: ngày đầu" });
    expect(made).toMatchObject({ status: 200, json: { status: "success", version: 1, slug: "ban-hang-ngay-dau" } });
    const uid = String(made.json.uid);
    const read = await call("GET", `/api/dashboards/uid/${uid}`);
    expect(read.json).toMatchObject({
      meta: { version: 1, createdBy: "ann", provisioned: false, canSave: true },
      dashboard: { title: "Bán hàng: ngày đầu", uid, version: 1, panels: [panel] },
    });
    clock.advance(60_000);
    expect(await save({ uid, title: "Second", version: 1 })).toMatchObject({ status: 200, json: { version: 2 } });
    expect(await save({ uid, title: "Lost update", version: 1 })).toMatchObject({
      status: 412,
      json: { status: "version-mismatch" },
    });
    expect(await save({ uid, title: "Forced", version: 1 }, { overwrite: true })).toMatchObject({
      json: { version: 3 },
    });
    expect(await save({ title: "Forced" })).toMatchObject({ status: 412, json: { status: "name-exists" } });
    expect(await call("DELETE", `/api/dashboards/uid/${uid}`)).toMatchObject({ json: { title: "Forced" } });
    expect((await call("GET", `/api/dashboards/uid/${uid}`)).status).toBe(404);
    expect((await call("DELETE", `/api/dashboards/uid/${uid}`)).status).toBe(404);
  });

  test("what is saved is there after a restart, folders too", async () => {
    expect((await call("POST", "/api/folders", { title: "Team", uid: "team" })).status).toBe(200);
    await save({ title: "Kept", uid: "kept" }, { folderUid: "team" });
    const again = open();
    expect(again.get("kept")).toMatchObject({ title: "Kept", version: 1, folder: { uid: "team", title: "Team" } });
    expect(readdirSync(path.join(directory, "dashboards")).filter((name) => name.endsWith(".tmp"))).toEqual([]);
    expect((await call("DELETE", "/api/folders/team")).status).toBe(200);
    expect(open().get("kept")).toBeUndefined();
  });

  test("search by words, tags, type, folder and page", async () => {
    await call("POST", "/api/folders", { title: "Sales team", uid: "team" });
    await save({ title: "Sales", uid: "sales", tags: ["a", "b"] }, { folderUid: "team" });
    const titles = async (query: string) =>
      ((await call("GET", `/api/search?${query}`)).json as unknown as Array<{ title: string }>).map((hit) => hit.title);
    expect(await titles("query=sales")).toEqual(["Sales team", "Sales"]);
    expect(await titles("query=sales&type=dash-db")).toEqual(["Sales"]);
    expect(await titles("tag=a&tag=b")).toEqual(["Sales"]);
    expect(await titles("tag=a&tag=c")).toEqual([]);
    expect(await titles("tag=storewatch")).toHaveLength(3);
    expect(await titles("folderUIDs=team&type=dash-db")).toEqual(["Sales"]);
    expect(await titles("type=dash-db&limit=1&page=2")).toHaveLength(1);
  });

  test("bad input is refused with a reason", async () => {
    expect(await call("POST", "/api/dashboards/db", { title: "no wrapper" })).toMatchObject({ status: 400 });
    expect(await save({ title: " " })).toMatchObject({ status: 400, json: { message: "a dashboard needs a title" } });
    expect(await save({ title: "x", uid: "../../etc/passwd" })).toMatchObject({ status: 400 });
    expect(await save({ title: "x" }, { folderUid: "nowhere" })).toMatchObject({ status: 404 });
    expect(await call("POST", "/api/dashboards/db", { dashboard: { title: "x" } })).toMatchObject({ status: 400 });
    expect(readdirSync(path.join(directory, "dashboards"))).toEqual([]);
  });

  test("built-in and provisioned dashboards are read-only; a shop's people read, but do not write", async () => {
    expect(await save({ uid: "storewatch-system", title: "Mine" }, { overwrite: true })).toMatchObject({ status: 400 });
    expect((await call("DELETE", "/api/dashboards/uid/storewatch-system")).status).toBe(400);
    principal = SHOP_EDITOR;
    expect((await call("GET", "/api/dashboards/uid/storewatch-tenant")).json).toMatchObject({
      meta: { provisioned: true, canSave: false, origin: "builtin" },
    });
    expect((await save({ title: "Theirs" })).status).toBe(403);
    expect((await call("DELETE", "/api/dashboards/uid/x")).status).toBe(403);
    expect((await call("POST", "/api/folders", { title: "Theirs" })).status).toBe(403);
  });

  test("any JSON is answered, never with a server error", async () => {
    await fc.assert(
      fc.asyncProperty(fc.jsonValue(), fc.jsonValue(), async (dashboard, other) => {
        const payload = JSON.stringify({ dashboard, folderUid: other, overwrite: other });
        const headers = { "content-type": "application/json" };
        const response = await app.inject({ method: "POST", url: "/api/dashboards/db", payload, headers });
        expect(response.statusCode).toBeLessThan(500);
      }),
      { numRuns: 200, verbose: true },
    );
  });
});

describe("dashboards from files", () => {
  test("folders, the API's wrapper, names for what has no uid, and a provisioned one in a built-in one's place", () => {
    const place = path.join(directory, "given");
    mkdirSync(path.join(place, "deep"), { recursive: true });
    const text = (title: string, uid?: string) => JSON.stringify({ title, uid, panels: [panel] });
    writeFileSync(path.join(place, "Lượng hàng.json"), text("Stock"));
    writeFileSync(path.join(place, "deep", "wrapped.json"), `{"dashboard": ${text("Wrapped", "wrapped")}}`);
    writeFileSync(path.join(place, "system.json"), text("My system", "storewatch-system"));
    const opened = open([place]);
    expect(opened.get("L-ng-h-ng")?.title).toBe("Stock");
    expect(opened.get("wrapped")).toMatchObject({ title: "Wrapped", origin: "provisioned" });
    expect(opened.get("storewatch-system")?.title).toBe("My system");
  });

  test("a broken file is named with line and column, and keeps the old ones in place", () => {
    const file = path.join(directory, "one.json");
    writeFileSync(file, JSON.stringify({ title: "One", uid: "one", panels: [] }));
    const opened = open([file]);
    writeFileSync(file, '{\n  "title": "One",\n  "panels": [,]\n}');
    expect(opened.reload()).toMatchObject([{ file, line: 3, column: 14, code: "JSON", severity: "error" }]);
    expect(opened.get("one")?.title).toBe("One");
    expect(opened.reload([path.join(directory, "none.json")])).toMatchObject([
      { message: "there is no such file or folder" },
    ]);
    expect(readDashboardText("x.json", "[1]").findings).toMatchObject([{ code: "DASHBOARD" }]);
    expect(readDashboardText("x.json", '{"title": "t"').findings).toMatchObject([{ line: 1, column: 14 }]);
  });

  test("the position of a mistake in JSON is found exactly where JSON.parse finds one", () => {
    const cases: Array<[string, number, number]> = [
      ["", 1, 1],
      ['{"a": 1,}', 1, 9],
      ["[1, 2", 1, 6],
      ['{"a" 1}', 1, 6],
      ['{"a": tru}', 1, 7],
      ['["x\ny"]', 1, 2],
      ["[1]\n]", 2, 1],
      ["01", 1, 2],
    ];
    for (const [text, line, column] of cases) expect([text, jsonErrorPosition(text)]).toEqual([text, { line, column }]);
    fc.assert(
      fc.property(fc.json(), fc.nat(), fc.string({ maxLength: 2 }), (json, at, inserted) => {
        const text = json.slice(0, at % (json.length + 1)) + inserted + json.slice(at % (json.length + 1));
        let valid = true;
        try {
          JSON.parse(text);
        } catch {
          valid = false;
        }
        expect(jsonErrorPosition(text) === undefined).toBe(valid);
      }),
      { numRuns: 2000, verbose: true },
    );
  });

  test("the built-in three load, with units, places in the grid and modern panels only", () => {
    const { dashboards, findings } = readDashboardPath(BUILTIN);
    expect(findings).toEqual([]);
    expect(dashboards.map((d) => d.uid).sort()).toEqual([
      "storewatch-business",
      "storewatch-system",
      "storewatch-tenant",
    ]);
    for (const { file } of dashboards) {
      const json = JSON.parse(readFileSync(file, "utf8")) as {
        schemaVersion: number;
        panels: Array<{ type: string; gridPos: object; fieldConfig: { defaults: { unit?: string } } }>;
      };
      expect(json.schemaVersion).toBeGreaterThanOrEqual(39);
      for (const { type, gridPos, fieldConfig } of json.panels) {
        expect(["timeseries", "stat", "gauge", "table"]).toContain(type);
        expect(gridPos).toBeDefined();
        expect(fieldConfig.defaults.unit).toBeTruthy();
      }
    }
  });
});
