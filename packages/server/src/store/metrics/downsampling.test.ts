// Range queries answered from intervals of 5 minutes and an hour give what the samples give.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { Labels, Matcher } from "@storewatch/model";
import { createEngine, type Queryable } from "@storewatch/promql/engine";
import { FakeClock, seededRandom } from "@storewatch/testkit";
import { openTsdb, type RetentionClass, type Tsdb } from "@storewatch/tsdb";
import { afterEach, expect, test } from "vitest";

const HOUR_MS = 3_600_000;
const START_MS = Math.floor(1_700_000_000_000 / (24 * HOUR_MS)) * 24 * HOUR_MS;
const HOURS = 14;
const LONG_MS = 400 * 24 * HOUR_MS;

const disposals: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const dispose of disposals.splice(0)) await dispose();
});

interface Stream {
  readonly labels: Labels;
  value: number;
  step(random: () => number): number | undefined;
}

function streams(): Stream[] {
  const named = (kind: string) => Labels.from({ __name__: "m", kind });
  return [
    { labels: named("counter"), value: 0, step: (r) => Math.floor(r() * 20) },
    { labels: named("floats"), value: 0.5, step: (r) => r() * 3 },
    { labels: named("idle"), value: 7, step: () => 0 },
    // Restarts about every 20 minutes: a reset.
    { labels: named("restarting"), value: 0, step: (r) => (r() < 0.01 ? Number.NaN : Math.floor(r() * 9)) },
    { labels: named("gauge"), value: 50, step: (r) => r() * 10 - 5 },
    // Gone for minutes at a time.
    { labels: named("gappy"), value: 1, step: (r) => r() },
  ];
}

/** The same samples for each store: rows at 15 s, on whole seconds for one target and beside them for the other. */
async function fill(classOf: RetentionClass, seed: number): Promise<Tsdb> {
  const dataDir = mkdtempSync(path.join(tmpdir(), "storewatch-downsampling-"));
  const clock = new FakeClock(START_MS);
  const tsdb = await openTsdb({ dataDir, clock, retention: { default: classOf } });
  disposals.push(async () => {
    await tsdb.close();
    rmSync(dataDir, { recursive: true });
  });
  const random = seededRandom(seed);
  const targets = ["even", "odd"].map((name, i) => ({
    writer: tsdb.openRows(name),
    offsetMs: i * 4321,
    streams: streams().map((one) => ({ ...one, labels: Labels.from({ ...one.labels.toJSON(), target: name }) })),
  }));
  let gone = 0;
  for (let ms = 0; ms < HOURS * HOUR_MS; ms += 15_000) {
    await clock.advance(15_000);
    if (random() < 0.004) gone = 4 + Math.floor(random() * 60);
    gone--;
    for (const { writer, offsetMs, streams: all } of targets) {
      writer.begin();
      for (const one of all) {
        const change = one.step(random) ?? 0;
        one.value = Number.isNaN(change) ? 0 : one.value + change;
        if (one.labels.get("kind") === "gappy" && gone > 0) continue;
        const column = writer.column(one.labels);
        writer.row[writer.base + column] = one.value;
      }
      writer.commit(START_MS + ms + offsetMs);
    }
    if (ms % 600_000 === 0) await tsdb.maintain();
  }
  return tsdb;
}

function queryable(tsdb: Tsdb): Queryable {
  return { select: (matchers, fromMs, toMs, hints) => tsdb.select(matchers, fromMs, toMs, { hints }) };
}

const FUNCTIONS = [
  ...["rate", "increase", "delta", "resets"].map((name) => `${name}(m[W])`),
  ...["sum", "avg", "count", "min", "max", "last", "first", "present"].map((name) => `${name}_over_time(m[W])`),
  "m",
  "timestamp(m)",
  "max_over_time(rate(m[W])[2h:W])",
  "quantile_over_time(0.5, m[W])",
  "rate(m[W] offset 1h)",
];

const engine = createEngine({ clock: { monotonicMs: () => 0 }, experimental: true });

async function answers(tsdb: Tsdb, expression: string, startMs: number, endMs: number, stepMs: number) {
  const { value, stats } = await engine.range(queryable(tsdb), { expression }, startMs, endMs, stepMs);
  if (value.type !== "matrix") throw new Error("no matrix");
  const points = new Map<string, number>();
  for (const series of value.series) {
    for (const [i, time] of series.timesMs.entries()) {
      points.set(`${series.labels} @${time - START_MS}`, series.values[i]);
    }
  }
  return { points, read: stats.samplesRead };
}

/** Falls of a gauge are no resets: rates of gauges mean nothing, and intervals do not keep what they would need. */
const COUNTERS_ONLY = /rate|increase|resets/;

function expectSame(found: ReadonlyMap<string, number>, wanted: ReadonlyMap<string, number>, what: string): void {
  expect([...found.keys()].sort(), what).toEqual([...wanted.keys()].sort());
  for (const [key, value] of wanted) {
    if (COUNTERS_ONLY.test(what) && key.includes('kind="gauge"')) continue;
    const got = found.get(key) as number;
    if (!Object.is(got, value) && !(Math.abs(got - value) <= 1e-9 * Math.max(1, Math.abs(value)))) {
      expect.fail(`${what}: ${key}: ${got} instead of ${value}`);
    }
  }
}

test("every function of whole intervals is the same as of samples, and reads less", { timeout: 120_000 }, async () => {
  for (const seed of [1, 2]) {
    const raw = await fill({ name: "raw", timeMs: LONG_MS }, seed);
    const both = await fill({ name: "both", timeMs: LONG_MS, fiveMinutesMs: LONG_MS, oneHourMs: LONG_MS }, seed);
    // Samples are gone after three hours.
    const only = await fill({ name: "only", timeMs: 3 * HOUR_MS, fiveMinutesMs: LONG_MS, oneHourMs: LONG_MS }, seed);
    expect(only.stats().blocks).toBeGreaterThan(3);
    for (const expression of FUNCTIONS) {
      for (const [window, stepMs] of [
        ["5m", 300_000],
        ["30m", 600_000],
        ["1h", HOUR_MS],
        ["3h", HOUR_MS],
      ] as const) {
        const text = expression.replaceAll("W", window);
        const range = [START_MS + 3 * HOUR_MS, START_MS + HOURS * HOUR_MS, stepMs] as const;
        const wanted = await answers(raw, text, ...range);
        const found = await answers(both, text, ...range);
        expectSame(found.points, wanted.points, `${text} step ${stepMs}`);
        if (!/quantile|timestamp|^m$/.test(text)) expect(found.read, text).toBeLessThan(wanted.read / 1.5);
        if (!/quantile/.test(text))
          expectSame((await answers(only, text, ...range)).points, wanted.points, `only ${text}`);
      }
    }
  }
});

test("where windows are not whole intervals the samples answer", { timeout: 60_000 }, async () => {
  const raw = await fill({ name: "raw", timeMs: LONG_MS }, 3);
  const both = await fill({ name: "both", timeMs: LONG_MS, fiveMinutesMs: LONG_MS, oneHourMs: LONG_MS }, 3);
  for (const expression of ["avg_over_time(m[7m])", "rate(m[30m])", "m", "max_over_time(m[1h])"]) {
    for (const [shiftMs, stepMs] of [
      [1000, 300_000],
      [0, 60_000],
      [60_000, HOUR_MS],
    ] as const) {
      const range = [START_MS + 2 * HOUR_MS + shiftMs, START_MS + 6 * HOUR_MS, stepMs] as const;
      const wanted = await answers(raw, expression, ...range);
      const found = await answers(both, expression, ...range);
      expectSame(found.points, wanted.points, `${expression} step ${stepMs} from +${shiftMs}`);
      expect(found.read).toBe(wanted.read);
    }
  }
});

test("where no samples are left, intervals answer windows of any place as if these began an interval earlier", {
  timeout: 60_000,
}, async () => {
  const only = await fill({ name: "only", timeMs: 3 * HOUR_MS, fiveMinutesMs: LONG_MS }, 4);
  const raw = await fill({ name: "raw", timeMs: LONG_MS }, 4);
  const range = [START_MS + 2 * HOUR_MS + 77_000, START_MS + 8 * HOUR_MS, 60_000] as const;
  for (const target of ["even", "odd"]) {
    // A counter that grows without a break: the rate over half an hour is off by less than an interval at each end.
    const expression = `rate(m{kind="floats",target="${target}"}[30m])`;
    const wanted = await answers(raw, expression, ...range);
    const found = await answers(only, expression, ...range);
    expect([...found.points.keys()]).toEqual([...wanted.points.keys()]);
    for (const [key, value] of wanted.points) {
      expect(Math.abs((found.points.get(key) as number) / value - 1)).toBeLessThan(2 / 6);
    }
    const instant = await answers(only, `m{kind="floats",target="${target}"}`, ...range);
    const every = await answers(raw, `m{kind="floats",target="${target}"}`, ...range);
    expect([...every.points.keys()].filter((key) => !instant.points.has(key))).toEqual([]);
    expect(only.select([new Matcher("=", "target", target)], START_MS, START_MS + HOUR_MS).length).toBe(6);
  }
});
