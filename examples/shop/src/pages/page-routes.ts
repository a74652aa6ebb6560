// The shop as people use it: pages and forms, without a script of their own.
import { type Response, Router } from "express";
import type { ApiParts } from "../api-routes.ts";
import { type CartLine, deliveryCities, payOrder, placeOrder, priceCart } from "../orders.ts";
import { HttpProblem } from "../problems.ts";
import type { ShopTenant } from "../tenants.ts";
import type { Html } from "./html.ts";
import { type PageMonitor, shopDocument } from "./layout.ts";
import { cartView, checkoutView, homeView, itemView, orderView, platformPage } from "./views.ts";

export interface PageParts extends ApiParts {
  readonly version: string;
  readonly pageMonitor: PageMonitor | undefined;
}

const RELATED = 4;

export function pageRoutes(parts: PageParts): Router {
  const router = Router();
  addBrowsing(router, parts);
  addCart(router, parts);
  addCheckout(router, parts);
  return router;
}

function addBrowsing(router: Router, parts: PageParts): void {
  const { door, store } = parts;

  router.get("/", async (request, response) => {
    if (!response.locals.tenant) return void response.type("html").send(platformPage());
    const tenant = door.enterPage(request, response);
    const { q } = request.query;
    const query = typeof q === "string" ? q.slice(0, 100) : "";
    const products = await store.withSession(tenant.id, (session) =>
      query === "" ? session.products() : session.search(query),
    );
    await show(parts, response, { name: "/", title: tenant.city, query, body: homeView(tenant, products, query) });
  });

  router.get("/item/:id", async (request, response) => {
    const tenant = door.enterPage(request, response);
    const products = await store.withSession(tenant.id, (session) => session.products());
    const at = products.findIndex(({ id }) => id === request.params.id);
    if (at < 0) throw new HttpProblem(404, "no such product");
    const related = Array.from({ length: RELATED }, (_, i) => products[(at + 3 * (i + 1)) % products.length]);
    const body = itemView(tenant, products[at], related);
    await show(parts, response, { name: "/item/:id", title: products[at].name, body });
  });
}

function addCart(router: Router, parts: PageParts): void {
  const { door, store, carts, sw } = parts;

  router.get("/cart", async (request, response) => {
    const tenant = door.enterPage(request, response);
    const lines = await linesOf(parts, tenant, response);
    await show(parts, response, { name: "/cart", title: "🛒", body: cartView(tenant, lines) });
  });

  router.post("/cart", async (request, response) => {
    const tenant = door.enterPage(request, response);
    const { productId, quantity: text, how } = (request.body ?? {}) as Record<string, unknown>;
    const quantity = typeof text === "string" && /^\d{1,2}$/.test(text) ? Number(text) : undefined;
    if (typeof productId !== "string" || quantity === undefined || (how !== "add" && how !== "set"))
      throw new HttpProblem(400, "productId, quantity from 0 to 99, how: add or set");
    const product = await store.withSession(tenant.id, (session) => session.product(productId));
    if (!product) throw new HttpProblem(404, "no such product");
    const { sessionId } = response.locals;
    const cartId = (await carts.of(tenant.id, sessionId)) ?? (await carts.create(tenant.id, sessionId));
    await carts.change({ tenant: tenant.id, cartId, productId, quantity, how });
    sw.business.trackCart({ cartId });
    response.redirect(303, `/t/${tenant.id}/cart`);
  });
}

function addCheckout(router: Router, parts: PageParts): void {
  const { door, store, carts, payments, faults } = parts;

  router.get("/order", async (request, response) => {
    const tenant = door.enterPage(request, response);
    const lines = await linesOf(parts, tenant, response);
    if (lines.length === 0) return response.redirect(303, `/t/${tenant.id}/cart`);
    const choices = { cities: deliveryCities(tenant, faults), providers: payments.names };
    await show(parts, response, { name: "/order", title: "✓", body: checkoutView(tenant, lines, choices) });
  });

  router.post("/order", async (request, response) => {
    const tenant = door.enterPage(request, response);
    const { city, provider } = (request.body ?? {}) as Record<string, unknown>;
    if (typeof city !== "string") throw new HttpProblem(400, "city: text");
    const name = knownProvider(parts, provider);
    const cartId = await carts.of(tenant.id, response.locals.sessionId);
    if (cartId === undefined) throw new HttpProblem(404, "no such cart, or it is empty");
    const order = await placeOrder(parts, tenant, cartId, city);
    await payOrder(parts, tenant, order.id, name);
    response.redirect(303, `/t/${tenant.id}/thanks/${order.id}`);
  });

  router.get("/thanks/:id", async (request, response) => {
    const tenant = door.enterPage(request, response);
    const shown = await store.withSession(tenant.id, async (session) => {
      const order = await session.order(request.params.id);
      // An order is shown to the visitor who placed it.
      if (order?.session_id !== response.locals.sessionId) throw new HttpProblem(404, "no such order");
      return { order, items: await session.orderItems(order.id), providers: payments.names };
    });
    await show(parts, response, { name: "/thanks/:id", title: "✓", body: orderView(tenant, shown) });
  });

  router.post("/thanks/:id", async (request, response) => {
    const tenant = door.enterPage(request, response);
    const provider = knownProvider(parts, request.body?.provider);
    const { id } = request.params;
    const order = await store.withSession(tenant.id, (session) => session.order(id));
    if (order?.session_id !== response.locals.sessionId) throw new HttpProblem(404, "no such order");
    await payOrder(parts, tenant, id, provider);
    response.redirect(303, `/t/${tenant.id}/thanks/${id}`);
  });
}

interface Shown {
  readonly name: string;
  readonly title: string;
  readonly query?: string;
  readonly body: Html;
}

async function show(parts: PageParts, response: Response, page: Shown): Promise<void> {
  const { tenant, sessionId } = response.locals;
  if (!tenant) throw new Error("BUG: a shop's page without a shop");
  const { carts, faults, version, pageMonitor: monitor } = parts;
  const cartId = await carts.of(tenant.id, sessionId);
  const cart = cartId === undefined ? undefined : await carts.read(tenant.id, cartId);
  const inCart = [...(cart?.items.values() ?? [])].reduce((sum, quantity) => sum + quantity, 0);
  const heavy = faults.isOn("slow-page", tenant.id);
  response.setHeader("cache-control", "no-store");
  response.type("html").send(shopDocument({ ...page, tenant, version, monitor, heavy, inCart }));
}

async function linesOf(parts: PageParts, tenant: ShopTenant, response: Response): Promise<CartLine[]> {
  const { carts, store } = parts;
  const cartId = await carts.of(tenant.id, response.locals.sessionId);
  const cart = cartId === undefined ? undefined : await carts.read(tenant.id, cartId);
  return cart ? await store.withSession(tenant.id, (session) => priceCart(session, cart)) : [];
}

function knownProvider({ payments }: PageParts, name: unknown): string {
  if (typeof name !== "string" || !payments.names.includes(name))
    throw new HttpProblem(400, `provider: one of ${payments.names.join(", ")}`);
  return name;
}
