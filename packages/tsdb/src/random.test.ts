import { cpSync } from "node:fs";
import { join } from "node:path";
import { bitsOf, isStaleAt, Labels, Matcher, matchesAll, type NativeHistogram, type Sample } from "@storewatch/model";
import { FakeClock, seededRandom } from "@storewatch/testkit";
import { expect, test } from "vitest";
import type { RowWriter } from "./interface.ts";
import { dump, EVERYTHING, labels, type Opened, open, START_MS, temporaryDir } from "./testing.ts";

const STALE = "x";
/** A value as the model keeps it; a histogram is "h" and its count. */
type ModelValue = number | string;

function histogram(count: number): NativeHistogram {
  return {
    schema: count % 3,
    count,
    sum: count / 2,
    zeroThreshold: 0.5,
    zeroCount: 1,
    positiveSpans: [{ offset: count % 2, length: 2 }],
    positiveBuckets: [count, 2],
    negativeSpans: [],
    negativeBuckets: [],
    customValues: [],
    counterReset: "unknown",
  };
}

/** The store in its simplest form: per series a map of time → value. */
class Model {
  readonly series = new Map<string, { labels: Labels; samples: Map<number, ModelValue> }>();
  exemplars: { of: Labels; timeMs: number; value: number }[] = [];

  put(of: Labels, timeMs: number, value: ModelValue): void {
    const known = this.series.get(of.key) ?? { labels: of, samples: new Map() };
    this.series.set(of.key, known);
    if (!known.samples.has(timeMs)) known.samples.set(timeMs, value);
  }

  delete(matchers: readonly Matcher[], fromMs: number, toMs: number): Labels[] {
    const matching = [...this.series.values()].filter(({ labels: of }) => matchesAll(matchers, of));
    for (const { samples } of matching) {
      for (const time of samples.keys()) if (time >= fromMs && time <= toMs) samples.delete(time);
    }
    this.exemplars = this.exemplars.filter(
      ({ of, timeMs }) => timeMs < fromMs || timeMs > toMs || !matchesAll(matchers, of),
    );
    return matching.map(({ labels: of }) => of);
  }

  select(matchers: readonly Matcher[], fromMs: number, toMs: number): Record<string, string> {
    const found: Record<string, string> = {};
    for (const { labels: of, samples } of this.series.values()) {
      if (!matchesAll(matchers, of)) continue;
      const inRange = [...samples].filter(([time]) => time >= fromMs && time <= toMs).sort((a, b) => a[0] - b[0]);
      if (inRange.length > 0) found[String(of)] = inRange.map(([time, value]) => `${time}:${text(value)}`).join(" ");
    }
    return found;
  }
}

const text = (value: ModelValue) => (Object.is(value, -0) ? "-0" : String(value));

function selected(opened: Opened, matchers: readonly Matcher[], fromMs: number, toMs: number): Record<string, string> {
  return Object.fromEntries(
    opened.tsdb.select(matchers, fromMs, toMs).map((s) => {
      const bits = bitsOf(s.values);
      const samples = Array.from(s.timesMs, (time, i) => {
        const one = s.histograms?.[i];
        if (one) expect(one).toEqual(histogram(one.count));
        return `${time}:${one ? `h${one.count}` : text(isStaleAt(bits, i) ? STALE : s.values[i])}`;
      });
      return [String(s.labels), samples.join(" ")];
    }),
  );
}

/** A random run over some hours: rows of targets that come and go, pushed samples, sealing, restarts. */
class Run {
  readonly clock = new FakeClock(START_MS);
  readonly model = new Model();
  dir = temporaryDir();
  private readonly writers = new Map<string, { writer: RowWriter; present: Set<string> }>();
  private opened!: Opened;

  constructor(private readonly random: () => number) {}

  async start(): Promise<void> {
    this.opened = await open(this.dir, { clock: this.clock });
  }

  private pick<T>(list: readonly T[]): T {
    return list[Math.floor(this.random() * list.length)];
  }

  private value(): number {
    return this.pick([0, -0, 1, 2.5, 1e300, Math.floor(this.random() * 1000), this.random(), Number.POSITIVE_INFINITY]);
  }

  scrape(key: string): void {
    const nowMs = this.clock.nowMs();
    const known = this.writers.get(key) ?? { writer: this.opened.tsdb.openRows(key), present: new Set<string>() };
    this.writers.set(key, known);
    const { writer } = known;
    const cells = new Map<string, [Labels, number]>();
    for (let i = Math.floor(this.random() * 12); i > 0; i--) {
      const of = labels(`m${Math.floor(this.random() * 8)}`, { target: key, i: String(Math.floor(this.random() * 3)) });
      cells.set(of.key, [of, this.value()]);
    }
    writer.begin();
    for (const [of, value] of cells.values()) {
      const column = writer.column(of);
      writer.row[writer.base + column] = value;
    }
    expect(writer.commit(nowMs)).toBe(true);
    for (const [of, value] of cells.values()) this.model.put(of, nowMs, value);
    this.markGone(known.present, new Set(cells.keys()), nowMs);
    known.present = new Set(cells.keys());
  }

  private markGone(before: ReadonlySet<string>, now: ReadonlySet<string>, timeMs: number): void {
    for (const key of before) if (!now.has(key)) this.model.put(this.model.series.get(key)!.labels, timeMs, STALE);
  }

  closeTarget(key: string): void {
    const known = this.writers.get(key);
    if (!known) return;
    known.writer.close(this.clock.nowMs());
    this.markGone(known.present, new Set(), this.clock.nowMs());
    this.writers.delete(key);
  }

  compact(key: string): void {
    const known = this.writers.get(key);
    const { columns = 0, epoch = 0 } = known?.writer ?? {};
    known?.writer.compact();
    expect(known?.writer.columns ?? 0).toBeLessThanOrEqual(columns);
    expect(known?.writer.epoch ?? 1).toBeLessThanOrEqual(epoch + 1);
  }

  /** Floats, histograms and markers, some of them late, some twice. */
  async push(): Promise<void> {
    for (let i = 1 + Math.floor(this.random() * 6); i > 0; i--) {
      const timeMs = this.clock.nowMs() - Math.floor(this.random() ** 3 * 500_000);
      await this.pushOne(labels(`pushed${Math.floor(this.random() * 5)}`), timeMs);
      if (this.random() < 0.1) await this.pushOne(labels("pushed1"), timeMs);
    }
  }

  private async pushOne(of: Labels, timeMs: number): Promise<void> {
    const kind = this.random();
    const count = Math.floor(this.random() * 3);
    const value = this.value();
    const sample: Sample = { labels: of, timeMs, value };
    const [put, kept]: [Sample, ModelValue] =
      kind < 0.3
        ? [{ ...sample, histogram: histogram(count) }, `h${count}`]
        : kind < 0.35
          ? [{ ...sample, stale: true }, STALE]
          : [sample, value];
    const known = this.model.series.get(of.key)?.samples.get(timeMs);
    const isOther = known !== undefined && !Object.is(known, kept);
    expect(await this.opened.tsdb.append([put])).toMatchObject({
      appended: isOther ? 0 : 1,
      duplicates: isOther ? 1 : 0,
    });
    this.model.put(of, timeMs, kept);
  }

  exemplar(): void {
    const of = labels(`pushed${Math.floor(this.random() * 3)}`);
    const timeMs = this.clock.nowMs();
    const value = this.random();
    const exemplar = { labels: Labels.from({ trace_id: String(value) }), value, timeMs };
    expect(this.opened.tsdb.appendExemplars([{ series: of, exemplar }]).appended).toBe(1);
    this.model.exemplars.push({ of, timeMs, value });
  }

  private someMatchers(): Matcher[] {
    return this.pick([
      [new Matcher("=", "target", this.pick(["a", "b"]))],
      [new Matcher("=", "__name__", this.pick(["m1", "m2", "pushed0", "pushed1", "pushed2"]))],
      [new Matcher("=~", "__name__", "m[0-3]|pushed[34]"), new Matcher("!=", "i", "2")],
    ]);
  }

  async delete(): Promise<void> {
    const matchers = this.someMatchers();
    const toMs = this.clock.nowMs() - Math.floor(this.random() ** 2 * 7_200_000);
    const fromMs = toMs - Math.floor(this.random() * 3_600_000);
    await this.opened.tsdb.delete(matchers, fromMs, toMs);
    this.model.delete(matchers, fromMs, toMs);
  }

  async erase(): Promise<void> {
    const matchers = this.someMatchers();
    await this.opened.tsdb.erase(matchers);
    const erased = new Set(this.model.delete(matchers, 0, 2 ** 50).map((of) => of.key));
    // They begin anew: what was there before has no end any more.
    for (const known of this.writers.values()) for (const key of erased) known.present.delete(key);
  }

  /** Goes on with a snapshot. */
  async snapshot(): Promise<void> {
    const copy = join(temporaryDir(), "snapshot");
    await this.opened.tsdb.snapshot(copy);
    await this.opened.tsdb.close();
    this.dir = copy;
    await this.restart();
  }

  /** As after kill -9: goes on from a copy of the files as they are now. */
  async crash(): Promise<void> {
    await this.opened.tsdb.append([]);
    const copy = temporaryDir();
    cpSync(this.dir, copy, {
      recursive: true,
      filter: (path) => !path.endsWith("/lock") && !path.endsWith("lock.mdb"),
    });
    await this.opened.tsdb.close();
    this.dir = copy;
    await this.restart();
  }

  async restart(): Promise<void> {
    await this.opened.tsdb.close();
    await this.start();
    for (const [key, known] of this.writers) known.writer = this.opened.tsdb.openRows(key);
    expect(this.opened.problems).toEqual([]);
  }

  async maintain(): Promise<void> {
    await this.opened.tsdb.maintain();
  }

  check(): void {
    const nowMs = this.clock.nowMs();
    const a = START_MS + Math.floor(this.random() * (nowMs - START_MS + 1));
    const b = a + Math.floor(this.random() * 3_600_000);
    const matchers = this.pick([
      EVERYTHING,
      [new Matcher("=", "target", "a")],
      [new Matcher("=~", "__name__", "m[1-3]|pushed1"), new Matcher("!=", "i", "1")],
      [new Matcher("=~", "__name__", ".+"), new Matcher("=", "target", "")],
    ]);
    expect(selected(this.opened, matchers, a, b)).toEqual(this.model.select(matchers, a, b));
    const exemplars = this.opened.tsdb
      .exemplars(matchers, a, b)
      .flatMap(({ series, exemplars: of }) => of.map(({ timeMs, value }) => `${series} ${timeMs} ${value}`));
    const known = this.model.exemplars.filter(
      ({ of, timeMs }) => matchesAll(matchers, of) && timeMs >= a && timeMs <= b,
    );
    expect(exemplars.sort()).toEqual(known.map(({ of, timeMs, value }) => `${of} ${timeMs} ${value}`).sort());
    const names = this.opened.tsdb.series(matchers, a, b).map(String).sort();
    expect(names).toEqual(Object.keys(this.model.select(matchers, a, b)).sort());
  }

  checkAll(): void {
    expect(selected(this.opened, EVERYTHING, 0, 2 ** 49)).toEqual(this.model.select(EVERYTHING, 0, 2 ** 49));
    dump(this.opened.tsdb);
  }
}

test("random operations with restarts and crashes at any point answer as a plain map does", {
  timeout: 120_000,
}, async () => {
  for (let seed = 1; seed <= 12; seed++) {
    const random = seededRandom(seed * 7919);
    const run = new Run(random);
    await run.start();
    for (let i = 0; i < 350; i++) {
      await run.clock.advance(1 + Math.floor(random() * 60_000));
      const action = random();
      if (action < 0.56) run.scrape("abc"[Math.floor(random() * 3)]);
      else if (action < 0.79) await run.push();
      else if (action < 0.82) run.exemplar();
      else if (action < 0.84) await run.delete();
      else if (action < 0.845) await run.erase();
      else if (action < 0.85) await run.snapshot();
      else if (action < 0.87) run.closeTarget("abc"[Math.floor(random() * 3)]);
      else if (action < 0.89) run.compact("abc"[Math.floor(random() * 3)]);
      else if (action < 0.94) await run.maintain();
      else if (action < 0.96) await run.restart();
      else if (action < 0.975) await run.crash();
      else run.check();
    }
    run.checkAll();
    await run.crash();
    run.checkAll();
  }
});
