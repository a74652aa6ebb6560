// Checkout and payment: a cart becomes an order, a paid order becomes revenue.
import { randomUUID } from "node:crypto";
import { Router } from "express";
import type { Session, ShopDatabase } from "./database.ts";
import type { FaultSwitches } from "./faults.ts";
import type { ShopMetrics } from "./metrics.ts";
import type { ChargeResult, PaymentClient } from "./payments.ts";
import { HttpProblem, type ShopDoor } from "./request-context.ts";
import type { ShopTenant } from "./tenants.ts";

interface OrderRow {
  readonly id: string;
  readonly status: string;
  readonly total: number;
  readonly currency: string;
  readonly session_id: string | null;
}

const ORDER = `SELECT o.id, o.status, o.total, o.currency, c.session_id FROM orders o LEFT JOIN carts c ON c.id = o.cart_id
  WHERE o.id = ? AND o.tenant_id = ?`;

export interface CheckoutParts {
  readonly database: ShopDatabase;
  readonly metrics: ShopMetrics;
  readonly payments: PaymentClient;
  readonly faults: FaultSwitches;
  readonly door: ShopDoor;
}

export function checkoutRoutes(parts: CheckoutParts): Router {
  const router = Router();

  router.post("/checkout", async (request, response) => {
    const tenant = parts.door.enter(response);
    const { cartId, city } = (request.body ?? {}) as { cartId?: unknown; city?: unknown };
    if (typeof cartId !== "string" || typeof city !== "string") throw new HttpProblem(400, "cartId and city: texts");
    if (!deliversTo(tenant, city, parts.faults)) throw new HttpProblem(422, `no delivery to ${city.slice(0, 60)}`);
    const order = await parts.database.withConnection(tenant.id, (session) => createOrder(session, tenant, cartId));
    response.status(201).json(order);
  });

  router.post("/orders/:id/payment", async (request, response) => {
    const tenant = parts.door.enter(response);
    const { provider } = (request.body ?? {}) as { provider?: unknown };
    if (typeof provider !== "string" || !parts.payments.names.includes(provider))
      throw new HttpProblem(400, `provider: one of ${parts.payments.names.join(", ")}`);
    const result = await parts.database.withConnection(tenant.id, (session) =>
      pay(parts, session, tenant, request.params.id, provider),
    );
    if (result.outcome === "approved") response.json({ status: "paid", reference: result.reference });
    else throw new HttpProblem(result.outcome === "declined" ? 402 : 502, result.reason);
  });

  router.get("/orders/:id", async (request, response) => {
    const tenant = parts.door.enter(response);
    const order = await parts.database.withConnection(tenant.id, (session) =>
      session.get<OrderRow>("get order", ORDER, request.params.id, tenant.id),
    );
    if (!order) throw new HttpProblem(404, "no such order");
    const { session_id: _, ...shown } = order;
    response.json(shown);
  });
  return router;
}

/** The shipping zones. Under the fault `order-drop` the shop's table is empty, as after a bad import. */
function deliversTo(tenant: ShopTenant, city: string, faults: FaultSwitches): boolean {
  const zones = faults.isOn("order-drop", tenant.id)
    ? []
    : [tenant.city, "Hà Nội", "Ho Chi Minh City", "Bangkok", "Berlin"];
  return zones.includes(city);
}

async function createOrder(session: Session, tenant: ShopTenant, cartId: string) {
  const cart = await session.get<{ total: number | null }>(
    "price cart",
    `SELECT sum(i.quantity * p.price) AS total FROM carts c JOIN cart_items i ON i.cart_id = c.id
     JOIN products p ON p.tenant_id = c.tenant_id AND p.id = i.product_id WHERE c.id = ? AND c.tenant_id = ?`,
    cartId,
    tenant.id,
  );
  if (!cart?.total) throw new HttpProblem(404, "no such cart, or it is empty");
  const order = { id: randomUUID(), status: "pending", total: cart.total, currency: tenant.currency };
  await session.run(
    "create order",
    "INSERT INTO orders VALUES (?, ?, ?, ?, ?, ?, NULL, ?, NULL)",
    order.id,
    tenant.id,
    cartId,
    order.status,
    order.total,
    order.currency,
    Date.now(),
  );
  return order;
}

async function pay(
  { metrics, payments }: CheckoutParts,
  session: Session,
  tenant: ShopTenant,
  orderId: string,
  provider: string,
): Promise<ChargeResult> {
  const order = await session.get<OrderRow>("get order", ORDER, orderId, tenant.id);
  if (!order) throw new HttpProblem(404, "no such order");
  if (order.status === "paid") throw new HttpProblem(409, "the order is paid already");
  const charge = { merchant: tenant.id, orderId, amount: order.total, currency: order.currency };
  const result = await payments.charge(provider, charge);
  metrics.paymentTried(tenant.id, provider, result.outcome);
  const status = { approved: "paid", declined: "declined", error: "payment_failed" } as const;
  await session.run(
    "store payment",
    "UPDATE orders SET status = ?, provider = ?, paid_ms = ? WHERE id = ?",
    status[result.outcome],
    provider,
    result.outcome === "approved" ? Date.now() : null,
    orderId,
  );
  metrics.orderDone(tenant.id, status[result.outcome], order.session_id ?? orderId);
  if (result.outcome === "approved") metrics.revenueReceived(tenant.id, order.currency, order.total);
  return result;
}
