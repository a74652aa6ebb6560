// Carts, and which visitor has which: kept for two hours after the last change.

export interface Cart {
  readonly id: string;
  readonly sessionId: string;
  /** Pieces by product id; never empty entries. */
  readonly items: ReadonlyMap<string, number>;
}

export interface CartChange {
  readonly tenant: string;
  readonly cartId: string;
  readonly productId: string;
  readonly quantity: number;
  /** `add` to what is there, or `set` it; 0 takes the product out. At most 99 pieces of a product. */
  readonly how: "add" | "set";
}

export interface CartStore {
  /** A new cart, which is the session's from now on. */
  create(tenant: string, sessionId: string): Promise<string>;
  /** The id of the session's cart. */
  of(tenant: string, sessionId: string): Promise<string | undefined>;
  read(tenant: string, cartId: string): Promise<Cart | undefined>;
  /** False when there is no such cart. */
  change(change: CartChange): Promise<boolean>;
  remove(tenant: string, cart: Pick<Cart, "id" | "sessionId">): Promise<void>;
  close(): Promise<void>;
}

export const CART_KEPT_MS = 2 * 3_600_000;
export const QUANTITY_MAX = 99;
/** Different products in a cart. */
export const ITEMS_MAX = 50;
