// The built process on pages of every format: OpenMetrics with exemplars, a real Prometheus in protobuf, histograms
// converted, all the way to the query API.
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

const OPEN = `# TYPE checkout_seconds histogram
# UNIT checkout_seconds seconds
checkout_seconds_bucket{le="0.1"} 6 # {trace_id="4bf92f35"} 0.07
checkout_seconds_bucket{le="1"} 9
checkout_seconds_bucket{le="+Inf"} 10
checkout_seconds_sum 4.5
checkout_seconds_count 10
# EOF
`;

const prometheus = findPeer("prometheus");

describe("formats of pages", () => {
  let target: Target;
  let server: StorewatchProcess;
  let peer: ChildProcess | undefined;

  beforeAll(async () => {
    target = await startTarget(OPEN, "application/openmetrics-text; version=1.0.0; charset=utf-8");
    const peerAddress = `127.0.0.1:${await freePort()}`;
    if (prometheus) {
      const dir = temporaryDir("scrape-formats-");
      writeFileSync(path.join(dir, "prometheus.yml"), "global: {}\n");
      const argv = [`--config.file=${dir}/prometheus.yml`, `--storage.tsdb.path=${dir}/data`];
      peer = spawn(prometheus, [...argv, `--web.listen-address=${peerAddress}`], { stdio: "ignore" });
    }
    const jobs = [
      `{ job_name: classic, static_configs: [{ targets: ["${target.address}"] }] }`,
      `{ job_name: native, convert_classic_histograms_to_nhcb: true, static_configs: [{ targets: ["${target.address}"] }] }`,
      `{ job_name: prometheus, scrape_protocols: [PrometheusProto], static_configs: [{ targets: ["${peerAddress}"] }] }`,
    ];
    server = await startStorewatch({
      files: {
        "storewatch.yml": "metrics: { prometheus: prometheus.yml }\nauth: { anonymous: viewer }\n",
        "prometheus.yml": `global: { scrape_interval: 500ms }\nscrape_configs: [${jobs.join(", ")}]\n`,
      },
    });
  }, 60_000);

  afterAll(async () => {
    expect(await server?.stop()).toBe(0);
    peer?.kill("SIGTERM");
    await target?.close();
  });

  async function value(expression: string): Promise<string | undefined> {
    const reply = (await server.json(`/api/v1/query?query=${encodeURIComponent(expression)}`)) as {
      data: { result: ReadonlyArray<{ value?: readonly [number, string] }> };
    };
    return reply.data.result[0]?.value?.[1];
  }

  test("an OpenMetrics histogram and its exemplar", async () => {
    await waitUntil(async () => (await value('checkout_seconds_bucket{job="classic",le="1.0"}')) === "9", 15_000);
    const url = `/api/v1/query_exemplars?query=checkout_seconds_bucket&start=0&end=${Math.ceil(Date.now() / 1000) + 10}`;
    const reply = (await server.json(url)) as {
      data: ReadonlyArray<{ exemplars: ReadonlyArray<{ labels: unknown; value: string }> }>;
    };
    expect(reply.data[0].exemplars).toHaveLength(1);
    expect(reply.data[0].exemplars[0]).toMatchObject({ labels: { trace_id: "4bf92f35" }, value: "0.07" });
    const metadata = (await server.json("/api/v1/metadata?metric=checkout_seconds")) as { data: unknown };
    expect(metadata.data).toEqual({ checkout_seconds: [{ type: "histogram", help: "", unit: "seconds" }] });
  });

  test("the same histogram converted: one series, its quantile from custom buckets", async () => {
    await waitUntil(async () => (await value('histogram_count(checkout_seconds{job="native"})')) === "10", 15_000);
    expect(await value('histogram_quantile(0.6, checkout_seconds{job="native"})')).toBe("0.1");
    expect(await value('count({job="native",__name__=~"checkout.*"})')).toBe("1");
  });

  test.skipIf(!prometheus)("a real Prometheus in protobuf", async () => {
    await waitUntil(async () => (await value('up{job="prometheus"}')) === "1", 30_000);
    expect(await value('count({job="prometheus",__name__=~"prometheus_.*"}) > 150')).toBeDefined();
    expect(await value('prometheus_build_info{job="prometheus"}')).toBe("1");
  });
});
