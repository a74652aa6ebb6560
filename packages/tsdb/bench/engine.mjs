// Measures the store on its built form: codec, index, append with WAL and fdatasync, memory, restart, select.
// Usage: node --expose-gc packages/tsdb/bench/engine.mjs [series, default 100000]
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { bitsOf, Labels, Matcher } from "@storewatch/model";
import { columnBytesMax, decodeColumn, encodeColumn } from "../dist/codec/sv.js";
import { openTsdb } from "../dist/index.js";

const SERIES = Number(process.argv[2] ?? 100_000);
const PER_TARGET = 10_000;
const SCRAPES = 240;
const INTERVAL_MS = 15_000;
const START_MS = 1_700_000_000_000 - (1_700_000_000_000 % 3_600_000);

let seed = 42;
function random() {
  seed = (seed + 0x6d2b79f5) >>> 0;
  let t = Math.imul(seed ^ (seed >>> 15), seed | 1);
  t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
  return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
}

/** The page of the design: 50 % counters (30 % of them idle), 40 % histogram lines, 10 % gauges. */
function next(kind, value) {
  if (kind < 3) return value;
  if (kind < 10) return value + Math.floor(random() * 60);
  if (kind < 18) return value + Math.floor(random() * 4);
  return kind === 18 ? Math.round(random() * 2000) / 2 : random() * 100;
}

const cpuMs = () => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
};
const rssAnonMb = () => Number(/RssAnon:\s+(\d+)/.exec(readFileSync("/proc/self/status", "utf8"))?.[1] ?? 0) / 1024;
const say = (name, value) => console.log(`${name.padEnd(58)} ${value}`);

function codec(n) {
  const columns = 4000;
  const values = new Float64Array(columns * n);
  const bits = bitsOf(values);
  for (let c = 0; c < columns; c++) {
    let v = Math.floor(random() * 1e6);
    for (let i = 0; i < n; i++) values[c * n + i] = v = next(c % 20, v);
  }
  const out = new Uint8Array(columns * columnBytesMax(n));
  const ends = new Uint32Array(columns);
  let encode = Infinity;
  let decode = Infinity;
  const back = new Float64Array(n);
  const backBits = bitsOf(back);
  for (let round = 0; round < 7; round++) {
    let at = 0;
    const t0 = process.hrtime.bigint();
    for (let c = 0; c < columns; c++) ends[c] = at = encodeColumn(values, bits, c * n, 1, n, out, at);
    const t1 = process.hrtime.bigint();
    for (let c = 0; c < columns; c++) decodeColumn(out, c ? ends[c - 1] : 0, ends[c], n, back, backBits, 0);
    const t2 = process.hrtime.bigint();
    encode = Math.min(encode, Number(t1 - t0) / values.length);
    decode = Math.min(decode, Number(t2 - t1) / values.length);
  }
  say(
    `SV, ${n} samples a column: encode, decode ns/sample; B/sample`,
    `${encode.toFixed(1)}, ${decode.toFixed(1)}; ${(ends[columns - 1] / values.length).toFixed(2)}`,
  );
}

for (const n of [32, 120, 480]) codec(n);

const realClock = {
  nowMs: () => now,
  monotonicMs: () => performance.now(),
  setTimer: (ms, call) => {
    const t = setTimeout(call, ms);
    t.unref();
    return { cancel: () => clearTimeout(t) };
  },
};
let now = START_MS;
const dataDir = mkdtempSync(join(tmpdir(), "storewatch-bench-"));
const options = {
  dataDir,
  clock: realClock,
  retention: { default: { name: "default", timeMs: 30 * 86_400_000 } },
  onProblem: (p) => console.log("PROBLEM", p),
};
let tsdb = await openTsdb(options);
globalThis.gc?.();
const baseMb = rssAnonMb();

const targets = [];
const t0 = cpuMs();
for (let t = 0; t < SERIES / PER_TARGET; t++) {
  const writer = tsdb.openRows(`job/${t}`);
  const values = new Float64Array(PER_TARGET);
  writer.begin();
  for (let i = 0; i < PER_TARGET; i++) {
    const labels = Labels.from({
      __name__: `shop_metric_${Math.floor(i / 50)}_total`,
      job: "shop",
      instance: `10.0.0.${t}:9100`,
      tenant_id: `tenant-${i % 20}`,
      method: ["GET", "POST", "PUT"][i % 3],
      status: `${200 + (i % 5) * 100}`,
      path: `/api/v1/r${i % 50}`,
    });
    const column = writer.column(labels);
    values[column] = Math.floor(random() * 1e6);
    writer.row[writer.base + column] = values[column];
  }
  writer.commit(now);
  targets.push({ writer, values });
}
say("series creation, µs/series (with Labels.from and its WAL record)", (((cpuMs() - t0) * 1000) / SERIES).toFixed(2));

let spent = 0;
let wall = 0;
for (let s = 1; s < SCRAPES; s++) {
  now += INTERVAL_MS;
  for (const { writer, values } of targets) {
    for (let i = 0; i < PER_TARGET; i++) values[i] = next(i % 20, values[i]);
    const c0 = cpuMs();
    const w0 = performance.now();
    writer.begin();
    writer.row.set(values, writer.base);
    writer.commit(now);
    await new Promise((resolve) => setImmediate(resolve));
    spent += cpuMs() - c0;
    wall += performance.now() - w0;
  }
  await tsdb.maintain();
}
const samples = SERIES * (SCRAPES - 1);
say("append by rows, with WAL and fdatasync each s: CPU ns/sample", ((spent * 1e6) / samples).toFixed(1));
say("  the same, wall ns/sample", ((wall * 1e6) / samples).toFixed(1));
await tsdb.append([]);
globalThis.gc?.();
say(
  `RssAnon after ${SCRAPES} scrapes, B/series (without base ${baseMb.toFixed(0)} MB)`,
  (((rssAnonMb() - baseMb) * 2 ** 20) / SERIES).toFixed(0),
);

function select(name, matchers, fromMs, toMs, rounds = 9) {
  let best = Infinity;
  let found = [];
  for (let i = 0; i < rounds; i++) {
    const w0 = performance.now();
    found = tsdb.select(matchers, fromMs, toMs);
    best = Math.min(best, performance.now() - w0);
  }
  const n = found.reduce((sum, s) => sum + s.values.length, 0);
  say(`select ${name}: ${found.length} series, ${n} samples, ms`, best.toFixed(2));
}
const hour = 3_600_000;
const about2300 = [
  new Matcher("=", "job", "shop"),
  new Matcher("=~", "__name__", "shop_metric_[0-4]?[0-9]_total"),
  new Matcher("=", "instance", "10.0.0.1:9100"),
];
function selects(where) {
  select(`1 h ${where}`, about2300, now - hour, now);
  select(`5 min ${where}`, about2300, now - 300_000, now);
  select(
    `1 series, 1 h ${where}`,
    [
      new Matcher("=", "__name__", "shop_metric_7_total"),
      new Matcher("=", "instance", "10.0.0.2:9100"),
      new Matcher("=", "path", "/api/v1/r3"),
    ],
    now - hour,
    now,
  );
  select(`5 min, all of job ${where}`, [new Matcher("=", "job", "shop")], now - 300_000, now, 3);
}
selects("(in memory)");
{
  const w0 = performance.now();
  const list = tsdb.series([new Matcher("=", "job", "shop")], now - 300_000, now);
  say(`series() of ${list.length}, ms`, (performance.now() - w0).toFixed(1));
}

await tsdb.close();
tsdb = undefined;
targets.length = 0;
globalThis.gc?.();
async function restart(name) {
  const w0 = performance.now();
  tsdb = await openTsdb(options);
  say(`restart ${name}, s`, ((performance.now() - w0) / 1000).toFixed(2));
}
await restart(`after ${SCRAPES} scrapes`);

now = START_MS + hour + 16 * 60_000;
const m0 = cpuMs();
let longest = 0;
let last = performance.now();
const watch = setInterval(() => {
  longest = Math.max(longest, performance.now() - last - 1);
  last = performance.now();
}, 1);
await tsdb.maintain();
clearInterval(watch);
say(
  "sealing half an hour + checkpoint: CPU s; longest turn ms",
  `${((cpuMs() - m0) / 1000).toFixed(2)}; ${longest.toFixed(0)}`,
);
const stats = tsdb.stats();
say("block, B/sample", (stats.blockBytes / (SERIES * SCRAPES)).toFixed(2));
now = START_MS + hour;
selects("(block)");
globalThis.gc?.();
say("RssAnon after sealing, MB above base", (rssAnonMb() - baseMb).toFixed(0));
await tsdb.close();
now = START_MS + hour + 16 * 60_000;
await restart("with all sealed");
await tsdb.close();
rmSync(dataDir, { recursive: true });
