import { appendFileSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Matcher } from "@storewatch/model";
import { FakeClock } from "@storewatch/testkit";
import { expect, test } from "vitest";
import { openFileStore } from "./blocks/file-store.ts";
import type { Tsdb } from "./interface.ts";
import { dump, errorWithCode, FaultyDisk, labels, open, START_MS, scrape, temporaryDir } from "./testing.ts";

const pushed = labels("pushed");

/** One step of the scenario: a row and a sample; true when it was acknowledged. */
async function step(tsdb: Tsdb, i: number): Promise<boolean> {
  const took = scrape(tsdb.openRows("t"), i * 60, i % 5 === 0 ? { a: i } : { a: i, b: i / 2 });
  try {
    await tsdb.append([{ labels: pushed, timeMs: START_MS + i * 60_000, value: i }]);
    return took;
  } catch {
    return false;
  }
}

function expectSteps(content: Record<string, string>, acknowledged: readonly number[], all: number): void {
  const a = (content.a ?? "").split(" ");
  const p = (content.pushed ?? "").split(" ");
  for (const i of acknowledged) {
    expect(a).toContain(`${i * 60}:${i}`);
    expect(p).toContain(`${i * 60}:${i}`);
  }
  const possible = new Set(Array.from({ length: all }, (_, i) => `${i * 60}:${i}`));
  for (const sample of [...a, ...p]) if (sample !== "") expect(possible).toContain(sample);
  expect(new Set(p).size).toBe(p.length);
}

test("a disk that dies at any step loses nothing that was acknowledged", { timeout: 120_000 }, async () => {
  let last = 0;
  for (let dieAt = 3; last === 0 || dieAt <= last + 1; dieAt += dieAt < 40 ? 1 : 3) {
    const dir = temporaryDir();
    const clock = new FakeClock(START_MS);
    const disk = new FaultyDisk((at) => (at >= dieAt ? errorWithCode("EIO") : undefined));
    const acknowledged: number[] = [];
    const opened = await open(dir, { clock, syncIntervalMs: 0 }, { disk }).catch(() => undefined);
    if (opened) {
      for (let i = 0; i < 200; i++) {
        if (await step(opened.tsdb, i)) acknowledged.push(i);
        else if (disk.steps > dieAt + 20) break;
        await clock.advance(60_000);
        if (i % 20 === 19) await opened.tsdb.maintain();
      }
      await opened.tsdb.close().catch(() => {});
      if (disk.steps < dieAt) last = disk.steps;
      else if (last === 0 && dieAt > 700) last = dieAt;
      if (dieAt > 60) dieAt += 37;
    }
    const again = await open(dir, { clock });
    expectSteps(dump(again.tsdb), acknowledged, 200);
    const before = dump(again.tsdb);
    await again.tsdb.close();
    const third = await open(dir, { clock });
    expect(dump(third.tsdb)).toEqual(before);
    await third.tsdb.close();
  }
});

test("a full disk is told once, rejects appends, keeps rows, and recovers when there is room", async () => {
  const dir = temporaryDir();
  let full = false;
  const disk = new FaultyDisk((_, operation) => (full && operation === "write" ? errorWithCode("ENOSPC") : undefined));
  const { tsdb, clock, problems } = await open(dir, {}, { disk });
  for (let i = 0; i < 10; i++) expect(await step(tsdb, i)).toBe(true);
  full = true;
  for (let i = 10; i < 20; i++) expect(await step(tsdb, i)).toBe(false);
  await expect(tsdb.append([{ labels: pushed, timeMs: START_MS + 600_000, value: 10 }])).rejects.toThrow(/ENOSPC/);
  expect(problems).toEqual([{ kind: "disk-full", message: "write-ahead log: ENOSPC: injected" }]);
  full = false;
  await clock.advance(1000);
  for (let i = 20; i < 25; i++) expect(await step(tsdb, i)).toBe(true);
  // A sender tries again what was rejected: it is there already, and now durable.
  expect(await tsdb.append([{ labels: pushed, timeMs: START_MS + 19 * 60_000, value: 19 }])).toMatchObject({
    appended: 1,
  });
  const before = dump(tsdb);
  expect(before.a.split(" ").length).toBe(25);
  expect(tsdb.stats().walWriteErrors).toBeGreaterThan(0);
  await tsdb.close();
  const again = await open(dir);
  expect(dump(again.tsdb)).toEqual(before);
  expect(again.problems).toEqual([]);
});

test("when the queue is full rows are refused and counted", async () => {
  let full = false;
  const disk = new FaultyDisk((_, operation) => (full && operation === "write" ? errorWithCode("ENOSPC") : undefined));
  const dir = temporaryDir();
  const { tsdb, clock } = await open(dir, {}, { disk, queueBytesMax: 500 });
  full = true;
  let refused = 0;
  for (let i = 0; i < 60; i++) if (!scrape(tsdb.openRows("t"), i, { a: Math.sqrt(i) })) refused++;
  expect(refused).toBeGreaterThan(10);
  expect(tsdb.stats().rowsRefused).toBe(refused);
  await expect(tsdb.append([{ labels: pushed, timeMs: START_MS, value: 1 }])).rejects.toThrow(/queue is full/);
  full = false;
  await clock.advance(2000);
  await tsdb.maintain();
  await tsdb.append([{ labels: pushed, timeMs: START_MS + 100_000, value: 1 }]);
  expect(scrape(tsdb.openRows("t"), 100, { a: 1 })).toBe(true);
  const before = dump(tsdb);
  await tsdb.close();
  expect(dump((await open(dir)).tsdb)).toEqual(before);
});

test("a failed fdatasync is told and leads to a checkpoint", async () => {
  const dir = temporaryDir();
  let broken = false;
  const disk = new FaultyDisk((_, operation) => (broken && operation === "sync" ? errorWithCode("EIO") : undefined));
  const { tsdb, clock, problems } = await open(dir, {}, { disk });
  await step(tsdb, 1);
  broken = true;
  await clock.advance(1500);
  expect(problems[0]).toMatchObject({ kind: "wal-write" });
  broken = false;
  await tsdb.maintain();
  expect(readdirSync(join(dir, "wal")).some((name) => name.endsWith(".checkpoint"))).toBe(true);
  const before = dump(tsdb);
  await tsdb.close();
  expect(dump((await open(dir)).tsdb)).toEqual(before);
});

async function fillHours(hours: number, dir: string, clock: FakeClock, replaced = {}) {
  const opened = await open(dir, { clock }, replaced);
  for (let i = 0; i < hours * 60; i++) {
    await step(opened.tsdb, i);
    await clock.advance(60_000);
  }
  return opened;
}

test("sealing that fails keeps everything in memory and is tried again", async () => {
  const dir = temporaryDir();
  const clock = new FakeClock(START_MS);
  let broken = "create";
  const openBlocks: typeof openFileStore = async (path, disk, onProblem) => {
    const store = await openFileStore(path, disk, onProblem);
    return new Proxy(store, {
      get(target, name) {
        if (name === broken) return () => Promise.reject(errorWithCode("ENOSPC"));
        const value = Reflect.get(target, name, target);
        return typeof value === "function" ? value.bind(target) : value;
      },
    });
  };
  const { tsdb, problems } = await fillHours(3, dir, clock, { openBlocks });
  const before = dump(tsdb);
  for (const method of ["create", "writeSeries", "commit"]) {
    broken = method;
    await tsdb.maintain();
    expect(dump(tsdb)).toEqual(before);
    expect(tsdb.stats().blocks).toBe(0);
  }
  expect(problems.map(({ kind }) => kind)).toEqual(["disk-full"]);
  broken = "";
  await tsdb.maintain();
  expect(tsdb.stats().blocks).toBe(2);
  expect(dump(tsdb)).toEqual(before);
  await tsdb.close();
  expect(dump((await open(dir, { clock })).tsdb)).toEqual(before);
});

test("sealing that fails at any step leaves no files behind, however often it is tried", async () => {
  const dir = temporaryDir();
  const clock = new FakeClock(START_MS);
  let failing = "";
  const disk = new FaultyDisk((_, operation) => (operation === failing ? errorWithCode("ENOSPC") : undefined));
  const { tsdb } = await fillHours(3, dir, clock, { disk });
  const before = dump(tsdb);
  for (failing of ["sync", "rename", "syncDir", "write", "rename", "sync"]) await tsdb.maintain();
  failing = "";
  expect(dump(tsdb)).toEqual(before);
  await tsdb.maintain();
  await tsdb.maintain();
  expect(dump(tsdb)).toEqual(before);
  const names = readdirSync(join(dir, "blocks"));
  expect(names.filter((name) => name.endsWith(".blk")).length).toBe(tsdb.stats().blocks);
  expect(names.filter((name) => name.endsWith(".tmp"))).toEqual([]);
});

test("without a block store everything stays in memory and is told once", async () => {
  const clock = new FakeClock(START_MS);
  const openBlocks = () => Promise.reject(new Error("EACCES: permission denied"));
  const { tsdb, problems } = await fillHours(3, temporaryDir(), clock, { openBlocks });
  const before = dump(tsdb);
  await tsdb.maintain();
  await tsdb.maintain();
  expect(dump(tsdb)).toEqual(before);
  expect(problems).toEqual([
    { kind: "blocks-unavailable", message: "sealed blocks cannot be opened: EACCES: permission denied" },
  ]);
});

test("a damaged group is left out and told; the rest is served", async () => {
  const dir = temporaryDir();
  const clock = new FakeClock(START_MS);
  const first = await fillHours(3, dir, clock);
  await first.tsdb.maintain();
  await first.tsdb.close();
  const blocks = readdirSync(join(dir, "blocks")).filter((name) => name.endsWith(".blk"));
  const path = join(dir, "blocks", blocks.sort()[blocks.length - 1]);
  const bytes = readFileSync(path);
  bytes[20] ^= 4;
  writeFileSync(path, bytes);
  const { tsdb, problems } = await open(dir, { clock });
  const content = dump(tsdb);
  expect(content.a.startsWith(`7200:120`)).toBe(true);
  expect(content.a.split(" ").length).toBe(60);
  dump(tsdb);
  expect(problems.length).toBe(1);
  expect(problems[0].kind).toBe("corrupt-block");
  expect(tsdb.select([new Matcher("=", "__name__", "a")], START_MS, START_MS + 1000)).toEqual([]);
});

function newestSegment(dir: string): string {
  const names = readdirSync(join(dir, "wal")).filter((name) => name.endsWith(".wal"));
  return join(dir, "wal", names.sort()[names.length - 1]);
}

test("a WAL cut off at any byte gives a prefix of what was written", async () => {
  const dir = temporaryDir();
  const { tsdb } = await open(dir);
  for (let i = 0; i < 12; i++) await step(tsdb, i);
  const full = dump(tsdb);
  await tsdb.close();
  const path = newestSegment(dir);
  const data = readFileSync(path);
  for (let length = data.length; length >= 0; length -= 7) {
    const copy = temporaryDir();
    const again = await open(copy);
    await again.tsdb.close();
    writeFileSync(join(copy, "wal", "0000000001.wal"), data.subarray(0, length));
    const { tsdb: cut, problems } = await open(copy);
    for (const [name, text] of Object.entries(dump(cut)))
      expect(full[name].startsWith(text.replace(/ [^ ]*x$/, ""))).toBe(true);
    expect(problems).toEqual([]);
    await step(cut, 20);
    const more = dump(cut);
    await cut.close();
    const third = await open(copy);
    expect(dump(third.tsdb)).toEqual(more);
    await third.tsdb.close();
  }
});

test("a damaged or foreign WAL is told, never fatal", async () => {
  const dir = temporaryDir();
  const { tsdb } = await open(dir);
  for (let i = 0; i < 12; i++) await step(tsdb, i);
  await tsdb.close();
  const path = newestSegment(dir);
  const data = readFileSync(path);
  for (let at = 0; at < data.length; at += 5) {
    const copy = temporaryDir();
    await (await open(copy)).tsdb.close();
    const bad = Buffer.from(data);
    bad[at] ^= 0x55;
    writeFileSync(join(copy, "wal", "0000000001.wal"), bad);
    const { tsdb: opened, problems } = await open(copy);
    expect(problems.length).toBeLessThanOrEqual(1);
    for (const problem of problems) expect(problem.kind).toBe("corrupt-wal");
    await opened.close();
  }
  appendFileSync(path, "rubbish behind the last record");
  const { problems } = await open(dir);
  expect(problems.length).toBe(1);
});
