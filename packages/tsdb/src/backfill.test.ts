import { Labels, Matcher, type NativeHistogram, type SeriesSamples } from "@storewatch/model";
import { expect, test } from "vitest";
import { open, START_MS, scrape, temporaryDir } from "./testing.ts";

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

function series(name: string, fromMs: number, stepMs: number, count: number, first = 0): SeriesSamples {
  return {
    labels: Labels.from({ __name__: name }),
    timesMs: Float64Array.from({ length: count }, (_, i) => fromMs + i * stepMs),
    values: Float64Array.from({ length: count }, (_, i) => first + i),
  };
}

type Opened = Awaited<ReturnType<typeof open>>;

function values({ tsdb }: Opened, name: string): number[] {
  const found = tsdb.select([new Matcher("=", "__name__", name)], 0, START_MS + DAY_MS);
  expect(found.length).toBeLessThanOrEqual(1);
  const { timesMs = new Float64Array(0), values: all = new Float64Array(0) } = found[0] ?? {};
  for (let i = 1; i < timesMs.length; i++) expect(timesMs[i]).toBeGreaterThan(timesMs[i - 1]);
  return [...all];
}

const upTo = (count: number, first = 0) => Array.from({ length: count }, (_, i) => first + i);

test("history of any age is there at once, after merging, and after a restart", async () => {
  const dir = temporaryDir();
  const opened = await open(dir);
  const fromMs = START_MS - 3 * DAY_MS;
  const count = (3 * DAY_MS) / 60_000;
  const result = await opened.tsdb.backfill([
    series("a", fromMs, 60_000, count),
    series("b", fromMs, 60_000, count, 7),
  ]);
  expect(result.untilMs).toBeLessThanOrEqual(START_MS - 15 * 60_000);
  const taken = (result.untilMs - fromMs) / 60_000;
  expect(result.written).toBe(2 * taken);
  expect(values(opened, "a")).toEqual(upTo(taken));
  await opened.tsdb.maintain();
  expect(values(opened, "b")).toEqual(upTo(taken, 7));
  // What is younger is for append, and continues the series.
  const rest = Array.from({ length: count - taken }, (_, i) => ({
    labels: series("a", 0, 1, 1).labels,
    timeMs: result.untilMs + i * 60_000,
    value: taken + i,
  }));
  expect(await opened.tsdb.append(rest)).toMatchObject({ appended: rest.length });
  await opened.tsdb.close();
  const again = await open(dir);
  expect(values(again, "a")).toEqual(upTo(count));
  await again.tsdb.close();
});

test("what is sent twice is there once, and series of one time may come in several calls", async () => {
  const opened = await open(temporaryDir());
  const fromMs = START_MS - DAY_MS;
  await opened.tsdb.backfill([series("a", fromMs, 30_000, 1000)]);
  await opened.tsdb.backfill([series("a", fromMs, 30_000, 1000), series("b", fromMs, 30_000, 1000)]);
  // Between those that are there.
  await opened.tsdb.backfill([series("a", fromMs + 15_000, 30_000, 1000, 5000)]);
  const expected = upTo(2000).map((i) => (i % 2 === 0 ? i / 2 : 5000 + (i - 1) / 2));
  expect(values(opened, "a")).toEqual(expected);
  for (let i = 0; i < 5; i++) await opened.tsdb.maintain();
  expect(values(opened, "a")).toEqual(expected);
  expect(values(opened, "b")).toEqual(upTo(1000));
  await opened.tsdb.close();
});

test("live data goes on beside it, and keeps its own values", async () => {
  const opened = await open(temporaryDir());
  const rows = opened.tsdb.openRows("t");
  for (let i = 0; i < 20; i++) scrape(rows, i * 15, { live: i });
  const { untilMs } = await opened.tsdb.backfill([series("live", START_MS - HOUR_MS, 60_000, 120, 100)]);
  expect(untilMs).toBeLessThanOrEqual(START_MS);
  const all = values(opened, "live");
  expect(all.slice(-20)).toEqual(upTo(20));
  expect(all.length).toBeGreaterThan(20);
  expect(scrape(rows, 300, { live: 20 })).toBe(true);
  await opened.tsdb.close();
});

test("what is older than the retention is counted and left out", async () => {
  const opened = await open(temporaryDir(), { retentionMs: 2 * HOUR_MS });
  const result = await opened.tsdb.backfill([series("a", START_MS - 3 * HOUR_MS, 60_000, 100)]);
  expect(result.tooOld).toBeGreaterThanOrEqual(59);
  expect(result.written + result.tooOld).toBe(100);
  await opened.tsdb.close();
});

test("native histograms and staleness markers stay what they are", async () => {
  const opened = await open(temporaryDir());
  const one: NativeHistogram = {
    schema: 0,
    count: 3,
    sum: 4.5,
    zeroThreshold: 0.001,
    zeroCount: 1,
    positiveSpans: [{ offset: 0, length: 2 }],
    positiveBuckets: [1, 1],
    negativeSpans: [],
    negativeBuckets: [],
    customValues: [],
    counterReset: "unknown",
  };
  const base = series("h", START_MS - DAY_MS, 60_000, 3);
  const marked = new Float64Array(new BigUint64Array([0x3ff0000000000000n, 0x7ff0000000000002n, 0n]).buffer);
  await opened.tsdb.backfill([{ ...base, values: marked, histograms: [undefined, undefined, one] }]);
  const [found] = opened.tsdb.select([new Matcher("=", "__name__", "h")], 0, START_MS);
  const bits = new BigUint64Array(found.values.slice().buffer);
  expect([...bits.slice(0, 2)]).toEqual([0x3ff0000000000000n, 0x7ff0000000000002n]);
  expect(found.histograms?.[2]).toEqual(one);
  await opened.tsdb.close();
});

test("what lies over other blocks is counted once where intervals answer for the rest", async () => {
  const timeMs = 30 * DAY_MS;
  const retention = { default: { name: "default", timeMs, fiveMinutesMs: timeMs, oneHourMs: timeMs } };
  const { tsdb } = await open(temporaryDir(), { retention });
  const fromMs = START_MS - 3 * DAY_MS;
  await tsdb.backfill([series("a", fromMs, 60_000, 2 * 1440)]);
  for (let i = 0; i < 4; i++) await tsdb.maintain();
  expect(tsdb.stats().classes[0].downsampledBytes).toBeGreaterThan(0);
  const a = [new Matcher("=", "__name__", "a")];
  const counted = (func: string) => {
    const [{ timesMs, counts }] = tsdb.select(a, fromMs, fromMs + 3 * DAY_MS, { hints: { ...hour, func } });
    return [timesMs.length, counts?.reduce((sum, one) => sum + one)];
  };
  const hour = { stepMs: HOUR_MS, rangeMs: HOUR_MS };
  expect(counted("count_over_time")[0]).toBeLessThan(100);
  expect(counted("count_over_time")[1]).toBe(2 * 1440);
  // The last of it once more, and an hour that is new, before blocks are merged.
  await tsdb.backfill([series("a", fromMs + 2 * DAY_MS - HOUR_MS, 60_000, 120, 2 * 1440 - 60)]);
  for (const func of ["count_over_time", "rate", "max_over_time"]) {
    const until = fromMs + 3 * DAY_MS;
    const [found] = tsdb.select(a, fromMs, until, { hints: { ...hour, func } });
    const { timesMs, values, counts } = found;
    for (let i = 1; i < timesMs.length; i++) expect(timesMs[i], func).toBeGreaterThan(timesMs[i - 1]);
    expect(timesMs.length, func).toBeLessThan(2 * 1440);
    expect(values[values.length - 1], func).toBe(2 * 1440 + 59);
    if (func === "count_over_time") expect(counts?.reduce((a, b) => a + b)).toBe(2 * 1440 + 60);
  }
});
