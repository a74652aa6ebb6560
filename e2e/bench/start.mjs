// Time and CPU until ready, and memory and CPU when idle, beside a bare Node HTTP server in the same run.
import { spawn } from "node:child_process";
import { freePort, quantile, round, sleep, startServer, usage } from "./process.mjs";

const RUNS = 5;
const SETTLE_MS = 8000;

async function bareNode() {
  const port = await freePort();
  const code = `require("node:http").createServer((_, r) => r.end("ok")).listen(${port}, "127.0.0.1")`;
  const startedAt = performance.now();
  const child = spawn(process.execPath, ["-e", code], { stdio: "ignore" });
  while (
    !(await fetch(`http://127.0.0.1:${port}`).then(
      (r) => r.ok,
      () => false,
    ))
  )
    await sleep(5);
  return { readyMs: performance.now() - startedAt, pid: child.pid, stop: async () => void child.kill() };
}

async function measure(name, start) {
  const rows = [];
  for (let i = 0; i < RUNS; i++) {
    const server = await start();
    const atReady = usage(server.pid);
    await sleep(SETTLE_MS);
    const idle = usage(server.pid);
    rows.push({
      readyMs: server.readyMs,
      cpuMs: atReady.cpuSeconds * 1000,
      rssMb: idle.rssMb,
      anonMb: idle.anonMb,
      idleCpuMs: ((idle.cpuSeconds - atReady.cpuSeconds) * 1000) / (SETTLE_MS / 1000),
    });
    await server.stop();
  }
  const median = (key) =>
    round(
      quantile(
        rows.map((row) => row[key]),
        0.5,
      ),
      1,
    );
  console.log(
    `${name}: ready ${median("readyMs")} ms, CPU at ready ${median("cpuMs")} ms, after ${SETTLE_MS / 1000} s RSS ${median("rssMb")} MB (anon ${median("anonMb")}), idle CPU ${median("idleCpuMs")} ms/s (medians of ${RUNS})`,
  );
}

await measure("storewatch, empty data directory", () => startServer());
await measure("bare node http server", bareNode);
