// The unmodified promtool of Prometheus against the built process.
import { execFileSync } from "node:child_process";
import { findPeer, type StorewatchProcess, startStorewatch, waitUntil } from "@storewatch/testkit";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startTarget, type Target } from "./target.ts";

const promtool = findPeer("promtool");

describe.skipIf(!promtool)("promtool query", () => {
  let target: Target;
  let server: StorewatchProcess;

  beforeAll(async () => {
    target = await startTarget(
      '# TYPE orders_total counter\norders_total{tenant_id="acme"} 5\norders_total{tenant_id="bep-nha"} 7\n',
    );
    server = await startStorewatch({
      files: {
        "storewatch.yml": "metrics: { prometheus: prometheus.yml }\nauth: { anonymous: viewer }\n",
        "prometheus.yml": `global: { scrape_interval: 1s }\nscrape_configs:\n  - job_name: shop\n    static_configs: [{ targets: ["${target.address}"] }]\n`,
      },
    });
    await waitUntil(async () => {
      const reply = (await server.json("/api/v1/query?query=count(orders_total)")) as { data: { result: unknown[] } };
      return reply.data.result.length > 0;
    }, 15_000);
  });
  afterAll(async () => {
    expect(await server?.stop()).toBe(0);
    await target?.close();
  });

  const run = (...argv: string[]) => execFileSync(promtool!, ["query", ...argv], { encoding: "utf8" });

  test("instant", () => {
    expect(run("instant", server.url, "sum(orders_total)")).toMatch(/^\{\} => 12 @\[/);
  });
  test("range", () => {
    // The end lies after the last scrape, whatever fraction of a second it was at.
    const now = Math.ceil(Date.now() / 1000) + 1;
    const text = run(
      "range",
      `--start=${now - 60}`,
      `--end=${now}`,
      "--step=1s",
      server.url,
      'orders_total{tenant_id="acme"}',
    );
    expect(text).toContain('orders_total{instance="');
    expect(text).toMatch(/\n5 @\[/);
  });
  test("series", () => {
    const text = run("series", "--match=orders_total", server.url);
    expect(text.trim().split("\n")).toHaveLength(2);
    expect(text).toContain('tenant_id="bep-nha"');
  });
  test("labels", () => {
    expect(run("labels", server.url, "tenant_id").trim().split("\n")).toEqual(["acme", "bep-nha"]);
  });
});
