import { bitsOf, isStaleAt, Labels, Matcher, type NativeHistogram, type Sample } from "@storewatch/model";
import { FakeClock } from "@storewatch/testkit";
import { expect, test } from "vitest";
import type { Tsdb } from "./interface.ts";
import { EVERYTHING, labels, open, START_MS, scrape, temporaryDir } from "./testing.ts";

const MINUTE = 60_000;
const series = labels("latency", { tenant_id: "acme" });

/** A histogram of which each number follows from n. */
function histogram(n: number): NativeHistogram {
  const wide = n % 50 > 30;
  return {
    schema: wide ? 2 : 3,
    count: 10 * n,
    sum: n / 3,
    zeroThreshold: 0.001,
    zeroCount: n,
    positiveSpans: wide ? [{ offset: 0, length: 3 }] : [{ offset: 1, length: 2 }],
    positiveBuckets: wide ? [n, 2 * n, 5] : [n, n + 1],
    negativeSpans: [],
    negativeBuckets: [],
    customValues: [],
    counterReset: n % 7 === 0 ? "reset" : "unknown",
  };
}

const at = (minutes: number, more: Partial<Sample> = {}): Sample => ({
  labels: series,
  timeMs: START_MS + minutes * MINUTE,
  value: Number.NaN,
  histogram: histogram(minutes),
  ...more,
});
const float = (minutes: number, value: number) => at(minutes, { value, histogram: undefined });
const stale = (minutes: number) => at(minutes, { stale: true, histogram: undefined });

/** "minute:hCOUNT", "minute:VALUE" or "minute:x". */
function content(tsdb: Tsdb, fromMinute = -1e6, toMinute = 1e7): string {
  const found = tsdb.select(
    [new Matcher("=", "__name__", "latency")],
    START_MS + fromMinute * MINUTE,
    START_MS + toMinute * MINUTE,
  );
  expect(found.length).toBeLessThan(2);
  if (found.length === 0) return "";
  const { timesMs, values, histograms } = found[0];
  const bits = bitsOf(values);
  return Array.from(timesMs, (time, i) => {
    const minute = (time - START_MS) / MINUTE;
    const one = histograms?.[i];
    if (one) expect(one).toEqual(histogram(minute));
    if (one) expect(values[i]).toBeNaN();
    return `${minute}:${one ? `h${one.count}` : isStaleAt(bits, i) ? "x" : values[i]}`;
  }).join(" ");
}

test("a series may mix histograms, floats and markers, also out of order and after a restart", async () => {
  const dir = temporaryDir();
  const { tsdb } = await open(dir);
  expect(await tsdb.append([at(10), at(11), float(12, 5), at(13), stale(14)])).toMatchObject({ appended: 5 });
  expect(await tsdb.append([at(9), float(8, 1), at(7)])).toMatchObject({ appended: 3 });
  const expected = "7:h70 8:1 9:h90 10:h100 11:h110 12:5 13:h130 14:x";
  expect(content(tsdb)).toBe(expected);
  expect(content(tsdb, 9, 11)).toBe("9:h90 10:h100 11:h110");
  expect(content(tsdb, 12, 12)).toBe("12:5");
  await tsdb.close();
  expect(content((await open(dir)).tsdb)).toBe(expected);
});

test("the same histogram again is there already; another sample for its time is refused", async () => {
  const { tsdb } = await open(temporaryDir());
  await tsdb.append([at(10), float(11, 1)]);
  expect(await tsdb.append([at(10), float(11, 1)])).toMatchObject({ appended: 2, duplicates: 0 });
  const others = [at(10, { histogram: histogram(5) }), float(10, 1), stale(10), at(11), float(11, 2)];
  expect(await tsdb.append(others)).toMatchObject({ appended: 0, duplicates: 5 });
  expect(await tsdb.append([at(-5)])).toMatchObject({ tooOld: 1 });
  expect(await tsdb.append([at(12, { histogram: { ...histogram(12), positiveBuckets: [1] } })])).toMatchObject({
    invalid: 1,
  });
  expect(content(tsdb)).toBe("10:h100 11:1");
});

test("histograms go through checkpoints, blocks and merges", async () => {
  const dir = temporaryDir();
  const clock = new FakeClock(START_MS);
  const { tsdb } = await open(dir, { clock });
  const rows = tsdb.openRows("t");
  const expected: string[] = [];
  const all: Record<string, number> = {};
  for (let minute = 0; minute < 300; minute++) {
    scrape(rows, minute * 60, { up: 1 });
    const kind = minute % 20;
    const sample = kind === 18 ? float(minute, minute) : kind === 19 ? stale(minute) : at(minute);
    expect(await tsdb.append([sample])).toMatchObject({ appended: 1 });
    expected.push(`${minute}:${kind === 18 ? minute : kind === 19 ? "x" : `h${10 * minute}`}`);
    await clock.advance(MINUTE);
    if (minute % 45 === 44) await tsdb.maintain();
  }
  expect(tsdb.stats().blocks).toBeGreaterThan(1);
  expect(content(tsdb)).toBe(expected.join(" "));
  await tsdb.close();
  const again = await open(dir, { clock });
  expect(again.problems).toEqual([]);
  expect(content(again.tsdb)).toBe(expected.join(" "));
  expect(content(again.tsdb, 100, 110)).toBe(expected.slice(100, 111).join(" "));
  for (const { labels: of } of again.tsdb.select(EVERYTHING, 0, 2 ** 49)) all[String(of)] = 1;
  expect(Object.keys(all).sort()).toEqual([String(series), "up"]);
  expect(
    again.tsdb
      .series(EVERYTHING, START_MS, START_MS + 5 * MINUTE)
      .map(String)
      .sort(),
  ).toEqual([String(series), "up"]);
  // An hour later the head is empty: only blocks answer.
  await clock.advance(3_600_000);
  await again.tsdb.maintain();
  expect(content(again.tsdb)).toBe(expected.join(" "));
  const plain = again.tsdb.select([new Matcher("=", "__name__", "up")], 0, 2 ** 49)[0];
  expect("histograms" in plain).toBe(false);
  expect(() => again.tsdb.select([new Matcher("=", "__name__", "latency")], 0, 2 ** 49, { maxSamples: 500 })).toThrow(
    /more than 500/,
  );
});

test("a scraped series that has histograms too takes one sample for each time", async () => {
  const { tsdb } = await open(temporaryDir());
  const rows = tsdb.openRows("t");
  scrape(rows, 600, { mixed: 1 });
  const mixed = (seconds: number, more: Partial<Sample>): Sample => ({
    labels: Labels.from({ __name__: "mixed" }),
    timeMs: START_MS + seconds * 1000,
    value: 0,
    ...more,
  });
  expect(await tsdb.append([mixed(600, { histogram: histogram(1) })])).toMatchObject({ duplicates: 1 });
  expect(await tsdb.append([mixed(600, { value: 1 })])).toMatchObject({ appended: 1 });
  expect(await tsdb.append([mixed(590, { value: 7 }), mixed(-10, { value: 3 })])).toMatchObject({
    appended: 1,
    tooOld: 1,
  });
  expect(await tsdb.append([mixed(610, { histogram: histogram(2) })])).toMatchObject({ appended: 1 });
  const [found] = tsdb.select([new Matcher("=", "__name__", "mixed")], 0, 2 ** 49);
  expect(Array.from(found.timesMs, (time) => (time - START_MS) / 1000)).toEqual([590, 600, 610]);
  expect(found.histograms?.map((one) => one?.count)).toEqual([undefined, undefined, 20]);
});

test("a sample from far in the future is refused, so that those that follow are not too old", async () => {
  const { tsdb, clock } = await open(temporaryDir(), { aheadMs: undefined });
  expect(await tsdb.append([float(11, 1), at(11)])).toMatchObject({ appended: 0, tooFarInFuture: 2, tooOld: 0 });
  expect(await tsdb.append([float(10, 1)])).toMatchObject({ appended: 1 });
  expect(await tsdb.append([at(2 ** 40)])).toMatchObject({ tooFarInFuture: 1 });
  await clock.advance(MINUTE);
  expect(await tsdb.append([float(1, 1), float(11, 2)])).toMatchObject({ appended: 2 });
  expect(content(tsdb)).toBe("1:1 10:1 11:2");
});
