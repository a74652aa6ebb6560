import { type Exemplar, Labels, Matcher } from "@storewatch/model";
import { FakeClock } from "@storewatch/testkit";
import { expect, test } from "vitest";
import type { Tsdb } from "./interface.ts";
import { EVERYTHING, labels, open, START_MS, scrape, temporaryDir } from "./testing.ts";

const requests = labels("requests_total", { tenant_id: "acme" });
const other = labels("requests_total", { tenant_id: "other" });

function exemplar(seconds: number, value: number, trace = `t${seconds}`): Exemplar {
  return { labels: Labels.from({ trace_id: trace }), value, timeMs: START_MS + seconds * 1000 };
}

const item = (series: Labels, one: Exemplar) => ({ series, exemplar: one });

/** "tenant second:value:trace …" */
function show(tsdb: Tsdb, matchers = EVERYTHING, from = 0, to = 1e6): string[] {
  return tsdb.exemplars(matchers, START_MS + from * 1000, START_MS + to * 1000).map(({ series, exemplars }) => {
    const all = exemplars.map((one) => `${(one.timeMs - START_MS) / 1000}:${one.value}:${one.labels.get("trace_id")}`);
    return `${series.get("tenant_id")} ${all.join(" ")}`;
  });
}

test("exemplars are found by matchers and range, and are there after a restart and a checkpoint", async () => {
  const dir = temporaryDir();
  const clock = new FakeClock(START_MS);
  const { tsdb } = await open(dir, { clock });
  const all = [item(other, exemplar(1, 5)), item(requests, exemplar(1, 2)), item(requests, exemplar(3, 4))];
  expect(tsdb.appendExemplars(all)).toEqual({ appended: 3, outOfOrder: 0, tooLong: 0 });
  const expected = ["acme 1:2:t1 3:4:t3", "other 1:5:t1"];
  expect(show(tsdb)).toEqual(expected);
  expect(show(tsdb, [new Matcher("=", "tenant_id", "acme")], 2, 3)).toEqual(["acme 3:4:t3"]);
  await tsdb.close();
  const again = await open(dir, { clock });
  expect(show(again.tsdb)).toEqual(expected);
  scrape(again.tsdb.openRows("t"), 0, { up: 1 });
  await clock.advance(2 * 3_600_000);
  again.tsdb.appendExemplars([item(requests, exemplar(9, 1))]);
  await again.tsdb.maintain();
  again.tsdb.appendExemplars([item(requests, exemplar(10, 1))]);
  await again.tsdb.close();
  const third = await open(dir, { clock });
  expect(show(third.tsdb)).toEqual(["acme 1:2:t1 3:4:t3 9:1:t9 10:1:t10", "other 1:5:t1"]);
  expect(third.problems).toEqual([]);
});

test("the last one again is there already; older ones are refused, of one time smaller ones too", async () => {
  const { tsdb } = await open(temporaryDir());
  const put = (one: Exemplar) => tsdb.appendExemplars([item(requests, one)]);
  expect(put(exemplar(5, 2, "a"))).toMatchObject({ appended: 1 });
  expect(put(exemplar(5, 2, "a"))).toMatchObject({ appended: 1, outOfOrder: 0 });
  expect(put(exemplar(4, 9, "b"))).toMatchObject({ appended: 0, outOfOrder: 1 });
  expect(put(exemplar(5, 1, "b"))).toMatchObject({ outOfOrder: 1 });
  expect(put(exemplar(5, 3, "b"))).toMatchObject({ appended: 1 });
  expect(show(tsdb)).toEqual(["acme 5:2:a 5:3:b"]);
});

test("labels of more than 128 characters are refused; characters are not UTF-16 units", async () => {
  const { tsdb } = await open(temporaryDir());
  const long = (text: string, seconds: number) => item(requests, exemplar(seconds, 1, text));
  const fits = "😀".repeat(120);
  expect(tsdb.appendExemplars([long(fits, 1), long(`${fits}x`, 2)])).toEqual({
    appended: 1,
    outOfOrder: 0,
    tooLong: 1,
  });
});

test("the ring keeps the newest exemplars of all series", async () => {
  const dir = temporaryDir();
  const { tsdb } = await open(dir, { exemplarsMax: 100 });
  tsdb.appendExemplars([item(other, exemplar(0, 0))]);
  for (let i = 1; i <= 350; i++) tsdb.appendExemplars([item(requests, exemplar(i, i, "t"))]);
  const expected = [`acme ${Array.from({ length: 100 }, (_, i) => `${251 + i}:${251 + i}:t`).join(" ")}`];
  expect(show(tsdb)).toEqual(expected);
  tsdb.appendExemplars([item(other, exemplar(400, 1))]);
  expect(show(tsdb)[1]).toBe("other 400:1:t400");
  await tsdb.close();
  const again = await open(dir, { exemplarsMax: 100 });
  expect(show(again.tsdb)[0].startsWith("acme 252:252:t ")).toBe(true);
});

test("metadata of families is there after a restart and a checkpoint; the newest word counts", async () => {
  const dir = temporaryDir();
  const clock = new FakeClock(START_MS);
  const { tsdb } = await open(dir, { clock });
  const counter = { type: "counter", help: "Requests.", unit: "" };
  const gauge = { type: "gauge", help: "Größe in 字节.", unit: "bytes" };
  tsdb.putMetadata([
    ["requests", { ...counter, help: "old" }],
    ["size_bytes", gauge],
  ]);
  tsdb.putMetadata([["requests", counter]]);
  await tsdb.close();
  const again = await open(dir, { clock });
  expect([...again.tsdb.metadata()]).toEqual([
    ["requests", counter],
    ["size_bytes", gauge],
  ]);
  const before = again.tsdb.stats().walBytes;
  again.tsdb.putMetadata([["requests", counter]]);
  expect(again.tsdb.stats().walBytes).toBe(before);
  scrape(again.tsdb.openRows("t"), 0, { up: 1 });
  await clock.advance(2 * 3_600_000);
  await again.tsdb.maintain();
  await again.tsdb.close();
  expect((await open(dir, { clock })).tsdb.metadata().get("size_bytes")).toEqual(gauge);
});
