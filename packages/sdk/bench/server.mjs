// One server of the overhead benchmark, in a process of its own: `node server.mjs bare|context|snippet|sdk`. Sends its port;
// on a message it answers with the CPU time it has used. `context` is Node's own asynchronous context and nothing else.
import { AsyncLocalStorage } from "node:async_hooks";
import express from "express";
import { storewatchExpress } from "../dist/express/index.js";
import { storewatch } from "../dist/index.js";
import { snippetMiddleware } from "./snippet.mjs";

const kind = process.argv[2];
const app = express();
app.disable("etag");
if (kind === "context") {
  const storage = new AsyncLocalStorage();
  app.use((_request, _response, next) => storage.run({}, next));
}
if (kind === "snippet") app.use(snippetMiddleware());
if (kind === "sdk") app.use(storewatchExpress(storewatch({ service: "bench" })));
const shop = express.Router();
// Small work with promises in it, as a shop's handlers have: what asynchronous context costs must show.
shop.get("/products/:id", async (req, res) => {
  await Promise.resolve();
  const product = await new Promise((resolve) => setImmediate(() => resolve({ id: req.params.id, price: 19.9 })));
  res.json(product);
});
app.use("/api", shop);
const server = app.listen(0, "127.0.0.1", () =>
  process.send({ port: server.address().port, version: process.versions.node }),
);
process.on("message", () => process.send({ cpu: process.cpuUsage() }));
