import Fastify from "fastify";
import { afterEach, describe, expect, test } from "vitest";
import { currentContext, type StorewatchOptions, storewatch } from "../index.ts";
import { storewatchFastify } from "./index.ts";

const opened: { close(): Promise<unknown> }[] = [];
afterEach(async () => {
  for (const server of opened.splice(0)) await server.close();
});

async function watched(options: Partial<StorewatchOptions> = {}) {
  const sw = storewatch({ service: "shop", metrics: { defaults: false }, ...options });
  const server = Fastify();
  opened.push(server);
  await server.register(storewatchFastify(sw));
  return { sw, server };
}

describe("Fastify 5", () => {
  test("routes of the server and of its plugins count under their templates, others as unmatched", async () => {
    const { sw, server } = await watched();
    server.get("/products/:id", async () => "ok");
    await server.register(async (plugin) => void plugin.get("/:order", async () => "ok"), { prefix: "/orders" });
    const headers = { "x-tenant-id": "acme" };
    await server.inject({ url: "/products/7", headers });
    await server.inject({ url: "/orders/9", headers });
    await server.inject({ url: "/nothing/here" });
    const text = await sw.metrics.text();
    const seen = [...text.matchAll(/^http_requests_total\{(.*)\} 1$/gm)].map((m) => m[1]);
    expect(seen).toEqual([
      'method="GET",route="/products/:id",status_code="200",tenant_id="acme"',
      'method="GET",route="/orders/:order",status_code="200",tenant_id="acme"',
      'method="GET",route="unmatched",status_code="404",tenant_id="unknown"',
    ]);
  });

  test("the context holds in handlers; the user is the one Fastify's request got after it was made", async () => {
    const { server } = await watched({ tenant: { from: [{ jwtClaim: "shop" }] } });
    server.addHook("preHandler", async (request) => {
      (request as { user?: unknown }).user = { sub: "u1", shop: "acme" };
    });
    server.get("/me", async () => {
      await new Promise((resolve) => setTimeout(resolve, 2));
      return { tenant: currentContext()?.tenantId, user: currentContext()?.userId };
    });
    expect((await server.inject("/me")).json()).toEqual({ tenant: "acme", user: "u1" });
  });

  test("errors reach the listeners, and the answer is Fastify's own", async () => {
    const { sw, server } = await watched();
    const seen: unknown[] = [];
    sw.hooks.on("requestFailed", ({ error }) => seen.push((error as Error).message));
    server.get("/buy", async () => {
      throw new Error("no stock");
    });
    expect((await server.inject("/buy")).statusCode).toBe(500);
    expect(seen).toEqual(["no stock"]);
    expect(await sw.metrics.text()).toContain('route="/buy",status_code="500",tenant_id="unknown"} 1');
  });

  test("health endpoints answer by themselves", async () => {
    const { sw, server } = await watched();
    sw.health.check("db", () => Promise.reject(new Error("no route to host")));
    const address = await server.listen({ port: 0, host: "127.0.0.1" });
    const response = await fetch(`${address}/health/ready`);
    expect([response.status, await response.json()]).toEqual([503, { status: "starting", failed: ["db"] }]);
  });
});
