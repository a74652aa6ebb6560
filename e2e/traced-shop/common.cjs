// A CommonJS service: the client first, by require; then Express, and Redis.
const { initSentry, connectSentry } = require("@storewatch/sdk/sentry");

initSentry({
  dsn: process.env.SHOP_DSN,
  service: "ecommerce-api",
  version: "1.4.0",
  environment: "production",
  tracesSampleRate: 1,
});
const { startTracing, connectTracing } = require("@storewatch/sdk/otel");

startTracing({ endpoint: process.env.SHOP_OTLP, service: "ecommerce-api", sampleRate: 1, everyMs: 200 });
const { storewatch } = require("@storewatch/sdk");
const { storewatchExpress, storewatchErrors } = require("@storewatch/sdk/express");
const express = require("express");
const { Redis } = require("ioredis");

const sw = storewatch({ service: "ecommerce-api", metrics: { defaults: false }, shutdown: { noticeMs: 0 } });
connectSentry(sw);
connectTracing(sw);
// prom-client itself needs OpenTelemetry's API, which does nothing alone.
const loaded = Object.keys(require.cache).filter((file) => /node_modules.@(sentry|opentelemetry.(?!api.))/.test(file));
const listeners = ["requestStarted", "requestDone", "requestFailed", "breadcrumb"].filter((name) => sw.hooks.has(name));
const { channel } = require("node:diagnostics_channel");

const redis = process.env.SHOP_REDIS ? new Redis(Number(process.env.SHOP_REDIS), "127.0.0.1") : undefined;
const app = express();
app.use(storewatchExpress(sw));
app.get("/off", (_req, res) =>
  res.json({ loaded, listeners, watched: channel("http.server.request.start").hasSubscribers }),
);
app.get("/boom/:id", async () => {
  await redis?.get("cart");
  throw new Error("common boom");
});
app.use(storewatchErrors(sw));
app.use((_error, _req, res, _next) => res.status(500).json({ error: true }));
const server = app.listen(0, "127.0.0.1", () => console.log(`port ${server.address().port}`));
sw.stopping
  .server(server)
  .step("redis", () => redis?.disconnect())
  .onSignals();
