import type { AddressInfo } from "node:net";
import { type OpenMetricsContentType, Registry } from "prom-client";
import { describe, expect, test } from "vitest";
import { storewatch } from "../index.ts";
import { withoutValues } from "./slow.ts";

const make = () => storewatch({ service: "shop", metrics: { defaults: false } });

async function asked(auth: Parameters<ReturnType<typeof make>["metrics"]["listen"]>[0]["auth"], header?: string) {
  const { metrics } = make();
  const server = await metrics.listen({ port: 0, ...(auth ? { auth } : {}) });
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const response = await fetch(`${url}/metrics`, header ? { headers: { authorization: header } } : {});
  const other = await fetch(`${url}/admin`);
  expect([other.status, await other.text()]).toEqual([404, "not found\n"]);
  const text = await response.text();
  metrics.close();
  return { status: response.status, text };
}

describe("/metrics on a port of its own", () => {
  test("bearer and basic: right ones in, all others out", async () => {
    const auth = { bearer: ["old", "new"], basic: { user: "prom", password: "pa:ss" } };
    const basic = (text: string) => `Basic ${Buffer.from(text).toString("base64")}`;
    for (const good of ["Bearer new", "bearer old", basic("prom:pa:ss")]) {
      const { status, text } = await asked(auth, good);
      expect([status, text.includes("service_build_info")]).toEqual([200, true]);
    }
    for (const bad of [undefined, "Bearer", "Bearer x", "Bearer ", basic("prom:"), basic("other:pa:ss"), "Digest new"])
      expect((await asked(auth, bad)).status).toBe(401);
  });

  test("an empty secret lets nobody in", async () => {
    expect((await asked({ bearer: "", basic: { user: "u", password: "" } }, "Basic dTo=")).status).toBe(401);
  });

  test("without auth only on loopback", async () => {
    expect((await asked(undefined)).status).toBe(200);
    await expect(make().metrics.listen({ port: 0, host: "0.0.0.0" })).rejects.toThrow(/need auth/);
  });

  test("Node's own metrics are there by default", async () => {
    const text = await storewatch({ service: "shop" }).metrics.text();
    expect(text).toContain("nodejs_eventloop_lag_seconds");
    expect(text).toContain("process_resident_memory_bytes");
  });
});

describe("slow queries", () => {
  test("are counted, logged without values, and left as a breadcrumb; fast ones are not", async () => {
    const sw = make();
    const lines: unknown[] = [];
    const crumbs: unknown[] = [];
    sw.useLogger({ warn: (message, meta) => lines.push([message, meta]) });
    sw.hooks.on("breadcrumb", (crumb) => crumbs.push(crumb));
    const sql = "UPDATE users SET email = 'a@b.c', age = 42 WHERE id = $1";
    sw.context.run({ tenantId: "acme" }, () => {
      sw.performance.trackDatabaseQuery(sql, 999);
      sw.performance.trackDatabaseQuery(sql, 1500);
    });
    const data = { query: "UPDATE users SET email = ?, age = ? WHERE id = $1", duration: 1500, threshold: 1000 };
    expect(lines).toEqual([["Slow database query detected", { ...data, tenantId: "acme" }]]);
    expect(crumbs).toMatchObject([{ message: "Slow database query detected", level: "warning", data }]);
    expect(await sw.metrics.text()).toContain('db_slow_queries_total{tenant_id="acme",operation="update"} 1\n');
  });

  test("values of every notation are left out", () => {
    expect(withoutValues("select 'it''s', $$x$$, 1.5, t1.c2 from t1 where a=$2 and b='open")).toBe(
      "select ?, ?, ?, t1.c2 from t1 where a=$2 and b=?",
    );
  });

  test("API durations from elsewhere have the labels of all others", async () => {
    const sw = make();
    sw.performance.trackApiPerformance("/import", 2500, { method: "POST" });
    sw.performance.trackApiPerformance("/import", -500, { method: "POST" });
    for (const statusCode of [1e9, 0.5, Number.NaN, "x" as never])
      sw.performance.trackApiPerformance("/odd", 1, { statusCode });
    const text = await sw.metrics.text();
    expect(text).toContain('http_request_duration_seconds_sum{method="POST",route="/import",tenant_id="unknown"} 2.5');
    expect(text).toContain('http_slow_requests_total{method="POST",route="/import",tenant_id="unknown"} 1');
    expect(text).toContain('http_requests_total{method="GET",route="/odd",status_code="0",tenant_id="unknown"} 4');
  });

  test("a flood of slow ones is not a flood of log lines", () => {
    const sw = make();
    let lines = 0;
    const warn = () => {
      lines += 1;
    };
    sw.useLogger({ warn });
    for (let i = 0; i < 1000; i += 1) sw.performance.trackDatabaseQuery("select 1", 5000);
    expect(lines).toBe(20);
  });
});

describe("OpenMetrics, when the shop's registry speaks it", () => {
  test("families without _total, samples with one, no blank lines or comments, EOF at the end", async () => {
    const registry = new Registry<OpenMetricsContentType>();
    registry.setContentType(Registry.OPENMETRICS_CONTENT_TYPE);
    const sw = storewatch({ service: "shop", metrics: { registry, defaults: false } });
    sw.metrics.observedGauge({ name: "away", help: "x" }, () => Promise.reject(new Error("no")));
    sw.business.trackOrderCreated({ tenantId: "orders_total", status: "paid", currency: "VND", total: 1 });
    // Twice: reading must not rename anything.
    await sw.metrics.text();
    const text = await sw.metrics.text();
    expect(text).toContain(
      '# HELP orders Total number of orders\n# TYPE orders counter\norders_total{tenant_id="orders_total",status="paid"} 1\n',
    );
    expect(text).toContain('# TYPE storewatch_sdk_errors counter\nstorewatch_sdk_errors_total{part="metrics"} ');
    expect(text).not.toMatch(/_total_total|\n\n|could not be read/);
    expect(text.endsWith("\n# EOF\n")).toBe(true);
  });
});
