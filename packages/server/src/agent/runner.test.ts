import { FakeClock } from "@storewatch/testkit";
import { describe, expect, test } from "vitest";
import { silentLogger } from "../kernel/logger.ts";
import { renderPage } from "./exposition.ts";
import { Families } from "./families.ts";
import type { Collector, MetricFamily } from "./interface.ts";
import { CollectorRunner } from "./runner.ts";
import { parsePage } from "./testing/page-of.ts";

function one(value: number): readonly MetricFamily[] {
  const out = new Families();
  out.gauge("x", "", value);
  return out.list();
}

function start(collectors: readonly Collector[], parallel = 4) {
  const clock = new FakeClock(1000);
  const runner = new CollectorRunner(collectors, { clock, logger: silentLogger, timeoutMs: 100, parallel });
  const read = async () => parsePage(renderPage(await runner.collect()).text).series;
  return { clock, runner, read };
}

const success = (name: string) => `node_scrape_collector_success{collector="${name}"}`;
const duration = (name: string) => `node_scrape_collector_duration_seconds{collector="${name}"}`;

describe("collectors", () => {
  test("one that throws does not hide the others", async () => {
    const { read } = start([
      { name: "bad", collect: () => Promise.reject(new Error("no")) },
      { name: "good", collect: async () => one(7) },
    ]);
    const series = await read();
    expect(series.get(success("bad"))).toBe(0);
    expect(series.get(success("good"))).toBe(1);
    expect(series.get("x")).toBe(7);
  });

  test("one that hangs is given up at its time limit, told to stop, and not started again while it hangs", async () => {
    let runs = 0;
    let aborted = false;
    let finish = (_: readonly MetricFamily[]) => {};
    const slow: Collector = {
      name: "slow",
      timeoutMs: 50,
      collect: (signal) => {
        runs++;
        signal.addEventListener("abort", () => (aborted = true));
        return new Promise((resolve) => (finish = resolve));
      },
    };
    const { clock, read } = start([slow, { name: "good", collect: async () => one(7) }]);
    const first = read();
    await clock.advance(50);
    const series = await first;
    expect(series.get(success("slow"))).toBe(0);
    expect(series.get(duration("slow"))).toBe(0.05);
    expect(series.get("x")).toBe(7);
    expect(aborted).toBe(true);
    const second = read();
    await clock.advance(50);
    expect((await second).get(success("slow"))).toBe(0);
    expect(runs).toBe(1);
    finish(one(1));
    await clock.advance(0);
    const third = read();
    await clock.advance(0);
    finish(one(9));
    expect((await third).get(success("slow"))).toBe(1);
    expect(runs).toBe(2);
  });

  test("two scrapes at once share a run", async () => {
    let runs = 0;
    let finish = () => {};
    const { clock, read } = start([
      {
        name: "a",
        collect: () => {
          runs++;
          return new Promise((resolve) => {
            finish = () => resolve(one(runs));
          });
        },
      },
    ]);
    const both = [read(), read()];
    await clock.advance(0);
    finish();
    expect((await Promise.all(both)).map((series) => series.get("x"))).toEqual([1, 1]);
  });

  test("a result that is young enough is given again; a failure is not kept", async () => {
    let runs = 0;
    const { clock, read } = start([
      {
        name: "dear",
        cacheMs: 1000,
        collect: async () => {
          runs++;
          if (runs === 1) throw new Error("the first time");
          return one(runs);
        },
      },
    ]);
    expect((await read()).has("x")).toBe(false);
    expect((await read()).get("x")).toBe(2);
    await clock.advance(999);
    expect((await read()).get("x")).toBe(2);
    await clock.advance(1);
    expect((await read()).get("x")).toBe(3);
  });

  test("no more of them at once than allowed", async () => {
    let now = 0;
    let most = 0;
    const collectors = Array.from({ length: 10 }, (_, i) => ({
      name: `c${i}`,
      collect: async () => {
        most = Math.max(most, ++now);
        await new Promise((resolve) => setImmediate(resolve));
        now--;
        return [];
      },
    }));
    const { read } = start(collectors, 3);
    expect([...(await read())].filter(([name, value]) => name.includes("success") && value === 1)).toHaveLength(10);
    expect(most).toBe(3);
  });

  test("closing ends what runs and frees what the collectors hold", async () => {
    let closed = 0;
    const reasons: unknown[] = [];
    const { runner, read } = start([
      {
        name: "a",
        collect: (signal) =>
          new Promise((_, reject) => {
            signal.addEventListener("abort", () => {
              reasons.push(signal.reason);
              reject(signal.reason);
            });
          }),
        close: async () => {
          closed++;
        },
      },
    ]);
    const reading = read();
    await runner.close();
    expect((await reading).get(success("a"))).toBe(0);
    expect(closed).toBe(1);
    expect(String(reasons[0])).toContain("the agent stops");
  });
});

describe("the page", () => {
  test("families in order, labels escaped, values as the format wants them", () => {
    const out = new Families();
    out.gauge("b", "line\nbreak \\", Number.POSITIVE_INFINITY, { path: 'C:\\x "y"\n' });
    out.counter("a_total", "", Number.NaN);
    out.histogram(
      "c",
      "h",
      {
        buckets: [
          [0.1, 1],
          [1, 3],
        ],
        sum: 2.5,
        count: 4,
      },
      { x: "1" },
    );
    expect(renderPage([out.list()])).toEqual({
      problems: [],
      text:
        "# TYPE a_total counter\na_total NaN\n" +
        '# HELP b line\\nbreak \\\\\n# TYPE b gauge\nb{path="C:\\\\x \\"y\\"\\n"} +Inf\n' +
        '# HELP c h\n# TYPE c histogram\nc_bucket{x="1",le="0.1"} 1\nc_bucket{x="1",le="1"} 3\nc_bucket{x="1",le="+Inf"} 4\n' +
        'c_sum{x="1"} 2.5\nc_count{x="1"} 4\n',
    });
  });

  test("what a scraper would refuse is left out and told: the same series twice, bad names, another type", () => {
    const bad = new Families();
    bad.gauge("x", "again", 2);
    bad.gauge("1bad", "", 1);
    bad.gauge("y", "", 1, { "a-b": "" });
    bad.counter("z", "", 1);
    const other = new Families();
    other.gauge("z", "", 5, { from: "other" });
    const { text, problems } = renderPage([one(1), bad.list(), other.list()]);
    expect(text).toBe("# TYPE x gauge\nx 1\n# TYPE y gauge\n# TYPE z counter\nz 1\n");
    expect(problems).toEqual([
      '"1bad" is no metric name',
      "x is there twice",
      "y has a bad label name: a-b",
      "z is counter and, from another collector, gauge",
    ]);
  });
});
