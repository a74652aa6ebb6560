// What a user sees when something is wrong: one clear line with place and reason, and the right exit code.
import { spawnSync } from "node:child_process";
import { once } from "node:events";
import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import path from "node:path";
import { freePort, type StorewatchProcess, startStorewatch, temporaryDir, waitUntil } from "@storewatch/testkit";
import { afterEach, describe, expect, test } from "vitest";
import { startTarget, type Target } from "./target.ts";

const BIN = path.resolve(import.meta.dirname, "../packages/server/bin/storewatch.mjs");

function serve(files: Record<string, string>, more: string[] = [], listen = "127.0.0.1:0") {
  const dir = temporaryDir("storewatch-bad-");
  for (const [name, text] of Object.entries(files)) writeFileSync(path.join(dir, name), text);
  const argv = [BIN, "serve", "--data", path.join(dir, "data"), "--listen", listen, ...more];
  if (files["storewatch.yml"] !== undefined) argv.push("--config", path.join(dir, "storewatch.yml"));
  return spawnSync(process.execPath, argv, { encoding: "utf8", timeout: 20_000 });
}

describe("a broken file stops the start and is told with its place", () => {
  const f = (files: Record<string, string>, expected: RegExp) => {
    const { status, stderr } = serve(files);
    expect(stderr).toMatch(expected);
    expect(status).toBe(2);
  };
  test("unknown key in storewatch.yml, with a suggestion", () =>
    f(
      { "storewatch.yml": "listen: 127.0.0.1:0\nmetrcs: {}\n" },
      /storewatch\.yml:2:1: .*unknown key `metrcs`.*`metrics`/,
    ));
  test("what is not in this version is refused, not ignored", () =>
    f({ "storewatch.yml": "uptime: { monitors: [] }\n" }, /storewatch\.yml:1:1: .*not in this version/));
  test("a YAML mistake", () => f({ "storewatch.yml": "metrics: {\n" }, /storewatch\.yml:\d+:\d+: /));
  test("a wrong scrape job", () =>
    f(
      {
        "storewatch.yml": "metrics: { prometheus: prometheus.yml }\n",
        "prometheus.yml": "scrape_configs:\n  - job_name: a\n    scrape_intervall: 5s\n",
      },
      /prometheus\.yml:3:5: .*scrape_intervall/,
    ));
  test("a rule whose expression does not parse", () =>
    f(
      {
        "storewatch.yml": "metrics: { prometheus: prometheus.yml }\n",
        "prometheus.yml": "rule_files: [rules.yml]\n",
        "rules.yml": "groups:\n  - name: g\n    rules:\n      - alert: A\n        expr: sum(rate(x[5m])\n",
      },
      /rules\.yml:5:\d+: /,
    ));
  test("a route to a receiver that does not exist", () =>
    f(
      {
        "storewatch.yml": "alerts: { alertmanager: am.yml }\n",
        "am.yml": "route: { receiver: nobody }\nreceivers:\n  - name: team\n",
      },
      /am\.yml:1:\d+: .*nobody/,
    ));
});

describe("what stands in the way of a start is one line and exit 1", () => {
  test("a taken port", async () => {
    const port = await freePort();
    const blocker = createServer().listen(port, "127.0.0.1");
    await once(blocker, "listening");
    const { status, stderr } = serve({}, [], `127.0.0.1:${port}`);
    blocker.close();
    expect(stderr.trim().split("\n")).toHaveLength(1);
    expect(stderr).toContain(String(port));
    expect(status).toBe(1);
  });
  test("an unwritable data directory", () => {
    const dir = temporaryDir("storewatch-ro-");
    writeFileSync(path.join(dir, "file"), "");
    const { status, stderr } = serve({}, ["--data", path.join(dir, "file", "data")]);
    expect(stderr.trim().split("\n")).toHaveLength(1);
    expect(status).toBe(1);
  });
  test("a data directory that another process uses", async () => {
    const first = await startStorewatch();
    const { status, stderr } = serve({}, ["--data", first.dataDir]);
    expect(stderr.trim().split("\n")).toHaveLength(1);
    expect(stderr).toContain(first.dataDir);
    expect(status).toBe(1);
    await first.stop();
  });
});

describe("while it runs", () => {
  let server: StorewatchProcess | undefined;
  let target: Target | undefined;
  afterEach(async () => {
    await server?.stop();
    await target?.close();
  });

  test("a bad page is up 0 with its error on the targets page, and the next good page is up 1", async () => {
    target = await startTarget("good 1\nbad{ 2\n");
    server = await startStorewatch({
      files: {
        "storewatch.yml": "metrics: { prometheus: prometheus.yml }\n",
        "prometheus.yml": `global: { scrape_interval: 300ms, scrape_timeout: 300ms }\nscrape_configs:\n  - job_name: t\n    static_configs: [{ targets: ["${target.address}"] }]\n`,
      },
    });
    const up = async () => {
      const reply = (await server!.json("/api/v1/query?query=up{job='t'}")) as {
        data: { result: Array<{ value: [number, string] }> };
      };
      return reply.data.result[0]?.value[1];
    };
    await waitUntil(async () => (await up()) === "0", 10_000);
    const targets = (await server.json("/api/v1/targets")) as {
      data: { activeTargets: Array<{ labels: { job: string }; lastError: string }> };
    };
    expect(targets.data.activeTargets.find((t) => t.labels.job === "t")?.lastError).toMatch(/line 2/);
    target.page = "good 1\n";
    await waitUntil(async () => (await up()) === "1", 10_000);
  });

  test("a bad reload keeps the old config and says so", async () => {
    target = await startTarget("x 1\n");
    const dir = temporaryDir("storewatch-reload-");
    mkdirSync(dir, { recursive: true });
    const file = path.join(dir, "prometheus.yml");
    writeFileSync(
      file,
      `scrape_configs:\n  - job_name: t\n    scrape_interval: 300ms\n    scrape_timeout: 300ms\n    static_configs: [{ targets: ["${target.address}"] }]\n`,
    );
    chmodSync(file, 0o644);
    server = await startStorewatch({ files: { "storewatch.yml": `metrics: { prometheus: ${file} }\n` } });
    await waitUntil(() => target!.scrapes > 0, 10_000);
    writeFileSync(file, "scrape_configs: [{ job_nam: t }]\n");
    const reply = await server.fetch("/-/reload", { method: "POST" });
    expect(reply.status).toBeGreaterThanOrEqual(400);
    expect(await reply.text()).toMatch(/prometheus\.yml:1:\d+/);
    const before = target.scrapes;
    await waitUntil(() => target!.scrapes > before + 1, 10_000);
  });
});
