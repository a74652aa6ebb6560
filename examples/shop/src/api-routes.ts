// The shop as programs use it: catalogue, search, carts, checkout, payment.
import { Router } from "express";
import { QUANTITY_MAX } from "./carts/cart-store.ts";
import { type OrderParts, payOrder, placeOrder } from "./orders.ts";
import { HttpProblem } from "./problems.ts";
import type { ShopDoor } from "./shop-door.ts";

export interface ApiParts extends OrderParts {
  readonly door: ShopDoor;
}

export function apiRoutes(parts: ApiParts): Router {
  const router = Router();
  addCatalogue(router, parts);
  addCarts(router, parts);
  addCheckout(router, parts);
  return router;
}

function addCatalogue(router: Router, { door, store, sw, faults }: ApiParts): void {
  const searches = sw.metrics.counter({
    name: "shop_searches_total",
    help: "Searches by what came of them",
    labelNames: ["tenant_id", "result"],
  });

  router.get("/products", async (request, response) => {
    const tenant = door.enter(request, response);
    const products = await store.withSession(tenant.id, (session) => session.products());
    response.json({ currency: tenant.currency, products });
  });

  router.get("/products/:id", async (request, response) => {
    const tenant = door.enter(request, response);
    const product = await store.withSession(tenant.id, (session) => session.product(request.params.id));
    if (!product) throw new HttpProblem(404, "no such product");
    response.json({ currency: tenant.currency, ...product });
  });

  router.get("/search", async (request, response) => {
    const tenant = door.enter(request, response);
    const { q } = request.query;
    if (typeof q !== "string" || q === "" || q.length > 100) throw new HttpProblem(400, "q: text, 1 to 100 characters");
    const products = await store.withSession(tenant.id, (session) => session.search(q));
    // The fault `noisy-tenant`: what visitors type becomes a label value, so that each text is a series.
    const outcome = products.length > 0 ? "found" : "nothing";
    searches.inc({ result: faults.isOn("noisy-tenant", tenant.id) ? q : outcome });
    response.json({ currency: tenant.currency, products });
  });
}

function addCarts(router: Router, { door, store, carts, sw }: ApiParts): void {
  router.post("/carts", async (request, response) => {
    const tenant = door.enter(request, response);
    const id = await carts.create(tenant.id, response.locals.sessionId);
    response.status(201).json({ id });
  });

  router.post("/carts/:id/items", async (request, response) => {
    const tenant = door.enter(request, response);
    const { productId, quantity } = (request.body ?? {}) as { productId?: unknown; quantity?: unknown };
    if (typeof productId !== "string" || !isQuantity(quantity))
      throw new HttpProblem(400, "productId: text; quantity: a whole number from 1 to 99");
    const product = await store.withSession(tenant.id, (session) => session.product(productId));
    const change = { tenant: tenant.id, cartId: request.params.id, productId, quantity, how: "add" } as const;
    if (!product || !(await carts.change(change))) throw new HttpProblem(404, "no such cart or product");
    sw.business.trackCart({ cartId: request.params.id });
    response.status(201).json({ ok: true });
  });
}

function addCheckout(router: Router, parts: ApiParts): void {
  const { door, store, payments } = parts;

  router.post("/checkout", async (request, response) => {
    const tenant = door.enter(request, response);
    const { cartId, city } = (request.body ?? {}) as { cartId?: unknown; city?: unknown };
    if (typeof cartId !== "string" || typeof city !== "string") throw new HttpProblem(400, "cartId and city: texts");
    response.status(201).json(await placeOrder(parts, tenant, cartId, city));
  });

  router.post("/orders/:id/payment", async (request, response) => {
    const tenant = door.enter(request, response);
    const { provider } = (request.body ?? {}) as { provider?: unknown };
    if (typeof provider !== "string" || !payments.names.includes(provider))
      throw new HttpProblem(400, `provider: one of ${payments.names.join(", ")}`);
    const result = await payOrder(parts, tenant, request.params.id, provider);
    if (result.outcome === "approved") response.json({ status: "paid", reference: result.reference });
    else throw new HttpProblem(result.outcome === "declined" ? 402 : 502, result.reason);
  });

  router.get("/orders/:id", async (request, response) => {
    const tenant = door.enter(request, response);
    const order = await store.withSession(tenant.id, (session) => session.order(request.params.id));
    if (!order) throw new HttpProblem(404, "no such order");
    const { id, status, total, currency } = order;
    response.json({ id, status, total, currency });
  });
}

function isQuantity(value: unknown): value is number {
  return typeof value === "number" && Number.isInteger(value) && value >= 1 && value <= QUANTITY_MAX;
}
