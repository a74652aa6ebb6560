// The demo: mailbox, webhook inbox, the example shop, and configuration files that tie them to Storewatch.
import { randomBytes } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { type Clock, parseTenantId, type Tenant } from "@storewatch/model";
import type { FastifyPluginAsync } from "fastify";
import type { Environment } from "../config/environment.ts";
import type { RumKey } from "../config/rum.ts";
import { Disposables } from "../kernel/disposables.ts";
import type { Logger } from "../kernel/logger.ts";
import { Inbox } from "./inbox.ts";
import { startMailbox } from "./mailbox.ts";
import { type DemoConfigFiles, renderDemoConfig } from "./render-config.ts";
import { RotatingLog } from "./rotating-log.ts";
import { inboxRoutes } from "./route.ts";
import { ShopProcess, type ShopReady } from "./shop-process.ts";
import { startWebhookInbox } from "./webhook-inbox.ts";

export interface DemoOptions {
  readonly dataDir: string;
  /** undefined: `--no-shop`, mailbox and inbox only. 0: a free port. */
  readonly shopPort: number | undefined;
  /** Requests a second of the traffic generator. */
  readonly rate?: number;
  /** Where the shop's pages send what the browser entry measures: Storewatch's own address. */
  readonly rumEndpoint: string;
  readonly environment: Environment;
  readonly clock: Clock;
  readonly logger: Logger;
  /** A message arrived: the stream's topic `inbox` changed. */
  readonly onInboxChange: () => void;
  /** For tests: another entry than examples/shop/dist/main.js. */
  readonly shopEntry?: string;
}

export interface Demo {
  readonly shopUrl: string | undefined;
  readonly providerUrls: Readonly<Record<string, string>>;
  readonly smtpPort: number;
  readonly inboxUrl: string;
  /** The example's shops, to be declared like those of storewatch.yml. */
  readonly tenants: readonly Tenant[];
  readonly configFiles: DemoConfigFiles;
  /** To be taken like those of storewatch.yml. */
  readonly rumKeys: readonly RumKey[];
  readonly routes: FastifyPluginAsync;
  stop(): Promise<void>;
}

const SHOP_ENTRY = fileURLToPath(new URL("../../../../examples/shop/dist/main.js", import.meta.url));
const LOG_ROTATION = { bytesMax: 10 * 1024 * 1024, keep: 3 };
const DEFAULT_RATE = 40;
/** The same at every start, so that pages that are left open go on. Public by nature, and bound to the shop's origin. */
const RUM_KEY = "demo-shop-pages";

/** Throws StorewatchError with one clear line when a part cannot start; what had started is stopped again. */
export async function startDemo(options: DemoOptions): Promise<Demo> {
  const { clock, logger } = options;
  const directory = path.join(options.dataDir, "demo");
  mkdirSync(directory, { recursive: true });
  const started = new Disposables();
  const stop = () => started.disposeAll((name, error) => logger.warn({ err: error }, `stopping the demo's ${name}`));
  try {
    const inbox = new Inbox(clock, options.onInboxChange);
    const mailbox = await startMailbox(inbox, logger);
    started.add("mailbox", () => mailbox.close());
    const webhooks = await startWebhookInbox(inbox);
    started.add("webhook inbox", () => webhooks.close());
    const tokenFile = path.join(directory, "shop-metrics-token");
    const shop = options.shopPort === undefined ? undefined : await startShop(options, tokenFile, started);
    const configFiles = renderDemoConfig(directory, {
      SMTP_PORT: String(mailbox.port),
      INBOX_URL: webhooks.url,
      SHOP_ADDRESS: shop ? new URL(shop.metricsUrl).host : undefined,
      SHOP_TOKEN_FILE: tokenFile,
    });
    return {
      shopUrl: shop?.url,
      providerUrls: shop?.providers ?? {},
      smtpPort: mailbox.port,
      inboxUrl: webhooks.url,
      tenants: shop?.tenants.flatMap(asTenant) ?? [],
      configFiles,
      rumKeys: shop ? [rumKeyFor(shop)] : [],
      routes: inboxRoutes({ inbox }),
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function startShop(options: DemoOptions, tokenFile: string, started: Disposables): Promise<ShopReady> {
  const token = randomBytes(24).toString("hex");
  // Read by whoever scrapes: Storewatch, and you with curl.
  writeFileSync(tokenFile, token, { mode: 0o600 });
  const log = new RotatingLog(path.join(options.dataDir, "shop.log"), LOG_ROTATION);
  started.add("shop log", () => log.close());
  const shop = new ShopProcess({
    entry: options.shopEntry ?? SHOP_ENTRY,
    args: [
      ...["--port", String(options.shopPort), "--rate", String(options.rate ?? DEFAULT_RATE)],
      ...["--data", path.dirname(tokenFile), "--log-level", "info"],
    ],
    environment: {
      ...options.environment,
      METRICS_TOKEN: token,
      STOREWATCH_RUM_ENDPOINT: options.rumEndpoint,
      STOREWATCH_RUM_KEY: RUM_KEY,
    },
    clock: options.clock,
    logger: options.logger,
    output: (chunk) => log.write(chunk),
  });
  const ready = await shop.start();
  started.add("shop", () => shop.stop());
  return ready;
}

/** Its pages may be about its own shops, whoever writes the beacon. */
function rumKeyFor({ url, tenants }: ShopReady): RumKey {
  const ids = tenants.flatMap(asTenant).map(({ id }) => id);
  const { protocol, port } = new URL(url);
  const origins = ["127.0.0.1", "localhost"].map((host) => `${protocol}//${host}:${port}`);
  return {
    key: RUM_KEY,
    may: { kind: "platform", tenants: ids },
    origins: [...new Set([new URL(url).origin, ...origins])],
  };
}

function asTenant({ id, name, tier, timezone, currency }: ShopReady["tenants"][number]): Tenant[] {
  const tenantId = parseTenantId(id);
  return tenantId ? [{ id: tenantId, name, tier, timezone, currency }] : [];
}
