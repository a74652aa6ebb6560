// The shop service: wires store, carts, payments, monitoring and faults into an Express application.
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import path from "node:path";
import type { MetricsListenOptions, Storewatch } from "@storewatch/sdk";
import { storewatchErrors, storewatchExpress } from "@storewatch/sdk/express";
import express from "express";
import { ActiveVisitors } from "./active-visitors.ts";
import { adminRoutes } from "./admin-routes.ts";
import { type ApiParts, apiRoutes } from "./api-routes.ts";
import { openCarts } from "./carts/open-carts.ts";
import { runBackgroundDefects } from "./faults/background-defects.ts";
import { leakMemory } from "./faults/memory-leak.ts";
import { type FaultName, FaultSwitches } from "./faults/switches.ts";
import { createShopLogger, logRequests, type ShopLogger, type ShopLogging } from "./logging.ts";
import { checkShop, type MonitoringOptions, monitorShop, startTenants, watchShop } from "./monitoring.ts";
import { assetRoutes } from "./pages/assets.ts";
import { errorPage, type PageMonitor, pagePolicy } from "./pages/layout.ts";
import { pageRoutes } from "./pages/page-routes.ts";
import { PaymentClient } from "./payments.ts";
import { answerErrors, HttpProblem } from "./problems.ts";
import { enterShop, ShopDoor, sameSiteOnly } from "./shop-door.ts";
import { openPool } from "./store/open-store.ts";
import { ShopStore } from "./store/shop-store.ts";

const PRUNE_EVERY_MS = 10 * 60_000;
/** Of a database or balancer that starts beside the shop. */
const FIRST_ANSWER_MS = 30_000;

export interface ShopOptions extends MonitoringOptions {
  readonly databaseFile: string;
  /** PostgreSQL instead of the file. */
  readonly databaseUrl?: string;
  /** Redis for carts instead of this process' memory. */
  readonly redisUrl?: string;
  /** Where the pages tell how they load; without it they do not. */
  readonly pageMonitor?: PageMonitor;
  /** Base URL of each payment provider by its name. */
  readonly providers: Readonly<Record<string, string>>;
  readonly logging: ShopLogging;
  readonly random: () => number;
  /** Asks the supervisor to restart the service as another version. */
  readonly deploy: (version: string) => void;
  /** Stops or starts a payment provider, for one merchant or for all. */
  readonly setProviderDown: (name: string, merchant: string | null, down: boolean) => void;
  /** Ends the process as an uncaught exception does. */
  readonly crash: () => void;
}

export interface Shop {
  readonly server: Server;
  readonly faults: FaultSwitches;
  readonly sw: Storewatch;
  readonly store: ShopStore;
  /** Opens /metrics on its own port; returns the port. */
  listenForScrapes(options: MetricsListenOptions): Promise<number>;
  close(): Promise<void>;
}

/** Rejects when the database does not answer within half a minute. */
export async function createShop(options: ShopOptions): Promise<Shop> {
  const { random } = options;
  const faults = new FaultSwitches();
  const sw = monitorShop(options);
  const logger = createShopLogger(sw, options.logging);
  logRequests(sw, logger);
  const pool = openPool(options, (error) => logger.warn("a database connection broke", { error: error.message }));
  const store = new ShopStore(pool, { faults, performance: sw.performance, random });
  await retried(() => store.prepare(), logger);
  const carts = await openCarts(options.redisUrl, logger);
  const visitors = new ActiveVisitors();
  const payments = new PaymentClient(options.providers);
  startTenants(sw, payments.names);
  watchShop(sw, store, visitors);
  checkShop(sw, { store, redis: carts.redis, directory: path.dirname(options.databaseFile) });
  faults.onChange((fault, tenant, on) => {
    logger.warn(`fault ${fault} ${on ? "on" : "off"}`, tenant === null ? {} : { tenantId: tenant });
    applyFault(options, fault, tenant, on);
  });

  const door = new ShopDoor({ sw, faults, visitors, random });
  const app = shopApp(options, logger, { sw, store, carts: carts.store, payments, faults, door });
  const server = createServer(app);
  server.keepAliveTimeout = 30_000;
  const stopDefects = runBackgroundDefects({ faults, sw, logger, ownUrl: () => urlOf(server) });
  const pruning = setInterval(() => {
    store.prune(Date.now()).catch((error: unknown) => logger.warn("pruning failed", { error: String(error) }));
  }, PRUNE_EVERY_MS);
  pruning.unref();
  // The last step runs first.
  sw.stopping
    .server(server)
    .step("database", () => store.close())
    .step("carts", () => carts.store.close())
    .step("payments", () => payments.close())
    .step("timers", () => {
      stopDefects();
      clearInterval(pruning);
    });
  const listenForScrapes = async (where: MetricsListenOptions) =>
    ((await sw.metrics.listen(where)).address() as AddressInfo).port;
  const close = async () => void (await sw.shutdown());
  return { server, faults, sw, store, listenForScrapes, close };
}

function shopApp(options: ShopOptions, logger: ShopLogger, parts: ApiParts): express.Express {
  const { sw, store, faults } = parts;
  const { version, pageMonitor, deploy } = options;
  const app = express();
  app.disable("x-powered-by");
  app.disable("etag");
  app.use(storewatchExpress(sw), pagePolicy(pageMonitor), enterShop, sameSiteOnly);
  app.use(assetRoutes(faults));
  const forms = express.urlencoded({ extended: false, limit: "16kb" });
  app.use(adminRoutes({ store, faults, version, deploy, forms }));
  app.use(express.json({ limit: "64kb" }), leakMemory(faults));
  app.use(apiRoutes(parts), forms, pageRoutes({ ...parts, version, pageMonitor }));
  app.use(() => {
    throw new HttpProblem(404, "not found");
  });
  app.use(storewatchErrors(sw), answerErrors(logger, errorPage));
  return app;
}

/** A database that starts beside the shop may need a moment. */
async function retried(work: () => Promise<void>, logger: ShopLogger): Promise<void> {
  const untilMs = performance.now() + FIRST_ANSWER_MS;
  for (;;) {
    try {
      return await work();
    } catch (error) {
      if (performance.now() > untilMs) throw error;
      logger.warn("the database does not answer yet", {
        error: error instanceof Error ? error.message : String(error),
      });
      await new Promise((resolve) => setTimeout(resolve, 1000));
    }
  }
}

function urlOf(server: Server): string | undefined {
  const address = server.address();
  if (address === null || typeof address === "string") return undefined;
  const host = address.address === "0.0.0.0" || address.address === "::" ? "127.0.0.1" : address.address;
  return `http://${host.includes(":") ? `[${host}]` : host}:${address.port}`;
}

function applyFault(options: ShopOptions, fault: FaultName, tenant: string | null, on: boolean): void {
  if (fault === "process-crash" && on) options.crash();
  if (fault === "payment-provider-down") {
    const [first] = Object.keys(options.providers);
    if (first) options.setProviderDown(first, tenant, on);
  }
}
