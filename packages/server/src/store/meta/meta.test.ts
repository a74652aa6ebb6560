// The contract of the metadata store; every implementation is one entry of `engines`.
import { fork } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeEach, describe, expect, test } from "vitest";
import { StorewatchError } from "../../kernel/errors.ts";
import { lockDataDir } from "./data-dir.ts";
import type { MetadataStore, SessionRecord, TokenRecord, UserRecord } from "./interface.ts";
import { openBareSqlite } from "./sqlite.ts";
import { openMetadataStore } from "./sqlite-store.ts";

const root = mkdtempSync(path.join(tmpdir(), "storewatch-meta-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));
let files = 0;
const freshFile = () => path.join(root, `meta-${files++}.db`);

const engines: Record<string, (file: string) => Promise<MetadataStore>> = { sqlite: openMetadataStore };

const user: UserRecord = { id: "u1", name: "An", passwordHash: "h", role: "viewer", tenants: ["acme"], createdAtMs: 5 };
const token: TokenRecord = {
  id: "t1",
  name: "ci",
  hash: "aa",
  role: "ingest",
  tenants: null,
  createdAtMs: 6,
  createdBy: "An",
  lastUsedAtMs: null,
};
const session: SessionRecord = {
  hash: "s",
  name: "An",
  role: "viewer",
  tenants: ["acme"],
  userId: "u1",
  tokenId: null,
  createdAtMs: 1,
  expiresAtMs: 100,
};

describe.each(Object.entries(engines))("metadata store on %s", (_, open) => {
  let file: string;
  let store: MetadataStore;
  beforeEach(async () => {
    file = freshFile();
    store = await open(file);
    return () => store.close();
  });

  test("users come back as they went in; a taken name changes nothing", async () => {
    expect(await store.addUser(user)).toBe(true);
    expect(await store.addUser({ ...user, id: "u2", role: "admin" })).toBe(false);
    expect(await store.userByName("An")).toEqual(user);
    expect(await store.userByName("an")).toBeUndefined();
    expect(await store.users()).toEqual([user]);
    await store.setPassword("u1", "h2");
    expect((await store.userByName("An"))?.passwordHash).toBe("h2");
  });

  test("tokens are found by hash, replaced by id, and remember their use", async () => {
    await store.putToken(token);
    await store.touchToken("t1", 77);
    expect(await store.tokenByHash("aa")).toEqual({ ...token, lastUsedAtMs: 77 });
    await store.putToken({ ...token, hash: "bb", tenants: [] });
    expect(await store.tokenByHash("aa")).toBeUndefined();
    expect(await store.tokens()).toEqual([{ ...token, hash: "bb", tenants: [] }]);
    expect([await store.deleteToken("t1"), await store.deleteToken("t1")]).toEqual([true, false]);
  });

  test("a session ends with its user or its token, and by time", async () => {
    await store.addUser(user);
    await store.putToken(token);
    await store.addSession(session);
    await store.addSession({ ...session, hash: "s2", userId: null, tokenId: "t1" });
    await store.addSession({ ...session, hash: "s3", userId: null, expiresAtMs: 200 });
    expect(await store.sessionByHash("s")).toEqual(session);
    await store.deleteUser("u1");
    await store.deleteToken("t1");
    expect(await store.sessionByHash("s")).toBeUndefined();
    expect(await store.sessionByHash("s2")).toBeUndefined();
    expect(await store.deleteExpired(199)).toBe(0);
    expect(await store.deleteExpired(200)).toBe(1);
    expect(await store.sessionByHash("s3")).toBeUndefined();
  });

  test("a value that may be taken once is got by one of many callers", async () => {
    await store.putValue("link", "v", 50);
    const taken = await Promise.all([1, 2, 3].map(() => store.takeValue("link", 49)));
    expect(taken.filter((value) => value === "v")).toHaveLength(1);
    await store.putValue("late", "v", 50);
    expect(await store.takeValue("late", 50)).toBeUndefined();
    await store.putValue("kept", "1", null);
    await store.putValue("kept", "2", null);
    expect(await store.value("kept", 9e12)).toBe("2");
  });

  test("the audit trail is read from its end, page by page", async () => {
    for (let i = 1; i <= 3; i++)
      await store.audit({ atMs: i, who: "An", action: "user.create", subject: `${i}`, detail: "" });
    const page = await store.auditTrail(2);
    expect(page.map((entry) => entry.subject)).toEqual(["3", "2"]);
    expect((await store.auditTrail(2, page[1].id)).map((entry) => entry.subject)).toEqual(["1"]);
  });

  test("what was written is there after opening again, and beside another opener", async () => {
    await store.addUser(user);
    const beside = await open(file);
    expect(await beside.userByName("An")).toEqual(user);
    await beside.putToken(token);
    await beside.close();
    expect(await store.tokenByHash("aa")).toEqual(token);
  });
});

test("openers at the same moment migrate one after the other", async () => {
  const file = freshFile();
  const stores = await Promise.all([1, 2, 3].map(() => openMetadataStore(file)));
  await stores[2].addUser(user);
  expect(await stores[0].users()).toEqual([user]);
  await Promise.all(stores.map((store) => store.close()));
});

test("only the owner can read the database and its log", async () => {
  const file = freshFile();
  const store = await openMetadataStore(file);
  await store.addUser(user);
  for (const name of [file, `${file}-wal`]) expect(statSync(name).mode & 0o777, name).toBe(0o600);
  await store.close();
});

test("a damaged database is named, with what to do", async () => {
  const folder = () => mkdtempSync(path.join(tmpdir(), "storewatch-damaged-"));
  const file = path.join(folder(), "meta.db");
  const store = await openMetadataStore(file);
  for (let i = 0; i < 50; i++) await store.putValue(`key${i}`, "x".repeat(2000), 1);
  // Into the file itself: libsql closes for good only when the process ends.
  const bare = await openBareSqlite(file);
  bare.prepare("pragma wal_checkpoint(truncate)").all([]);
  const whole = readFileSync(file);
  expect(whole.length).toBeGreaterThan(100_000);
  bare.close();
  await store.close();
  const f = async (bytes: Buffer) => {
    const damaged = path.join(folder(), "meta.db");
    writeFileSync(damaged, bytes);
    await expect(openMetadataStore(damaged)).rejects.toMatchObject({
      code: "DATA_DAMAGED",
      message: expect.stringContaining(damaged),
    });
  };
  await f(Buffer.concat([Buffer.from("garbage"), whole.subarray(7)]));
  await f(whole.subarray(0, Math.floor(whole.length / 2 / 4096) * 4096));
  const flipped = Buffer.from(whole);
  // The kind of each page stands in its first byte.
  for (let at = 4096; at < flipped.length; at += 4096) flipped[at] ^= 0xff;
  await f(flipped);
});

test("a newer database is refused with a clear word", async () => {
  const file = freshFile();
  await (await openMetadataStore(file)).close();
  const raw = await openBareSqlite(file);
  raw.exec("update schema_version set version = 99");
  raw.close();
  await expect(openMetadataStore(file)).rejects.toMatchObject({ code: "DATA_NEWER" });
});

describe("data directory", () => {
  test("belongs to one server at a time and is free after it", async () => {
    const dir = path.join(root, "one", "two");
    const lock = await lockDataDir(dir);
    const second = await lockDataDir(dir).catch((error: unknown) => error);
    expect(second).toBeInstanceOf(StorewatchError);
    expect((second as Error).message).toMatch(`in use by another Storewatch (process ${process.pid})`);
    lock.release();
    (await lockDataDir(dir)).release();
  });

  test("is free after a process that held it was killed", async () => {
    const dir = path.join(root, "killed");
    const child = fork(path.join(import.meta.dirname, "testdata", "hold-lock.mjs"), [dir], { stdio: "ignore" });
    await new Promise((resolve) => child.once("message", resolve));
    await expect(lockDataDir(dir)).rejects.toMatchObject({ code: "DATA_IN_USE" });
    child.kill("SIGKILL");
    await new Promise((resolve) => child.once("exit", resolve));
    (await lockDataDir(dir)).release();
  });

  test("that cannot be made is told with its reason", async () => {
    await expect(lockDataDir("/proc/storewatch")).rejects.toMatchObject({ code: "DATA_UNWRITABLE" });
    await expect(lockDataDir("/etc/hostname")).rejects.toThrow("there is a file in the way");
  });
});
