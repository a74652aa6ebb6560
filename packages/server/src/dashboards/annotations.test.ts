import { appendFileSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { ALL_TENANTS, Labels, type TenantId, tenantScope } from "@storewatch/model";
import { FakeClock } from "@storewatch/testkit";
import Fastify, { type FastifyInstance } from "fastify";
import { serializerCompiler, validatorCompiler } from "fastify-type-provider-zod";
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
  app.setValidatorCompiler(validatorCompiler);
  app.setSerializerCompiler(serializerCompiler);
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

const all = (one: AnnotationStore) => one.list(ALL_TENANTS, { tags: [], matchAny: false, limit: 20_000 });

const texts = async (query = "") =>
  ((await call("GET", `/api/annotations?${query}`)).json as Array<{ text: string }>).map((a) => a.text);

describe("annotations", () => {
  test("add, find by time and tags, delete", async () => {
    await call("POST", "/api/annotations", { text: "sale", time: 1000, timeEnd: 5000, tags: ["sale", "vn"] });
    const second = await call("POST", "/api/annotations", { text: "fix", time: 7000, tags: ["vn"] });
    expect(second.json).toEqual({ message: "Annotation added", id: expect.any(Number) });
    expect(await texts()).toEqual(["fix", "sale"]);
    expect(await texts("from=4000&to=6000")).toEqual(["sale"]);
    expect(await texts("tags=vn&tags=sale")).toEqual(["sale"]);
    expect(await texts("tags=none&tags=sale&matchAny=true")).toEqual(["sale"]);
    expect(await texts("limit=1")).toEqual(["fix"]);
    expect(changes).toBe(2);
    const { id } = second.json;
    expect((await call("DELETE", `/api/annotations/${id}`)).json).toEqual({ message: "Annotation deleted" });
    expect((await call("DELETE", `/api/annotations/${id}`)).status).toBe(404);
    expect(await texts()).toEqual(["sale"]);
  });

  test("bad input is refused", async () => {
    for (const body of [{}, { text: "" }, { text: "x", time: "noon" }, { text: "x", time: 5, timeEnd: 4 }])
      expect((await call("POST", "/api/annotations", body)).status).toBe(400);
    expect((await call("GET", "/api/annotations?from=noon")).status).toBe(400);
    expect((await call("POST", "/api/storewatch/v1/deploys", { service: "api" })).status).toBe(400);
  });

  test("a shop's people see and change their own marks, and only see those for everyone", async () => {
    const forAll = (await call("POST", "/api/annotations", { text: "for all" })).json.id;
    const acmes = (await call("POST", "/api/annotations", { text: "acme's", tenant: "acme" })).json.id;
    principal = of("bepnha");
    expect(await texts()).toEqual(["for all"]);
    expect((await call("POST", "/api/annotations", { text: "spy", tenant: "acme" })).status).toBe(403);
    for (const id of [forAll, acmes]) expect((await call("DELETE", `/api/annotations/${id}`)).status).toBe(404);
    await call("POST", "/api/annotations", { text: "bepnha's" });
    principal = of("acme");
    expect((await texts()).sort()).toEqual(["acme's", "for all"]);
    principal = of("acme", "bepnha");
    expect((await call("POST", "/api/annotations", { text: "whose?" })).status).toBe(400);
  });

  test("a restart finds them again; a torn last line is left out and cleaned away", async () => {
    const one = await call("POST", "/api/annotations", { text: "one" });
    const two = await call("POST", "/api/annotations", { text: "two" });
    await call("DELETE", `/api/annotations/${one.json.id}`);
    appendFileSync(file, '{"add":{"id":3,"te');
    const again = open();
    expect(again.list(ALL_TENANTS, { tags: [], matchAny: false, limit: 9 }).map((a) => a.text)).toEqual(["two"]);
    expect(unreadable).toEqual([4]);
    expect(readFileSync(file, "utf8").split("\n")).toHaveLength(2);
    const three = again.add({ time: 1, timeEnd: 1, text: "three", tags: [], tenant: null, by: "x" });
    again.close();
    const third = open();
    expect(all(third).map((a) => a.id)).toEqual([two.json.id, three.id]);
    third.close();
  });

  test("only the newest ten thousand are kept, in the file too", () => {
    for (let i = 0; i < 10_050; i++) store.add({ time: i, timeEnd: i, text: "x", tags: [], tenant: null, by: "x" });
    const again = open();
    const kept = all(again);
    expect([kept.length, kept.at(-1)?.time]).toEqual([10_000, 50]);
    expect(readFileSync(file, "utf8").trimEnd().split("\n")).toHaveLength(10_000);
    again.close();
  });

  test("who sets too many loses their own, not those of others", () => {
    const mark = (time: number, tenant: string | null) =>
      JSON.stringify({
        add: { id: 2 ** 47 + time, time, timeEnd: time, text: "x", tags: [], tenant, by: "x", created: 0 },
      });
    const lines = [mark(1, "acme"), mark(2, null), ...Array.from({ length: 10_100 }, (_, i) => mark(i + 3, "bepnha"))];
    appendFileSync(file, `${lines.join("\n")}\n`);
    const again = open();
    const count = (tenant: string | null) => all(again).filter((one) => one.tenant === tenant).length;
    expect([count("acme"), count(null), count("bepnha")]).toEqual([1, 1, 9998]);
    const flood = { time: 50_000, timeEnd: 50_000, text: "x", tags: [], tenant: "bepnha", by: "x" };
    for (let i = 0; i < 3; i++) again.add(flood);
    expect([count("acme"), count(null), count("bepnha")]).toEqual([1, 1, 9998]);
    expect(all(again).filter((one) => one.time === 50_000)).toHaveLength(3);
    again.close();
  });

  test("ids tell nothing of how many marks there are; counted ones of earlier versions are replaced once", async () => {
    const old = (id: number, text: string) =>
      `${JSON.stringify({ add: { id, time: id, timeEnd: id, text, tags: ["t"], tenant: "acme", by: "x", created: 7 } })}\n`;
    const lines = [old(1, "one"), old(2, "two"), old(1, "one, amended"), old(3, "three"), '{"remove":3}\n'];
    appendFileSync(file, lines.join(""));
    const upgraded = open();
    const marks = all(upgraded);
    expect(marks).toMatchObject([
      { text: "two", time: 2, tags: ["t"], tenant: "acme", created: 7 },
      { text: "one, amended", time: 1 },
    ]);
    const added = upgraded.add({ time: 3, timeEnd: 3, text: "new", tags: [], tenant: null, by: "x" });
    const ids = [added, ...marks].map((one) => one.id);
    for (const id of ids) expect(id >= 2 ** 47 && id < 2 ** 48 && Number.isInteger(id)).toBe(true);
    expect(Math.abs(ids[0] - ids[1])).toBeGreaterThan(100);
    upgraded.close();
    const again = open();
    expect(all(again).map((one) => one.id)).toEqual(ids);
    expect(unreadable).toEqual([]);
    again.close();
  });
});

describe("deploys around an alert", () => {
  const around = (query: string) => call("GET", `/api/storewatch/v1/deploys?${query}`);

  test("asked by the alert's start and labels, within what the caller may see", async () => {
    const tell = (body: object) => call("POST", "/api/storewatch/v1/deploys", body);
    await tell({ service: "search", version: "3", time: START - 1000 });
    await tell({ service: "shop", version: "2", time: START - 5000, commit: "abc" });
    await tell({ service: "shop", version: "3-canary", tenant: "acme", time: START - 2000 });
    const versions = async (query: string) =>
      (await around(query)).json.deploys.map((one: { version: string; related: boolean }) => [
        one.version,
        one.related,
      ]);
    principal = of("bepnha");
    expect(await versions(`start=${START}&service=shop&job=pods&tenant=bepnha`)).toEqual([
      ["2", true],
      ["3", false],
    ]);
    principal = { ...of("acme"), role: "viewer" };
    expect((await versions(`start=${START}&job=shop&tenant=acme`))[0]).toEqual(["3-canary", true]);
    expect(await versions(`start=${START + 2 * 3_600_000}`)).toEqual([]);
    for (const bad of ["", "start=noon", "start=-1", `start=${START}&tenant=${"a".repeat(65)}`])
      expect((await around(bad)).status, bad).toBeGreaterThanOrEqual(400);
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

  test("a version that is seen on one shop's own series is a deploy of that shop alone", async () => {
    let versions = ["1.0", "1.0", "1.0"];
    const running = async () =>
      ["acme", "bepnha", "unknown"].map((tenant_id, i) =>
        Labels.from({ service: "store", tenant_id, version: versions[i] }),
      );
    const watcher = new DeployWatcher({ store, clock, logger: silentLogger, versions: running });
    await watcher.poll();
    versions = ["1.1", "1.0", "1.0"];
    await watcher.poll();
    principal = of("bepnha");
    expect(await deploys()).toEqual([]);
    principal = of("acme");
    expect(await deploys()).toEqual(["Deploy: store 1.1"]);
    await clock.advance(60_000);
    // What runs for no shop is everyone's, and a shop's own sight of the version does not stand in its way.
    versions = ["1.1", "1.1", "1.1"];
    await watcher.poll();
    expect(all(store).map((one) => one.tenant)).toEqual([null, "bepnha", "acme"]);
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
