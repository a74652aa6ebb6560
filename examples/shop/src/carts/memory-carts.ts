import { randomUUID } from "node:crypto";
import { CART_KEPT_MS, type Cart, type CartChange, type CartStore, ITEMS_MAX, QUANTITY_MAX } from "./cart-store.ts";

interface Kept {
  readonly id: string;
  readonly sessionId: string;
  readonly items: Map<string, number>;
  untilMs: number;
}

/** Carts of one process. The oldest go when there are too many. */
const CARTS_MAX = 50_000;

export class MemoryCarts implements CartStore {
  /** In order of their last change. */
  private readonly carts = new Map<string, Kept>();
  private readonly bySession = new Map<string, string>();

  constructor(private readonly nowMs: () => number = () => performance.now()) {}

  async create(tenant: string, sessionId: string): Promise<string> {
    const id = randomUUID();
    this.carts.set(`${tenant} ${id}`, { id, sessionId, items: new Map(), untilMs: this.nowMs() + CART_KEPT_MS });
    this.bySession.set(`${tenant} ${sessionId}`, id);
    this.forgetOld();
    return id;
  }

  async of(tenant: string, sessionId: string): Promise<string | undefined> {
    const id = this.bySession.get(`${tenant} ${sessionId}`);
    return id !== undefined && this.find(tenant, id) ? id : undefined;
  }

  async read(tenant: string, cartId: string): Promise<Cart | undefined> {
    const cart = this.find(tenant, cartId);
    return cart && { id: cart.id, sessionId: cart.sessionId, items: new Map(cart.items) };
  }

  async change({ tenant, cartId, productId, quantity, how }: CartChange): Promise<boolean> {
    const cart = this.find(tenant, cartId);
    if (!cart) return false;
    const wanted = Math.min(QUANTITY_MAX, quantity + (how === "add" ? (cart.items.get(productId) ?? 0) : 0));
    if (wanted <= 0) cart.items.delete(productId);
    else if (cart.items.has(productId) || cart.items.size < ITEMS_MAX) cart.items.set(productId, wanted);
    cart.untilMs = this.nowMs() + CART_KEPT_MS;
    const key = `${tenant} ${cartId}`;
    this.carts.delete(key);
    this.carts.set(key, cart);
    return true;
  }

  async remove(tenant: string, { id, sessionId }: Pick<Cart, "id" | "sessionId">): Promise<void> {
    this.carts.delete(`${tenant} ${id}`);
    const key = `${tenant} ${sessionId}`;
    if (this.bySession.get(key) === id) this.bySession.delete(key);
  }

  async close(): Promise<void> {}

  private find(tenant: string, id: string): Kept | undefined {
    const cart = this.carts.get(`${tenant} ${id}`);
    return cart && cart.untilMs > this.nowMs() ? cart : undefined;
  }

  private forgetOld(): void {
    const nowMs = this.nowMs();
    for (const [key, cart] of this.carts) {
      if (cart.untilMs > nowMs && this.carts.size <= CARTS_MAX) break;
      void this.remove(key.slice(0, key.indexOf(" ")), cart);
    }
  }
}
