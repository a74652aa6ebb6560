// What a large answer costs, and how long it keeps the event loop: JSON of a matrix of 1000 series x 241 steps, and
// series and samples of 100,000 series read at once ("before") and in slices ("now").
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { Labels, Matcher } from "@storewatch/model";
import { openTsdb } from "@storewatch/tsdb";
import { systemClock } from "../dist/kernel/clock.js";
import { Turns } from "../dist/kernel/turns.js";
import { labelsJson, queryResultPieces } from "../dist/query/json.js";
import { runSlices, sortInTurns } from "../dist/query/slices.js";

const SERIES = 100_000;

function cpuMs(start) {
  const { user, system } = process.cpuUsage(start);
  return (user + system) / 1000;
}

function jsonRow(name, valueAt) {
  const timesMs = Float64Array.from({ length: 241 }, (_, i) => 1.7e12 + i * 15_000);
  const series = Array.from({ length: 1000 }, (_, k) => ({
    labels: Labels.from({
      __name__: "http_requests_total",
      tenant_id: `shop-${k % 20}`,
      route: `/r${k}`,
      method: "GET",
    }),
    timesMs,
    values: Float64Array.from({ length: 241 }, (_, i) => valueAt(k, i)),
  }));
  const result = { value: { type: "matrix", series }, warnings: [], infos: [], stats: {} };
  let best = Number.POSITIVE_INFINITY;
  for (let round = 0; round < 15; round++) {
    const start = process.cpuUsage();
    for (const _ of queryResultPieces(result));
    best = Math.min(best, cpuMs(start));
  }
  console.log(`JSON 1000 x 241, ${name}: ${best.toFixed(0)} ms CPU`);
}

/** The longest time that a timer of 1 ms was late while `work` ran. */
async function lateness(name, work) {
  let worst = 0;
  for (let round = 0; round < 3; round++) {
    let last = performance.now();
    let late = 0;
    const timer = setInterval(() => {
      const now = performance.now();
      late = Math.max(late, now - last - 1);
      last = now;
    }, 1);
    await new Promise((resolve) => setTimeout(resolve, 20));
    late = 0;
    const start = process.cpuUsage();
    await work();
    await new Promise((resolve) => setTimeout(resolve, 5));
    clearInterval(timer);
    if (round > 0) {
      worst = Math.max(worst, late);
      console.log(`${name}: event loop held for ${late.toFixed(0)} ms at most, ${cpuMs(start).toFixed(0)} ms CPU`);
    }
  }
}

async function main() {
  jsonRow("whole values", (k, i) => k * 1000 + i * 3);
  jsonRow("two decimals", (k, i) => Math.round((k * 1000 + i * 3.37) * 100) / 100);
  jsonRow("17 digits (rates)", (k, i) => ((k * 7919 + i * 104_729) % 100_003) / 3 / 285);

  const dataDir = mkdtempSync(path.join(tmpdir(), "storewatch-bench-"));
  const retention = { default: { name: "default", timeMs: 86_400_000 } };
  const tsdb = await openTsdb({ dataDir, clock: systemClock, retention });
  const rows = tsdb.openRows("bench");
  const columns = Array.from({ length: SERIES }, (_, i) =>
    rows.column(
      Labels.from({ __name__: "m", tenant_id: `shop-${i % 20}`, path: `/p/${i}`, method: "GET", job: "bench" }),
    ),
  );
  const nowMs = Date.now();
  for (let k = 40; k > 0; k--) {
    rows.begin();
    for (const column of columns) rows.row[rows.base + column] = k * column;
    rows.commit(nowMs - k * 15_000);
  }
  const all = [new Matcher("=", "__name__", "m")];
  const turns = new Turns();
  const polite = { next: () => turns.next() };
  await lateness("select 100,000 x 40, at once", () => tsdb.select(all, 0, nowMs));
  await lateness("select 100,000 x 40, in slices", () => runSlices(tsdb.selectSlices(all, 0, nowMs), polite));
  await lateness("series + sort + JSON, at once", () =>
    tsdb.series(all, 0, nowMs).sort(Labels.compare).map(labelsJson).join(","),
  );
  await lateness("series + sort + JSON, in slices", async () => {
    const found = await runSlices(tsdb.seriesSlices(all, 0, nowMs), polite);
    const sorted = await sortInTurns(found, Labels.compare, polite);
    for (let i = 0; i < sorted.length; i += 200) {
      sorted.slice(i, i + 200).map(labelsJson);
      await turns.next();
    }
  });
  await lateness("label values, at once", () => tsdb.labelValues("path", all, 0, nowMs));
  await lateness("label values, in slices", () => runSlices(tsdb.labelValuesSlices("path", all, 0, nowMs), polite));
  await tsdb.close();
  rmSync(dataDir, { recursive: true });
}

await main();
