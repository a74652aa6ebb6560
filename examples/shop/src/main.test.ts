// The built example as its users run it: processes, deploys, crashes, and nothing left behind.
import { type ChildProcess, execFile, fork, spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { FromShop } from "./messages.ts";

const DIST = path.resolve(import.meta.dirname, "../dist");
const FAULT = path.resolve(import.meta.dirname, "../../../tools/fault.mjs");
const run = promisify(execFile);
type Ready = Extract<FromShop, { kind: "ready" }>;

let directory: string;
const children: ChildProcess[] = [];

beforeEach(() => {
  directory = mkdtempSync(path.join(os.tmpdir(), "shop-main-"));
});

afterEach(async () => {
  for (const child of children.splice(0)) {
    if (child.exitCode !== null || child.signalCode !== null) continue;
    const ended = new Promise((resolve) => child.once("exit", resolve));
    child.kill("SIGTERM");
    await ended;
  }
  rmSync(directory, { recursive: true, force: true });
});

async function start(...args: string[]): Promise<Ready> {
  const child = fork(path.join(DIST, "main.js"), ["--port", "0", "--data", directory, ...args], {
    silent: true,
    // Not the test runner's own flags: they would load the SDK's sources.
    execArgv: [],
  });
  children.push(child);
  return await new Promise((resolve, reject) => {
    child.on("message", (message: FromShop) => (message.kind === "ready" ? resolve(message) : reject(message)));
  });
}

const answers = (url: string) =>
  fetch(url).then(
    () => true,
    () => false,
  );
const metrics = async (url: string) => await (await fetch(url)).text();
const post = (url: string) => fetch(url, { method: "POST" });

describe.skipIf(!existsSync(path.join(DIST, "main.js")))("the example's processes", () => {
  test("traffic makes orders; a deploy changes the version; a crash is survived; SIGTERM ends all", async () => {
    const { url, metricsUrl, providers, tenants } = await start("--rate", "150", "--seed", "3");
    expect(tenants).toHaveLength(20);
    const paid = async () =>
      [...(await metrics(metricsUrl)).matchAll(/status="paid"} (\d+)/g)].reduce((n, m) => n + Number(m[1]), 0);
    await expect.poll(paid, { timeout: 15_000, interval: 200 }).toBeGreaterThan(5);
    await post(`${url}/deploy?version=1.1.0`);
    const version = () =>
      metrics(metricsUrl).then(
        (text) => /service_build_info\{.*version="(.*?)"/.exec(text)?.[1],
        () => "",
      );
    await expect.poll(version, { timeout: 10_000, interval: 100 }).toBe("1.1.0");
    await post(`${url}/faults/process-crash`);
    await expect.poll(() => answers(url), { timeout: 5000, interval: 20 }).toBe(false);
    await expect.poll(version, { timeout: 10_000, interval: 100 }).toBe("1.1.0");
    await expect.poll(paid, { timeout: 15_000, interval: 200 }).toBeGreaterThan(0);
    const [child] = children;
    const ended = new Promise((resolve) => child.once("exit", resolve));
    child.kill("SIGTERM");
    await ended;
    for (const where of [url, ...Object.values(providers)])
      expect([where, await answers(where)]).toEqual([where, false]);
  }, 60_000);

  test("npm run fault finds the shop, lists, switches on and off, and names mistakes", async () => {
    const { url } = await start("--rate", "0");
    const fault = (...args: string[]) => run(process.execPath, [FAULT, "--data", directory, ...args]);
    expect((await fault("order-drop", "--tenant", "acme")).stdout).toBe("order-drop is on for acme.\n");
    expect((await fault()).stdout).toMatch(/order-drop +ON for acme/);
    expect(await (await fetch(`${url}/faults`)).text()).toContain('"active":[{"tenant":"acme"');
    expect((await fault("order-drop", "--off")).stdout).toBe("order-drop is off for all shops.\n");
    await expect(fault("nonsense")).rejects.toMatchObject({
      code: 1,
      stderr: expect.stringContaining("no such fault"),
    });
    await expect(fault("--nonsense")).rejects.toMatchObject({ code: 2, stderr: expect.stringContaining("usage:") });
    await expect(fault("order-drop", "--url", "http://127.0.0.1:1")).rejects.toMatchObject({
      code: 1,
      stderr: expect.stringContaining("No shop answers"),
    });
  }, 30_000);

  test("a parent that is killed leaves no orphan", async () => {
    const parent = `
      const { fork } = require("node:child_process");
      const child = fork(${JSON.stringify(path.join(DIST, "main.js"))},
        ["--port", "0", "--rate", "5", "--data", ${JSON.stringify(directory)}], { silent: true });
      child.on("message", (message) => console.log(JSON.stringify(message)));`;
    const process_ = spawn(process.execPath, ["-e", parent], { stdio: ["ignore", "pipe", "inherit"] });
    children.push(process_);
    const line = await new Promise<string>((resolve) => process_.stdout.once("data", (data) => resolve(String(data))));
    const ready = JSON.parse(line) as Ready;
    expect(await answers(ready.url)).toBe(true);
    const { pid } = JSON.parse(readFileSync(path.join(directory, "shop.json"), "utf8")) as { pid: number };
    // The traffic generator was started a moment ago and may still be loading: it must end all the same.
    const descendants = childrenOf(pid);
    process_.kill("SIGKILL");
    for (const where of [ready.url, ...Object.values(ready.providers)])
      await expect.poll(() => answers(where), { timeout: 5000 }).toBe(false);
    await expect.poll(() => [pid, ...descendants].filter(alive), { timeout: 5000 }).toEqual([]);
  }, 30_000);
});

/** Linux only; elsewhere the ports tell. */
function childrenOf(pid: number): number[] {
  const file = `/proc/${pid}/task/${pid}/children`;
  return existsSync(file) ? readFileSync(file, "utf8").trim().split(" ").map(Number) : [];
}

function alive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
