import { cpSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { Labels, Matcher, type NativeHistogram } from "@storewatch/model";
import { FakeClock } from "@storewatch/testkit";
import { expect, test } from "vitest";
import type { RowWriter, Tsdb } from "./interface.ts";
import { dump, EVERYTHING, labels, type Opened, open, START_MS, show, temporaryDir } from "./testing.ts";

const MINUTE = 60_000;
const acme = [new Matcher("=", "tenant_id", "acme-marker")];
const TENANTS = ["acme-marker", "other"];

const histogram: NativeHistogram = {
  schema: 0,
  count: 3,
  sum: 1,
  zeroThreshold: 0,
  zeroCount: 0,
  positiveSpans: [{ offset: 0, length: 1 }],
  positiveBuckets: [3],
  negativeSpans: [],
  negativeBuckets: [],
  customValues: [],
  counterReset: "unknown",
};

const named = (name: string, tenant: string) => labels(name, { tenant_id: tenant });

/** Everything that can be stored, for two tenants, one sample a minute. */
async function step(tsdb: Tsdb, writer: RowWriter, minute: number): Promise<void> {
  const timeMs = START_MS + minute * MINUTE;
  writer.begin();
  for (const tenant of TENANTS) {
    const column = writer.column(named("row", tenant));
    writer.row[writer.base + column] = minute;
  }
  expect(writer.commit(timeMs)).toBe(true);
  await tsdb.append(
    TENANTS.flatMap((tenant) => [
      { labels: named("pushed", tenant), timeMs, value: minute },
      { labels: named("histogram", tenant), timeMs, value: 0, histogram },
    ]),
  );
  tsdb.appendExemplars(
    TENANTS.map((tenant) => ({
      series: named("row", tenant),
      exemplar: { labels: Labels.from({ trace_id: `trace-${tenant}-${minute}` }), value: 1, timeMs },
    })),
  );
}

async function filled(dir: string, minutes: number): Promise<Opened & { writer: RowWriter }> {
  const clock = new FakeClock(START_MS);
  const opened = await open(dir, { clock });
  const writer = opened.tsdb.openRows("shared");
  for (let minute = 0; minute < minutes; minute++) {
    await step(opened.tsdb, writer, minute);
    await clock.advance(MINUTE);
    if (minute % 30 === 29) await opened.tsdb.maintain();
  }
  return { ...opened, writer };
}

/** The minutes that a series has. */
function minutes(tsdb: Tsdb, name: string, tenant: string): number[] {
  const found = tsdb.select([new Matcher("=", "__name__", name), new Matcher("=", "tenant_id", tenant)], 0, 2 ** 49);
  return found.flatMap(({ timesMs }) => Array.from(timesMs, (time) => (time - START_MS) / MINUTE));
}

const upTo = (n: number) => Array.from({ length: n }, (_, i) => i);

function expectMinutes(tsdb: Tsdb, tenant: string, expected: readonly number[]): void {
  for (const name of ["row", "pushed", "histogram"]) expect(minutes(tsdb, name, tenant)).toEqual(expected);
  const traces = tsdb.exemplars([new Matcher("=", "tenant_id", tenant)], 0, 2 ** 49);
  expect(traces.flatMap(({ exemplars }) => exemplars.map(({ timeMs }) => (timeMs - START_MS) / MINUTE))).toEqual(
    expected,
  );
}

function allFiles(dir: string): string[] {
  return readdirSync(dir, { recursive: true, encoding: "utf8" })
    .map((name) => join(dir, name))
    .filter((path) => statSync(path).isFile());
}

function expectNoByteOf(dir: string, text: string): void {
  for (const path of allFiles(dir)) {
    expect(`${path} ${readFileSync(path).includes(text) ? "has it" : "is clean"}`).toBe(`${path} is clean`);
  }
}

test("what is deleted is hidden at once and stays so, in rows, pushed samples, histograms, exemplars and blocks", async () => {
  const dir = temporaryDir();
  const { tsdb, clock, problems } = await filled(dir, 200);
  expect(tsdb.stats().blocks).toBeGreaterThan(1);
  const from = START_MS + 10 * MINUTE;
  const mark = tsdb.changes.mark();
  expect(await tsdb.delete(acme, from, START_MS + 190 * MINUTE)).toEqual({ series: 3 });
  expect(tsdb.changes.firstSince(mark, START_MS, START_MS + 100 * MINUTE)).toBe(from);
  const expected = [...upTo(10), ...upTo(9).map((i) => 191 + i)];
  const check = (one: Tsdb) => {
    expectMinutes(one, "acme-marker", expected);
    expectMinutes(one, "other", upTo(200));
    expect(one.series(acme, from, from + 100 * MINUTE)).toEqual([]);
    expect(one.labelValues("tenant_id", [], from, from + 100 * MINUTE)).toEqual(["other"]);
    expect(one.labelValues("tenant_id", [], START_MS, from)).toEqual(["acme-marker", "other"]);
  };
  check(tsdb);
  await tsdb.close();
  const again = await open(dir, { clock });
  check(again.tsdb);
  await again.tsdb.maintain();
  check(again.tsdb);
  await again.tsdb.close();
  const third = await open(dir, { clock });
  check(third.tsdb);
  // All sealed and merged: nothing is hidden any more, it is gone.
  await clock.advance(3 * 3_600_000);
  await third.tsdb.maintain();
  await third.tsdb.maintain();
  check(third.tsdb);
  expect([...problems, ...again.problems, ...third.problems]).toEqual([]);
  await third.tsdb.close();
  check((await open(dir, { clock })).tsdb);
});

test("samples that are appended after a deletion, for times that it had, are there", async () => {
  const dir = temporaryDir();
  const { tsdb, clock } = await filled(dir, 60);
  const timeMs = START_MS + 55 * MINUTE;
  await tsdb.delete(acme, START_MS + 50 * MINUTE, START_MS + 100 * MINUTE);
  for (const name of ["pushed", "row"]) {
    expect(await tsdb.append([{ labels: named(name, "acme-marker"), timeMs, value: 77 }])).toMatchObject({
      appended: 1,
    });
  }
  await tsdb.append([{ labels: named("histogram", "acme-marker"), timeMs, value: 0, histogram }]);
  const check = (one: Tsdb) => {
    for (const name of ["row", "pushed", "histogram"]) {
      expect(minutes(one, name, "acme-marker")).toEqual([...upTo(50), 55]);
    }
  };
  check(tsdb);
  await tsdb.close();
  const again = await open(dir, { clock });
  check(again.tsdb);
  await clock.advance(2 * 3_600_000);
  await again.tsdb.maintain();
  check(again.tsdb);
  await again.tsdb.cleanTombstones();
  check(again.tsdb);
  expect(again.problems).toEqual([]);
});

test("a deletion while a window is sealed and blocks are merged hides what they write", async () => {
  const dir = temporaryDir();
  const { tsdb, clock } = await filled(dir, 170);
  await clock.advance(3 * 3_600_000);
  const maintaining = tsdb.maintain();
  for (let i = 0; i < 6; i++) await new Promise((resolve) => setImmediate(resolve));
  await tsdb.delete(acme, 0, 2 ** 49);
  expectMinutes(tsdb, "acme-marker", []);
  await maintaining;
  expectMinutes(tsdb, "acme-marker", []);
  await tsdb.maintain();
  await tsdb.maintain();
  expectMinutes(tsdb, "acme-marker", []);
  expectMinutes(tsdb, "other", upTo(170));
  await tsdb.close();
  expectNoByteOf(dir, "no such text");
  const again = await open(dir, { clock });
  expectMinutes(again.tsdb, "acme-marker", []);
  expectMinutes(again.tsdb, "other", upTo(170));
});

test("after an erasure no file has a byte of it, the rest is there, and the writer goes on", async () => {
  const dir = temporaryDir();
  const { tsdb, clock, writer, problems } = await filled(dir, 200);
  tsdb.putMetadata([
    ["row", { type: "gauge", help: "Rows.", unit: "" }],
    ["acme-marker_only", { type: "gauge", help: "Of one.", unit: "" }],
  ]);
  await tsdb.append([{ labels: labels("acme-marker_only", { tenant_id: "acme-marker" }), timeMs: START_MS, value: 1 }]);
  const progress: string[] = [];
  const before = tsdb.stats().blockBytes;
  const done = await tsdb.erase(acme, ({ blocks, blocksDone }) => progress.push(`${blocksDone}/${blocks}`));
  expect(done.series).toBe(3);
  expect(done.bytesFreed).toBeGreaterThan(0);
  expect(tsdb.stats().blockBytes).toBeLessThan(before);
  expect(progress.length).toBeGreaterThan(1);
  expectNoByteOf(dir, "acme-marker");
  expectMinutes(tsdb, "acme-marker", []);
  expectMinutes(tsdb, "other", upTo(200));
  expect([...tsdb.metadata().keys()]).toEqual(["row"]);
  expect(tsdb.labelValues("tenant_id", [], 0, 2 ** 49)).toEqual(["other"]);
  // The target still exposes the series: it has columns for them.
  for (let minute = 200; minute < 203; minute++) await step(tsdb, writer, minute);
  expectMinutes(tsdb, "acme-marker", [200, 201, 202]);
  expectMinutes(tsdb, "other", upTo(203));
  const content = dump(tsdb);
  await tsdb.close();
  const again = await open(dir, { clock });
  expect(dump(again.tsdb)).toEqual(content);
  await step(again.tsdb, again.tsdb.openRows("shared"), 203);
  expectMinutes(again.tsdb, "acme-marker", [200, 201, 202, 203]);
  await clock.advance(4 * 3_600_000);
  await again.tsdb.maintain();
  await again.tsdb.erase(acme);
  await again.tsdb.close();
  expectNoByteOf(dir, "acme-marker");
  const last = await open(dir, { clock });
  expectMinutes(last.tsdb, "other", upTo(204));
  expect([...problems, ...again.problems, ...last.problems]).toEqual([]);
});

test("an erased series that its target goes on writing in the same open row becomes a series anew", async () => {
  const dir = temporaryDir();
  const { tsdb } = await open(dir);
  const writer = tsdb.openRows("t");
  const a = named("row", "acme-marker");
  const put = (minute: number, commit = true) => {
    writer.begin();
    const columns = [writer.column(named("row", "other")), writer.column(a)];
    for (const column of columns) writer.row[writer.base + column] = minute;
    return commit && writer.commit(START_MS + minute * MINUTE);
  };
  expect(put(0)).toBe(true);
  expect(put(1)).toBe(true);
  writer.begin();
  // Known columns, as a scrape's line cache has them.
  writer.row[writer.base] = 2;
  writer.row[writer.base + 1] = 2;
  await tsdb.erase(acme);
  expect(writer.labels(1)).toEqual(a);
  expect(writer.commit(START_MS + 2 * MINUTE)).toBe(true);
  writer.begin();
  writer.row[writer.base] = 3;
  writer.row[writer.base + 1] = 3;
  writer.commit(START_MS + 3 * MINUTE);
  expect(minutes(tsdb, "row", "acme-marker")).toEqual([2, 3]);
  const content = dump(tsdb);
  await tsdb.close();
  expect(dump((await open(dir)).tsdb)).toEqual(content);
});

test("an erasure that a crash cuts off at any moment is finished at the next start", async () => {
  const dir = temporaryDir();
  const { tsdb, clock } = await filled(dir, 100);
  const copies: string[] = [];
  const copy = () => {
    const to = temporaryDir();
    try {
      cpSync(dir, to, { recursive: true, filter: (path) => !path.endsWith("/lock") });
      copies.push(to);
    } catch {
      // A file went in the middle of it: no moment of a crash.
    }
  };
  let over = false;
  const erasing = tsdb.erase(acme, copy).finally(() => {
    over = true;
  });
  while (!over) {
    await new Promise((resolve) => setImmediate(resolve));
    if (copies.length < 40) copy();
  }
  await erasing;
  expect(copies.length).toBeGreaterThan(5);
  for (const one of copies) {
    const again = await open(one, { clock });
    // Either nothing had been acknowledged yet, or all of it is hidden.
    const left = minutes(again.tsdb, "pushed", "acme-marker").length;
    expect([0, 100]).toContain(left);
    await again.tsdb.maintain();
    expectMinutes(again.tsdb, "other", upTo(100));
    if (left === 0) expectMinutes(again.tsdb, "acme-marker", []);
    await again.tsdb.close();
    if (left === 0) expectNoByteOf(one, "acme-marker");
    expect(again.problems).toEqual([]);
  }
});

test("while blocks cannot be opened what was deleted before stays hidden, and further deletions are refused", async () => {
  const dir = temporaryDir();
  const { tsdb, clock } = await filled(dir, 170);
  await tsdb.maintain();
  expect(tsdb.stats().blocks).toBeGreaterThan(0);
  await tsdb.delete(acme, 0, START_MS * 2);
  await tsdb.close();
  const openBlocks = () => Promise.reject(new Error("EACCES: permission denied"));
  const without = await open(dir, { clock }, { openBlocks });
  await without.tsdb.maintain();
  await expect(without.tsdb.delete(acme, 0, START_MS * 2)).rejects.toThrow("cannot be opened");
  await expect(without.tsdb.erase(acme)).rejects.toThrow("cannot be opened");
  await without.tsdb.maintain();
  await without.tsdb.close();
  const again = await open(dir, { clock });
  expectMinutes(again.tsdb, "acme-marker", []);
  await again.tsdb.maintain();
  expectMinutes(again.tsdb, "acme-marker", []);
  expectMinutes(again.tsdb, "other", upTo(170));
  await again.tsdb.close();
});

test("a snapshot made while it runs opens with all that was acknowledged before", async () => {
  const dir = temporaryDir();
  const { tsdb, clock, writer } = await filled(dir, 170);
  await tsdb.delete(acme, START_MS, START_MS + 5 * MINUTE);
  const before = dump(tsdb);
  const to = join(temporaryDir(), "copy");
  const copying = tsdb.snapshot(to);
  await step(tsdb, writer, 170);
  const { bytes } = await copying;
  expect(bytes).toBeGreaterThan(1000);
  await expect(tsdb.snapshot(to)).rejects.toThrow(/not empty/);
  await clock.advance(3 * 3_600_000);
  await tsdb.maintain();
  const copy = await open(to, { clock });
  for (const [series, text] of Object.entries(before)) expect(dump(copy.tsdb)[series].startsWith(text)).toBe(true);
  expect(Object.keys(dump(copy.tsdb)).sort()).toEqual(Object.keys(before).sort());
  expect(copy.problems).toEqual([]);
  await step(copy.tsdb, copy.tsdb.openRows("shared"), 400);
  await copy.tsdb.maintain();
  expect(show(tsdb.select([new Matcher("=", "__name__", "row"), ...acme], START_MS + 400 * MINUTE, 2 ** 49)[0])).toBe(
    "none",
  );
  expect(tsdb.select(EVERYTHING, 0, 2 ** 49).length).toBe(6);
});
