// From cart to order to revenue, for the API and the pages alike.
import { randomUUID } from "node:crypto";
import type { Storewatch } from "@storewatch/sdk";
import type { Cart, CartStore } from "./carts/cart-store.ts";
import type { Product } from "./catalogue.ts";
import type { FaultSwitches } from "./faults/switches.ts";
import type { ChargeResult, PaymentClient } from "./payments.ts";
import { HttpProblem } from "./problems.ts";
import type { ShopSession } from "./store/shop-session.ts";
import type { ShopStore } from "./store/shop-store.ts";
import type { ShopTenant } from "./tenants.ts";

export interface OrderParts {
  readonly sw: Storewatch;
  readonly store: ShopStore;
  readonly carts: CartStore;
  readonly payments: PaymentClient;
  readonly faults: FaultSwitches;
}

export interface CartLine {
  readonly product: Product;
  readonly quantity: number;
}

const STATUS = { approved: "paid", declined: "declined", error: "payment_failed" } as const;

/** What a cart holds at today's prices; products that are gone are left out. */
export async function priceCart(session: ShopSession, cart: Cart): Promise<CartLine[]> {
  const products = await session.productsOf([...cart.items.keys()]);
  return [...cart.items].flatMap(([id, quantity]) => {
    const product = products.get(id);
    return product ? [{ product, quantity }] : [];
  });
}

/** Cities that a shop delivers to. Under the fault `order-drop` its table is empty, as after a bad import. */
export function deliveryCities(tenant: ShopTenant, faults: FaultSwitches): string[] {
  if (faults.isOn("order-drop", tenant.id)) return [];
  return [...new Set([tenant.city, "Hà Nội", "Ho Chi Minh City", "Bangkok", "Berlin"])];
}

export async function placeOrder(parts: OrderParts, tenant: ShopTenant, cartId: string, city: string) {
  if (!deliveryCities(tenant, parts.faults).includes(city))
    throw new HttpProblem(422, `no delivery to ${city.slice(0, 60)}`);
  const cart = await parts.carts.read(tenant.id, cartId);
  const order =
    cart && (await parts.store.withSession(tenant.id, (session) => storeOrder(session, tenant, cart, city)));
  if (!order) throw new HttpProblem(404, "no such cart, or it is empty");
  parts.sw.business.trackCheckoutStep({ step: "address", cartId });
  return order;
}

async function storeOrder(session: ShopSession, tenant: ShopTenant, cart: Cart, city: string) {
  const lines = await priceCart(session, cart);
  if (lines.length === 0) return undefined;
  const { currency } = tenant;
  const id = randomUUID();
  const items = lines.map(({ product, quantity }) => ({ productId: product.id, quantity, price: product.price }));
  const head = { id, cartId: cart.id, sessionId: cart.sessionId, city, currency, items, createdMs: Date.now() };
  const total = await session.placeOrder(head);
  return { id, status: "pending", total, currency };
}

/** Charges the customer. The connection is held meanwhile: what fills a pool when a provider is slow. */
export function payOrder(
  parts: OrderParts,
  tenant: ShopTenant,
  orderId: string,
  provider: string,
): Promise<ChargeResult> {
  const { sw, store, carts, payments } = parts;
  return store.withSession(tenant.id, async (session) => {
    const order = await session.order(orderId);
    if (!order) throw new HttpProblem(404, "no such order");
    if (order.status === "paid") throw new HttpProblem(409, "the order is paid already");
    const { total, currency, cart_id: cartId, session_id: sessionId } = order;
    const result = await payments.charge(provider, { merchant: tenant.id, orderId, amount: total, currency });
    sw.business.trackPaymentAttempt({ provider, outcome: result.outcome });
    const status = STATUS[result.outcome];
    await session.settle(orderId, status, provider, status === "paid" ? Date.now() : null);
    sw.business.trackOrderCreated({ status, currency, total, sessionId, cartId });
    if (status === "paid") await carts.remove(tenant.id, { id: cartId, sessionId });
    return result;
  });
}
