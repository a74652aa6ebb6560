// Shared by the benchmarks of the built process: start it, read its CPU and memory from /proc (Linux).
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import os from "node:os";
import path from "node:path";

const ROOT = path.resolve(import.meta.dirname, "../..");
export const BIN = path.join(ROOT, "packages/server/bin/storewatch.mjs");
const TICKS_PER_SECOND = 100;

export const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

export function freePort() {
  return new Promise((resolve) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

/** CPU seconds (user + system, all threads) and memory in MB of one process. */
export function usage(pid) {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  const mb = (key) => Number(new RegExp(`${key}:\\s+(\\d+)`).exec(status)?.[1] ?? 0) / 1024;
  return {
    cpuSeconds: (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND,
    rssMb: mb("VmRSS"),
    anonMb: mb("RssAnon"),
  };
}

/** Starts `storewatch serve` with these config files; resolves when it is ready, with the time that took. */
export async function startServer(files = {}, dataDir = undefined) {
  const dir = mkdtempSync(path.join(os.tmpdir(), "storewatch-bench-"));
  for (const [name, text] of Object.entries(files)) writeFileSync(path.join(dir, name), text);
  const port = await freePort();
  const argv = [BIN, "serve", "--data", dataDir ?? path.join(dir, "data"), "--listen", `127.0.0.1:${port}`];
  if (files["storewatch.yml"]) argv.push("--config", path.join(dir, "storewatch.yml"));
  const startedAt = performance.now();
  const child = spawn(process.execPath, argv, { stdio: ["ignore", "ignore", "inherit"] });
  const url = `http://127.0.0.1:${port}`;
  for (;;) {
    if (child.exitCode !== null) throw new Error(`storewatch exited with ${child.exitCode}`);
    if (
      await fetch(`${url}/health/ready`).then(
        (reply) => reply.ok,
        () => false,
      )
    )
      break;
    await sleep(5);
  }
  const readyMs = performance.now() - startedAt;
  return {
    url,
    readyMs,
    pid: child.pid,
    stop: () =>
      new Promise((resolve) => {
        child.once("exit", () => {
          rmSync(dir, { recursive: true, force: true });
          resolve();
        });
        child.kill("SIGTERM");
      }),
  };
}

export const quantile = (values, q) =>
  [...values].sort((a, b) => a - b)[Math.min(values.length - 1, Math.floor(q * values.length))];
export const round = (value, digits = 2) => Number(value.toFixed(digits));
