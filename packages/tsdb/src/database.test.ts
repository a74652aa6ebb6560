import { Labels, Matcher } from "@storewatch/model";
import { FakeClock } from "@storewatch/testkit";
import { expect, test } from "vitest";
import { TooManySamples } from "./interface.ts";
import { dump, EVERYTHING, labels, open, START_MS, scrape, show, temporaryDir } from "./testing.ts";

const FOREVER = 2 ** 49;

test("rows are served while open, after encoding, and after a restart", async () => {
  const dir = temporaryDir();
  const first = await open(dir);
  const rows = first.tsdb.openRows("job/a");
  const expected: string[] = [];
  for (let i = 0; i < 100; i++) {
    expect(scrape(rows, i * 15, { a_total: i * 3, b: i / 4 })).toBe(true);
    expected.push(`${i * 15}:${i / 4}`);
  }
  const before = dump(first.tsdb);
  expect(before.b).toBe(expected.join(" "));
  await first.tsdb.close();
  const second = await open(dir);
  expect(dump(second.tsdb)).toEqual(before);
  const again = second.tsdb.openRows("job/a");
  expect(again.columns).toBe(2);
  expect(String(again.labels(1))).toBe("b");
  scrape(again, 1500, { b: 7 });
  expect(show(second.tsdb.select([new Matcher("=", "__name__", "b")], START_MS + 1_485_000, FOREVER)[0])).toBe(
    "1485:24.75 1500:7",
  );
});

test("an absent series gets one marker, one never seen gets none", async () => {
  const { tsdb } = await open(temporaryDir());
  const rows = tsdb.openRows("t");
  rows.column(labels("never"));
  scrape(rows, 0, { a: 1, b: 1 });
  for (let i = 1; i < 50; i++) scrape(rows, i, { a: 1 });
  scrape(rows, 50, { a: 1, b: 2 });
  rows.close(START_MS + 51_000);
  const all = dump(tsdb);
  expect(all.b).toBe("0:1 1:x 50:2 51:x");
  expect(all.never).toBeUndefined();
  expect(all.a.split(" ").length).toBe(52);
  expect(show(tsdb.select([new Matcher("=", "__name__", "b")], START_MS + 2000, START_MS + 40_000)[0])).toBe("none");
});

test("a row that is not after the last one is refused, a row begun and not committed is dropped", async () => {
  const { tsdb } = await open(temporaryDir());
  const rows = tsdb.openRows("t");
  expect(scrape(rows, 10, { a: 1 })).toBe(true);
  expect(scrape(rows, 10, { a: 2 })).toBe(false);
  expect(scrape(rows, 5, { a: 3 })).toBe(false);
  rows.begin();
  rows.row[rows.base] = 99;
  rows.begin();
  expect(rows.commit(START_MS + 11_000)).toBe(true);
  expect(rows.commit(START_MS + 12_000)).toBe(false);
  expect(dump(tsdb)).toEqual({ a: "10:1 11:x" });
});

test("series that join later widen the row without a loss", async () => {
  const { tsdb } = await open(temporaryDir());
  const rows = tsdb.openRows("t");
  for (let i = 0; i < 40; i++) {
    const values: Record<string, number> = {};
    for (let s = 0; s <= i * 3; s++) values[`m${s}`] = i * 1000 + s;
    scrape(rows, i, values);
  }
  const all = dump(tsdb);
  for (let s = 0; s <= 117; s++) {
    const first = Math.ceil(s / 3);
    const expected = Array.from({ length: 40 - first }, (_, k) => `${first + k}:${(first + k) * 1000 + s}`).join(" ");
    expect(all[`m${s}`]).toBe(expected);
  }
});

test("append counts duplicates and samples that are too old, and takes late ones in the window", async () => {
  const dir = temporaryDir();
  const { tsdb } = await open(dir);
  const s = labels("pushed", { tenant_id: "acme" });
  const at = (seconds: number, value: number) => ({ labels: s, timeMs: START_MS + seconds * 1000, value });
  expect(await tsdb.append([at(1000, 1), at(1010, 2), at(1005, 3)])).toMatchObject({
    appended: 3,
    duplicates: 0,
    tooOld: 0,
  });
  expect(await tsdb.append([at(1005, 9), at(1010, 2), at(400, 1), at(401, 4)])).toMatchObject({
    // The same sample once more is there, as its sender wishes.
    appended: 1,
    duplicates: 1,
    tooOld: 2,
  });
  expect(await tsdb.append([at(409, 5), { ...at(1020, 0), stale: true }])).toMatchObject({
    appended: 1,
    duplicates: 0,
    tooOld: 1,
  });
  for (let i = 0; i < 40; i++) await tsdb.append([at(1030 + i, i)]);
  expect((await tsdb.append([at(1040, 5), at(1015, 6)])).duplicates).toBe(1);
  const text = dump(tsdb)['pushed{tenant_id="acme"}'];
  expect(text.startsWith("1000:1 1005:3 1010:2 1015:6 1020:x 1030:0 1031:1")).toBe(true);
  await tsdb.close();
  expect(dump((await open(dir)).tsdb)['pushed{tenant_id="acme"}']).toBe(text);
});

test("a series from several targets and the generic path is merged by time", async () => {
  const { tsdb } = await open(temporaryDir());
  const a = tsdb.openRows("a");
  const b = tsdb.openRows("b");
  for (let i = 0; i < 40; i++) {
    scrape(a, i * 10, { m: i });
    scrape(b, i * 10 + 5, { m: 100 + i });
  }
  await tsdb.append([{ labels: labels("m"), timeMs: START_MS + 391_000, value: 7 }]);
  await tsdb.append([{ labels: labels("m"), timeMs: START_MS + 395_000, value: 8 }]);
  const times = dump(tsdb).m.split(" ");
  expect(times.length).toBe(81);
  expect(times.slice(-3)).toEqual(["390:39", "391:7", "395:139"]);
});

test("sealed blocks answer as the head did, also after a restart, and retention drops them", async () => {
  const dir = temporaryDir();
  const { tsdb, clock, problems } = await open(dir, { retentionMs: 5 * 3_600_000 });
  const rows = tsdb.openRows("t");
  const generic = labels("rule:sum", { tenant_id: "a" });
  for (let i = 0; i < 4 * 240; i++) {
    const values: Record<string, number> = { a_total: i * 7, flat: 1 };
    if (i % 100 < 60) values.gappy = i / 8;
    scrape(rows, i * 15, values);
    await tsdb.append([{ labels: generic, timeMs: START_MS + i * 15_000 + 1, value: Math.sqrt(i) }]);
    await clock.advance(15_000);
  }
  const before = dump(tsdb);
  await tsdb.maintain();
  // Four half hours have become one block of two hours.
  expect(tsdb.stats().blocks).toBe(4);
  expect(dump(tsdb)).toEqual(before);
  expect(tsdb.select([new Matcher("=", "__name__", "gappy")], START_MS, START_MS + 14_000).length).toBe(1);
  const range = dump(tsdb, START_MS + 3_500_000, START_MS + 7_300_000);
  await tsdb.close();

  const again = await open(dir, { retentionMs: 5 * 3_600_000, clock });
  expect(dump(again.tsdb)).toEqual(before);
  expect(dump(again.tsdb, START_MS + 3_500_000, START_MS + 7_300_000)).toEqual(range);
  const late = [{ labels: generic, timeMs: START_MS + 3 * 3_600_000 - 1, value: 1 }];
  expect(await again.tsdb.append(late)).toMatchObject({ appended: 0, duplicates: 0, tooOld: 1 });
  await clock.advance(4 * 3_600_000 + 1);
  await again.tsdb.maintain();
  expect(again.tsdb.stats().blocks).toBe(1);
  expect(again.tsdb.stats().minTimeMs).toBe(START_MS + 3 * 3_600_000);
  await clock.advance(2 * 3_600_000);
  await again.tsdb.maintain();
  expect(again.tsdb.stats()).toMatchObject({ blocks: 0, activeSeries: 0, totalSeries: 0, labelPairs: 0 });
  expect([...problems, ...again.problems]).toEqual([]);
});

test("names and values come from series with samples in the range only", async () => {
  const { tsdb } = await open(temporaryDir());
  const put = (name: string, seconds: number, more: Record<string, string>) =>
    tsdb.append([{ labels: labels(name, more), timeMs: START_MS + seconds * 1000, value: 1 }]);
  await put("up", 10, { job: "a", zone: "x" });
  await put("up", 500, { job: "b" });
  await put("down", 500, { job: "c", Zone: "é" });
  const to = START_MS + 100_000;
  expect(tsdb.labelNames([], START_MS, to)).toEqual(["__name__", "job", "zone"]);
  expect(tsdb.labelNames([], START_MS, FOREVER)).toEqual(["Zone", "__name__", "job", "zone"]);
  expect(tsdb.labelValues("job", [], START_MS, FOREVER)).toEqual(["a", "b", "c"]);
  expect(tsdb.labelValues("job", [new Matcher("=", "__name__", "up")], START_MS + 11_000, FOREVER)).toEqual(["b"]);
  expect(tsdb.series(EVERYTHING, START_MS, to).map(String)).toEqual(['up{job="a", zone="x"}']);
  expect(tsdb.labelValues("nothing", [], 0, FOREVER)).toEqual([]);
});

test("select stops at its limit, and sorts when asked", async () => {
  const { tsdb } = await open(temporaryDir());
  const sample = (job: string) => ({ labels: labels("m", { job }), timeMs: START_MS, value: 1 });
  await tsdb.append(["c", "a", "b"].map(sample));
  expect(tsdb.select(EVERYTHING, 0, FOREVER, { sorted: true }).map((s) => s.labels.get("job"))).toEqual([
    "a",
    "b",
    "c",
  ]);
  expect(() => tsdb.select(EVERYTHING, 0, FOREVER, { maxSamples: 2 })).toThrow(TooManySamples);
  expect(tsdb.select(EVERYTHING, 0, FOREVER, { maxSamples: 3 }).length).toBe(3);
});

test("listeners hear of rows and appends on the same turn", async () => {
  const { tsdb } = await open(temporaryDir());
  const heard: string[] = [];
  const stop = tsdb.onArrival(({ sourceId, timeMs }) => heard.push(`${sourceId}@${timeMs - START_MS}`));
  const rows = tsdb.openRows("t");
  scrape(rows, 1, { a: 1 });
  expect(heard).toEqual([`${rows.sourceId}@1000`]);
  const done = tsdb.append([{ labels: Labels.from({ __name__: "b" }), timeMs: START_MS + 5, value: 1 }]);
  expect(heard.length).toBe(2);
  stop();
  scrape(rows, 2, { a: 1 });
  await done;
  expect(heard[1]).toBe("0@5");
  expect(heard.length).toBe(2);
});

test("results stay valid after later writes and selects", async () => {
  const { tsdb } = await open(temporaryDir());
  const rows = tsdb.openRows("t");
  for (let i = 0; i < 40; i++) scrape(rows, i, { a: i, b: -i });
  const held = tsdb.select(EVERYTHING, 0, FOREVER);
  const text = held.map(show);
  for (let i = 40; i < 90; i++) scrape(rows, i, { a: 7, b: 8 });
  tsdb.select(EVERYTHING, 0, FOREVER);
  expect(held.map(show)).toEqual(text);
});

test("a second opening of the folder is refused, a newer format too", async () => {
  const dir = temporaryDir();
  const { tsdb } = await open(dir);
  await expect(open(dir)).rejects.toThrow(`data directory ${dir} is in use by process ${process.pid}`);
  await tsdb.close();
  const { writeFileSync } = await import("node:fs");
  writeFileSync(`${dir}/version`, "storewatch-tsdb 3\n");
  await expect(open(dir)).rejects.toThrow(/has format 3; this version of Storewatch reads up to 2/);
  writeFileSync(`${dir}/version`, "garbage");
  await expect(open(dir)).rejects.toThrow(/unreadable version file/);
});

test("closing a target and opening its key again starts new columns; the old data stays", async () => {
  const dir = temporaryDir();
  const { tsdb } = await open(dir);
  const rows = tsdb.openRows("t");
  scrape(rows, 1, { a: 1 });
  rows.close(START_MS + 2000);
  expect(scrape(rows, 3, { a: 2 })).toBe(false);
  const next = tsdb.openRows("t");
  expect(next.sourceId).not.toBe(rows.sourceId);
  expect(next.columns).toBe(0);
  scrape(next, 4, { a: 3 });
  const before = dump(tsdb);
  expect(before).toEqual({ a: "1:1 2:x 4:3" });
  await tsdb.close();
  const again = await open(dir);
  expect(dump(again.tsdb)).toEqual(before);
  expect(again.tsdb.openRows("t").sourceId).toBe(next.sourceId);
});

test("history that is pushed in the order of its time is not sealed under its sender", async () => {
  const { tsdb, clock } = await open(temporaryDir(), { clock: new FakeClock(START_MS + 8 * 3_600_000) });
  const push = (minute: number) =>
    tsdb.append(
      ["a", "b"].map((name) => ({ labels: labels(name), timeMs: START_MS + minute * 60_000, value: minute })),
    );
  for (let minute = 0; minute < 5 * 60; minute++) {
    expect(await push(minute)).toMatchObject({ appended: 2 });
    await clock.advance(1000);
    if (minute % 15 === 14) await tsdb.maintain();
  }
  expect(tsdb.stats().blocks).toBeGreaterThan(0);
  await clock.advance(60_000);
  await tsdb.maintain();
  expect(dump(tsdb).b.split(" ").length).toBe(300);
  // All is sealed; a sender that never stops keeps its window open for ten minutes at most.
  expect(await push(299)).toMatchObject({ appended: 0 });
  for (let second = 0; second < 700; second += 20) {
    await push(301 + second / 1000);
    await clock.advance(20_000);
    await tsdb.maintain();
  }
  expect(await push(320)).toMatchObject({ appended: 0, tooOld: 2 });
});
