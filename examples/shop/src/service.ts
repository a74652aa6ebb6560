// Entry of the shop service's process. Its options come as one JSON argument from the supervisor.
import type { AddressInfo } from "node:net";
import { createShop } from "./app.ts";
import { createShopLogger } from "./logging.ts";
import { exitWithParent, tellParent } from "./messages.ts";
import { seededRandom } from "./random.ts";

export interface ServiceArguments {
  readonly host: string;
  readonly port: number;
  readonly databaseFile: string;
  readonly version: string;
  readonly providers: Readonly<Record<string, string>>;
  readonly logLevel: string;
  readonly metricsToken?: string;
}

exitWithParent();
const options = JSON.parse(process.argv[2]) as ServiceArguments;
const logger = createShopLogger({ service: "shop", version: options.version, level: options.logLevel });
const shop = await createShop({
  ...options,
  logger,
  random: seededRandom(Date.now()),
  deploy: (version) => tellParent({ kind: "deploy", version }),
  setProviderDown: (name, merchant, down) => tellParent({ kind: "provider", name, merchant, down }),
  // After the answer to the switch has left.
  crash: () =>
    void setTimeout(() => {
      throw new Error("invariant violated: stock below zero");
    }, 50),
});
process.on("SIGTERM", () => {
  shop.close().finally(() => process.exit(0));
});
shop.server.on("error", (error) => {
  tellParent({ kind: "failed", message: listenProblem(error, options) });
  process.exitCode = 1;
  process.disconnect?.();
});
shop.server.listen(options.port, options.host, () => {
  tellParent({ kind: "ready", port: (shop.server.address() as AddressInfo).port });
});

function listenProblem(error: NodeJS.ErrnoException, { host, port }: ServiceArguments): string {
  if (error.code === "EADDRINUSE")
    return `port ${port} of the shop is taken: stop what listens there or choose another`;
  return `the shop cannot listen on ${host}:${port}: ${error.message}`;
}
