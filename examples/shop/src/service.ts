// Entry of the shop service's process. Its options come as one JSON argument from the supervisor, addresses and secrets
// of what it uses from the environment.
import type { AddressInfo } from "node:net";
import { connectTracing } from "@storewatch/sdk/otel";
import { connectSentry } from "@storewatch/sdk/sentry";
import { createShop, type Shop } from "./app.ts";
import { exitWithParent, tellParent } from "./messages.ts";
import { pageMonitorFrom } from "./pages/layout.ts";
import { seededRandom } from "./random.ts";

export interface ServiceArguments {
  readonly host: string;
  readonly port: number;
  /** undefined: the one after `port`, or a free one when that is taken. */
  readonly metricsPort?: number;
  readonly databaseFile: string;
  readonly version: string;
  readonly providers: Readonly<Record<string, string>>;
  readonly logLevel: string;
  /** Time between "not ready" and closing, ms. */
  readonly shutdownNoticeMs: number;
}

exitWithParent();
const options = JSON.parse(process.argv[2]) as ServiceArguments;
const { env } = process;

try {
  await start();
} catch (error) {
  fail(error instanceof Error ? error.message : String(error));
}

async function start(): Promise<void> {
  const { logLevel } = options;
  const pageMonitor = pageMonitorFrom(env);
  const shop = await createShop({
    ...options,
    ...(env.NODE_ENV ? { environment: env.NODE_ENV } : {}),
    ...(env.DATABASE_URL ? { databaseUrl: env.DATABASE_URL } : {}),
    ...(env.REDIS_URL ? { redisUrl: env.REDIS_URL } : {}),
    ...(pageMonitor ? { pageMonitor } : {}),
    logging: { level: logLevel },
    random: seededRandom(Date.now()),
    deploy: (next) => tellParent({ kind: "deploy", version: next }),
    setProviderDown: (name, merchant, down) => tellParent({ kind: "provider", name, merchant, down }),
    // After the answer to the switch has left.
    crash: () =>
      void setTimeout(() => {
        throw new Error("invariant violated: stock below zero");
      }, 50),
  });
  // Do nothing unless instrument.ts has started them.
  if (env.SENTRY_DSN) connectSentry(shop.sw);
  // Last, because the tracer that comes last makes the spans.
  connectTracing(shop.sw);
  shop.sw.stopping.onSignals();
  shop.server.on("error", (error) => fail(listenProblem(error, "the shop", options.port)));
  shop.server.listen(options.port, options.host, () => void announce(shop));
}

async function announce(shop: Shop): Promise<void> {
  const { port } = shop.server.address() as AddressInfo;
  try {
    tellParent({ kind: "ready", port, metricsPort: await listenForScrapes(shop, port) });
  } catch (error) {
    fail(listenProblem(error as NodeJS.ErrnoException, "its metrics", options.metricsPort ?? 0));
  }
}

/** With a token it listens where the shop does, without one on loopback only. */
function listenForScrapes(shop: Shop, shopPort: number): Promise<number> {
  const token = env.METRICS_TOKEN;
  const where = token ? { host: options.host, auth: { bearer: token } } : {};
  if (options.metricsPort !== undefined) return shop.listenForScrapes({ port: options.metricsPort, ...where });
  return shop
    .listenForScrapes({ port: shopPort + 1, ...where })
    .catch(() => shop.listenForScrapes({ port: 0, ...where }));
}

function fail(message: string): void {
  tellParent({ kind: "failed", message });
  // The message leaves first.
  setTimeout(() => process.exit(1), 50);
}

function listenProblem(error: NodeJS.ErrnoException, what: string, port: number): string {
  if (error.code === "EADDRINUSE") return `port ${port} of ${what} is taken: stop what listens there or choose another`;
  return `${what} cannot listen on ${options.host}:${port}: ${error.message}`;
}
