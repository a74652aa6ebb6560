// Discovery through the collector: from lists and a cluster to pages that were fetched, over reloads.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { Registry } from "prom-client";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { systemClock } from "../../kernel/clock.ts";
import { silentLogger } from "../../kernel/logger.ts";
import { type Collector, createCollector } from "../collector.ts";
import { fileSources, loadPrometheusConfig } from "../prometheus-config.ts";
import { FakeStore } from "../testing/fake-store.ts";
import { TargetServer } from "../testing/target-server.ts";
import { FakeApi } from "./kubernetes/testing/fake-api.ts";

let dir: string;
let target: TargetServer;
let store: FakeStore;
let collector: Collector | undefined;
let registry: Registry;

beforeEach(async () => {
  dir = mkdtempSync(path.join(tmpdir(), "collect-sd-"));
  target = await TargetServer.start();
  store = new FakeStore();
  registry = new Registry();
});

afterEach(async () => {
  await collector?.stop();
  collector = undefined;
  await target.stop();
  rmSync(dir, { recursive: true });
});

function load(jobs: string) {
  const file = path.join(dir, "prometheus.yml");
  writeFileSync(file, `global: { scrape_interval: 100ms }\n${jobs}`);
  return loadPrometheusConfig(file, fileSources({}));
}

function start(jobs: string): Collector {
  collector = createCollector({
    store,
    config: load(jobs),
    clock: systemClock,
    logger: silentLogger,
    metrics: registry,
  });
  collector.start();
  return collector;
}

const until = (check: () => void) => vi.waitFor(check, { timeout: 10_000, interval: 10 });
const urls = () => collector!.board.active().map(({ scrapeUrl }) => scrapeUrl);
const job = (lines: string) => `scrape_configs:\n  - job_name: j\n${lines.replace(/^/gm, "    ")}\n`;

test("a list that does not come holds nobody up, and a reload ends nothing before the new lists are there", async () => {
  const lists = await TargetServer.start();
  let answerList = false;
  lists.answer = (_, response) => {
    if (!answerList) return;
    response.setHeader("content-type", "application/json");
    response.end(JSON.stringify([{ targets: [target.address], labels: { from: "list" } }]));
  };
  const http = `http_sd_configs: [{ url: 'http://${lists.address}/', refresh_interval: 1s }]`;
  start(job(`static_configs: [{ targets: ['${target.address}'] }]\n${http}`));
  await until(() => expect(collector!.board.active()[0]?.health).toBe("up"));
  await until(() => expect(lists.requests.length).toBeGreaterThan(0));
  expect(urls()).toHaveLength(1);
  // The same target is now in the list only: until that has come, it goes on.
  await collector!.reload(load(job(http)));
  expect(urls()).toHaveLength(1);
  answerList = true;
  await until(() => expect(collector!.board.active()[0]?.labels.get("from")).toBe("list"));
  expect(urls()).toHaveLength(1);
  expect(await registry.metrics()).toMatch(/storewatch_discovery_problems_total [1-9]/);
  await collector?.stop();
  collector = undefined;
  await lists.stop();
});

test("pods by annotations, as in docs/scrape.md", async () => {
  const api = await FakeApi.start();
  const [host, port] = target.address.split(":");
  const pod = (name: string, annotations: Record<string, string>) => ({
    metadata: { name, namespace: "shop", labels: { app: "web" }, annotations },
    spec: { containers: [{ name: "app", ports: [{ containerPort: 8080 }] }] },
    status: { podIP: host, phase: "Running" },
  });
  api.put(
    "/api/v1/pods",
    pod("web-1", {
      "prometheus.io/scrape": "true",
      "prometheus.io/port": port,
      "prometheus.io/path": "/stats",
    }),
  );
  api.put("/api/v1/pods", pod("web-2", {}));
  const docs = readFileSync(path.join(import.meta.dirname, "../../../../../docs/scrape.md"), "utf8");
  const example = /```yaml\n(scrape_configs:\n {2}- job_name: pods\n.*?)```/s.exec(docs)?.[1];
  if (!example) throw new Error("docs/scrape.md has no job `pods`");
  // The example runs inside a cluster; here the server is named.
  start(example.replace("- role: pod", `- role: pod\n        api_server: ${api.url}`));
  await until(() => expect(collector!.board.active()[0]?.health).toBe("up"));
  expect(urls()).toEqual([`http://${target.address}/stats`]);
  const [active] = collector!.board.active();
  expect(active.labels.toJSON()).toMatchObject({ namespace: "shop", pod: "web-1", app: "web" });
  expect(collector!.board.dropped()).toHaveLength(1);
  await collector?.stop();
  collector = undefined;
  await api.stop();
});
