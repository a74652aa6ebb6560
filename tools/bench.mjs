// `npm run bench [NAME…]`: the benchmarks of this repository; figures go to docs/benchmarks.md by hand, with the machine.
// CPU-seconds and ratios within one run, because machines differ and are shared.

import { existsSync } from "node:fs";
import path from "node:path";
import { ensureBuilt, ensureInstalled, ROOT, requireNode, run } from "./bootstrap.mjs";

const BENCHES = {
  head: "packages/tsdb/bench/engine.mjs",
  disk: "packages/tsdb/bench/disk.mjs",
  scrape: "packages/server/bench/scrape.mjs",
  api: "packages/server/bench/api.mjs",
  rules: "packages/server/bench/rules.mjs",
  alerts: "packages/server/bench/alerts.mjs",
  remote: "packages/server/bench/remote-write.mjs",
  sdk: "packages/sdk/bench/overhead.mjs",
  "sdk-logs": "packages/sdk/bench/logs.mjs",
  promql: "packages/promql/bench/queries.mjs",
  latency: "e2e/bench/alert-latency.mjs",
  start: "e2e/bench/start.mjs",
  ingest: "e2e/bench/ingest.mjs",
  growth: "e2e/bench/growth.mjs",
};
requireNode();
await ensureInstalled();
await ensureBuilt();
const wanted = process.argv.slice(2);
const unknown = wanted.filter((name) => !(name in BENCHES));
if (unknown.length > 0) {
  console.error(`unknown benchmark ${unknown.join(", ")}; known: ${Object.keys(BENCHES).join(", ")}`);
  process.exit(2);
}
let failed = 0;
for (const [name, file] of Object.entries(BENCHES)) {
  if (wanted.length > 0 && !wanted.includes(name)) continue;
  console.log(`── ${name}`);
  if (!existsSync(path.join(ROOT, file))) throw new Error(`${file} is missing`);
  failed += (await run(process.execPath, ["--expose-gc", path.join(ROOT, file)])) === 0 ? 0 : 1;
}
process.exit(failed);
