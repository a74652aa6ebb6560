// `storewatch deploy` against the real route behind a server that can be made to fail.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { ALL_TENANTS, type TenantId, tenantScope } from "@storewatch/model";
import { FakeClock } from "@storewatch/testkit";
import Fastify, { type FastifyInstance } from "fastify";
import { serializerCompiler, validatorCompiler } from "fastify-type-provider-zod";
import { afterEach, beforeEach, expect, test } from "vitest";
import { allows } from "../auth/index.ts";
import { annotationRoutes } from "../dashboards/annotation-route.ts";
import { AnnotationStore } from "../dashboards/annotation-store.ts";
import { createErrorHandler } from "../http/errors.ts";
import { StorewatchError } from "../kernel/errors.ts";
import { silentLogger } from "../kernel/logger.ts";
import { createSafeHttp } from "../kernel/safe-http.ts";
import type { Principal } from "../tenant/principal.ts";
import { type DeployFlags, runDeploy } from "./deploy-command.ts";
import { runCli } from "./program.ts";

let dir: string;
let app: FastifyInstance;
let url: string;
let store: AnnotationStore;
let principal: Principal;
let authorizations: Array<string | undefined>;
/** Statuses of the next answers, before the route is asked. */
let failures: Array<{ status: number; retryAfter?: string }>;
let clock: FakeClock;

beforeEach(async () => {
  dir = mkdtempSync(path.join(tmpdir(), "storewatch-deploy-"));
  writeFileSync(path.join(dir, "token"), "secret-ci-token\n");
  clock = new FakeClock(1_700_000_000_000);
  store = new AnnotationStore({
    file: path.join(dir, "annotations.jsonl"),
    clock,
    onChange: () => {},
    onUnreadable: () => {},
  });
  principal = { name: "ci", role: "ingest", scope: ALL_TENANTS, via: "token" };
  authorizations = [];
  failures = [];
  app = Fastify();
  app.setValidatorCompiler(validatorCompiler);
  app.setSerializerCompiler(serializerCompiler);
  app.setErrorHandler(createErrorHandler(silentLogger));
  app.decorateRequest("principal", null as never);
  app.addHook("onRequest", async (request, reply) => {
    authorizations.push(request.headers.authorization);
    const failure = failures.shift();
    if (failure) {
      if (failure.retryAfter) reply.header("retry-after", failure.retryAfter);
      return reply.code(failure.status).send("proxy says no");
    }
    request.principal = principal;
    if (!allows(principal, request.routeOptions.config.access ?? "admin"))
      throw new StorewatchError("FORBIDDEN", { role: principal.role, needed: "mark" });
  });
  await app.register(annotationRoutes({ store, clock }));
  url = await app.listen({ host: "127.0.0.1", port: 0 });
});
afterEach(async () => {
  await app.close();
  store.close();
  rmSync(dir, { recursive: true, force: true });
});

async function cli(...args: string[]) {
  let out = "";
  let err = "";
  const all = ["deploy", "--service", "shop", "--version", "1.4.0", ...args];
  const code = await runCli(all, { out: (text) => (out += text), err: (text) => (err += text), workingDir: dir });
  return { code, out, err };
}
const here = (...args: string[]) => cli("--url", url, "--token-file", "token", ...args);

const FLAGS: Omit<DeployFlags, "url"> = { service: "shop", version: "1.4.0", tokenFile: "token", timeout: 60 };

/** With a clock that a test can let run, to see when it tries again. */
async function withFakeTime(flags: Partial<DeployFlags>) {
  let err = "";
  const time = new FakeClock(0);
  const running = runDeploy(
    { ...FLAGS, url, ...flags },
    { out: () => {}, err: (text) => (err += text), workingDir: dir },
    { http: createSafeHttp(), clock: time, rng: () => 1 },
  ).then(
    (code) => ({ code, failed: "" }),
    (error: Error) => ({ code: 1, failed: error.message }),
  );
  let result: Awaited<typeof running> | undefined;
  void running.then((value) => (result = value));
  while (result === undefined) {
    await new Promise((resolve) => setTimeout(resolve, 5));
    await time.advance(50);
  }
  return { ...result, err, tookMs: time.nowMs() };
}

test("marks with an ingest token, and finds the mark when it runs again", async () => {
  const more = ["--environment", "production", "--commit", "abc", "--link", "https://ci.example/1", "--message", "hi"];
  const first = await here(...more);
  const id = store.latest(["deploy"])?.id;
  expect(first).toEqual({
    code: 0,
    out: `marked: Deploy: shop 1.4.0 (production): hi, for everyone, at 2023-11-14T22:13:20.000Z (mark ${id})\n`,
    err: "",
  });
  const again = (await here(...more)).out;
  expect(again).toMatch(/^already marked: /);
  expect(again).toContain(`(mark ${id})\n`);
  expect(authorizations[0]).toBe("Bearer secret-ci-token");
  expect(store.latest(["deploy"])?.data).toEqual({
    environment: "production",
    commit: "abc",
    link: "https://ci.example/1",
    message: "hi",
  });
  const at = await here("--at", "2023-11-01T00:00:00Z", "--tenant", "acme");
  expect(at.out).toContain("for acme, at 2023-11-01T00:00:00.000Z");
});

test("roles and shops: who reads only may not mark, and a shop's token marks its shop alone", async () => {
  for (const role of ["viewer", "scrape"] as const) {
    principal = { ...principal, role };
    expect(await here(), role).toMatchObject({ code: 1, err: expect.stringContaining("answered 403") });
  }
  principal = { ...principal, role: "ingest", scope: tenantScope(["acme" as TenantId]) };
  expect((await here()).out).toContain("for acme");
  const other = await here("--tenant", "bepnha");
  expect(other).toMatchObject({ code: 1, out: "" });
  expect(other.err).toMatch(/^storewatch: http:\/\/127\.0\.0\.1:\d+ answered 403: [^\n]+\n$/);
  expect(other.err).not.toContain("secret-ci-token");
  expect(store.list(ALL_TENANTS, { tags: [], matchAny: false, limit: 9 }).map((one) => one.tenant)).toEqual(["acme"]);
});

test("bad usage is exit 2, soft or not, and nobody is asked", async () => {
  for (const args of [
    ["--tenant", "a b"],
    ["--at", "noon"],
    // Dates that JavaScript makes out of anything, or in this machine's own zone.
    ["--at", "release 1"],
    ["--at", "2026-01-31 12:00"],
    ["--link", "ftp://x"],
    ["--url", "am:9093"],
    ["--timeout", "0"],
    ["--message", ""],
    ["--version", ""],
    ["--token-file", "none"],
  ]) {
    const { code, err } = await here("--soft", ...args);
    expect([code, err.split("\n").length], `${args.join(" ")}: ${err}`).toEqual([2, 2]);
  }
  expect((await cli("--url", url, "--data", "nowhere")).err).toContain("no token for the server");
  expect(authorizations).toEqual([]);
});

test("tries again after 5xx and 429, later each time, and as late as the server asks", async () => {
  failures = [{ status: 502 }, { status: 503 }, { status: 429, retryAfter: "7" }];
  const { code, tookMs } = await withFakeTime({});
  expect(code).toBe(0);
  expect(authorizations).toHaveLength(4);
  // 0.5 s, 1 s, and 7 s instead of 2 s.
  expect(tookMs).toBeGreaterThanOrEqual(8500);
  expect(tookMs).toBeLessThan(9500);
});

test("gives up at the time limit; a refusal is not tried again", async () => {
  failures = Array.from({ length: 99 }, () => ({ status: 503 }));
  const late = await withFakeTime({ timeout: 5 });
  expect([late.code, late.failed]).toEqual([1, expect.stringContaining("answered 503: proxy says no")]);
  expect(late.tookMs).toBeLessThan(5500);
  authorizations = [];
  failures = [{ status: 401 }];
  expect((await withFakeTime({})).failed).toContain("answered 401");
  expect(authorizations).toHaveLength(1);
});

test("soft: a server that is away or refuses is a warning", async () => {
  await app.close();
  const away = await withFakeTime({ timeout: 2, soft: true });
  expect(away).toMatchObject({ code: 0, failed: "" });
  expect(away.err).toMatch(/^storewatch: warning: the deploy is not marked: [^\n]+\n$/);
  expect((await withFakeTime({ timeout: 2 })).code).toBe(1);
});

test("something else on the port is no success", async () => {
  const other = Fastify();
  other.post("/api/storewatch/v1/deploys", async () => "welcome");
  const otherUrl = await other.listen({ host: "127.0.0.1", port: 0 });
  expect(await here("--url", otherUrl)).toMatchObject({ code: 1, err: expect.stringContaining("is no Storewatch") });
  await other.close();
});
