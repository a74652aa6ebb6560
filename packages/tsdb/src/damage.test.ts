import { cpSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { FakeClock } from "@storewatch/testkit";
import { expect, test } from "vitest";
import { DataDirError } from "./disk/data-dir.ts";
import type { Tsdb } from "./interface.ts";
import { dump, labels, open, START_MS, scrape, temporaryDir } from "./testing.ts";

const MINUTE = 60_000;

/** A folder with every kind of file. */
async function everything(): Promise<{ dir: string; clock: FakeClock; content: Record<string, string> }> {
  const dir = temporaryDir();
  const clock = new FakeClock(START_MS);
  const { tsdb } = await open(dir, { clock });
  const rows = tsdb.openRows("t");
  for (let minute = 0; minute < 200; minute++) {
    scrape(rows, minute * 60, { a: minute, b: minute / 2 });
    await tsdb.append([{ labels: labels("pushed"), timeMs: START_MS + minute * MINUTE, value: minute }]);
    await clock.advance(MINUTE);
    if (minute % 45 === 44) await tsdb.maintain();
  }
  const content = dump(tsdb);
  await tsdb.close();
  return { dir, clock, content };
}

function filesOf(dir: string): string[] {
  return readdirSync(dir, { recursive: true, encoding: "utf8" }).filter((name) => statSync(join(dir, name)).isFile());
}

function flip(path: string, at: number): void {
  const bytes = readFileSync(path);
  bytes[at] ^= 0x41;
  writeFileSync(path, bytes);
}

/** All that is there is as it was; returns how many samples there are. */
function expectPartOf(tsdb: Tsdb, content: Record<string, string>): number {
  let samples = 0;
  for (const [series, text] of Object.entries(dump(tsdb))) {
    const known = new Set(content[series].split(" "));
    for (const sample of text.split(" ")) {
      samples++;
      expect(known).toContain(sample);
    }
  }
  return samples;
}

test("a flipped byte in a file of any kind, before the start, costs at most that part, and is told", async () => {
  const { dir, clock, content } = await everything();
  const all = Object.values(content).reduce((sum, text) => sum + text.split(" ").length, 0);
  const kinds = new Set<string>();
  let told = 0;
  for (const name of filesOf(dir)) {
    const { size } = statSync(join(dir, name));
    const places = new Set([0, 7, 9, 21, size >>> 1, size - 20, size - 9, size - 1]);
    for (const at of places) {
      if (at < 0 || at >= size) continue;
      const copy = temporaryDir();
      cpSync(dir, copy, { recursive: true });
      flip(join(copy, name), at);
      kinds.add(/\.\w+$|\w+$/.exec(name)?.[0] ?? name);
      if (name === "version") {
        await expect(open(copy, { clock })).rejects.toThrow(DataDirError);
        continue;
      }
      const { tsdb, problems } = await open(copy, { clock });
      const left = expectPartOf(tsdb, content);
      expect(left).toBeGreaterThan(0);
      if (left < all) expect(problems.length).toBeGreaterThan(0);
      for (const { kind } of problems) expect(["corrupt-block", "corrupt-wal"]).toContain(kind);
      told += problems.length;
      await tsdb.append([{ labels: labels("later"), timeMs: clock.nowMs(), value: 1 }]);
      await tsdb.maintain();
      expectPartOf(tsdb, { ...content, later: dump(tsdb).later });
      await tsdb.close();
    }
  }
  expect([...kinds].sort()).toEqual([".blk", ".checkpoint", ".def", ".wal", "manifest", "version"]);
  expect(told).toBeGreaterThan(10);
});

test("a flipped byte while it runs is found at the next reading; the damaged block stays, unmerged, for who may repair it", async () => {
  const { dir, clock, content } = await everything();
  const { tsdb, problems } = await open(dir, { clock });
  const block = filesOf(dir)
    .filter((name) => name.endsWith(".blk"))
    .sort()[0];
  const path = join(dir, block);
  const whole = readFileSync(path);
  flip(path, 30);
  const left = expectPartOf(tsdb, content);
  expect(problems.map(({ kind }) => kind)).toEqual(["corrupt-block"]);
  await clock.advance(24 * 60 * MINUTE);
  await tsdb.maintain();
  await tsdb.maintain();
  expect(expectPartOf(tsdb, content)).toBe(left);
  expect(filesOf(dir)).toContain(block);
  await tsdb.close();
  // Repaired, it is all there.
  writeFileSync(path, whole);
  expect(dump((await open(dir, { clock })).tsdb)).toEqual(content);
});

test("without the list of blocks nothing is lost: neither what lies over each other, nor what cannot be read", async () => {
  const { dir, clock, content } = await everything();
  const history = await open(dir, { clock });
  const times = Float64Array.from({ length: 120 }, (_, i) => START_MS + i * MINUTE);
  await history.tsdb.backfill([
    { labels: labels("history"), timesMs: times, values: times.map((time) => time / 1000) },
  ]);
  const all = dump(history.tsdb);
  expect(all).toMatchObject(content);
  await history.tsdb.close();
  const folder = join(dir, "blocks");
  flip(join(folder, "manifest"), 20);
  const again = await open(dir, { clock });
  expect(dump(again.tsdb)).toEqual(all);
  for (let i = 0; i < 3; i++) await again.tsdb.maintain();
  expect(dump(again.tsdb)).toEqual(all);
  await again.tsdb.close();

  flip(join(folder, "manifest"), 20);
  const [first] = filesOf(folder).filter((name) => name.endsWith(".blk"));
  const before = readFileSync(join(folder, first));
  flip(join(folder, first), before.length - 20);
  const third = await open(dir, { clock });
  await third.tsdb.maintain();
  expect(third.problems.map(({ message }) => message).join()).toContain(`${first}.damaged`);
  flip(join(folder, `${first}.damaged`), before.length - 20);
  expect(readFileSync(join(folder, `${first}.damaged`))).toEqual(before);
});

test("a damaged block that others lie over does not keep merging busy for ever", async () => {
  const dir = temporaryDir();
  const hour = 60 * MINUTE;
  const history = (count: number) => {
    const times = Float64Array.from({ length: count }, (_, i) => START_MS - 24 * hour + i * MINUTE);
    return [{ labels: labels("a"), timesMs: times, values: times }];
  };
  const { tsdb, clock } = await open(dir);
  await tsdb.backfill(history(120));
  const [first] = filesOf(join(dir, "blocks")).filter((name) => name.endsWith(".blk"));
  await tsdb.backfill(history(60));
  await tsdb.close();
  flip(join(dir, "blocks", first), 20);
  const again = await open(dir, { clock });
  expect(dump(again.tsdb).a.split(" ").length).toBe(60);
  await again.tsdb.maintain();
  expect(dump(again.tsdb).a.split(" ").length).toBe(60);
  expect(again.problems.map(({ kind }) => kind)).toEqual(["corrupt-block"]);
});
