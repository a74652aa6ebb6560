// The document's file: nothing but its imports is changed. Around it a shop that uses what it defines.
import * as Sentry from "@storewatch/sdk/sentry-compat";
import { Integrations } from "@storewatch/sdk/sentry-compat";
import express from "express";

const app = express();
Sentry.init({
  dsn: process.env.SENTRY_DSN,
  integrations: [
    new Integrations.Http({ tracing: true }),
    new Integrations.Express({ app }),
    new Integrations.Postgres(),
  ],
  tracesSampleRate: 1,
  environment: process.env.NODE_ENV,
  release: process.env.APP_VERSION,
});

app.use(Sentry.Handlers.requestHandler());
app.use(Sentry.Handlers.tracingHandler());

app.get("/boom/:id", () => {
  Sentry.addBreadcrumb({
    message: "Slow database query",
    level: "warning",
    data: { query: "SELECT 1", duration: 1200 },
  });
  throw new Error("seed boom");
});
app.get("/pay", async (_req, res) => {
  const transaction = Sentry.startTransaction({ op: "job", name: "nightly" });
  transaction.startChild({ op: "step", description: "count" }).setTag("shop", "acme").finish();
  transaction.setStatus("ok").finish();
  res.json({ result: await trackPerformance("checkout.pay", async () => "paid") });
});
app.use(Sentry.Handlers.errorHandler());
app.use((_error, _req, res, _next) => res.status(500).json({ error: true }));

export function trackPerformance(operation, fn) {
  return Sentry.startSpan({ op: operation, name: operation }, () => fn());
}

const server = app.listen(0, "127.0.0.1", () => console.log(`port ${server.address().port}`));
process.once("SIGTERM", async () => {
  await Sentry.close(2000);
  process.exit(0);
});
