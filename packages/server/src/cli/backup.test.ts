import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { Labels, Matcher } from "@storewatch/model";
import { FakeClock } from "@storewatch/testkit";
import { openTsdb, type Tsdb } from "@storewatch/tsdb";
import { afterEach, beforeEach, expect, test } from "vitest";
import { lockDataDir, metadataFile, openMetadataStore } from "../store/meta/index.ts";
import { runCli } from "./program.ts";

const START_MS = 1_700_000_000_000;
const retention = { default: { name: "default", timeMs: 30 * 86_400_000 } };
let dir: string;
const opened: { close(): unknown }[] = [];

beforeEach(() => {
  dir = mkdtempSync(path.join(tmpdir(), "storewatch-backup-"));
});

afterEach(async () => {
  for (const one of opened.splice(0)) await one.close();
  rmSync(dir, { recursive: true });
});

async function run(...args: string[]) {
  let out = "";
  let err = "";
  const context = {
    out: (text: string) => {
      out += text;
    },
    err: (text: string) => {
      err += text;
    },
    workingDir: dir,
  };
  const code = await runCli(args, context);
  return { code, out, err };
}

async function openMetrics(dataDir: string, clock = new FakeClock(START_MS + 200 * 60_000)): Promise<Tsdb> {
  const tsdb = await openTsdb({ dataDir: path.join(dataDir, "metrics"), clock, retention });
  opened.push(tsdb);
  return tsdb;
}

function samplesOf(tsdb: Tsdb): number[] {
  return tsdb.select([new Matcher("=", "__name__", "orders")], 0, 2 ** 49).flatMap(({ values }) => Array.from(values));
}

/** A data directory as a running server holds it. */
async function running(): Promise<Tsdb> {
  const data = path.join(dir, "data");
  mkdirSync(data);
  const meta = await openMetadataStore(metadataFile(data));
  opened.push(meta);
  await meta.audit({ atMs: START_MS, who: "someone", action: "user.create", subject: "Ana", detail: "" });
  const clock = new FakeClock(START_MS);
  const tsdb = await openMetrics(data, clock);
  const labels = Labels.from({ __name__: "orders", tenant_id: "acme" });
  for (let i = 0; i < 150; i++) {
    await tsdb.append([{ labels, timeMs: START_MS + i * 60_000, value: i }]);
    await clock.advance(60_000);
  }
  await tsdb.maintain();
  expect(tsdb.stats().blocks).toBeGreaterThan(0);
  mkdirSync(path.join(data, "alerts"));
  writeFileSync(path.join(data, "alerts", "state.jsonl"), '{"silence":1}\n', { mode: 0o600 });
  writeFileSync(path.join(data, "admin-token"), "secret\n", { mode: 0o600 });
  return tsdb;
}

test("a backup beside a running server is restored with metrics, metadata and state of alerts", async () => {
  const tsdb = await running();
  const done = await run("backup", "copy", "--data", "data");
  expect(done).toMatchObject({ code: 0, err: "" });
  expect(done.out).toContain(path.join(dir, "copy"));
  await tsdb.append([{ labels: Labels.from({ __name__: "orders" }), timeMs: START_MS + 150 * 60_000, value: 150 }]);
  expect(await run("restore", "copy", "--data", "other")).toMatchObject({ code: 0, err: "" });
  const other = path.join(dir, "other");
  const metrics = await openMetrics(other);
  expect(samplesOf(metrics)).toEqual(Array.from({ length: 150 }, (_, i) => i));
  const meta = await openMetadataStore(metadataFile(other));
  opened.push(meta);
  expect((await meta.auditTrail(10)).map(({ subject }) => subject)).toEqual(["Ana"]);
  expect(readFileSync(path.join(other, "alerts", "state.jsonl"), "utf8")).toBe('{"silence":1}\n');
  expect(statSync(path.join(other, "admin-token")).mode & 0o777).toBe(0o600);
  expect(statSync(metadataFile(other)).mode & 0o777).toBe(0o600);
  expect(existsSync(path.join(other, "backup.json"))).toBe(false);
});

test("restore refuses what is not empty, not complete or in use, and --force puts aside what was there", async () => {
  await running();
  await run("backup", "copy", "--data", "data");
  mkdirSync(path.join(dir, "full"));
  writeFileSync(path.join(dir, "full", "precious"), "x");
  expect(await run("restore", "copy", "--data", "full")).toMatchObject({
    code: 1,
    err: `storewatch: ${path.join(dir, "full")} is not empty: --force puts what is there aside\n`,
  });
  expect(readdirSync(path.join(dir, "full"))).toEqual(["precious"]);
  cpSync(path.join(dir, "copy"), path.join(dir, "half"), { recursive: true });
  rmSync(path.join(dir, "half", "backup.json"));
  expect((await run("restore", "half", "--data", "full", "--force")).err).toContain("holds no complete backup");
  const lock = await lockDataDir(path.join(dir, "full"));
  expect((await run("restore", "copy", "--data", "full", "--force")).err).toContain("in use");
  lock.release();
  const forced = await run("restore", "copy", "--data", "full", "--force");
  expect(forced).toMatchObject({ code: 0, err: "" });
  const aside = readdirSync(path.join(dir, "full")).find((name) => name.startsWith("replaced-"));
  expect(forced.out).toContain(aside);
  expect(readFileSync(path.join(dir, "full", aside as string, "precious"), "utf8")).toBe("x");
  expect(samplesOf(await openMetrics(path.join(dir, "full"))).length).toBe(150);
});

test("backup refuses a folder that is full, one within the data, and data that are none", async () => {
  await running();
  expect((await run("backup", ".", "--data", "data")).err).toContain("is not empty");
  expect((await run("backup", "data/inside", "--data", "data")).err).toContain("lies in the data directory");
  expect((await run("backup", "copy", "--data", "nothing")).err).toContain("is no data directory");
  expect((await run("backup")).code).toBe(2);
});
