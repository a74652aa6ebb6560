// Browsing and carts.
import { randomUUID } from "node:crypto";
import { Router } from "express";
import { formatMoney, type Product } from "./catalogue.ts";
import type { ShopDatabase } from "./database.ts";
import { page, text } from "./html.ts";
import type { ShopMetrics } from "./metrics.ts";
import { HttpProblem, type ShopDoor } from "./request-context.ts";

export function storefrontRoutes(door: ShopDoor, database: ShopDatabase, metrics: ShopMetrics): Router {
  const router = Router();

  router.get("/", async (_request, response) => {
    const tenant = door.enter(response);
    const products = await database.withConnection(tenant.id, (session) =>
      session.all<Product>("front page", "SELECT id, name, price FROM products WHERE tenant_id = ? LIMIT 8", tenant.id),
    );
    const items = products.map((p) => `<li>${text(p.name)} — ${text(formatMoney(p.price, tenant.currency))}</li>`);
    response.type("html").send(page(tenant.name, `<h1>${text(tenant.name)}</h1><ul>${items.join("")}</ul>`));
  });

  router.get("/products", async (_request, response) => {
    const tenant = door.enter(response);
    const products = await database.withConnection(tenant.id, (session) =>
      session.all<Product>("list products", "SELECT id, name, price FROM products WHERE tenant_id = ?", tenant.id),
    );
    response.json({ currency: tenant.currency, products });
  });

  router.get("/products/:id", async (request, response) => {
    const tenant = door.enter(response);
    const product = await database.withConnection(tenant.id, (session) =>
      session.get<Product>(
        "get product",
        "SELECT id, name, price FROM products WHERE tenant_id = ? AND id = ?",
        tenant.id,
        request.params.id,
      ),
    );
    if (!product) throw new HttpProblem(404, "no such product");
    response.json({ currency: tenant.currency, ...product });
  });

  router.post("/carts", async (_request, response) => {
    const tenant = door.enter(response);
    const id = randomUUID();
    await database.withConnection(tenant.id, (session) =>
      session.run(
        "create cart",
        "INSERT INTO carts VALUES (?, ?, ?, ?)",
        id,
        tenant.id,
        response.locals.sessionId,
        Date.now(),
      ),
    );
    metrics.kpis.get(tenant.id)?.cartCreated(performance.now());
    response.status(201).json({ id });
  });

  router.post("/carts/:id/items", async (request, response) => {
    const tenant = door.enter(response);
    const { productId, quantity } = (request.body ?? {}) as { productId?: unknown; quantity?: unknown };
    if (typeof productId !== "string" || !isQuantity(quantity))
      throw new HttpProblem(400, "productId: text; quantity: a whole number from 1 to 99");
    await database.withConnection(tenant.id, async (session) => {
      const known = await session.get(
        "find cart and product",
        "SELECT 1 FROM carts c JOIN products p ON p.tenant_id = c.tenant_id WHERE c.id = ? AND c.tenant_id = ? AND p.id = ?",
        request.params.id,
        tenant.id,
        productId,
      );
      if (!known) throw new HttpProblem(404, "no such cart or product");
      await session.run(
        "add item",
        "INSERT INTO cart_items VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET quantity = min(99, quantity + excluded.quantity)",
        request.params.id,
        productId,
        quantity,
      );
    });
    response.status(201).json({ ok: true });
  });
  return router;
}

function isQuantity(value: unknown): value is number {
  return typeof value === "number" && Number.isInteger(value) && value >= 1 && value <= 99;
}
