// The instrument file: `node --import ./sentry.mjs shop.mjs`.
import { initSentry } from "@storewatch/sdk/sentry";

initSentry({
  dsn: process.env.SHOP_DSN,
  service: "ecommerce-api",
  version: "1.4.0",
  environment: "production",
  tracesSampleRate: Number(process.env.SHOP_RATE ?? 1),
});
