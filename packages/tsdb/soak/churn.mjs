// `npm run soak -- churn [ROUNDS] [SERIES]`: each round (an hour) every series is replaced by another one; memory must
// be flat once the retention (6 h) is reached: rows, index, log, blocks, definitions.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Labels } from "@storewatch/model";
import { openTsdb } from "../dist/index.js";

const rounds = Number(process.argv[2] ?? 50);
const count = Number(process.argv[3] ?? 20_000);
const TARGETS = 4;
const INTERVAL_MS = 60_000;
const ROUND_MS = 3_600_000;
const RETENTION_HOURS = 6;
/** Rounds after which nothing may grow any more. */
const SETTLED = RETENTION_HOURS + 4;
/** Of the last quarter over the first one after that: what the garbage collector has not got to yet differs by round. */
const GROWTH_MAX = 1.2;

const dataDir = mkdtempSync(join(tmpdir(), "storewatch-churn-"));
let nowMs = 1_700_000_000_000 - (1_700_000_000_000 % (2 * ROUND_MS));
const clock = {
  nowMs: () => nowMs,
  monotonicMs: () => performance.now(),
  setTimer: (ms, call) => {
    const timer = setTimeout(call, ms);
    timer.unref();
    return { cancel: () => clearTimeout(timer) };
  },
};
const timeMs = RETENTION_HOURS * ROUND_MS;
const retention = { default: { name: "default", timeMs, fiveMinutesMs: timeMs, oneHourMs: timeMs } };
const tsdb = await openTsdb({ dataDir, clock, retention, onProblem: ({ message }) => fail(message) });
const writers = Array.from({ length: TARGETS }, (_, t) => tsdb.openRows(`target-${t}`));
const states = [];
for (let round = 1; round <= rounds; round++) {
  // A restart of every pod: its series have names that nobody has seen.
  const series = (t, i) => Labels.from({ __name__: `metric_${i % 50}`, pod: `pod-${round}-${i}`, target: `${t}` });
  let columns = [];
  for (let at = 0; at < ROUND_MS; at += INTERVAL_MS) {
    nowMs += INTERVAL_MS;
    for (const [t, writer] of writers.entries()) {
      writer.begin();
      columns[t] ??= Array.from({ length: count / TARGETS }, (_, i) => writer.column(series(t, i)));
      for (const column of columns[t]) writer.row[writer.base + column] = at + column;
      if (!writer.commit(nowMs)) fail("a row was refused");
      // As the scrape loop does it.
      if (writer.columns > (2 * count) / TARGETS + 100) {
        writer.compact();
        columns[t] = undefined;
      }
    }
    if (at % (5 * INTERVAL_MS) === 0) {
      await tsdb.append([{ labels: Labels.from({ __name__: "pushed", round: `${round}` }), timeMs: nowMs, value: at }]);
      await tsdb.maintain();
    }
  }
  columns = [];
  for (let i = 0; i < 3; i++) {
    globalThis.gc?.();
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  const { heapUsed, arrayBuffers, rss } = process.memoryUsage();
  const state = { memory: heapUsed + arrayBuffers, series: tsdb.stats().totalSeries, disk: tsdb.stats().blockBytes };
  const widest = Math.max(...writers.map((writer) => writer.columns));
  console.log(
    `round ${round}: ${megabytes(state.memory)} MB of heap and arrays, RSS ${megabytes(rss)} MB, ${state.series} series known, ${widest} columns, ${megabytes(state.disk)} MB of blocks`,
  );
  if (widest > (3 * count) / TARGETS + 200) fail(`${widest} columns for ${count / TARGETS} series`);
  if (round > SETTLED) states.push(state);
}
const quarter = Math.max(2, 2 * Math.floor(states.length / 8));
for (const name of Object.keys(states[0])) {
  const mean = (of) => of.reduce((sum, state) => sum + state[name], 0) / of.length;
  const growth = mean(states.slice(-quarter)) / mean(states.slice(0, quarter));
  console.log(`${name}: last ${quarter} rounds ${growth.toFixed(3)} times the first ${quarter} after round ${SETTLED}`);
  if (growth > GROWTH_MAX) fail(`${name} grows`);
}
await tsdb.close();
rmSync(dataDir, { recursive: true });
console.log(`${rounds} rounds of ${count} new series each: flat`);

function megabytes(bytes) {
  return (bytes / 2 ** 20).toFixed(1);
}

function fail(message) {
  console.error(message);
  process.exit(1);
}
