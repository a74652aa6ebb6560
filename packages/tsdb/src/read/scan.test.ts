import { Labels, Matcher } from "@storewatch/model";
import { FakeClock } from "@storewatch/testkit";
import { expect, test } from "vitest";
import type { Slices, Tsdb } from "../interface.ts";
import { EVERYTHING, open, START_MS, show, temporaryDir } from "../testing.ts";

const FOREVER = 2 ** 49;

/** Every look at it takes 3 ms: a slice ends after two. */
class BusyClock extends FakeClock {
  private looks = 0;
  override monotonicMs(): number {
    return super.monotonicMs() + 3 * this.looks++;
  }
}

function name(i: number): Labels {
  return Labels.from({ __name__: "m", tenant_id: i % 2 === 0 ? "even" : "odd", i: String(i) });
}

async function filled(series: number): Promise<{ tsdb: Tsdb; write: (k: number) => void }> {
  const { tsdb } = await open(temporaryDir(), { clock: new BusyClock(START_MS) });
  const rows = tsdb.openRows("t");
  const columns = Array.from({ length: series }, (_, i) => rows.column(name(i)));
  const write = (k: number) => {
    rows.begin();
    for (const column of columns) rows.row[rows.base + column] = k;
    rows.commit(START_MS + k * 1000);
  };
  write(0);
  write(1);
  return { tsdb, write };
}

/** Runs the slices with `between` in between; the number of slices. */
async function run<T>(slices: Slices<T>, between: () => void | Promise<void>): Promise<{ value: T; slices: number }> {
  for (let n = 1; ; n++) {
    const { done, value } = slices.next();
    if (done) return { value: value as T, slices: n };
    await between();
  }
}

test("slices give the answer of their start, though scrapes go on", async () => {
  const { tsdb, write } = await filled(1000);
  const matchers = [new Matcher("=", "tenant_id", "odd")];
  const expected = tsdb.select(matchers, 0, FOREVER).map((one) => `${one.labels} ${show(one)}`);
  let k = 2;
  const { value, slices } = await run(tsdb.selectSlices(matchers, 0, FOREVER), () => write(k++));
  expect(slices).toBeGreaterThan(3);
  expect(value.map((one) => `${one.labels} ${show(one)}`)).toEqual(expected);
  expect((await run(tsdb.seriesSlices(matchers, 0, FOREVER), () => {})).value).toEqual(
    tsdb.series(matchers, 0, FOREVER),
  );
  expect((await run(tsdb.labelNamesSlices(matchers, 0, FOREVER), () => {})).value).toEqual([
    "__name__",
    "i",
    "tenant_id",
  ]);
  const values = await run(tsdb.labelValuesSlices("i", matchers, 0, FOREVER), () => {});
  expect(values.slices).toBeGreaterThan(3);
  expect(values.value).toEqual(tsdb.labelValues("i", matchers, 0, FOREVER));
});

test("a limit is thrown from a slice, and ends it", async () => {
  const { tsdb } = await filled(1000);
  await expect(run(tsdb.selectSlices(EVERYTHING, 0, FOREVER, { maxSamples: 700 }), () => {})).rejects.toThrow("700");
});

test("ids that are given to other series between two slices never bring these into the answer", async () => {
  const clock = new BusyClock(START_MS);
  const { tsdb } = await open(temporaryDir(), { clock, retentionMs: 3_600_000 });
  const put = (tenant: string, count: number) =>
    tsdb.append(
      Array.from({ length: count }, (_, i) => ({
        labels: Labels.from({ __name__: "m", tenant_id: tenant, i: String(i), at: String(clock.nowMs()) }),
        timeMs: clock.nowMs(),
        value: 1,
      })),
    );
  await put("a", 600);
  const slices = tsdb.seriesSlices([new Matcher("=", "tenant_id", "a")], 0, FOREVER);
  expect(slices.next().done).toBe(false);
  // Sealed, dropped by age, forgotten; then the ids are free again and shop b comes.
  for (let hour = 0; hour < 6; hour++) {
    await clock.advance(3_600_000);
    await put("keep", 1);
    await tsdb.maintain();
  }
  await put("b", 600);
  const { value } = await run(slices, () => {});
  expect(value.map((labels) => labels.get("tenant_id")).filter((tenant) => tenant !== "a")).toEqual([]);
});
