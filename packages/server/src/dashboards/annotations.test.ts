import { appendFileSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { ALL_TENANTS, Labels, type TenantId, tenantScope } from "@storewatch/model";
import { FakeClock } from "@storewatch/testkit";
import Fastify, { type FastifyInstance } from "fastify";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { StorewatchError } from "../kernel/errors.ts";
import { silentLogger } from "../kernel/logger.ts";
import type { Principal } from "../tenant/principal.ts";
import { annotationRoutes } from "./annotation-route.ts";
import { AnnotationStore } from "./annotation-store.ts";
import { DeployWatcher } from "./deploys.ts";

const START = 1_700_000_000_000;
const EDITOR: Principal = { name: "ann", role: "editor", scope: ALL_TENANTS, via: "token" };
const of = (...ids: string[]): Principal => ({ ...EDITOR, scope: tenantScope(ids as TenantId[]) });

let directory: string;
let file: string;
let clock: FakeClock;
let store: AnnotationStore;
let app: FastifyInstance;
let principal: Principal;
let changes: number;
let unreadable: number[];

function open(): AnnotationStore {
  return new AnnotationStore({
    file,
    clock,
    onChange: () => {
      changes += 1;
    },
    onUnreadable: (line) => unreadable.push(line),
  });
}

beforeEach(async () => {
  directory = mkdtempSync(path.join(os.tmpdir(), "annotations-"));
  file = path.join(directory, "annotations.jsonl");
  clock = new FakeClock(START);
  principal = EDITOR;
  changes = 0;
  unreadable = [];
  store = open();
  app = Fastify();
  app.addHook("onRequest", async (request) => {
    request.principal = principal;
  });
  app.setErrorHandler((error, _request, reply) =>
    reply.code(error instanceof StorewatchError ? error.status : 500).send({ message: String(error) }),
  );
  await app.register(annotationRoutes({ store, clock }));
});

afterEach(async () => {
  await app.close();
  store.close();
  rmSync(directory, { recursive: true, force: true });
});

async function call(method: "GET" | "POST" | "DELETE", url: string, payload?: object) {
  const response = await app.inject({ method, url, ...(payload ? { payload } : {}) });
  return { status: response.statusCode, json: response.json() };
}

const texts = async (query = "") =>
  ((await call("GET", `/api/annotations?${query}`)).json as Array<{ text: string }>).map((a) => a.text);

describe("annotations", () => {
  test("add, find by time and tags, delete", async () => {
    await call("POST", "/api/annotations", { text: "sale", time: 1000, timeEnd: 5000, tags: ["sale", "vn"] });
    const second = await call("POST", "/api/annotations", { text: "fix", time: 7000, tags: ["vn"] });
    expect(second.json).toEqual({ message: "Annotation added", id: 2 });
    expect(await texts()).toEqual(["fix", "sale"]);
    expect(await texts("from=4000&to=6000")).toEqual(["sale"]);
    expect(await texts("tags=vn&tags=sale")).toEqual(["sale"]);
    expect(await texts("tags=none&tags=sale&matchAny=true")).toEqual(["sale"]);
    expect(await texts("limit=1")).toEqual(["fix"]);
    expect(changes).toBe(2);
    expect((await call("DELETE", "/api/annotations/2")).json).toEqual({ message: "Annotation deleted" });
    expect((await call("DELETE", "/api/annotations/2")).status).toBe(404);
    expect(await texts()).toEqual(["sale"]);
  });

  test("bad input is refused", async () => {
    for (const body of [{}, { text: "" }, { text: "x", time: "noon" }, { text: "x", time: 5, timeEnd: 4 }])
      expect((await call("POST", "/api/annotations", body)).status).toBe(400);
    expect((await call("GET", "/api/annotations?from=noon")).status).toBe(400);
    expect((await call("POST", "/api/storewatch/v1/deploys", { service: "api" })).status).toBe(400);
  });

  test("a shop's people see and change their own marks, and only see those for everyone", async () => {
    await call("POST", "/api/annotations", { text: "for all" });
    await call("POST", "/api/annotations", { text: "acme's", tenant: "acme" });
    principal = of("bepnha");
    expect(await texts()).toEqual(["for all"]);
    expect((await call("POST", "/api/annotations", { text: "spy", tenant: "acme" })).status).toBe(403);
    expect((await call("DELETE", "/api/annotations/1")).status).toBe(404);
    expect((await call("DELETE", "/api/annotations/2")).status).toBe(404);
    await call("POST", "/api/annotations", { text: "bepnha's" });
    principal = of("acme");
    expect((await texts()).sort()).toEqual(["acme's", "for all"]);
    principal = of("acme", "bepnha");
    expect((await call("POST", "/api/annotations", { text: "whose?" })).status).toBe(400);
  });

  test("a restart finds them again; a torn last line is left out and cleaned away", async () => {
    await call("POST", "/api/annotations", { text: "one" });
    await call("POST", "/api/annotations", { text: "two" });
    await call("DELETE", "/api/annotations/1");
    appendFileSync(file, '{"add":{"id":3,"te');
    const again = open();
    expect(again.list(ALL_TENANTS, { tags: [], matchAny: false, limit: 9 }).map((a) => a.text)).toEqual(["two"]);
    expect(unreadable).toEqual([4]);
    expect(readFileSync(file, "utf8").split("\n")).toHaveLength(2);
    again.add({ time: 1, timeEnd: 1, text: "three", tags: [], tenant: null, by: "x" });
    again.close();
    const third = open();
    expect(
      third
        .list(ALL_TENANTS, { tags: [], matchAny: false, limit: 9 })
        .map((a) => a.id)
        .sort(),
    ).toEqual([2, 3]);
    third.close();
  });

  test("only the newest ten thousand are kept, in the file too", () => {
    for (let i = 0; i < 10_050; i++) store.add({ time: i, timeEnd: i, text: "x", tags: [], tenant: null, by: "x" });
    const again = open();
    const all = again.list(ALL_TENANTS, { tags: [], matchAny: false, limit: 20_000 });
    expect([all.length, all.at(-1)?.time]).toEqual([10_000, 50]);
    expect(readFileSync(file, "utf8").trimEnd().split("\n")).toHaveLength(10_000);
    again.close();
  });
});

describe("deploy marks", () => {
  const deploys = () => texts("tags=deploy");

  test("a deploy that is told is one mark, also when it is told twice", async () => {
    const body = { service: "api", version: "1.2", tenant: "acme" };
    const first = await call("POST", "/api/storewatch/v1/deploys", body);
    expect(first).toMatchObject({
      status: 201,
      json: { text: "Deploy: api 1.2", tags: ["deploy", "service:api", "version:1.2"] },
    });
    expect((await call("POST", "/api/storewatch/v1/deploys", body)).json.id).toBe(first.json.id);
    principal = of("bepnha");
    expect(await deploys()).toEqual([]);
  });

  test("a changed version label is a deploy; the first sight, an outage and a restart of ours are none", async () => {
    let running: Array<Record<string, string>> = [{ job: "shop", service: "shop", version: "1.0" }];
    const watch = () => {
      const versions = async () => running.map((labels) => Labels.from(labels));
      const watcher = new DeployWatcher({ store, clock, logger: silentLogger, versions });
      watcher.start();
      return watcher;
    };
    const watcher = watch();
    await clock.advance(15_000);
    expect(await deploys()).toEqual([]);
    running = [
      { job: "shop", service: "shop", version: "1.0" },
      { job: "shop", service: "shop", version: "1.1" },
    ];
    await clock.advance(15_000);
    running = [{ job: "shop", service: "shop", version: "1.1" }];
    await clock.advance(15_000);
    running = [];
    await clock.advance(60_000);
    running = [{ job: "shop", service: "shop", version: "1.1" }];
    await clock.advance(15_000);
    expect(await deploys()).toEqual(["Deploy: shop 1.1"]);
    watcher.stop();
    const afterRestart = watch();
    await clock.advance(15_000);
    expect(await deploys()).toEqual(["Deploy: shop 1.1"]);
    running = [{ job: "shop", version: "1.0", service: "shop" }];
    await clock.advance(15_000);
    expect(await deploys()).toEqual(["Deploy: shop 1.0", "Deploy: shop 1.1"]);
    afterRestart.stop();
  });

  test("a deploy that was told and then seen is one mark", async () => {
    let version = "1.0";
    const versions = async () => [Labels.from({ job: "api", version })];
    const watcher = new DeployWatcher({ store, clock, logger: silentLogger, versions });
    await watcher.poll();
    await call("POST", "/api/storewatch/v1/deploys", { service: "api", version: "1.1" });
    version = "1.1";
    await clock.advance(20_000);
    await watcher.poll();
    expect(await deploys()).toEqual(["Deploy: api 1.1"]);
  });

  const tell = (body: object) =>
    call("POST", "/api/storewatch/v1/deploys", { service: "api", version: "1.1", ...body });
  const told = async (body: object) => (await tell(body)).json.id as number;

  test("a pipeline that is run again finds its mark, for a day; another commit, shop or environment is another deploy", async () => {
    const first = await told({ commit: "abc", environment: "production" });
    await clock.advance(3 * 3_600_000);
    expect(await tell({ commit: "abc", environment: "production" })).toMatchObject({
      status: 200,
      json: { id: first },
    });
    expect(await told({ environment: "production" })).toBe(first);
    const others = [
      await told({ commit: "def", environment: "production" }),
      await told({ environment: "staging" }),
      await told({ tenant: "acme", environment: "production" }),
      await told({ version: "1.0", environment: "production" }),
      // Back on 1.1 after 1.0: a deploy again.
      await told({ environment: "production" }),
    ];
    expect(new Set([first, ...others]).size).toBe(6);
    await clock.advance(25 * 3_600_000);
    expect((await tell({ environment: "production" })).status).toBe(201);
  });

  test("a mark with a time of its own stands there, and does not hide one of today", async () => {
    const past = START - 86_400_000;
    const { status, json } = await tell({ time: past });
    expect([status, json.time]).toEqual([201, past]);
    expect(await told({ time: past + 60_000 })).toBe(json.id);
    expect((await tell({ time: past + 3_600_000 })).status).toBe(201);
    expect((await tell({ time: START + 3_600_000 })).status).toBe(400);
  });

  test("what is told beside it is kept with the mark, and over a restart", async () => {
    const more = { environment: "production", commit: "abc", link: "https://ci.example/7", message: "faster search" };
    const { json } = await tell(more);
    expect(json).toMatchObject({ text: "Deploy: api 1.1 (production): faster search", data: more });
    expect(json.tags).toContain("environment:production");
    const again = open();
    expect(again.latest(["deploy"])?.data).toEqual(more);
    again.close();
    for (const bad of [{ link: "javascript:alert(1)" }, { commit: "" }, { time: "noon" }, { colour: "red" }])
      expect((await tell(bad)).status, JSON.stringify(bad)).toBe(400);
  });

  test("a deploy that was seen gets the details of who tells it later, and a told canary is not marked for everyone", async () => {
    let version = "1.0";
    const versions = async () => [Labels.from({ job: "api", version })];
    const watcher = new DeployWatcher({ store, clock, logger: silentLogger, versions });
    await watcher.poll();
    version = "1.1";
    await watcher.poll();
    await clock.advance(60_000);
    expect(await tell({ commit: "abc" })).toMatchObject({
      status: 200,
      json: { time: START, data: { commit: "abc" } },
    });
    expect((await call("GET", "/api/annotations")).json).toMatchObject([{ login: "ann", data: { commit: "abc" } }]);
    const again = open();
    expect(again.list(ALL_TENANTS, { tags: [], matchAny: false, limit: 9 })).toHaveLength(1);
    again.close();
    await told({ version: "1.2", tenant: "acme" });
    version = "1.2";
    await watcher.poll();
    expect(await deploys()).toEqual(["Deploy: api 1.2", "Deploy: api 1.1"]);
    principal = of("bepnha");
    expect(await deploys()).toEqual(["Deploy: api 1.1"]);
  });
});
