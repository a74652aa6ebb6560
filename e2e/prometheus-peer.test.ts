// A real Prometheus reads from us: remote read and federation; and what Grafana and Perses ask of a Prometheus data source.
import { type ChildProcess, spawn } from "node:child_process";
import { writeFileSync } from "node:fs";
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
import { startTarget, type Target } from "./target.ts";

const PAGE = `# HELP orders_total Orders of each shop.
# TYPE orders_total counter
orders_total{tenant_id="acme",status="paid"} 5
orders_total{tenant_id="bep-nha",status="paid"} 7
# TYPE latency_seconds histogram
latency_seconds_bucket{tenant_id="acme",le="0.1"} 3
latency_seconds_bucket{tenant_id="acme",le="+Inf"} 4
latency_seconds_sum{tenant_id="acme"} 0.7
latency_seconds_count{tenant_id="acme"} 4
`;

let target: Target;
let server: StorewatchProcess;

beforeAll(async () => {
  target = await startTarget(PAGE);
  server = await startStorewatch({
    files: {
      "storewatch.yml": "metrics: { prometheus: prometheus.yml }\n",
      "prometheus.yml": `global: { scrape_interval: 1s, external_labels: { cluster: c1 } }
scrape_configs:
  - job_name: shop
    basic_auth: { username: me, password: hush }
    static_configs: [{ targets: ["${target.address}"] }]
`,
    },
  });
  await waitUntil(async () => {
    const reply = (await server.json("/api/v1/query?query=count(orders_total)")) as { data: { result: unknown[] } };
    return reply.data.result.length > 0;
  }, 15_000);
}, 40_000);

afterAll(async () => {
  expect(await server?.stop()).toBe(0);
  await target?.close();
});

const program = findPeer("prometheus");

describe.skipIf(!program)("a real Prometheus", () => {
  let url = "";
  let child: ChildProcess;
  let output = "";

  beforeAll(async () => {
    const token = async (role: string, tenants: string[] | null) => {
      const reply = await server.json("/api/storewatch/v1/tokens", {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ name: `${role} of ${tenants}`, role, tenants }),
      });
      return (reply as { token: string }).token;
    };
    const dir = temporaryDir("storewatch-prometheus-");
    const address = new URL(server.url).host;
    const federation = (job: string, credentials: string) => `
  - job_name: ${job}
    honor_labels: true
    metrics_path: /federate
    params: { "match[]": ['{__name__=~"orders_total|latency_.*"}'] }
    authorization: { credentials: ${credentials} }
    static_configs: [{ targets: ["${address}"] }]`;
    writeFileSync(
      path.join(dir, "prometheus.yml"),
      `global: { scrape_interval: 1s }
scrape_configs:${federation("all", await token("scrape", null))}${federation("one", await token("scrape", ["acme"])).replace("params:", "metric_relabel_configs: [{ target_label: job, replacement: one }]\n    params:")}
remote_read:
  - url: ${server.url}/api/v1/read
    read_recent: true
    basic_auth: { username: x, password: ${await token("viewer", ["acme"])} }
    required_matchers: { through: remote-read }
  - url: ${server.url}/api/v1/read
    read_recent: true
    authorization: { credentials: ${await token("viewer", null)} }
    required_matchers: { job: shop }
`,
    );
    const port = await freePort();
    url = `http://127.0.0.1:${port}`;
    child = spawn(
      program!,
      [
        `--config.file=${dir}/prometheus.yml`,
        `--storage.tsdb.path=${dir}/data`,
        `--web.listen-address=127.0.0.1:${port}`,
      ],
      { stdio: ["ignore", "ignore", "pipe"] },
    );
    child.stderr!.on("data", (chunk) => (output += String(chunk)));
    await waitUntil(
      () =>
        fetch(`${url}/-/ready`).then(
          (reply) => reply.ok,
          () => false,
        ),
      20_000,
      () => `prometheus did not become ready:\n${output}`,
    );
  }, 40_000);
  afterAll(async () => {
    const ended = new Promise((resolve) => child.once("exit", resolve));
    child.kill("SIGTERM");
    await ended;
  });

  async function query(
    expression: string,
  ): Promise<Array<{ metric: Record<string, string>; value: [number, string] }>> {
    const reply = await fetch(`${url}/api/v1/query?query=${encodeURIComponent(expression)}`);
    const { data, error } = (await reply.json()) as { data?: { result: never[] }; error?: string };
    if (!data) throw new Error(`${error}\n${output}`);
    return data.result;
  }

  test("federates: all shops for one token, one shop for another, with external labels", async () => {
    await waitUntil(
      async () => (await query('count(orders_total{job="shop"}) == 2')).length > 0,
      15_000,
      () => output,
    );
    const shops = (await query('orders_total{job="shop"}')).map(({ metric }) => metric);
    expect(shops).toContainEqual(
      expect.objectContaining({ tenant_id: "acme", status: "paid", cluster: "c1", instance: target.address }),
    );
    await waitUntil(
      async () => (await query('orders_total{job="one"}')).length > 0,
      15_000,
      () => output,
    );
    expect(
      (await query('count by (tenant_id) ({__name__=~"orders.*|latency.*", job="one"})')).map(
        ({ metric }) => metric.tenant_id,
      ),
    ).toEqual(["acme"]);
    const scraped = 'up{job="all"} == 1 and on () scrape_samples_scraped{job="all"} == 6';
    await waitUntil(
      async () => (await query(scraped)).length > 0,
      15_000,
      () => output,
    );
  });

  test("reads remotely, whatever it does with it", async () => {
    const read = await query('orders_total{job="shop"}');
    expect(read.map(({ value }) => value[1]).sort()).toEqual(["5", "7"]);
    expect(await query('sum(rate(latency_seconds_bucket{job="shop"}[10s])) >= 0')).toHaveLength(1);
    expect(await query('count_over_time(orders_total{job="shop", tenant_id="acme"}[1m]) > 2')).toHaveLength(1);
    expect(await query('orders_total{job="shop", status!~"paid|x"}')).toHaveLength(0);
  });
});

describe("what Grafana asks", () => {
  const grafana = { "x-datasource-uid": "u1", "x-dashboard-uid": "d1", "x-panel-id": "2", "x-grafana-org-id": "1" };
  const ask = async (pathAndQuery: string, form?: Record<string, string>) => {
    const reply = await server.fetch(pathAndQuery, {
      headers: { ...grafana, ...(form ? { "content-type": "application/x-www-form-urlencoded" } : {}) },
      ...(form ? { method: "POST", body: new URLSearchParams(form).toString() } : {}),
    });
    return { status: reply.status, json: (await reply.json()) as { status: string; data: never } };
  };
  const now = () => Math.floor(Date.now() / 1000);

  test("to check the data source", async () => {
    expect(await ask("/api/v1/query", { query: "1+1", time: String(now()) })).toMatchObject({
      status: 200,
      json: { status: "success", data: { resultType: "scalar", result: [expect.any(Number), "2"] } },
    });
    const { json } = await ask("/api/v1/status/buildinfo");
    expect(json.data).toMatchObject({ version: expect.stringMatching(/^3\./), features: {} });
    expect(await ask("/api/v1/query?query=1%2B1")).toMatchObject({ status: 200 });
  });

  test("for panels: ranges and instants by POST with steps in seconds, and exemplars", async () => {
    const range = {
      query: "sum by (status) (rate(orders_total[15s]))",
      start: String(now() - 300),
      end: String(now()),
      step: "15",
    };
    expect(await ask("/api/v1/query_range", range)).toMatchObject({ json: { data: { resultType: "matrix" } } });
    expect(await ask("/api/v1/query", { query: "orders_total", time: String(now() + 1) })).toMatchObject({
      json: { data: { resultType: "vector", result: [{}, {}] } },
    });
    expect(
      await ask("/api/v1/query_exemplars", { query: "latency_seconds_bucket", start: range.start, end: range.end }),
    ).toMatchObject({ status: 200, json: { status: "success", data: expect.any(Array) } });
  });

  test("for variables, the metrics browser and the query builder", async () => {
    const window = `start=${now() - 3600}&end=${now()}`;
    expect((await ask(`/api/v1/label/__name__/values?${window}`)).json.data).toContain("orders_total");
    expect(
      (
        await ask(
          `/api/v1/label/tenant_id/values?${window}&match[]=${encodeURIComponent('orders_total{status="paid"}')}`,
        )
      ).json.data,
    ).toEqual(["acme", "bep-nha"]);
    expect(
      (await ask("/api/v1/labels", { start: String(now() - 3600), end: String(now()), "match[]": "orders_total" })).json
        .data,
    ).toEqual(["__name__", "instance", "job", "status", "tenant_id"]);
    expect((await ask(`/api/v1/series?match[]=orders_total&${window}&limit=40000`)).json.data).toHaveLength(2);
    expect((await ask("/api/v1/metadata?limit=40000")).json.data).toMatchObject({
      orders_total: [{ type: "counter", help: "Orders of each shop.", unit: "" }],
    });
    expect((await ask(`/api/v1/format_query?query=${encodeURIComponent("sum(rate(x[5m]))by(a)")}`)).json.data).toBe(
      "sum by (a) (rate(x[5m]))",
    );
    expect((await ask("/api/v1/parse_query", { query: "up" })).json.data).toMatchObject({ type: "vectorSelector" });
  });

  test("for its alert list and its status pages", async () => {
    expect((await ask("/api/v1/rules")).json.data).toMatchObject({ groups: expect.any(Array) });
    expect((await ask("/api/v1/alerts")).json.data).toMatchObject({ alerts: expect.any(Array) });
    expect((await ask("/api/v1/targets?state=active&scrapePool=shop")).json.data).toMatchObject({
      activeTargets: [{ health: "up" }],
    });
    expect((await ask("/api/v1/scrape_pools")).json.data).toEqual({ scrapePools: ["shop", "storewatch"] });
    expect((await ask("/api/v1/scrape_pools/config?scrapePool=shop")).json.data).toMatchObject({
      yaml: expect.stringMatching(/^job_name: shop\n[\s\S]*<secret>/),
    });
    expect((await ask("/api/v1/scrape_pools/config?scrapePool=none")).status).toBe(400);
    const ofShop = `/api/v1/targets/metadata?match_target=${encodeURIComponent('{job="shop"}')}`;
    expect((await ask(ofShop)).json.data).toContainEqual(
      expect.objectContaining({
        metric: "orders_total",
        type: "counter",
        target: expect.objectContaining({ job: "shop" }),
      }),
    );
    const { yaml } = (await ask("/api/v1/status/config")).json.data as { yaml: string };
    expect(yaml).toContain("job_name: shop");
    expect(yaml).not.toContain("hush");
    expect((await ask("/api/v1/status/tsdb?limit=3")).json.data).toMatchObject({
      headStats: { numSeries: expect.any(Number) },
      seriesCountByMetricName: [{ name: expect.any(String), value: expect.any(Number) }, {}, {}],
    });
    for (const page of [
      "status/flags",
      "status/runtimeinfo",
      "status/walreplay",
      "status/tsdb/blocks",
      "status/self_metrics",
      "features",
      "notifications",
      "scrape_pools",
      "alertmanagers",
      "targets/metadata",
    ])
      expect((await ask(`/api/v1/${page}`)).json.status, page).toBe("success");
  });
});

test("what Perses asks: the same API by GET or POST, with RFC 3339 and duration forms", async () => {
  const json = async (pathAndQuery: string, init?: RequestInit) =>
    (await server.json(pathAndQuery, init)) as { data: never };
  const iso = (ms: number) => new Date(Date.now() + ms).toISOString();
  const body = new URLSearchParams({ query: "orders_total", start: iso(-60_000), end: iso(0), step: "30s" });
  expect((await json("/api/v1/query_range", { method: "POST", body })).data).toMatchObject({ resultType: "matrix" });
  expect((await json(`/api/v1/labels?start=${iso(-60_000)}&end=${iso(0)}&match[]=up`)).data).toEqual([
    "__name__",
    "instance",
    "job",
  ]);
  expect((await json("/api/v1/label/job/values")).data).toContain("shop");
});
