// The shop service: wires database, payments, metrics and faults into an Express application.
import { createServer, type Server } from "node:http";
import express from "express";
import { adminRoutes } from "./admin-routes.ts";
import { checkoutRoutes } from "./checkout-routes.ts";
import { ShopDatabase, SLOW_QUERY_SECONDS } from "./database.ts";
import { type FaultName, FaultSwitches } from "./faults.ts";
import { healthRoutes } from "./health-routes.ts";
import type { ShopLogger } from "./logging.ts";
import { ShopMetrics } from "./metrics.ts";
import { PaymentClient } from "./payments.ts";
import { answerErrors, HttpProblem, measure, resolveTenant, ShopDoor } from "./request-context.ts";
import { storefrontRoutes } from "./storefront-routes.ts";

/** What the process is meant to stay within; the memory leak goes beyond it, the rest stays far below. */
const MEMORY_LIMIT_BYTES = 256 * 1024 * 1024;
const LEAK_CHUNK_BYTES = 128 * 1024;
const LEAK_MAX_BYTES = 200 * 1024 * 1024;
const PRUNE_EVERY_MS = 10 * 60_000;

export interface ShopOptions {
  readonly databaseFile: string;
  readonly version: string;
  /** Base URL of each payment provider by its name. */
  readonly providers: Readonly<Record<string, string>>;
  readonly logger: ShopLogger;
  readonly random: () => number;
  readonly metricsToken?: string;
  /** Asks the supervisor to restart the service as another version. */
  readonly deploy: (version: string) => void;
  /** Stops or starts a payment provider, for one merchant or for all. */
  readonly setProviderDown: (name: string, merchant: string | null, down: boolean) => void;
  /** Ends the process as an uncaught exception does. */
  readonly crash: () => void;
  readonly defaultMetrics?: boolean;
}

export interface Shop {
  readonly server: Server;
  readonly faults: FaultSwitches;
  readonly metrics: ShopMetrics;
  readonly database: ShopDatabase;
  close(): Promise<void>;
}

export async function createShop(options: ShopOptions): Promise<Shop> {
  const { logger, random } = options;
  const faults = new FaultSwitches();
  const metrics = new ShopMetrics({
    service: "shop",
    version: options.version,
    providers: Object.keys(options.providers),
    memoryLimitBytes: MEMORY_LIMIT_BYTES,
    defaults: options.defaultMetrics,
  });
  const queryTook = (tenant: string, operation: string, seconds: number) => {
    if (seconds <= SLOW_QUERY_SECONDS) return;
    metrics.slowQuery(tenant || "unknown", operation);
    logger.warn("Slow database query", { operation, durationMs: Math.round(seconds * 1000), tenantId: tenant });
  };
  const database = new ShopDatabase(options.databaseFile, faults, { queryTook }, random);
  await database.prepare();
  metrics.watchPool(database.pool);
  const payments = new PaymentClient(options.providers);
  faults.onChange((fault, tenant, on) => applyFault(options, fault, tenant, on));

  const app = express();
  app.disable("x-powered-by");
  app.disable("etag");
  app.use(measure(metrics, logger), resolveTenant);
  app.use(
    healthRoutes({ database, metrics, memoryLimitBytes: MEMORY_LIMIT_BYTES, metricsToken: options.metricsToken }),
  );
  app.use(adminRoutes({ database, faults, version: options.version, deploy: options.deploy }));
  app.use(express.json({ limit: "64kb" }), leakMemory(faults));
  const door = new ShopDoor(metrics, faults, random);
  app.use(storefrontRoutes(door, database, metrics), checkoutRoutes({ door, database, metrics, payments, faults }));
  app.use(() => {
    throw new HttpProblem(404, "not found");
  });
  app.use(answerErrors(logger));

  const server = createServer(app);
  server.keepAliveTimeout = 30_000;
  server.on("connection", (socket) => {
    metrics.connectionOpened();
    socket.once("close", () => metrics.connectionClosed());
  });
  const pruning = setInterval(() => {
    database.prune(Date.now()).catch((error: unknown) => logger.warn("pruning failed", { error: String(error) }));
  }, PRUNE_EVERY_MS);
  pruning.unref();
  const close = async () => {
    clearInterval(pruning);
    server.closeAllConnections();
    await new Promise<void>((resolve) => server.close(() => resolve()));
    payments.close();
    database.close();
  };
  return { server, faults, metrics, database, close };
}

function applyFault(options: ShopOptions, fault: FaultName, tenant: string | null, on: boolean): void {
  options.logger.warn(`fault ${fault} ${on ? "on" : "off"}`, { tenantId: tenant ?? undefined });
  if (fault === "process-crash" && on) options.crash();
  if (fault === "payment-provider-down") {
    const [first] = Object.keys(options.providers);
    if (first) options.setProviderDown(first, tenant, on);
  }
}

/** The fault `memory-leak`: what a cache without a bound does. Bounded here, and freed when the fault ends. */
function leakMemory(faults: FaultSwitches): express.RequestHandler {
  const kept: Uint8Array[] = [];
  faults.onChange((fault, _tenant, on) => {
    if (fault === "memory-leak" && !on) kept.length = 0;
  });
  return (_request, response, next) => {
    const full = kept.length * LEAK_CHUNK_BYTES >= LEAK_MAX_BYTES;
    // Filled with ones, because untouched pages would not count as resident.
    if (!full && faults.isOn("memory-leak", response.locals.tenant?.id)) kept.push(chunkOfOwnPages().fill(1));
    next();
  };
}

/**
 * Resizable buffers have pages of their own, which go back to the system when they are freed. malloc, which Buffer uses,
 * often keeps chunks of this size for itself: the process then stays large for ever, and its alert firing.
 */
function chunkOfOwnPages(): Uint8Array {
  // The compiler's library is older than the second argument.
  const Resizable = ArrayBuffer as unknown as new (bytes: number, options: { maxByteLength: number }) => ArrayBuffer;
  return new Uint8Array(new Resizable(LEAK_CHUNK_BYTES, { maxByteLength: LEAK_CHUNK_BYTES }));
}
