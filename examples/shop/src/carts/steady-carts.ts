import type { Cart, CartChange, CartStore } from "./cart-store.ts";

/**
 * Carts in a store that may be away. Then the shop goes on with those of this process: a cart that is begun meanwhile works
 * here until it is paid; one from before comes back with the store.
 */
export class SteadyCarts implements CartStore {
  constructor(
    private readonly shared: CartStore,
    private readonly own: CartStore,
  ) {}

  create(tenant: string, sessionId: string): Promise<string> {
    return this.shared.create(tenant, sessionId).catch(() => this.own.create(tenant, sessionId));
  }

  async of(tenant: string, sessionId: string): Promise<string | undefined> {
    const id = await this.shared.of(tenant, sessionId).catch(() => undefined);
    return id ?? this.own.of(tenant, sessionId);
  }

  async read(tenant: string, cartId: string): Promise<Cart | undefined> {
    const cart = await this.shared.read(tenant, cartId).catch(() => undefined);
    return cart ?? this.own.read(tenant, cartId);
  }

  async change(change: CartChange): Promise<boolean> {
    return (await this.shared.change(change).catch(() => false)) || this.own.change(change);
  }

  async remove(tenant: string, cart: Pick<Cart, "id" | "sessionId">): Promise<void> {
    await this.own.remove(tenant, cart);
    // What stays behind expires by itself.
    await this.shared.remove(tenant, cart).catch(() => undefined);
  }

  async close(): Promise<void> {
    await this.shared.close();
  }
}
