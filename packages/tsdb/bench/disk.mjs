// What 6 h of 10,000 series at 15 s take on disk, and what writing, merging and reading them costs. The data are those
// of the peers' scripts (gen.mjs): node disk.mjs PATH_OF_data.jsonl [rows|append]. Without a path: nothing is measured.
import { createReadStream, existsSync, mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { Labels, Matcher } from "@storewatch/model";
import { openTsdb } from "../dist/index.js";

const [path = join(tmpdir(), "storewatch-bench/dataset/data.jsonl"), how = "rows"] = process.argv.slice(2);
if (!existsSync(path)) {
  console.log(`no data set at ${path}: make one with the peers' gen.mjs`);
  process.exit(0);
}
const series = [];
for await (const line of createInterface({ input: createReadStream(path) })) {
  const { metric, values, timestamps } = JSON.parse(line);
  series.push({ labels: Labels.from(metric), values: Float64Array.from(values), timestamps });
}
const times = series[0].timestamps;
const count = series.length * times.length;

async function run(name, retention) {
  const dataDir = mkdtempSync(join(tmpdir(), "storewatch-disk-"));
  let nowMs = times[0];
  const clock = {
    nowMs: () => nowMs,
    monotonicMs: () => performance.now(),
    setTimer: (ms, call) => {
      const timer = setTimeout(call, ms);
      timer.unref();
      return { cancel: () => clearTimeout(timer) };
    },
  };
  const tsdb = await openTsdb({ dataDir, clock, retention: { default: retention }, syncIntervalMs: 1000 });
  const writer = how === "rows" ? tsdb.openRows("bench") : undefined;
  const columns = writer && series.map(({ labels }) => writer.column(labels));
  const spent = { write: 0, maintain: 0 };
  const measured = async (what, step) => {
    const before = process.cpuUsage();
    await step();
    const { user, system } = process.cpuUsage(before);
    spent[what] += (user + system) / 1000;
  };
  for (let k = 0; k < times.length; k++) {
    nowMs = times[k];
    await measured("write", async () => {
      if (writer) {
        writer.begin();
        for (let i = 0; i < series.length; i++) writer.row[writer.base + columns[i]] = series[i].values[k];
        writer.commit(nowMs);
      } else await tsdb.append(series.map(({ labels, values }) => ({ labels, timeMs: nowMs, value: values[k] })));
    });
    if (k % 4 === 0) await measured("maintain", () => tsdb.maintain());
  }
  // Everything is sealed and merged.
  nowMs += 3 * 3_600_000;
  await measured("maintain", () => tsdb.maintain());
  const stats = tsdb.stats();
  console.log(`── ${name}, by ${how}`);
  const all = sizes(dataDir);
  for (const [file, bytes] of Object.entries(all.by))
    console.log(`${file.padEnd(12)} ${(bytes / count).toFixed(4)} B/sample`);
  console.log(
    `all files    ${(all.total / count).toFixed(3)} B/sample (${all.total} bytes, ${count} samples, ${stats.blocks} blocks)`,
  );
  console.log(`intervals    ${(stats.classes[0].downsampledBytes / count).toFixed(3)} B/sample of it`);
  console.log(
    `CPU ns/sample: write ${((spent.write * 1e6) / count).toFixed(1)}, seal + merge ${((spent.maintain * 1e6) / count).toFixed(1)}`,
  );
  await reads(tsdb);
  await tsdb.close();
  rmSync(dataDir, { recursive: true });
}

async function reads(tsdb) {
  const last = times[times.length - 1];
  const every = [new Matcher("=~", "__name__", ".+")];
  const cases = [
    ["all series, 1 h", every, 3_600_000, undefined],
    ["all series, 6 h", every, 6 * 3_600_000, undefined],
    [
      "one series, 6 h",
      [
        new Matcher("=", "__name__", String(series[5000].labels.metricName)),
        ...[...series[5000].labels].slice(1).map(([n, v]) => new Matcher("=", n, v)),
      ],
      6 * 3_600_000,
      undefined,
    ],
    ["all, 6 h, rate 5 m step 5 m", every, 6 * 3_600_000, { stepMs: 300_000, rangeMs: 300_000, func: "rate" }],
    [
      "all, 6 h, avg 1 h step 1 h",
      every,
      6 * 3_600_000,
      { stepMs: 3_600_000, rangeMs: 3_600_000, func: "avg_over_time" },
    ],
  ];
  for (const [name, matchers, ms, hints] of cases) {
    const toMs = Math.floor(last / 3_600_000) * 3_600_000;
    const times = [];
    let samples = 0;
    for (let i = 0; i < 5; i++) {
      const before = process.cpuUsage();
      const found = tsdb.select(matchers, toMs - ms + 1, toMs, hints ? { hints } : {});
      const { user, system } = process.cpuUsage(before);
      samples = found.reduce((sum, one) => sum + one.timesMs.length, 0);
      times.push((user + system) / 1000);
    }
    times.sort((a, b) => a - b);
    console.log(`select ${name.padEnd(28)} ${times[2].toFixed(2)} ms CPU, ${samples} samples`);
  }
}

function sizes(dir) {
  const by = {};
  let total = 0;
  for (const name of readdirSync(dir, { recursive: true })) {
    const { size } = statSync(join(dir, name));
    if (statSync(join(dir, name)).isDirectory()) continue;
    const kind = /\.(\w+)$/.exec(name)?.[1] ?? String(name);
    by[kind] = (by[kind] ?? 0) + size;
    total += size;
  }
  return { by, total };
}

const day = 86_400_000;
await run("samples only", { name: "default", timeMs: 30 * day });
await run("samples and intervals of 5 min and 1 h", {
  name: "default",
  timeMs: 30 * day,
  fiveMinutesMs: 30 * day,
  oneHourMs: 30 * day,
});
