// The two servers of the compliance suite as processes: Prometheus as the system has it, and Storewatch as built.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import os from "node:os";
import path from "node:path";
import { systemClock } from "../kernel/clock.ts";

const STOREWATCH = path.resolve(import.meta.dirname, "../../bin/storewatch.mjs");
/** Much for two servers on an idle machine, and enough on a busy one. */
const READY_MS = 120_000;
/** The end of what a server wrote to stderr, for messages. */
const STDERR_CHARS = 2000;

/** A server that answers /api/v1 like Prometheus. */
export interface Peer {
  /** The reply's JSON, errors included. */
  ask(pathname: string, parameters: Readonly<Record<string, string>>): Promise<unknown>;
  stop(): Promise<void>;
}

function prometheusConfig(targetPort: number): string {
  return `
scrape_configs:
  - job_name: demo
    scrape_interval: 2s
    honor_labels: true
    static_configs:
      - targets: ["127.0.0.1:${targetPort}"]
`;
}

/** Undefined when Prometheus is not installed. */
export async function startPrometheus(targetPort: number): Promise<Peer | undefined> {
  const port = await freePort();
  const dir = mkdtempSync(path.join(os.tmpdir(), "compliance-prometheus-"));
  writeFileSync(path.join(dir, "prometheus.yml"), prometheusConfig(targetPort));
  const child = spawn(
    "prometheus",
    [
      `--config.file=${path.join(dir, "prometheus.yml")}`,
      `--storage.tsdb.path=${path.join(dir, "data")}`,
      `--web.listen-address=127.0.0.1:${port}`,
      "--log.level=error",
    ],
    { stdio: ["ignore", "ignore", "pipe"] },
  );
  const missing = await Promise.race([
    once(child, "error").then(() => true),
    once(child, "spawn").then(() => false),
  ]).catch(() => true);
  if (missing) {
    rmSync(dir, { recursive: true, force: true });
    return undefined;
  }
  return readyPeer(child, dir, `http://127.0.0.1:${port}`, "/-/ready");
}

export async function startStorewatch(targetPort: number): Promise<Peer> {
  const port = await freePort();
  const dir = mkdtempSync(path.join(os.tmpdir(), "compliance-storewatch-"));
  writeFileSync(path.join(dir, "prometheus.yml"), prometheusConfig(targetPort));
  const config = [
    `listen: 127.0.0.1:${port}`,
    "data: ./data",
    "auth: { anonymous: viewer }",
    "metrics: { prometheus: prometheus.yml }",
    "log_level: error",
  ];
  const file = path.join(dir, "storewatch.yml");
  writeFileSync(file, `${config.join("\n")}\n`);
  const child = spawn(process.execPath, [STOREWATCH, "serve", "--config", file], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  return readyPeer(child, dir, `http://127.0.0.1:${port}`, "/health/ready");
}

async function readyPeer(child: ChildProcess, dir: string, url: string, readyPath: string): Promise<Peer> {
  const stop = async () => {
    if (child.exitCode === null && child.signalCode === null) {
      child.kill("SIGTERM");
      await once(child, "exit");
    }
    rmSync(dir, { recursive: true, force: true });
  };
  let stderr = "";
  child.stderr?.on("data", (chunk) => {
    stderr = (stderr + String(chunk)).slice(-STDERR_CHARS);
  });
  try {
    await waitUntil(`${child.spawnargs.join(" ")} is ready`, async () => {
      if (child.exitCode !== null) throw new Error(`exited with ${child.exitCode}: ${stderr}`);
      return (await fetch(url + readyPath)).ok;
    });
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    async ask(pathname, parameters) {
      const reply = await fetch(url + pathname, { method: "POST", body: new URLSearchParams(parameters) });
      return reply.json();
    },
    stop,
  };
}

/** Polls; a server that does not answer yet is no error. `what` is what does not come, for the message. */
export async function waitUntil(what: string, probe: () => Promise<boolean>): Promise<void> {
  const deadlineMs = systemClock.monotonicMs() + READY_MS;
  for (;;) {
    try {
      if (await probe()) return;
    } catch (error) {
      if (!(error instanceof TypeError)) throw error;
    }
    if (systemClock.monotonicMs() > deadlineMs) throw new Error(`waited ${READY_MS / 1000} s in vain: ${what}`);
    await new Promise<void>((resolve) => {
      systemClock.setTimer(100, resolve);
    });
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  if (typeof address !== "object" || !address) throw new Error("no port");
  return address.port;
}
