// The built product as a process of its own, the way users run it.
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import os from "node:os";
import path from "node:path";

const ROOT = path.resolve(import.meta.dirname, "../../..");
const BIN = path.join(ROOT, "packages/server/bin/storewatch.mjs");

export interface StorewatchProcess {
  readonly url: string;
  readonly dataDir: string;
  /** The admin token of this data directory. */
  readonly token: string;
  readonly child: ChildProcess;
  /** What it printed so far, both streams. */
  output(): string;
  /** GET with the admin token; the parsed JSON. Throws on a status of 400 or more. */
  json(pathAndQuery: string, init?: RequestInit): Promise<unknown>;
  fetch(pathAndQuery: string, init?: RequestInit): Promise<Response>;
  /** SIGTERM and wait; the exit code. */
  stop(): Promise<number | null>;
  /** SIGKILL and wait. */
  kill(): Promise<void>;
}

export interface StartOptions {
  /** Files written into the directory of the config, by name; `storewatch.yml` among them is the config. */
  readonly files?: Readonly<Record<string, string>>;
  readonly dataDir?: string;
  readonly port?: number;
  readonly args?: readonly string[];
  /** Default serve. */
  readonly command?: "serve" | "demo";
  readonly readyTimeoutMs?: number;
}

/** Starts `storewatch serve` (or `demo`) on a free loopback port and waits until it is ready. */
export async function startStorewatch(options: StartOptions = {}): Promise<StorewatchProcess> {
  const dataDir = options.dataDir ?? temporaryDir("storewatch-data-");
  const port = options.port ?? (await freePort());
  const argv = [
    BIN,
    options.command ?? "serve",
    "--data",
    dataDir,
    "--listen",
    `127.0.0.1:${port}`,
    ...(options.args ?? []),
  ];
  if (options.files) {
    const configDir = temporaryDir("storewatch-config-");
    for (const [name, text] of Object.entries(options.files)) writeFileSync(path.join(configDir, name), text);
    if (options.files["storewatch.yml"] !== undefined) argv.push("--config", path.join(configDir, "storewatch.yml"));
  }
  const child = spawn(process.execPath, argv, { stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk) => (output += String(chunk)));
  const url = `http://127.0.0.1:${port}`;
  await waitUntil(
    () => {
      if (child.exitCode !== null) throw new Error(`storewatch exited with ${child.exitCode}:\n${output}`);
      return fetch(`${url}/health/ready`).then(
        (reply) => reply.ok,
        () => false,
      );
    },
    options.readyTimeoutMs ?? 20_000,
    () => `storewatch did not become ready:\n${output}`,
  );
  const tokenFile = path.join(dataDir, "admin-token");
  const token = existsSync(tokenFile) ? readFileSync(tokenFile, "utf8").trim() : "";
  const request = (pathAndQuery: string, init: RequestInit = {}) =>
    fetch(url + pathAndQuery, { ...init, headers: { authorization: `Bearer ${token}`, ...init.headers } });
  return {
    url,
    dataDir,
    token,
    child,
    output: () => output,
    fetch: request,
    async json(pathAndQuery, init) {
      const reply = await request(pathAndQuery, init);
      const text = await reply.text();
      if (!reply.ok) throw new Error(`${pathAndQuery}: ${reply.status} ${text}`);
      return JSON.parse(text) as unknown;
    },
    stop: () => end(child, "SIGTERM"),
    async kill() {
      await end(child, "SIGKILL");
    },
  };
}

function end(child: ChildProcess, signal: NodeJS.Signals): Promise<number | null> {
  return new Promise((resolve) => {
    if (child.exitCode !== null || child.signalCode !== null) return resolve(child.exitCode);
    child.once("exit", (code) => resolve(code));
    child.kill(signal);
  });
}

/** Polls every 50 ms until `probe` is true. Throws with `describe()` after the time limit. */
export async function waitUntil(
  probe: () => boolean | Promise<boolean>,
  timeoutMs: number,
  describe: () => string = () => "the awaited condition did not come",
): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  while (!(await probe())) {
    if (performance.now() > deadline) throw new Error(describe());
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** A new directory that is removed when the process ends. */
export function temporaryDir(prefix: string): string {
  const dir = mkdtempSync(path.join(os.tmpdir(), prefix));
  if (temporaryDirs.length === 0) {
    process.on("exit", () => {
      for (const made of temporaryDirs) rmSync(made, { recursive: true, force: true });
    });
  }
  temporaryDirs.push(dir);
  return dir;
}

const temporaryDirs: string[] = [];

/** A loopback TCP port that was free a moment ago. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() =>
        typeof address === "object" && address ? resolve(address.port) : reject(new Error("no port")),
      );
    });
  });
}
