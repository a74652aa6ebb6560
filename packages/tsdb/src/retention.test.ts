import { readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Matcher } from "@storewatch/model";
import { seededRandom } from "@storewatch/testkit";
import { expect, test } from "vitest";
import type { RetentionOptions } from "./interface.ts";
import { dump, labels, open, START_MS, scrape, temporaryDir } from "./testing.ts";

const HOUR_MS = 3_600_000;
const TENANTS = ["acme", "globex", "initech", "nobody"];
const CLASS_OF: Record<string, string> = { acme: "gold", globex: "short", initech: "small" };
const RETENTION: RetentionOptions = {
  default: { name: "default", timeMs: 6 * HOUR_MS },
  classes: [
    { name: "gold", timeMs: 24 * HOUR_MS },
    { name: "short", timeMs: 3 * HOUR_MS },
    { name: "small", timeMs: 24 * HOUR_MS, sizeBytes: 25_000 },
  ],
  label: "tenant_id",
  classOf: (tenant) => CLASS_OF[tenant],
};

async function fill(dir: string, hours: number, retention: RetentionOptions) {
  const opened = await open(dir, { retention });
  const random = seededRandom(7);
  const writer = opened.tsdb.openRows("t");
  for (let i = 0; i < hours * 60; i++) {
    writer.begin();
    for (const tenant of TENANTS) {
      // Enough series for a size to tell: 20 of noise a tenant.
      for (let s = 0; s < 20; s++) {
        const column = writer.column(labels(`m${s}`, { tenant_id: tenant }));
        writer.row[writer.base + column] = random();
      }
    }
    expect(writer.commit(START_MS + i * 60_000)).toBe(true);
    await opened.clock.advance(60_000);
    if (i % 15 === 14) await opened.tsdb.maintain();
  }
  return opened;
}

/** The first hour of which the tenant has samples. */
function firstHour(content: Record<string, string>, tenant: string): number {
  const text = content[`m0{tenant_id="${tenant}"}`];
  return Number(text.slice(0, text.indexOf(":"))) / 3600;
}

test("each class is dropped at its own age or size, and the others keep theirs", { timeout: 60_000 }, async () => {
  const dir = temporaryDir();
  const { tsdb, problems } = await fill(dir, 12, RETENTION);
  const content = dump(tsdb);
  expect(firstHour(content, "acme")).toBe(0);
  // Blocks of two hours: what is older than the age goes when the youngest sample of its block is.
  expect(firstHour(content, "nobody")).toBeGreaterThanOrEqual(4);
  expect(firstHour(content, "nobody")).toBeLessThanOrEqual(6);
  expect(firstHour(content, "globex")).toBeGreaterThanOrEqual(7);
  expect(firstHour(content, "globex")).toBeLessThanOrEqual(9);
  expect(firstHour(content, "initech")).toBeGreaterThan(8);
  const { classes } = tsdb.stats();
  expect(classes.map(({ name }) => name)).toEqual(["default", "gold", "short", "small"]);
  expect(classes[3].bytes).toBeLessThanOrEqual(25_000);
  expect(classes[1].bytes).toBeGreaterThan(classes[0].bytes);
  await tsdb.close();
  const again = await open(dir, { retention: RETENTION });
  expect(dump(again.tsdb)).toEqual(content);
  expect([...problems, ...again.problems]).toEqual([]);
});

test("over the size of all, the oldest of all classes goes, and the files with it", { timeout: 60_000 }, async () => {
  const dir = temporaryDir();
  const totalBytes = 150_000;
  const { tsdb, clock } = await fill(dir, 12, { ...RETENTION, totalBytes });
  await clock.advance(1000);
  await tsdb.maintain();
  const { blockBytes, walBytes } = tsdb.stats();
  expect(blockBytes + walBytes).toBeLessThanOrEqual(totalBytes);
  expect(blockBytes).toBeGreaterThan(20_000);
  expect(firstHour(dump(tsdb), "acme")).toBeGreaterThanOrEqual(4);
  const files = readdirSync(join(dir, "blocks")).filter((name) => name.endsWith(".blk"));
  expect(files.reduce((sum, name) => sum + statSync(join(dir, "blocks", name)).size, 0)).toBe(blockBytes);
});

test("what no list of blocks names is removed at the start, and a lost list is told and made anew", async () => {
  const dir = temporaryDir();
  const first = await fill(dir, 5, RETENTION);
  const content = dump(first.tsdb);
  await first.tsdb.close();
  writeFileSync(join(dir, "blocks", "b0000009999.blk"), "half a block");
  const second = await open(dir, { retention: RETENTION, clock: first.clock });
  expect(dump(second.tsdb)).toEqual(content);
  expect(readdirSync(join(dir, "blocks"))).not.toContain("b0000009999.blk");
  await second.tsdb.close();
  rmSync(join(dir, "blocks", "manifest"));
  const third = await open(dir, { retention: RETENTION, clock: first.clock });
  expect(dump(third.tsdb)).toEqual(content);
  expect(third.problems).toEqual([
    { kind: "corrupt-block", message: "the list of blocks was left out: it is missing" },
  ]);
});

test("intervals, as they are made and merged day by day, stand for every sample", { timeout: 120_000 }, async () => {
  const day = 24 * 3_600_000;
  const kept = 30 * day;
  const retention = { default: { name: "default", timeMs: kept, fiveMinutesMs: kept, oneHourMs: kept } };
  const { tsdb, clock } = await open(temporaryDir(), { retention });
  const rows = tsdb.openRows("t");
  const hints = { func: "count_over_time", stepMs: 3_600_000, rangeMs: 3_600_000 };
  for (let minute = 0; minute < 60 * 60; minute++) {
    scrape(rows, minute * 60, { a: minute });
    await clock.advance(60_000);
    if (minute % 15 !== 14) continue;
    await tsdb.maintain();
    if (minute % 120 !== 119) continue;
    const [{ counts, timesMs }] = tsdb.select([new Matcher("=", "__name__", "a")], START_MS, START_MS + 4 * day, {
      hints,
    });
    expect(counts?.reduce((sum, one) => sum + one, 0) ?? timesMs.length, `hour ${minute / 60}`).toBe(minute + 1);
  }
  expect(tsdb.stats().blocks).toBeLessThan(30);
});
