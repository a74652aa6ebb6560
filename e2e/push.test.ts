// Unmodified clients of the push protocols against the built process.
import { createSocket } from "node:dgram";
import { gzipSync } from "node:zlib";
import * as datadog from "@datadog/datadog-api-client";
import { telemetry } from "@newrelic/telemetry-sdk";
import { OTLPMetricExporter as JsonExporter } from "@opentelemetry/exporter-metrics-otlp-http";
import { OTLPMetricExporter as ProtobufExporter } from "@opentelemetry/exporter-metrics-otlp-proto";
import { resourceFromAttributes } from "@opentelemetry/resources";
import {
  AggregationTemporality,
  AggregationType,
  MeterProvider,
  PeriodicExportingMetricReader,
} from "@opentelemetry/sdk-metrics";
import { freePort, type StorewatchProcess, startStorewatch, waitUntil } from "@storewatch/testkit";
import { StatsD } from "hot-shots";
import { Counter, Gauge, Pushgateway, Registry } from "prom-client";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

interface Vector {
  readonly data: {
    readonly result: ReadonlyArray<{ readonly metric: Record<string, string>; readonly value: [number, string] }>;
  };
}

let server: StorewatchProcess;
let statsdPort: number;
let otlpPort: number;
let ingestToken: string;
let acmeToken: string;

beforeAll(async () => {
  [statsdPort, otlpPort] = [await freePort(), await freePort()];
  const listeners = `listeners: { dogstatsd: { port: ${statsdPort}, tenants: [acme, beta] }, otlp: ${otlpPort} }\n`;
  server = await startStorewatch({ files: { "storewatch.yml": listeners } });
  ingestToken = await createToken([]);
  acmeToken = await createToken(["acme"]);
});
afterAll(async () => {
  expect(await server?.stop()).toBe(0);
});

async function createToken(tenants: readonly string[]): Promise<string> {
  const body = JSON.stringify({ name: `push ${tenants}`, role: "ingest", ...(tenants.length > 0 ? { tenants } : {}) });
  const init = { method: "POST", body, headers: { "content-type": "application/json" } };
  return ((await server.json("/api/storewatch/v1/tokens", init)) as { token: string }).token;
}

async function values(query: string): Promise<Record<string, string>> {
  const { data } = (await server.json(`/api/v1/query?query=${encodeURIComponent(query)}`)) as Vector;
  return Object.fromEntries(
    data.result.map(({ metric, value }) => [
      Object.entries(metric)
        .filter(([name]) => name !== "__name__")
        .map(([name, text]) => `${name}=${text}`)
        .join(","),
      value[1],
    ]),
  );
}

async function eventually(query: string, expected: Readonly<Record<string, string>>): Promise<void> {
  let last: unknown;
  const isThere = async () => {
    last = await values(query);
    return JSON.stringify(last) === JSON.stringify(expected);
  };
  await waitUntil(isThere, 20_000, () => `${query}: expected ${JSON.stringify(expected)}, got ${JSON.stringify(last)}`);
}

describe("DogStatsD", () => {
  test("hot-shots: counts, gauges with changes, timers, sets, distributions, tags, events, service checks", async () => {
    const client = new StatsD({ host: "127.0.0.1", port: statsdPort, globalTags: { tenant_id: "acme" } });
    client.increment("orders.paid", 3, { provider: "momo" });
    client.increment("orders.paid", { provider: "momo" });
    client.gauge("stock", 10);
    client.gaugeDelta("stock", -4);
    client.timing("checkout", 250);
    client.distribution("basket", 42);
    client.set("visitors", "alice");
    client.set("visitors", "bob");
    client.check("db.up", client.CHECKS.CRITICAL);
    client.event("Deploy | v2", "line 1\nline 2", { alert_type: "info" });
    await new Promise((resolve) => client.close(resolve));
    await eventually("orders_paid", { "provider=momo,tenant_id=acme": "4" });
    await eventually("stock", { "tenant_id=acme": "6" });
    await eventually("checkout_count", { "tenant_id=acme": "1" });
    await eventually("checkout_sum", { "tenant_id=acme": "0.25" });
    await eventually("basket_sum", { "tenant_id=acme": "42" });
    await eventually("visitors", { "tenant_id=acme": "2" });
    await eventually("service_check_status", { "check=db.up,tenant_id=acme": "2" });
    const marks = (await server.json("/api/annotations?tags=event")) as Array<{ text: string }>;
    expect(marks.map(({ text }) => text)).toContain("Deploy | v2\nline 1\nline 2");
  });

  test("what is no line, or another shop's, is counted and nothing else happens", async () => {
    const socket = createSocket("udp4");
    const send = (text: string) => new Promise((resolve) => socket.send(text, statsdPort, "127.0.0.1", resolve));
    await send("rubbish\n:::|||\nspy:1|c|#tenant_id:rival\nspy:1|c\n");
    await send(Buffer.alloc(1000, 0xff).toString("latin1"));
    socket.close();
    const outcome = (name: string) => `storewatch_dogstatsd_lines_total{outcome="${name}"}`;
    await waitUntil(async () => {
      const text = await (await server.fetch("/metrics")).text();
      return text.includes(`${outcome("out-of-scope")} 2`) && text.includes(`${outcome("bad")} 3`);
    }, 10_000);
    expect(await values("spy")).toEqual({});
  });
});

describe("Datadog", () => {
  const configuration = (token: string) => {
    const made = datadog.client.createConfiguration({
      baseServer: new datadog.client.BaseServerConfiguration(`${server.url}/datadog`, {}),
      authMethods: { apiKeyAuth: token },
    });
    return made;
  };

  test("its API client: series v2, series v1, distributions, checks, events", async () => {
    const nowS = Math.floor(Date.now() / 1000);
    const v2 = new datadog.v2.MetricsApi(configuration(ingestToken));
    const point = (value: number) => ({ timestamp: nowS, value });
    const series = (metric: string, type: 1 | 3, value: number) => ({
      metric,
      type,
      points: [point(value)],
      tags: ["tenant_id:acme"],
    });
    await v2.submitMetrics({ body: { series: [series("dd.orders", 1, 5), series("dd.stock", 3, 7)] } });
    const v1 = new datadog.v1.MetricsApi(configuration(ingestToken));
    await v1.submitMetrics({
      body: { series: [{ metric: "dd.old", type: "gauge", points: [[nowS, 1.5]], host: "web-1" }] },
    });
    await v1.submitDistributionPoints({ body: { series: [{ metric: "dd.dist", points: [[nowS, [1, 2, 3]]] }] } });
    const checks = new datadog.v1.ServiceChecksApi(configuration(ingestToken));
    await checks.submitServiceCheck({ body: [{ check: "api.up", hostName: "web-1", status: 0, tags: [] }] });
    await eventually("dd_orders", { "tenant_id=acme": "5" });
    await eventually("dd_stock", { "tenant_id=acme": "7" });
    await eventually("dd_old", { "host=web-1": "1.5" });
    await eventually("dd_dist_sum", { "": "6" });
    await eventually('service_check_status{check="api.up"}', { "check=api.up,host=web-1": "0" });
    expect(await new datadog.v1.AuthenticationApi(configuration(ingestToken)).validate()).toMatchObject({
      valid: true,
    });
  });

  test("a shop's key writes that shop only, and a wrong key nothing", async () => {
    const nowS = Math.floor(Date.now() / 1000);
    const body = (tags: string[]) => ({
      body: { series: [{ metric: "dd.mine", type: 3 as const, points: [{ timestamp: nowS, value: 1 }], tags }] },
    });
    const own = new datadog.v2.MetricsApi(configuration(acmeToken));
    await own.submitMetrics(body([]));
    await expect(own.submitMetrics(body(["tenant_id:beta"]))).rejects.toMatchObject({ code: 400 });
    await expect(new datadog.v2.MetricsApi(configuration("nobody")).submitMetrics(body([]))).rejects.toMatchObject({
      code: 401,
    });
    await eventually("dd_mine", { "tenant_id=acme": "1" });
  });
});

describe("New Relic", () => {
  test("the payload of its telemetry SDK, which can speak to its own host on port 443 only", async () => {
    const { MetricBatch, CountMetric, GaugeMetric, SummaryMetric } = telemetry.metrics;
    const count = new CountMetric("nr.orders");
    count.record(4);
    const summary = new SummaryMetric("nr.duration");
    summary.record(1);
    summary.record(3);
    const batch = new MetricBatch({ tenant_id: "acme" }, Date.now() - 5000, 5000);
    for (const metric of [count, new GaugeMetric("nr.stock", 9), summary]) batch.addMetric(metric);
    // As its client sends it: gzip, with the key in a header of its own.
    const headers = { "api-key": ingestToken, "content-type": "application/json", "content-encoding": "gzip" };
    const body = gzipSync(JSON.stringify([batch]));
    const reply = await fetch(`${server.url}/newrelic/metric/v1`, { method: "POST", body, headers });
    expect(reply.status).toBe(202);
    expect(await reply.json()).toHaveProperty("requestId");
    await eventually("nr_orders", { "tenant_id=acme": "4" });
    await eventually("nr_stock", { "tenant_id=acme": "9" });
    await eventually("nr_duration_sum", { "tenant_id=acme": "4" });
    await eventually("nr_duration_max", { "tenant_id=acme": "3" });
  });
});

describe.each([
  ["protobuf", ProtobufExporter],
  ["JSON", JsonExporter],
])("OpenTelemetry, %s", (name, Exporter) => {
  const suffix = name.toLowerCase();

  async function record(temporality: AggregationTemporality, port: number) {
    const kind = temporality === AggregationTemporality.DELTA ? "delta" : "cumulative";
    const headers = { authorization: `Bearer ${ingestToken}` };
    const exporter = new Exporter({
      url: `http://127.0.0.1:${port}/v1/metrics`,
      headers,
      temporalityPreference: temporality,
    });
    const reader = new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 60_000 });
    const provider = new MeterProvider({
      resource: resourceFromAttributes({
        "service.name": `otel-${suffix}-${kind}`,
        "tenant.id": "acme",
        "host.name": "h",
      }),
      readers: [reader],
      views: [{ instrumentName: "exp.*", aggregation: { type: AggregationType.EXPONENTIAL_HISTOGRAM } }],
    });
    const meter = provider.getMeter("test");
    const orders = meter.createCounter("otel.orders", { unit: "1" });
    const duration = meter.createHistogram("otel.duration", {
      unit: "s",
      advice: { explicitBucketBoundaries: [1, 10] },
    });
    const exponential = meter.createHistogram("exp.size", { unit: "By" });
    orders.add(2, { provider: "momo" });
    for (const value of [0.5, 5, 50]) duration.record(value);
    for (const value of [1, 2, 300]) exponential.record(value);
    await provider.forceFlush();
    orders.add(3, { provider: "momo" });
    await new Promise((resolve) => setTimeout(resolve, 20));
    await provider.forceFlush();
    await provider.shutdown();
    return `otel-${suffix}-${kind}`;
  }

  test.each([AggregationTemporality.CUMULATIVE, AggregationTemporality.DELTA])(
    "counters and histograms, temporality %s",
    async (temporality) => {
      const job = await record(temporality, otlpPort);
      const of = (metric: string) => `sum by (tenant_id) (${metric}{job="${job}"})`;
      await eventually(of("otel_orders_total"), { "tenant_id=acme": "5" });
      await eventually(of("otel_duration_seconds_count"), { "tenant_id=acme": "3" });
      await eventually(of("otel_duration_seconds_bucket"), { "tenant_id=acme": "6" });
      await eventually(`histogram_count(exp_size_bytes{job="${job}"})`, { [`job=${job},tenant_id=acme`]: "3" });
      await eventually(`histogram_sum(exp_size_bytes{job="${job}"})`, { [`job=${job},tenant_id=acme`]: "303" });
      await eventually(`count by (host_name) (target_info{job="${job}"})`, { "host_name=h": "1" });
    },
  );
});

describe("Pushgateway", () => {
  test("prom-client: push, pushAdd and delete", async () => {
    const registry = new Registry();
    const rows = new Counter({ name: "backup_rows_total", help: "Rows.", registers: [registry] });
    new Gauge({ name: "backup_size_bytes", help: "Size.", registers: [registry] }).set(12);
    rows.inc(7);
    const gateway = new Pushgateway(server.url, { headers: { authorization: `Bearer ${ingestToken}` } }, registry);
    const group = { jobName: "nightly backup", groupings: { tenant_id: "acme", path: "/var/lib" } };
    await gateway.push(group);
    const labels = "job=nightly backup,path=/var/lib,tenant_id=acme";
    await eventually("backup_rows_total", { [labels]: "7" });
    rows.inc(1);
    await gateway.pushAdd(group);
    await eventually("backup_rows_total", { [labels]: "8" });
    expect(await values("push_time_seconds > 1e9")).toHaveProperty([labels]);
    await gateway.delete(group);
    await eventually("backup_rows_total", {});
  });

  test("a shop's credential cannot touch another's group", async () => {
    const put = (path: string, token: string) =>
      fetch(`${server.url}/metrics/job/x${path}`, {
        method: "PUT",
        body: "y 1\n",
        headers: { authorization: `Bearer ${token}` },
      });
    expect((await put("/tenant_id/beta", acmeToken)).status).toBe(403);
    expect((await put("", acmeToken)).status).toBe(200);
    await eventually("y", { "job=x,tenant_id=acme": "1" });
    const bad = await fetch(`${server.url}/metrics/job/x`, {
      method: "PUT",
      body: "y{ 1\n",
      headers: { authorization: `Bearer ${acmeToken}` },
    });
    expect([bad.status, await bad.text()]).toEqual([400, expect.stringContaining("text format parsing error")]);
  });
});
