import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { Registry } from "prom-client";
import { expect, test } from "vitest";
import { storewatch } from "../../index.ts";
import { createLogger } from "../winston/index.ts";

test("in the SDK's logger: lines are redacted and in the tenant's index, losses are a metric, the end sends", async () => {
  const bodies: string[] = [];
  const server = createServer(async (request, response) => {
    let body = "";
    for await (const chunk of request) body += String(chunk);
    bodies.push(body);
    const items = body
      .trimEnd()
      .split("\n")
      .filter((_, at) => at % 2 === 1)
      .map((row) => ({ create: row.includes("poison") ? { status: 400, error: { type: "t" } } : { status: 201 } }));
    response.end(JSON.stringify({ errors: true, items }));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  try {
    const registry = new Registry();
    const sw = storewatch({ service: "shop", metrics: { registry, defaults: false } });
    const node = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const logger = createLogger(sw, { console: false, elasticsearch: { node, flushIntervalMs: 60_000 } });
    logger.info("paid", { tenantId: "shop-a", password: "hunter2" });
    logger.info("poison", { tenantId: "shop-a" });
    await sw.stopping.run();
    const [body = ""] = bodies;
    expect(body).toMatch(/"_index":"tenant-shop-a-logs-/);
    expect(body).toContain('"service":"shop"');
    expect(body).not.toContain("hunter2");
    const page = await registry.metrics();
    expect(page).toMatch(/storewatch_sdk_log_lines_unshipped_total\{[^}]*reason="refused"[^}]*\} 1/);
  } finally {
    server.close();
    server.closeAllConnections();
  }
});
