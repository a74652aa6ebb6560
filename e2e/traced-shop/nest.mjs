// The same service on Nest, without stores. Prints its port.
import "reflect-metadata";
import { Controller, Get, Module, NotFoundException } from "@nestjs/common";
import { NestFactory } from "@nestjs/core";
import { storewatch } from "@storewatch/sdk";
import { StorewatchModule } from "@storewatch/sdk/nest";
import { connectSentry } from "@storewatch/sdk/sentry";

const sw = storewatch({ service: "ecommerce-api", metrics: { defaults: false }, shutdown: { noticeMs: 0 } });
connectSentry(sw);
class Shop {
  async boom() {
    throw new Error("nest boom");
  }
  missing() {
    throw new NotFoundException();
  }
}
for (const [name, path] of [
  ["boom", "boom/:id"],
  ["missing", "missing"],
]) {
  Get(path)(Shop.prototype, name, Object.getOwnPropertyDescriptor(Shop.prototype, name));
}
Controller()(Shop);
class App {}
Module({ imports: [StorewatchModule.forRoot(sw)], controllers: [Shop] })(App);
const app = await NestFactory.create(App, { logger: false });
await app.listen(0, "127.0.0.1");
console.log(`port ${app.getHttpServer().address().port}`);
sw.stopping.server(app.getHttpServer()).onSignals();
