// A service with the built SDK, read by the built Storewatch and by a real Prometheus, with a token.
import { execFileSync, spawn } from "node:child_process";
import { cpSync, mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import {
  findPeer,
  freePort,
  type StorewatchProcess,
  startStorewatch,
  temporaryDir,
  waitUntil,
} from "@storewatch/testkit";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type SdkService, SERVICE_TOKEN, startSdkService } from "./sdk-process.ts";

const RULES = path.resolve(import.meta.dirname, "../packages/server/content/rules/ecommerce.rules.yml");

let service: SdkService;
let traffic: NodeJS.Timeout;

/** Every shop looks and buys; only acme's checkout is broken. */
function ask(): void {
  const as = (tenant: string) => ({ headers: { "x-tenant-id": tenant } });
  const requests = ["acme", "bep-nha"].flatMap((tenant) => [
    fetch(`${service.url}/products/1`, as(tenant)),
    fetch(`${service.url}/orders`, { method: "POST", ...as(tenant) }),
  ]);
  requests.push(fetch(`${service.url}/broken`, as("acme")));
  for (const request of requests) request.then((reply) => reply.body?.cancel()).catch(() => undefined);
}

beforeAll(async () => {
  service = await startSdkService({ KNOWN: "acme,bep-nha", NOTICE_MS: "0" });
  traffic = setInterval(ask, 200);
}, 30_000);
afterAll(async () => {
  clearInterval(traffic);
  service?.child.kill("SIGTERM");
  expect(await service?.ended()).toBe(0);
});

const scrapeConfig = (target: number, credentials = SERVICE_TOKEN) => `global:
  scrape_interval: 1s
  evaluation_interval: 1s
rule_files: [ecommerce.rules.yml]
scrape_configs:
  - job_name: checkout
    authorization: { credentials: ${credentials} }
    static_configs: [{ targets: ["127.0.0.1:${target}"] }]
  - job_name: stranger
    authorization: { credentials: wrong }
    static_configs: [{ targets: ["127.0.0.1:${target}"] }]
`;

interface Result {
  readonly metric: Record<string, string>;
  readonly value: readonly [number, string];
}
type Query = (text: string) => Promise<readonly Result[]>;
const vector = (reply: unknown) => (reply as { data: { result: readonly Result[] } }).data.result;

/** A rate needs two scrapes. */
async function sellsInBothShops(query: Query): Promise<void> {
  const selling = async () => {
    const rates = await query('sum by (tenant_id) (rate(orders_total{status="paid"}[10s])) > 0');
    return rates.map((one) => one.metric.tenant_id).sort();
  };
  await waitUntil(async () => (await selling()).length > 1, 20_000);
  expect(await selling()).toEqual(["acme", "bep-nha"]);
}

async function knowsTheShops(query: Query): Promise<void> {
  await waitUntil(async () => (await query('orders_total{status="paid"} > 3')).length === 2, 20_000);
  await sellsInBothShops(query);
  const failing = await query('sum by (tenant_id, route) (http_requests_total{status_code="500"}) > 0');
  expect(failing.map((one) => one.metric)).toEqual([{ tenant_id: "acme", route: "/broken" }]);
  const revenue = await query("sum by (currency) (revenue_total)");
  expect(revenue[0]?.metric).toEqual({ currency: "VND" });
  expect(Number(revenue[0]?.value[1]) % 50_000).toBe(0);
  const build = await query("service_build_info");
  expect(build[0]?.metric).toMatchObject({ service: "checkout", version: "1.0.0" });
  expect(await query('health_check_status{check="warm-up"} == 1')).toHaveLength(1);
  // The second job's token is wrong.
  expect((await query('up{job=~"checkout|stranger"}')).map((one) => [one.metric.job, one.value[1]]).sort()).toEqual([
    ["checkout", "1"],
    ["stranger", "0"],
  ]);
}

describe("storewatch serve", () => {
  let server: StorewatchProcess;
  let startedMs = 0;
  const configDir = temporaryDir("storewatch-sdk-rules-");

  beforeAll(async () => {
    cpSync(RULES, path.join(configDir, "ecommerce.rules.yml"));
    const config = scrapeConfig(service.metricsPort).replace("[ecommerce", `[${configDir}/ecommerce`);
    server = await startStorewatch({
      files: { "storewatch.yml": "metrics: { prometheus: prometheus.yml }\n", "prometheus.yml": config },
    });
    startedMs = performance.now();
  }, 40_000);
  afterAll(async () => {
    expect(await server?.stop()).toBe(0);
  });
  const query: Query = async (text) => vector(await server.json(`/api/v1/query?query=${encodeURIComponent(text)}`));

  test("scrapes with the token; the figures arrive by shop", async () => {
    await knowsTheShops(query);
  });

  test("the built-in rules see them: acme's error rate fires, its neighbour's does not", async () => {
    await waitUntil(async () => (await query("tenant:http_errors:ratio5m > 0.1")).length === 1, 40_000);
    const ratios = await query("tenant:http_errors:ratio5m");
    expect(Object.fromEntries(ratios.map((one) => [one.metric.tenant_id, Number(one.value[1]) > 0]))).toEqual({
      acme: true,
      "bep-nha": false,
    });
    const alerts = 'ALERTS{alertname="HighErrorRate",severity="critical",alertstate="firing"}';
    await waitUntil(async () => (await query(alerts)).length > 0, 60_000);
    expect((await query(alerts)).map((one) => one.metric.tenant_id)).toEqual(["acme"]);
  }, 110_000);

  test("a new version is marked as a deploy by its label", async () => {
    // The watcher compares every 15 s: it must have seen the old version once.
    await waitUntil(() => performance.now() - startedMs > 20_000, 25_000);
    const metricsPort = String(service.metricsPort);
    service.child.kill("SIGTERM");
    expect(await service.ended()).toBe(0);
    service = await startSdkService({
      KNOWN: "acme,bep-nha",
      NOTICE_MS: "0",
      VERSION: "1.1.0",
      METRICS_PORT: metricsPort,
    });
    const marks = () => server.json("/api/annotations?tags=deploy&tags=version:1.1.0") as Promise<{ tags: string[] }[]>;
    await waitUntil(async () => (await marks()).length === 1, 45_000);
    expect((await marks())[0]?.tags).toEqual(["deploy", "service:checkout", "version:1.1.0"]);
  }, 60_000);
});

const prometheus = findPeer("prometheus");
const promtool = findPeer("promtool");

interface Reader {
  readonly query: Query;
  stop(): Promise<unknown>;
}

async function ownReader(config: string): Promise<Reader> {
  const server = await startStorewatch({
    files: { "storewatch.yml": "metrics: { prometheus: prometheus.yml }\n", "prometheus.yml": config },
  });
  return {
    query: async (text) => vector(await server.json(`/api/v1/query?query=${encodeURIComponent(text)}`)),
    stop: () => server.stop(),
  };
}

async function prometheusReader(program: string, config: string): Promise<Reader> {
  const dir = temporaryDir("storewatch-sdk-prometheus-");
  mkdirSync(path.join(dir, "data"));
  cpSync(RULES, path.join(dir, "ecommerce.rules.yml"));
  writeFileSync(path.join(dir, "prometheus.yml"), config);
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const argv = [`--config.file=${dir}/prometheus.yml`, `--storage.tsdb.path=${dir}/data`];
  const child = spawn(program, [...argv, `--web.listen-address=127.0.0.1:${port}`], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  let output = "";
  child.stderr.on("data", (chunk) => (output += String(chunk)));
  const isReady = () =>
    fetch(`${url}/-/ready`).then(
      (reply) => reply.ok,
      () => false,
    );
  await waitUntil(isReady, 20_000, () => `prometheus did not become ready:\n${output}`);
  return {
    query: async (text) => vector(await (await fetch(`${url}/api/v1/query?query=${encodeURIComponent(text)}`)).json()),
    stop: () =>
      new Promise((resolve) => {
        child.once("exit", resolve);
        child.kill("SIGTERM");
      }),
  };
}

describe.skipIf(!prometheus)("a real Prometheus", () => {
  let reader: Reader;
  beforeAll(async () => {
    reader = await prometheusReader(prometheus!, scrapeConfig(service.metricsPort));
  }, 40_000);
  afterAll(() => reader?.stop());

  test("scrapes it with the token, and knows the same", async () => {
    const { query } = reader;
    await waitUntil(async () => (await query('service_build_info{version=~"1.+"}')).length === 1, 10_000);
    await waitUntil(async () => (await query('orders_total{status="paid"} > 3')).length === 2, 20_000);
    const failing = await query('sum by (tenant_id, route) (http_requests_total{status_code="500"}) > 0');
    expect(failing.map((one) => one.metric)).toEqual([{ tenant_id: "acme", route: "/broken" }]);
    await sellsInBothShops(query);
    // Nothing was dropped as a duplicate or out of order.
    expect(await query('scrape_samples_scraped{job="checkout"} == scrape_samples_post_metric_relabeling')).toHaveLength(
      1,
    );
  });
});

describe("OpenMetrics", () => {
  test.each([
    ["storewatch serve", undefined],
    ["a real Prometheus", prometheus],
  ] as const)(
    "%s reads what a registry of that format gives",
    async (name, program) => {
      if (name !== "storewatch serve" && program === undefined) return;
      const other = await startSdkService({ OPENMETRICS: "1", NOTICE_MS: "0", VERSION: "om-1" });
      const config = scrapeConfig(other.metricsPort).replace("rule_files: [ecommerce.rules.yml]\n", "");
      const reader = program === undefined ? await ownReader(config) : await prometheusReader(program, config);
      try {
        const order = { method: "POST", headers: { "x-tenant-id": "acme" } };
        await (await fetch(`${other.url}/orders`, order)).text();
        await waitUntil(
          async () => (await reader.query('orders_total{tenant_id="acme",status="paid"} == 1')).length === 1,
          15_000,
        );
        expect(await reader.query('service_build_info{version="om-1"}')).toHaveLength(1);
        expect(await reader.query('http_request_duration_seconds_bucket{route="/orders",le="+Inf"} == 1')).toHaveLength(
          1,
        );
        expect(await reader.query('up{job="checkout"} == 1')).toHaveLength(1);
      } finally {
        await reader.stop();
        other.child.kill("SIGKILL");
        await other.ended();
      }
    },
    60_000,
  );
});

test.skipIf(!promtool)("promtool check metrics finds no fault with the exposition", async () => {
  const text = await service.metrics();
  expect(text).toContain('orders_total{tenant_id="acme",status="paid"}');
  // promtool reads from its input; it ends with 3 for a lint problem.
  const said = (() => {
    try {
      execFileSync(promtool!, ["check", "metrics"], { input: text, encoding: "utf8", stdio: "pipe" });
      return "";
    } catch (error) {
      return String((error as { stderr?: string }).stderr);
    }
  })();
  const problems = said.split("\n").filter((line) => line !== "" && !/^(nodejs|process)_/.test(line));
  expect(problems).toEqual([]);
});
