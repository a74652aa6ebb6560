// Carts that all processes of the shop share, in Redis: a hash for each cart, a string for each visitor who has one.
import { randomUUID } from "node:crypto";
import { Redis } from "ioredis";
import { CART_KEPT_MS, type Cart, type CartChange, type CartStore, ITEMS_MAX, QUANTITY_MAX } from "./cart-store.ts";

/** Field of a cart's hash: no product has this id. */
const SESSION = ".session";
/** A customer does not wait for Redis longer than this. */
const COMMAND_MS = 500;
const RECONNECT_LONGEST_MS = 5000;

/** One step, so that two requests for one cart do not lose each other's change. */
const CHANGE = `
if redis.call("EXISTS", KEYS[1]) == 0 then return 0 end
local wanted = tonumber(ARGV[2])
local known = redis.call("HGET", KEYS[1], ARGV[1])
if ARGV[3] == "add" then wanted = wanted + tonumber(known or "0") end
if wanted <= 0 then redis.call("HDEL", KEYS[1], ARGV[1])
elseif known or redis.call("HLEN", KEYS[1]) <= ${ITEMS_MAX} then
  redis.call("HSET", KEYS[1], ARGV[1], math.min(wanted, ${QUANTITY_MAX}))
end
redis.call("PEXPIRE", KEYS[1], ${CART_KEPT_MS})
return 1`;

export class RedisCarts implements CartStore {
  readonly client: Redis;

  /** Connects in the background, again and again. `onError` is told of what goes wrong there. */
  constructor(url: string, onError: (error: Error) => void) {
    this.client = new Redis(url, {
      lazyConnect: true,
      // A command without a connection fails at once, and the shop goes on without: nobody waits for a reconnect.
      enableOfflineQueue: false,
      maxRetriesPerRequest: 0,
      commandTimeout: COMMAND_MS,
      connectTimeout: 2000,
      retryStrategy: (attempt) => Math.min(RECONNECT_LONGEST_MS, 100 * 2 ** Math.min(attempt, 6)),
    });
    this.client.on("error", onError);
  }

  /** Resolves when the first attempt to connect is over, however it went. */
  async connect(): Promise<void> {
    await this.client.connect().catch(() => undefined);
  }

  async create(tenant: string, sessionId: string): Promise<string> {
    const id = randomUUID();
    const [cart, visitor] = [cartKey(tenant, id), visitorKey(tenant, sessionId)];
    const done = await this.client
      .multi()
      .hset(cart, SESSION, sessionId)
      .pexpire(cart, CART_KEPT_MS)
      .set(visitor, id, "PX", CART_KEPT_MS)
      .exec();
    for (const [error] of done ?? []) if (error) throw error;
    return id;
  }

  async of(tenant: string, sessionId: string): Promise<string | undefined> {
    const id = await this.client.get(visitorKey(tenant, sessionId));
    return id !== null && (await this.client.exists(cartKey(tenant, id))) === 1 ? id : undefined;
  }

  async read(tenant: string, cartId: string): Promise<Cart | undefined> {
    const { [SESSION]: sessionId, ...items } = await this.client.hgetall(cartKey(tenant, cartId));
    if (sessionId === undefined) return undefined;
    return { id: cartId, sessionId, items: new Map(Object.entries(items).map(([id, count]) => [id, Number(count)])) };
  }

  async change({ tenant, cartId, productId, quantity, how }: CartChange): Promise<boolean> {
    if (productId === SESSION) return true;
    return (await this.client.eval(CHANGE, 1, cartKey(tenant, cartId), productId, quantity, how)) === 1;
  }

  async remove(tenant: string, { id, sessionId }: Pick<Cart, "id" | "sessionId">): Promise<void> {
    await this.client.del(cartKey(tenant, id));
    const key = visitorKey(tenant, sessionId);
    if ((await this.client.get(key)) === id) await this.client.del(key);
  }

  async close(): Promise<void> {
    this.client.disconnect();
  }
}

function cartKey(tenant: string, id: string): string {
  return `shop:cart:${tenant}:${id}`;
}

function visitorKey(tenant: string, sessionId: string): string {
  return `shop:visitor:${tenant}:${sessionId}`;
}
