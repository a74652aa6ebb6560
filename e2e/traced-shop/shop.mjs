// A shop on Express, PostgreSQL, Redis and a payment provider. Prints its port; SIGTERM stops it in order.
import { request } from "node:http";
import { currentContext, storewatch, trackPerformance } from "@storewatch/sdk";
import { storewatchErrors, storewatchExpress } from "@storewatch/sdk/express";
import { connectTracing } from "@storewatch/sdk/otel";
import { connectSentry } from "@storewatch/sdk/sentry";
import express from "express";
import { Redis } from "ioredis";
import pg from "pg";

// Stands for customers' data and passwords; it comes from outside because source lines travel with errors.
const { SHOP_PG, SHOP_REDIS, SHOP_PROVIDER, SHOP_SECRET: secret } = process.env;
const sw = storewatch({
  service: "ecommerce-api",
  version: "1.4.0",
  environment: "production",
  metrics: { defaults: false },
  slow: { queryMs: 20 },
  shutdown: { noticeMs: 0, drainMs: 1000, stepMs: 3000 },
});
connectSentry(sw);
connectTracing(sw);
const pool = SHOP_PG ? new pg.Pool({ connectionString: SHOP_PG }) : undefined;
const redis = SHOP_REDIS ? new Redis(Number(SHOP_REDIS), "127.0.0.1") : undefined;

const app = express();
app.use(storewatchExpress(sw));
app.use((req, _res, next) => {
  if (req.headers["x-user"]) req.user = { id: req.headers["x-user"], email: "an@example.com" };
  next();
});
app.get("/trace", (_req, res) => res.json({ traceId: currentContext().traceId }));
app.get("/products/:id", async (req, res) => {
  const sql = `SELECT $1::text AS id, '${secret}' AS note, pg_sleep(0.03)`;
  await sw.performance.timeQuery(sql, () => pool.query(sql, [secret]));
  await redis.set(`cart:${req.params.id}`, secret);
  await redis.get(`cart:${req.params.id}`);
  const provider = await trackPerformance("checkout.pay", () => ask(`${SHOP_PROVIDER}/pay?token=${secret}`));
  res.json({ traceId: currentContext().traceId, provider });
});
app.get("/boom/:id", async (req) => {
  const sql = `SELECT '${secret}', pg_sleep(0.03)`;
  await sw.performance.timeQuery(sql, () => pool.query(sql));
  await redis.get(secret);
  throw new Error(`order ${req.params.id} failed at postgres://shop:${secret}@db/shop?password=${secret}`);
});
app.get("/plain-boom", () => {
  throw new Error("plain boom");
});
app.get("/text-boom", () => {
  throw "a text and no error";
});
app.get("/missing", () => {
  throw Object.assign(new Error("no such product"), { status: 404 });
});
app.get("/rss", (_req, res) => {
  global.gc?.();
  res.json({ rss: process.memoryUsage().rss, heap: process.memoryUsage().heapUsed });
});
app.use(storewatchErrors(sw));
app.use((_error, _req, res, _next) => res.status(_error.status ?? 500).json({ error: true }));

function ask(url) {
  return new Promise((resolve, reject) => {
    const call = request(url, (response) => {
      let text = "";
      response.on("data", (part) => {
        text += part;
      });
      response.on("end", () => resolve(JSON.parse(text)));
    });
    call.on("error", reject);
    call.end();
  });
}

const server = app.listen(0, "127.0.0.1", () => console.log(`port ${server.address().port}`));
sw.stopping
  .server(server)
  .step("stores", async () => {
    await pool?.end();
    redis?.disconnect();
  })
  .onSignals();
