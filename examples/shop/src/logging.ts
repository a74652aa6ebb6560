// JSON lines on stderr, as the SDK makes them; stdout has only what a person asked for: the ready line.
import type { Writable } from "node:stream";
import type { Storewatch } from "@storewatch/sdk";
import { createLogger, requestLogger } from "@storewatch/sdk/winston";

export type ShopLogger = ReturnType<typeof createLogger>;

export interface ShopLogging {
  readonly level: string;
  /** Instead of stderr. */
  readonly stream?: Writable;
}

export function createShopLogger(sw: Storewatch, { level, stream }: ShopLogging): ShopLogger {
  return createLogger(sw, { level, console: "json", stderr: true, ...(stream ? { stream } : {}) });
}

/** One line for each request that is over. */
export function logRequests(sw: Storewatch, logger: ShopLogger): void {
  requestLogger(sw, logger, { requests: false });
}
