// Scrape ingestion with the built-in rules evaluated, Storewatch and Prometheus in turn on the same pages: whole process.
//   node ingest.mjs [SECONDS] [ROUNDS]     default 90 and 1; 10 targets of 10,000 series, every 2 s
// Prometheus is left out when it is not installed.
import { execFileSync, spawn } from "node:child_process";
import { cpSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { freePort, round, sleep, startServer } from "./process.mjs";
import { ownMetric, scrapeConfig, startPages, steadyState } from "./scraped.mjs";

const measureS = Number(process.argv[2] ?? 90);
const rounds = Number(process.argv[3] ?? 1);
const TARGETS = 10;
const SERIES = 100_000;
const RULES = path.resolve(import.meta.dirname, "../../packages/server/content/rules");
const rulesDir = mkdtempSync(path.join(os.tmpdir(), "storewatch-bench-rules-"));
cpSync(RULES, rulesDir, { recursive: true });
const ruleFiles = readdirSync(rulesDir)
  .filter((name) => name.endsWith(".yml") && !name.endsWith(".test.yml"))
  .map((name) => path.join(rulesDir, name))
  .filter(isTakenByPrometheus);

/** Both must have the same rules, and an old Prometheus does not know every function. */
function isTakenByPrometheus(file) {
  try {
    execFileSync("promtool", ["check", "rules", file], { stdio: "ignore" });
    return true;
  } catch (error) {
    return error.code === "ENOENT";
  }
}

async function startPrometheus(config) {
  const dir = mkdtempSync(path.join(os.tmpdir(), "storewatch-bench-prometheus-"));
  writeFileSync(path.join(dir, "prometheus.yml"), config);
  const port = await freePort();
  const argv = [
    `--config.file=${dir}/prometheus.yml`,
    `--storage.tsdb.path=${dir}/data`,
    `--web.listen-address=127.0.0.1:${port}`,
  ];
  const child = spawn("prometheus", argv, { stdio: "ignore" });
  const url = `http://127.0.0.1:${port}`;
  const isReady = () =>
    fetch(`${url}/-/ready`).then(
      (reply) => reply.ok,
      () => false,
    );
  while (!(await isReady())) await sleep(50);
  const stop = () =>
    new Promise((resolve) => child.once("exit", () => resolve(rmSync(dir, { recursive: true }))).kill("SIGTERM"));
  return { url, pid: child.pid, stop };
}

const engines = {
  async storewatch(config) {
    const files = {
      "storewatch.yml": "metrics: { prometheus: prometheus.yml }\nauth: { anonymous: admin }\n",
      "prometheus.yml": config,
    };
    return { ...(await startServer(files)), metric: "storewatch_samples_ingested_total" };
  },
  async prometheus(config) {
    return { ...(await startPrometheus(config)), metric: "prometheus_tsdb_head_samples_appended_total" };
  },
};
const hasPrometheus = (() => {
  try {
    execFileSync("prometheus", ["--version"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
})();

console.log(`${ruleFiles.length} rule files, ${SERIES} series every 2 s, ${measureS} s`);
for (let i = 0; i < rounds; i++) {
  for (const [name, start] of Object.entries(engines)) {
    if (name === "prometheus" && !hasPrometheus) continue;
    const pages = await startPages(TARGETS, SERIES / TARGETS, 100);
    const engine = await start(scrapeConfig(pages.port, TARGETS, "2s", ruleFiles));
    const samples = () => ownMetric(engine.url, engine.metric);
    const state = await steadyState({ pid: engine.pid, samples, warmS: 14, measureS });
    await engine.stop();
    pages.stop();
    const memory = `RssAnon ${Math.round(state.anonMb)} MB (${Math.round((state.anonMb * 2 ** 20) / SERIES)} B/series), RSS ${Math.round(state.rssMb)} MB`;
    console.log(`${name}: ${round(state.cpuPerMillionS, 3)} CPU-s per M samples (${state.samples} samples), ${memory}`);
  }
}
rmSync(rulesDir, { recursive: true });
