import "reflect-metadata";
import { NestFactory } from "@nestjs/core";
import { AppModule } from "./app.module.ts";
import { ShopConfig } from "./config.ts";

const app = await NestFactory.create(AppModule, { logger: ["error", "warn"] });
// With it SIGTERM ends in order: not ready, running requests end, exit code 0.
app.enableShutdownHooks(["SIGTERM", "SIGINT"], { useProcessExit: true });
const config = app.get(ShopConfig);
await app.listen(config.port, "127.0.0.1");
console.log(`The shop is at ${await app.getUrl()}`);
