// Shared by the benchmarks of scraping: the pages' process, and the steady state of an engine that scrapes them.
import { spawn } from "node:child_process";
import { once } from "node:events";
import path from "node:path";
import { sleep, usage } from "./process.mjs";

/** Starts the pages' process. */
export async function startPages(targets, seriesPerTarget, tenants) {
  const script = path.join(import.meta.dirname, "series-target.mjs");
  const argv = [script, targets, seriesPerTarget, tenants].map(String);
  const child = spawn(process.execPath, argv, { stdio: ["ignore", "pipe", "inherit"] });
  const [line] = await once(child.stdout, "data");
  return { port: Number(String(line)), stop: () => child.kill("SIGKILL") };
}

/** A Prometheus file that scrapes them. `ruleFiles`: absolute names. */
export function scrapeConfig(port, targets, interval, ruleFiles = []) {
  const jobs = Array.from({ length: targets }, (_, i) => {
    const target = `static_configs: [{ targets: ["127.0.0.1:${port}"], labels: { instance: "app-${i}" } }]`;
    return `  - { job_name: "shop-${i}", metrics_path: "/${i}", ${target} }\n`;
  });
  return `global: { scrape_interval: ${interval}, scrape_timeout: ${interval}, evaluation_interval: 15s }\nrule_files: ${JSON.stringify(ruleFiles)}\nscrape_configs:\n${jobs.join("")}`;
}

/** Sum of a metric of the engine's own page. */
export async function ownMetric(url, name) {
  const page = await (await fetch(`${url}/metrics`)).text();
  return page
    .split("\n")
    .filter((line) => line.startsWith(`${name} `) || line.startsWith(`${name}{`))
    .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(" ") + 1)), 0);
}

/** What a whole process costs while it scrapes: after `warmS` for `measureS` seconds. */
export async function steadyState({ pid, samples, warmS, measureS }) {
  const atStart = usage(pid).cpuSeconds;
  await sleep(warmS * 1000);
  const first = { ...usage(pid), samples: await samples() };
  const creationCpuS = first.cpuSeconds - atStart;
  let anonMb = 0;
  let rssMb = 0;
  for (let i = 0; i < measureS; i++) {
    await sleep(1000);
    const now = usage(pid);
    anonMb = Math.max(anonMb, now.anonMb);
    rssMb = Math.max(rssMb, now.rssMb);
  }
  const last = { ...usage(pid), samples: await samples() };
  const count = last.samples - first.samples;
  return {
    creationCpuS,
    firstSamples: first.samples,
    samples: count,
    cpuPerMillionS: ((last.cpuSeconds - first.cpuSeconds) / count) * 1e6,
    cpuShare: (last.cpuSeconds - first.cpuSeconds) / measureS,
    anonMb,
    rssMb,
  };
}
