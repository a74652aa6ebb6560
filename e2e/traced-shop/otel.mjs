// The instrument file for OpenTelemetry: `node --import ./otel.mjs shop.mjs`.
import { startTracing } from "@storewatch/sdk/otel";

startTracing({
  endpoint: process.env.SHOP_OTLP,
  service: "ecommerce-api",
  version: "1.4.0",
  environment: "production",
  sampleRate: Number(process.env.SHOP_RATE ?? 1),
  everyMs: 200,
  timeoutMs: 1000,
});
