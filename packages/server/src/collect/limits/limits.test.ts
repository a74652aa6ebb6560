import { mkdtempSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { ALL_TENANTS, Labels, Matcher, type Sample, tenantScope } from "@storewatch/model";
import { FakeClock } from "@storewatch/testkit";
import { openTsdb, type RowWriter, type Tsdb } from "@storewatch/tsdb";
import { Registry } from "prom-client";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { createIntake, type ScrapeIntake } from "../intake/intake.ts";
import { MetadataBook } from "../metadata/metadata-book.ts";
import { intakeParts } from "../testing/intake-parts.ts";
import { LimitedRows } from "./limited-rows.ts";
import type { ReceiptBook } from "./receipts.ts";
import type { LimitConfig } from "./settings.ts";
import type { TenantLimits } from "./tenant-limits.ts";

const START_MS = 1_700_000_000_000;
const NOISY: LimitConfig = { defaults: {}, tenants: new Map([["noisy", { activeSeries: 3 }]]) };

let dir: string;
let clock: FakeClock;
let tsdb: Tsdb;
let metadata: MetadataBook;
let intake: ScrapeIntake;
let limits: TenantLimits;
let receipts: ReceiptBook;

beforeEach(async () => {
  dir = mkdtempSync(path.join(os.tmpdir(), "limits-"));
  clock = new FakeClock(START_MS);
  await open(NOISY);
});
afterEach(async () => {
  await tsdb.close();
  rmSync(dir, { recursive: true });
});

async function open(config: LimitConfig): Promise<void> {
  const retention = { default: { name: "default", timeMs: 30 * 86_400_000 } };
  tsdb = await openTsdb({ dataDir: dir, clock, retention });
  metadata = new MetadataBook();
  const parts = intakeParts({
    store: { append: (_scope, samples) => tsdb.append(samples) },
    clock,
    metrics: new Registry(),
    metadata,
    config,
    activeSeries: () => tsdb.activeSeriesBy("tenant_id"),
    isActive: (labels) => tsdb.isActive(labels),
    lastValue,
  });
  ({ limits, receipts } = parts);
  intake = createIntake(parts);
}

function lastValue(labels: Labels): number | undefined {
  const matchers = [...labels].map(([name, value]) => new Matcher("=", name, value));
  const [series] = tsdb.select(matchers, clock.nowMs() - 3_600_000, clock.nowMs());
  return series?.values[series.values.length - 1];
}

const series = (name: string, tenant: string, labels: Record<string, string> = {}) =>
  Labels.from({ __name__: name, tenant_id: tenant, ...labels });

/** The newest value of each series of the metric, by its labels without name and tenant. */
function newest(name: string, tenant: string): Record<string, number> {
  const matchers = [new Matcher("=", "__name__", name), new Matcher("=", "tenant_id", tenant)];
  const found: Record<string, number> = {};
  for (const { labels, values } of tsdb.select(matchers, 0, START_MS + 1e9)) {
    const shown = labels.without(["__name__", "tenant_id"]);
    found[[...shown].map((pair) => pair.join("=")).join(",")] = values[values.length - 1];
  }
  return found;
}

const total = (values: Record<string, number>) => Object.values(values).reduce((a, b) => a + b, 0);

describe("pushed series over the limit", () => {
  const push = (samples: readonly Sample[]) => intake.write(ALL_TENANTS, { samples, reusesLabels: true });
  const requests = (tenant: string, user: number) => series("requests_total", tenant, { user: `u${user}`, job: "api" });

  async function round(values: readonly number[], tenant = "noisy"): Promise<void> {
    await clock.advance(15_000);
    const samples = values.map((value, i) => ({ labels: requests(tenant, i), timeMs: clock.nowMs(), value }));
    const result = await push(samples);
    expect(result).toMatchObject({ samples: values.length, refusals: [] });
  }

  test("become one series whose sum with the others is the sum of all", async () => {
    await round([1, 2, 3, 4, 5]);
    expect(newest("requests_total", "noisy")).toEqual({
      "job=api,user=u0": 1,
      "job=api,user=u1": 2,
      "job=api,user=u2": 3,
      "job=api,user=__other__": 9,
    });
    await round([2, 3, 4, 6, 7, 10]);
    expect(total(newest("requests_total", "noisy"))).toBe(2 + 3 + 4 + 6 + 7 + 10);
  });

  test("count on when one of them resets or goes", async () => {
    await round([0, 0, 0, 100, 50]);
    await round([0, 0, 0, 7, 60]);
    expect(newest("requests_total", "noisy")["job=api,user=__other__"]).toBe(100 + 7 + 60);
    await round([0, 0, 0, 8]);
    expect(newest("requests_total", "noisy")["job=api,user=__other__"]).toBe(100 + 8 + 60);
    await round([0, 0, 0, 8, 65]);
    expect(newest("requests_total", "noisy")["job=api,user=__other__"]).toBe(100 + 8 + 65);
  });

  test("of gauges are added up, and end when they are not told any more", async () => {
    const carts = (user: number) => series("carts", "noisy", { user: `u${user}` });
    metadata.note("carts", { type: "gauge", help: "", unit: "" });
    const tell = async (values: readonly number[]) => {
      await clock.advance(15_000);
      await push(values.map((value, i) => ({ labels: carts(i), timeMs: clock.nowMs(), value })));
      return newest("carts", "noisy")["user=__other__"];
    };
    expect(await tell([1, 1, 1, 10, 20])).toBe(30);
    expect(await tell([1, 1, 1, 4, 20])).toBe(24);
    await clock.advance(5 * 60_000 + 1);
    expect(await tell([1, 1, 1, 5])).toBe(5);
    await clock.advance(15_000);
    await push([{ labels: carts(3), timeMs: clock.nowMs(), value: Number.NaN, stale: true }]);
    expect(newest("carts", "noisy")["user=__other__"]).toBe(0);
  });

  test("keep the bounds of buckets apart, and refuse quantiles", async () => {
    for (let i = 0; i < 3; i++) await push([{ labels: requests("noisy", i), timeMs: START_MS, value: 1 }]);
    const bucket = (pod: string, le: string) => series("seconds_bucket", "noisy", { pod, le });
    await push(
      ["a", "b"].flatMap((pod) => [
        { labels: bucket(pod, "1"), timeMs: START_MS, value: 2 },
        { labels: bucket(pod, "+Inf"), timeMs: START_MS, value: 3 },
      ]),
    );
    expect(newest("seconds_bucket", "noisy")).toEqual({ "le=1,pod=__other__": 4, "le=+Inf,pod=__other__": 6 });
    const quantile = series("seconds", "noisy", { quantile: "0.9" });
    const result = await push([{ labels: quantile, timeMs: START_MS, value: 1 }]);
    expect(result.refusals).toMatchObject([{ reason: "series-limit", count: 1 }]);
  });

  test("leave other shops alone", async () => {
    await round([1, 2, 3, 4, 5], "quiet");
    await round([1, 2, 3, 4, 5]);
    expect(Object.keys(newest("requests_total", "quiet"))).toHaveLength(5);
    expect(receipts.list(ALL_TENANTS).map(({ tenant }) => tenant)).toEqual(["noisy"]);
  });

  test("go on after a restart without a jump, and without a reset", async () => {
    await round([1, 1, 1, 100, 200]);
    await tsdb.close();
    await open(NOISY);
    await round([1, 1, 1, 110, 210]);
    // What they had before was counted: only what comes from now on adds.
    expect(newest("requests_total", "noisy")["job=api,user=__other__"]).toBe(300);
    await round([1, 1, 1, 115, 215]);
    expect(newest("requests_total", "noisy")["job=api,user=__other__"]).toBe(310);
    expect(Object.keys(newest("requests_total", "noisy"))).toHaveLength(4);
  });

  test("go their own way when there is room", async () => {
    await round([1, 1, 1, 10, 20]);
    limits.setConfig({ defaults: {}, tenants: new Map([["noisy", { activeSeries: 100 }]]) });
    await round([1, 1, 1, 11, 21]);
    expect(newest("requests_total", "noisy")).toMatchObject({ "job=api,user=u3": 11, "job=api,user=u4": 21 });
    expect(newest("requests_total", "noisy")["job=api,user=__other__"]).toBe(30);
  });

  test("leave a receipt that names the limit and examples", async () => {
    await round([1, 1, 1, 10, 20]);
    await round([1, 1, 1, 11, 21]);
    expect(receipts.list(tenantScope(["quiet" as never]))).toEqual([]);
    expect(receipts.list(ALL_TENANTS)).toEqual([
      {
        tenant: "noisy",
        limit: "active_series",
        allowed: 3,
        outcome: "rolled_up",
        firstMs: START_MS + 15_000,
        lastMs: START_MS + 15_000,
        series: 2,
        samples: 0,
        examples: [requests("noisy", 3).toString(), requests("noisy", 4).toString()],
      },
    ]);
  });
});

describe("other limits of pushed data", () => {
  const limited = (one: LimitConfig["defaults"]) => limits.setConfig({ defaults: one, tenants: new Map() });
  const push = (labels: Labels, count = 1) =>
    intake.write(ALL_TENANTS, {
      samples: Array.from({ length: count }, (_, i) => ({ labels, timeMs: START_MS + i, value: i })),
    });

  test("series with too many or too long labels are refused, with a receipt", async () => {
    limited({ labels: 3, labelLength: 20 });
    expect((await push(series("a", "t", { x: "1" }))).refusals).toEqual([]);
    expect((await push(series("a", "t", { x: "1", y: "2" }))).refusals).toMatchObject([{ reason: "labels-limit" }]);
    expect((await push(series("a", "t", { x: "giỏ hàng của tôi" }))).refusals).toMatchObject([
      { reason: "label-length-limit" },
    ]);
    expect((await push(Labels.from({ __name__: "a", x: "1", y: "2", z: "3" }))).refusals).toEqual([]);
    expect(receipts.list(ALL_TENANTS).map(({ limit, outcome, samples }) => [limit, outcome, samples])).toEqual([
      ["labels", "refused", 1],
      ["label_length", "refused", 1],
    ]);
  });

  test("a rate that is used up is answered by a time to wait, and other shops' samples in the batch enter", async () => {
    limits.setConfig({ defaults: {}, tenants: new Map([["noisy", { samplesPerSecond: 10 }]]) });
    const noisy = series("a", "noisy");
    expect((await push(noisy, 300)).samples).toBe(300);
    await expect(push(noisy, 20)).rejects.toMatchObject({ code: "LIMIT", retryAfterSeconds: 2 });
    const mixed = await intake.write(ALL_TENANTS, {
      samples: [noisy, series("a", "quiet")].map((labels) => ({ labels, timeMs: START_MS + 999, value: 1 })),
    });
    expect(mixed).toMatchObject({ samples: 1, refusals: [{ reason: "rate-limit", count: 1 }] });
    await clock.advance(2000);
    await expect(push(noisy, 20)).resolves.toBeDefined();
  });
});

describe("scraped series over the limit", () => {
  let rows: LimitedRows;

  const openRows = (inner: RowWriter = tsdb.openRows("job target")) =>
    new LimitedRows({ rows: inner, limits, intervalMs: 15_000, typeOf: (name) => metadata.typeOf(name), lastValue });
  beforeEach(() => {
    rows = openRows();
  });

  /** As a scrape does it: a known line's column is used again, a new line's is asked for within the row. */
  const columns = new Map<string, number>();
  beforeEach(() => columns.clear());
  async function scrape(
    values: Readonly<Record<string, number>>,
    name = "requests_total",
    tenant = "noisy",
  ): Promise<void> {
    await clock.advance(15_000);
    rows.begin();
    for (const [user, value] of Object.entries(values)) {
      const key = `${name} ${tenant} ${user}`;
      let column = columns.get(key);
      if (column === undefined) {
        column = rows.column(series(name, tenant, { user, job: "api", instance: "a:1" }));
        columns.set(key, column);
      }
      rows.row[rows.base + column] = value;
    }
    const up = rows.column(Labels.from({ __name__: "up", tenant_id: tenant, job: "api" }));
    rows.row[rows.base + up] = 1;
    expect(rows.commit(clock.nowMs())).toBe(true);
  }
  const other = "instance=a:1,job=api,user=__other__";

  test("become one series of the target; known ones and the scrape's own are let through", async () => {
    await scrape({ u0: 1, u1: 2, u2: 3, u3: 4, u4: 5 });
    expect(newest("requests_total", "noisy")).toEqual({
      "instance=a:1,job=api,user=u0": 1,
      "instance=a:1,job=api,user=u1": 2,
      "instance=a:1,job=api,user=u2": 3,
      [other]: 9,
    });
    expect(newest("up", "noisy")).toEqual({ "job=api": 1 });
    await scrape({ u0: 2, u1: 2, u2: 3, u3: 5, u4: 5, u5: 7 });
    await scrape({ u0: 2, u1: 2, u2: 3, u3: 5, u4: 6, u5: 7 });
    expect(newest("requests_total", "noisy")[other]).toBe(18);
    expect(total(newest("requests_total", "noisy"))).toBe(2 + 2 + 3 + 5 + 6 + 7);
  });

  test("count on through resets and absences, and end when the last one does", async () => {
    await scrape({ u0: 0, u1: 0, u2: 0, u3: 100, u4: 50 });
    await scrape({ u0: 0, u1: 0, u2: 0, u3: 5 });
    expect(newest("requests_total", "noisy")[other]).toBe(155);
    await scrape({ u0: 0, u1: 0, u2: 0, u3: 6, u4: 51 });
    expect(newest("requests_total", "noisy")[other]).toBe(157);
    await scrape({ u0: 0 });
    const sum = tsdb.select([new Matcher("=", "user", "__other__")], 0, START_MS + 1e9)[0];
    expect(sum.values).toHaveLength(4);
    expect(sum.values[3]).toBeNaN();
  });

  test("that are others with every scrape do not pile up, and the sum goes on when columns are numbered anew", async () => {
    const known = { a: 1, b: 1, c: 1 };
    await scrape({ ...known, steady: 10 });
    let sum = newest("requests_total", "noisy")[other];
    expect(sum).toBe(10);
    for (let i = 1; i <= 200; i++) {
      await scrape({ ...known, steady: 10 + i, [`once${i}`]: 1 });
      const next = newest("requests_total", "noisy")[other];
      expect(next, `row ${i}`).toBe(sum + 2);
      sum = next;
      if (rows.columns < 50) continue;
      const { epoch } = rows;
      rows.compact();
      expect(rows.epoch).toBe(epoch + 1);
      columns.clear();
      expect(rows.columns).toBeLessThan(10);
    }
    expect(receipts.list(ALL_TENANTS).filter(({ outcome }) => outcome === "rolled_up")[0].series).toBe(201);
    // One that pauses for a short time is not counted twice.
    await scrape(known);
    rows.compact();
    columns.clear();
    await scrape({ ...known, steady: 220 });
    expect(newest("requests_total", "noisy")[other]).toBe(sum + 10);
  });

  test("of gauges are added up, and cells of other shops stay bit for bit, markers too", async () => {
    metadata.note("carts", { type: "gauge", help: "", unit: "" });
    await scrape({ a: 1, b: 1, c: 1, d: 4, e: 5 }, "carts");
    expect(newest("carts", "noisy")["instance=a:1,job=api,user=__other__"]).toBe(9);
    await scrape({ x: 1, y: -0 }, "carts", "quiet");
    await scrape({ x: 2 }, "carts", "quiet");
    const [x, y] = ["x", "y"].map((user) => {
      const matchers = [new Matcher("=", "user", user), new Matcher("=", "tenant_id", "quiet")];
      return tsdb.select(matchers, 0, START_MS + 1e9)[0];
    });
    expect([...x.values]).toEqual([1, 2]);
    expect(Object.is(y.values[0], -0)).toBe(true);
    expect(new BigUint64Array(y.values.slice(1).buffer)[0]).toBe(0x7ff0000000000002n);
  });

  test("go on after a restart without falling, and go their own way when there is room", async () => {
    await scrape({ u0: 1, u1: 1, u2: 1, u3: 100, u4: 200 });
    await scrape({ u0: 1, u1: 1, u2: 1, u3: 100 });
    await tsdb.close();
    await open(NOISY);
    rows = openRows();
    columns.clear();
    await scrape({ u0: 1, u1: 1, u2: 1, u3: 120 });
    expect(newest("requests_total", "noisy")[other]).toBe(300);
    limits.setConfig({ defaults: {}, tenants: new Map() });
    await scrape({ u0: 1, u1: 1, u2: 1, u3: 121 });
    await scrape({ u0: 1, u1: 1, u2: 1, u3: 122 });
    expect(newest("requests_total", "noisy")["instance=a:1,job=api,user=u3"]).toBe(122);
  });

  test("come from a rate too: what would be more samples per second is rolled up, until the target has gone", async () => {
    limits.setConfig({ defaults: { samplesPerSecond: 4 / 15 }, tenants: new Map() });
    await scrape({ u0: 1, u1: 1, u2: 1, u3: 1, u4: 1, u5: 1 });
    expect(Object.keys(newest("requests_total", "noisy"))).toHaveLength(5);
    expect(newest("requests_total", "noisy")[other]).toBe(2);
    rows.close(clock.nowMs() + 1);
    expect(limits.admit(series("b", "noisy"), 1 / 15).kind).toBe("admitted");
  });
});
