import type { Redis } from "ioredis";
import type { ShopLogger } from "../logging.ts";
import type { CartStore } from "./cart-store.ts";
import { MemoryCarts } from "./memory-carts.ts";
import { RedisCarts } from "./redis-carts.ts";
import { SteadyCarts } from "./steady-carts.ts";

export interface OpenCarts {
  readonly store: CartStore;
  /** For the health check, where carts are in Redis. */
  readonly redis?: Redis;
}

/** A Redis that is away is said this often at most. */
const WARN_EVERY_MS = 30_000;

/** Redis where there is a URL, with this process' memory for when it is away; else memory alone. */
export async function openCarts(redisUrl: string | undefined, logger: ShopLogger): Promise<OpenCarts> {
  if (!redisUrl) return { store: new MemoryCarts() };
  let warnedMs = Number.NEGATIVE_INFINITY;
  const carts = new RedisCarts(redisUrl, (error) => {
    if (performance.now() - warnedMs < WARN_EVERY_MS) return;
    warnedMs = performance.now();
    logger.warn("Redis is away, carts are kept in this process", { error: error.message });
  });
  await carts.connect();
  return { store: new SteadyCarts(carts, new MemoryCarts()), redis: carts.client };
}
