import { once } from "node:events";
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import express5 from "express";
// @ts-expect-error Express 4 has no types here; the tests use what 4 and 5 share.
import express4 from "express4";
import { afterEach, describe, expect, test } from "vitest";
import { currentContext, type StorewatchOptions, storewatch } from "../index.ts";
import { storewatchErrors, storewatchExpress } from "./index.ts";

const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});

async function listen(app: express5.Express): Promise<string> {
  const server = app.listen(0, "127.0.0.1");
  servers.push(server);
  await once(server, "listening");
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const makers = { "Express 4": express4 as unknown as typeof express5, "Express 5": express5 };

describe.each(Object.entries(makers))("%s", (_name, express) => {
  function watched(options: Partial<StorewatchOptions> = {}) {
    const sw = storewatch({ service: "shop", metrics: { defaults: false }, ...options });
    const app = express();
    app.use(storewatchExpress(sw));
    return { sw, app };
  }

  test("a request counts under its route's template, with the shop's tenant", async () => {
    const { sw, app } = watched();
    app.get("/products/:id", (_request, response) => void response.send("ok"));
    const url = await listen(app);
    await fetch(`${url}/products/42`, { headers: { "x-tenant-id": "acme" } }).then((r) => r.text());
    await fetch(`${url}/wp-admin.php?x=1`).then((r) => r.text());
    const text = await sw.metrics.text();
    expect(text).toContain(
      'http_requests_total{method="GET",route="/products/:id",status_code="200",tenant_id="acme"} 1\n',
    );
    expect(text).toContain(
      'http_requests_total{method="GET",route="unmatched",status_code="404",tenant_id="unknown"} 1\n',
    );
    expect(text).toContain(
      'http_request_duration_seconds_count{method="GET",route="/products/:id",tenant_id="acme"} 1\n',
    );
    expect(text).not.toContain("wp-admin");
  });

  test("mount paths with parameters are templates too, at every depth, and static mounts stay", async () => {
    const { sw, app } = watched();
    const orders = express.Router();
    orders.get("/:order", (_request, response) => void response.send("ok"));
    const shop = express.Router({ mergeParams: true });
    shop.use("/:year/orders", orders);
    shop.get("/", (_request, response) => void response.send("ok"));
    const passed = express.Router();
    passed.get("/never", (_request, response) => void response.send("ok"));
    app.use("/shops/:shop", passed);
    app.use("/shops/:shop", shop);
    app.use("/shops/acme2", shop);
    app.use(
      "/api",
      express.Router().get(["/a", "/b"], (_request, response) => void response.send("ok")),
    );
    const url = await listen(app);
    for (const path of ["/shops/acme/2026/orders/7", "/shops/acme", "/api/b"]) {
      expect((await fetch(url + path)).status).toBe(200);
    }
    const text = await sw.metrics.text();
    const routes = [...text.matchAll(/requests_total\{.*route="([^"]*)",status_code="200"/g)].map((m) => m[1]);
    expect(routes.sort()).toEqual(["/api/a|/b", "/shops/:shop", "/shops/:shop/:year/orders/:order"]);
  });

  test("the context holds in asynchronous work, and knows a user who signs in after it was made", async () => {
    const { sw, app } = watched({ tenant: { from: [{ jwtClaim: "shop" }] } });
    app.use((request, _response, next) => {
      (request as { user?: unknown }).user = { id: 7, shop: "acme" };
      next();
    });
    app.get("/me", async (_request, response) => {
      await new Promise((resolve) => setTimeout(resolve, 5));
      const { tenantId, userId, requestId, traceId } = currentContext()!;
      response.json({ tenantId, userId, requestId, traceId });
    });
    const url = await listen(app);
    const trace = "0af7651916cd43dd8448eb211c80319c";
    const headers = { "x-request-id": "abc-1", traceparent: `00-${trace}-b7ad6b7169203331-01` };
    expect(await (await fetch(`${url}/me`, { headers })).json()).toEqual({
      tenantId: "acme",
      userId: "7",
      requestId: "abc-1",
      traceId: trace,
    });
    expect(await sw.metrics.text()).toContain('route="/me",status_code="200",tenant_id="acme"} 1');
  });

  test("errors reach the listeners and the application's own handler", async () => {
    const { sw, app } = watched();
    const seen: unknown[] = [];
    sw.hooks.on("requestFailed", ({ error }) => seen.push(error));
    sw.hooks.on("requestFailed", () => {
      throw new Error("a broken tracker");
    });
    const failure = new Error("no stock");
    app.get("/buy", () => {
      throw failure;
    });
    app.use(storewatchErrors(sw));
    app.use(((_error, _request, response, _next) => {
      response.status(500).send("sorry");
    }) as express5.ErrorRequestHandler);
    const url = await listen(app);
    const response = await fetch(`${url}/buy`);
    expect([response.status, await response.text()]).toEqual([500, "sorry"]);
    expect(seen).toEqual([failure]);
    expect(await sw.metrics.text()).toContain('route="/buy",status_code="500",tenant_id="unknown"} 1');
  });

  test("health endpoints answer by themselves and are no traffic of the shop", async () => {
    const { sw, app } = watched();
    const url = await listen(app);
    const ready = await fetch(`${url}/health/ready`);
    expect([ready.status, await ready.json()]).toEqual([200, { status: "ready" }]);
    expect(await sw.metrics.text()).not.toContain("http_requests_total{");
  });

  test("open connections are counted while they are open", async () => {
    const { sw, app } = watched();
    app.get("/", (_request, response) => void response.send("ok"));
    const url = await listen(app);
    await (await fetch(url)).text();
    expect(await sw.metrics.text()).toMatch(/^active_connections [1-9]/m);
  });
});
