import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { FakeClock } from "@storewatch/testkit";
import { expect, test } from "vitest";
import { silentLogger } from "../kernel/logger.ts";
import { createSelfMetrics } from "../kernel/self-metrics.ts";
import { openMetadataStore } from "../store/meta/sqlite-store.ts";
import { ensureAdminToken } from "./admin-token.ts";
import { createAuth, storeToken } from "./auth.ts";
import { hashPassword, verifyPassword } from "./password.ts";

async function setUp() {
  const dir = mkdtempSync(path.join(tmpdir(), "storewatch-auth-"));
  const file = path.join(dir, "meta.db");
  const store = await openMetadataStore(file);
  const clock = new FakeClock(1e12);
  const options = {
    store,
    clock,
    logger: silentLogger,
    metrics: createSelfMetrics(),
    anonymous: "none",
    secureCookies: false,
  } as const;
  return { dir, file, store, clock, auth: createAuth(options) };
}

test("what is left of a damaged token file is no credential", async () => {
  const { dir, store, clock, auth } = await setUp();
  const file = (await ensureAdminToken(store, dir, clock))!;
  for (const rest of ["", "sw", "sw_abc\n", "\u0000".repeat(48), "sw_\u0001bcdefghijklmnopqrstuvwxyz"]) {
    writeFileSync(file, rest);
    expect(await ensureAdminToken(store, dir, clock)).toBe(file);
    const authorization = `Bearer ${readFileSync(file, "utf8").trim()}`;
    expect(await auth.authenticate({ authorization })).toMatchObject({ role: "admin" });
    expect(authorization.length).toBeGreaterThan(30);
  }
});

test("the first start makes an admin token that only the owner can read; later ones keep it", async () => {
  const { dir, store, clock, auth } = await setUp();
  const file = await ensureAdminToken(store, dir, clock);
  expect(file).toBe(path.join(dir, "admin-token"));
  expect(statSync(file!).mode & 0o777).toBe(0o600);
  const authorization = `Bearer ${readFileSync(file!, "utf8").trim()}`;
  expect(await auth.authenticate({ authorization })).toMatchObject({
    role: "admin",
    scope: { kind: "all" },
    via: "token",
  });
  expect(await ensureAdminToken(store, dir, clock)).toBeUndefined();
  expect(`Bearer ${readFileSync(file!, "utf8").trim()}`).toBe(authorization);
  await store.close();
});

test("deleting the file makes a new token and ends the old one", async () => {
  const { dir, store, clock, auth } = await setUp();
  const file = (await ensureAdminToken(store, dir, clock))!;
  const old = readFileSync(file, "utf8").trim();
  rmSync(file);
  await ensureAdminToken(store, dir, clock);
  await expect(auth.authenticate({ authorization: `Bearer ${old}` })).rejects.toMatchObject({ code: "AUTH_INVALID" });
  expect(await store.tokens()).toHaveLength(1);
  await store.close();
});

test("with users there is no admin token", async () => {
  const { dir, store, clock, auth } = await setUp();
  await auth.createUser(
    { name: "An", password: "long enough", role: "admin", tenants: null },
    {
      name: "test",
      role: "admin",
      scope: { kind: "all" },
      via: "token",
    },
  );
  mkdirSync(path.join(dir, "data"));
  expect(await ensureAdminToken(store, path.join(dir, "data"), clock)).toBeUndefined();
  await store.close();
});

test("a token made or removed by another process counts: at once, or within five seconds", async () => {
  const { file, store, clock, auth } = await setUp();
  const beside = await openMetadataStore(file);
  const { token, record } = await storeToken(
    beside,
    clock,
    { name: "cli", role: "viewer", tenants: ["acme"] },
    "command line",
  );
  const authorization = `Bearer ${token}`;
  expect(await auth.authenticate({ authorization })).toMatchObject({ role: "viewer", scope: { kind: "tenants" } });
  expect((await store.tokens())[0].lastUsedAtMs).toBe(1e12);
  await beside.deleteToken(record.id);
  await clock.advance(5000);
  await expect(auth.authenticate({ authorization })).rejects.toMatchObject({ code: "AUTH_INVALID" });
  await beside.close();
  await store.close();
});

test("a session ends after a week, and old ones are cleaned up", async () => {
  const { store, clock, auth } = await setUp();
  const { cookie } = await auth.redeemSignInLink(await auth.createSignInLink(), "::1");
  const headers = { cookie: cookie.split(";")[0] };
  expect(await auth.authenticate(headers)).toMatchObject({ name: "owner", role: "admin", via: "cookie" });
  await clock.advance(7 * 86_400_000);
  expect(await auth.authenticate(headers)).toBeUndefined();
  expect(await store.deleteExpired(clock.nowMs())).toBe(0);
  expect((await store.auditTrail(10)).map((entry) => entry.action)).toEqual(["session.open"]);
  auth.close();
  await store.close();
});

test("passwords are argon2id with our parameters; no user takes the way of a wrong password", async () => {
  const hash = await hashPassword("correct horse");
  expect(hash).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$/);
  expect(await verifyPassword(hash, "correct horse")).toBe(true);
  expect(await verifyPassword(hash, "correct horse ")).toBe(false);
  expect(await verifyPassword(undefined, "decoy")).toBe(false);
});
