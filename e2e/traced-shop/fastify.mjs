// The same service on Fastify, without stores. Prints its port.
import { storewatch } from "@storewatch/sdk";
import { storewatchFastify } from "@storewatch/sdk/fastify";
import { connectSentry } from "@storewatch/sdk/sentry";
import fastify from "fastify";

const sw = storewatch({ service: "ecommerce-api", metrics: { defaults: false }, shutdown: { noticeMs: 0 } });
connectSentry(sw);
const app = fastify();
await app.register(storewatchFastify(sw));
app.get("/boom/:id", async () => {
  throw new Error("fastify boom");
});
app.get("/missing", async () => {
  throw Object.assign(new Error("no such product"), { statusCode: 404 });
});
await app.listen({ port: 0, host: "127.0.0.1" });
console.log(`port ${app.server.address().port}`);
sw.stopping.server(app.server).onSignals();
