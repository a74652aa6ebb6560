// A shop's service on Express 5 with the built SDK, for tests that watch it from outside. Its settings are in the environment.
import { postgresCheck, storewatch } from "@storewatch/sdk";
import { storewatchErrors, storewatchExpress } from "@storewatch/sdk/express";
import express from "express";
import { Registry } from "prom-client";

const env = process.env;
const sw = storewatch({
  service: "checkout",
  version: env.VERSION ?? "1.0.0",
  tenant: { from: [{ header: "x-tenant-id" }], ...(env.KNOWN ? { known: env.KNOWN.split(",") } : {}) },
  shutdown: { noticeMs: Number(env.NOTICE_MS ?? 100), drainMs: Number(env.DRAIN_MS ?? 3000) },
  metrics: {
    defaults: env.DEFAULTS !== "off",
    ...(env.OPENMETRICS ? { registry: new Registry(Registry.OPENMETRICS_CONTENT_TYPE) } : {}),
  },
});
const startedMs = performance.now();
sw.health.check(
  "warm-up",
  () => {
    if (performance.now() - startedMs < Number(env.WARM_UP_MS ?? 0)) throw new Error("warming up");
  },
  { cacheMs: 0 },
);
if (env.PG_PORT) {
  const { default: pg } = await import("pg");
  const pool = new pg.Pool({
    host: "127.0.0.1",
    port: Number(env.PG_PORT),
    user: "postgres",
    password: env.PG_PASSWORD,
  });
  // What pg asks of everybody: a connection that the database closes is told here.
  pool.on("error", () => undefined);
  sw.health.check("database", postgresCheck(pool), { timeoutMs: 400, cacheMs: 50 });
  sw.stopping.step("database", () => pool.end());
}

const app = express();
app.use(storewatchExpress(sw));
app.get(
  "/products/:id",
  (_request, response) => void response.json({ tenant: sw.context.current()?.tenantId ?? null }),
);
app.get("/slow", (request, response) => void setTimeout(() => response.send("done"), Number(request.query.ms)));
app.get("/broken", () => {
  throw new Error("no stock");
});
app.post("/orders", (request, response) => {
  const tenantId = sw.context.current()?.tenantId;
  sw.business.trackOrderCreated({
    status: String(request.query.status ?? "paid"),
    currency: "VND",
    total: 50_000,
    tenantId,
  });
  response.status(201).end();
});
app.post("/upload", (request, response) => {
  let bytes = 0;
  request.on("data", (chunk) => {
    bytes += chunk.length;
  });
  request.on("end", () => response.json({ bytes }));
});
app.get("/heap", (_request, response) => {
  globalThis.gc?.();
  response.json({ heapUsed: process.memoryUsage().heapUsed, inFlight: sw.requests.inFlight });
});
app.use(storewatchErrors(sw));
app.use((_error, _request, response, _next) => void response.status(500).send("sorry"));

const server = app.listen(Number(env.PORT), "127.0.0.1");
await sw.metrics.listen({ port: Number(env.METRICS_PORT), auth: { bearer: env.METRICS_TOKEN ?? "t" } });
sw.stopping.server(server).onSignals();
