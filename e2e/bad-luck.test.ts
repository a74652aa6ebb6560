// Bad luck on a real server: the disk fills up, a receiver hangs, a target does not answer, the process is told to end
// at a bad moment, files are damaged. People are told all the same, and nothing that was stored is lost.
import { spawn, spawnSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:net";
import path from "node:path";
import { type StorewatchProcess, startStorewatch, temporaryDir, waitUntil } from "@storewatch/testkit";
import { afterEach, describe, expect, test } from "vitest";
import { remoteWrite } from "./remote-write.ts";
import { type Hook, startHook, startTarget, type Target } from "./target.ts";

const BIN = path.resolve(import.meta.dirname, "../packages/server/bin/storewatch.mjs");

let target: Target | undefined;
let hook: Hook | undefined;
let server: StorewatchProcess | undefined;
const cleanUp: Array<() => void> = [];
afterEach(async () => {
  await server?.kill();
  await target?.close();
  await hook?.close();
  for (const call of cleanUp.splice(0).reverse()) call();
});

function files(scraped: string, webhook: string): Record<string, string> {
  return {
    "storewatch.yml": "metrics: { prometheus: prometheus.yml }\nalerts: { alertmanager: am.yml }\n",
    "prometheus.yml": `global: { scrape_interval: 200ms, scrape_timeout: 200ms, evaluation_interval: 1s }
rule_files: [rules.yml]
scrape_configs:
  - job_name: t
    static_configs: [{ targets: ["${scraped}"] }]
`,
    "rules.yml": "groups: [{ name: g, rules: [{ alert: Alarm, expr: alarm > 0 }] }]\n",
    "am.yml": `route: { receiver: h, group_wait: 0s, group_interval: 1s }
receivers: [{ name: h, webhook_configs: [{ url: "${webhook}" }] }]
`,
  };
}

async function value(of: StorewatchProcess, query: string): Promise<number> {
  const reply = (await of.json(`/api/v1/query?query=${encodeURIComponent(query)}`)) as {
    data: { result: Array<{ value: [number, string] }> };
  };
  return Number(reply.data.result[0]?.value[1]);
}

async function health(of: StorewatchProcess): Promise<string> {
  return ((await (await fetch(`${of.url}/health`)).json()) as { status: string }).status;
}

/** A small file system of its own; undefined where mounting is not allowed. */
function smallDisk(sizeMB: number): string | undefined {
  const dir = temporaryDir("storewatch-disk-");
  if (process.platform !== "linux") return undefined;
  if (spawnSync("mount", ["-t", "tmpfs", "-o", `size=${sizeMB}m`, "tmpfs", dir]).status !== 0) return undefined;
  cleanUp.push(() => spawnSync("umount", ["-l", dir]));
  return dir;
}

/** Takes all space that is left. */
function fill(file: string): void {
  const piece = Buffer.alloc(65_536);
  for (let size = piece.length; size >= 1; size = Math.floor(size / 16)) {
    try {
      for (;;) writeFileSync(file, piece.subarray(0, size), { flag: "a" });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOSPC") throw error;
    }
  }
}

test("a full disk: scrapes, reads and alerts go on, and when there is room again so does writing", {
  timeout: 90_000,
}, async (context) => {
  const disk = smallDisk(16);
  if (disk === undefined) {
    if (process.env.STOREWATCH_REQUIRE_PEERS) throw new Error("mounting a tmpfs is not allowed here");
    return context.skip("mounting a tmpfs is not allowed here: run as root on Linux");
  }
  target = await startTarget("tick 0\nalarm 0\n");
  hook = await startHook();
  const dataDir = path.join(disk, "data");
  const config = files(target.address, hook.url);
  server = await startStorewatch({ files: config, dataDir });
  await waitUntil(async () => (await value(server!, "tick")) === 0, 10_000);

  const filler = path.join(disk, "filler");
  fill(filler);
  await waitUntil(
    async () => {
      // What is freed by the server itself is taken again.
      fill(filler);
      return (await health(server!)) === "degraded";
    },
    20_000,
    () => "/health never said degraded",
  );
  // Who pushes is told to come again: nothing is acknowledged that could be lost.
  const push = (number: number) =>
    server!.fetch("/api/v1/write", remoteWrite({ __name__: "pushed", from: "e2e" }, number, Date.now()));
  const refused = await push(1);
  expect(refused.status).toBe(503);
  expect(Number(refused.headers.get("retry-after"))).toBeGreaterThan(0);
  target.page = "tick 1\nalarm 1\n";
  await waitUntil(async () => (await value(server!, "tick")) === 1, 10_000);
  await waitUntil(() => hook!.received.length > 0, 15_000);
  expect(hook.received[0].body.alerts[0].labels.alertname).toBe("Alarm");
  expect(server.child.exitCode).toBeNull();

  rmSync(filler);
  target.page = "tick 2\nalarm 0\n";
  await waitUntil(async () => (await health(server!)) === "ok", 45_000);
  const accepted = await push(2);
  expect(accepted.status).toBe(204);
  expect(accepted.headers.get("x-prometheus-remote-write-samples-written")).toBe("1");
  await waitUntil(async () => (await value(server!, "count_over_time(tick[5s])")) > 15, 20_000);
  const seen = await value(server, "count_over_time((tick == 2)[1m:200ms] offset 3s)");
  expect(seen).toBeGreaterThan(0);
  await server.kill();
  server = await startStorewatch({ files: config, dataDir });
  expect(await value(server, "max_over_time(tick[5m])")).toBe(2);
  expect(await value(server, "last_over_time(pushed[5m])")).toBe(2);
});

describe("SIGTERM ends it with 0 within 10 s", () => {
  const silent = async (): Promise<{ server: Server; address: string }> => {
    const made = createServer((socket) => socket.on("error", () => {}));
    await new Promise<void>((resolve) => made.listen(0, "127.0.0.1", resolve));
    cleanUp.push(() => made.close());
    const address = made.address();
    return { server: made, address: `127.0.0.1:${typeof address === "object" ? address?.port : ""}` };
  };

  test("while a receiver and a target hang and a browser listens", { timeout: 40_000 }, async () => {
    const hanging = await silent();
    target = await startTarget("alarm 1\n");
    const config = files(target.address, `http://${hanging.address}/`);
    config["prometheus.yml"] += `  - job_name: hanging
    scrape_timeout: 30s
    scrape_interval: 30s
    static_configs: [{ targets: ["${hanging.address}"] }]
`;
    config["am.yml"] = config["am.yml"].replace(
      "webhook_configs",
      `email_configs: [{ to: a@b.c, from: a@b.c, smarthost: "${hanging.address}", require_tls: false }], webhook_configs`,
    );
    server = await startStorewatch({ files: config });
    await waitUntil(async () => ((await server!.json("/api/v2/alerts")) as unknown[]).length > 0, 10_000);
    const stream = await server.fetch("/api/storewatch/v1/stream");
    await new Promise((resolve) => setTimeout(resolve, 500));
    const startedAt = performance.now();
    expect(await server.stop()).toBe(0);
    expect(performance.now() - startedAt).toBeLessThan(10_000);
    await stream.body?.cancel().catch(() => {});
  });

  test("while it starts, at any moment, and the next start is a good one", { timeout: 60_000 }, async () => {
    const dataDir = temporaryDir("storewatch-term-");
    for (const delayMs of [150, 300, 450, 600]) {
      const child = spawn(process.execPath, [BIN, "serve", "--data", dataDir, "--listen", "127.0.0.1:0"], {
        stdio: "ignore",
      });
      const ended = new Promise<[number | null, string | null]>((resolve) =>
        child.once("exit", (code, signal) => resolve([code, signal])),
      );
      await new Promise((resolve) => setTimeout(resolve, delayMs));
      child.kill("SIGTERM");
      const [code, signal] = await ended;
      // Before the program is loaded the signal is the system's own affair.
      expect(code === 0 || signal === "SIGTERM", `after ${delayMs} ms: ${code} ${signal}`).toBe(true);
    }
    server = await startStorewatch({ dataDir });
    expect(await server.stop()).toBe(0);
  });
});

test("damaged files: it starts with what is left, or says in one line which file it is", {
  timeout: 180_000,
}, async () => {
  target = await startTarget("tick 1\nalarm 1\n");
  hook = await startHook();
  const config = files(target.address, hook.url);
  const dataDir = temporaryDir("storewatch-damage-");
  server = await startStorewatch({ files: config, dataDir });
  // Enough samples for the count below: the alert may come with the first scrape.
  await waitUntil(() => hook!.received.length > 0 && target!.scrapes > 5, 15_000);
  await server.stop();

  const names = filesBelow(dataDir, "");
  expect(names).toContain("metrics/wal/0000000001.wal");
  for (const name of names) {
    const file = path.join(dataDir, name);
    const whole = readFileSync(file);
    for (const harm of [flip, half] as const) {
      harm(file);
      const { status, stderr } = await startAndStop(dataDir);
      const lines = stderr.split("\n").filter((line) => line !== "" && !line.startsWith("{"));
      const told = `${name} ${harm.name}: ${status} ${stderr}`;
      if (status === 1)
        expect(lines.length === 1 && stderr.includes(path.join(dataDir, name.split("/")[0])), told).toBe(true);
      else expect(status, told).toBe(0);
      writeFileSync(file, whole);
    }
  }
  server = await startStorewatch({ files: config, dataDir });
  expect(await value(server, "count_over_time(tick[1h]) > 2")).toBeGreaterThan(2);
});

function filesBelow(dir: string, prefix: string): string[] {
  return readdirSync(path.join(dir, prefix), { withFileTypes: true }).flatMap((entry) =>
    entry.isDirectory() ? filesBelow(dir, `${prefix}${entry.name}/`) : [prefix + entry.name],
  );
}

function flip(file: string): void {
  const bytes = readFileSync(file);
  for (let i = 1; i < 8; i++) bytes[Math.floor((bytes.length * i) / 8)] ^= 0xff;
  writeFileSync(file, bytes);
}

function half(file: string): void {
  truncateSync(file, Math.floor(statSync(file).size / 2));
}

/** Runs until it is ready or has ended by itself, then stops it. */
async function startAndStop(dataDir: string): Promise<{ status: number | null; stderr: string }> {
  const child = spawn(process.execPath, [BIN, "serve", "--data", dataDir, "--listen", "127.0.0.1:0"], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  let stderr = "";
  child.stderr.on("data", (chunk) => (stderr += String(chunk)));
  child.stdout.on("data", (chunk) => String(chunk).includes("is ready") && child.kill("SIGTERM"));
  const status = await new Promise<number | null>((resolve) => child.once("close", (code) => resolve(code)));
  return { status, stderr };
}

test("a data directory that cannot be written is told in one line", (context) => {
  const disk = smallDisk(1);
  if (disk === undefined) return context.skip("mounting a tmpfs is not allowed here: run as root on Linux");
  mkdirSync(path.join(disk, "data"));
  expect(spawnSync("mount", ["-o", "remount,ro", disk]).status).toBe(0);
  const argv = [BIN, "serve", "--data", path.join(disk, "data"), "--listen", "127.0.0.1:0"];
  const { status, stderr } = spawnSync(process.execPath, argv, { encoding: "utf8", timeout: 20_000 });
  expect(stderr.trim().split("\n")).toHaveLength(1);
  expect(stderr).toMatch(/read-only/);
  expect(status).toBe(1);
});
