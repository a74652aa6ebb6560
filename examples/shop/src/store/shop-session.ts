// A connection as one request sees it: the shop's statements, timed and, under the fault `slow-database`, slow.
import type { Product } from "../catalogue.ts";
import type { SqlConnection, SqlValue } from "./sql.ts";
import type { StoreParts } from "./store-parts.ts";

export type OrderStatus = "pending" | "paid" | "declined" | "payment_failed";

export interface OrderRow {
  readonly id: string;
  readonly status: OrderStatus;
  readonly total: number;
  readonly currency: string;
  readonly cart_id: string;
  readonly session_id: string;
}

export interface OrderItem {
  readonly productId: string;
  readonly quantity: number;
  /** Of one piece, when it was ordered. */
  readonly price: number;
}

export interface NewOrder {
  readonly id: string;
  readonly cartId: string;
  readonly sessionId: string;
  readonly city: string;
  readonly currency: string;
  readonly items: readonly OrderItem[];
  readonly createdMs: number;
}

export interface ShopTotals {
  readonly tenant_id: string;
  readonly orders: number;
  readonly paid: number;
  readonly revenue: number;
}

const PRODUCT = "SELECT id, name, price FROM products WHERE tenant_id = ?";

export class ShopSession {
  constructor(
    private readonly connection: SqlConnection,
    private readonly tenant: string,
    private readonly parts: StoreParts,
  ) {}

  products(): Promise<Product[]> {
    return this.timed("list products", `${PRODUCT} ORDER BY length(id), id`, [this.tenant]);
  }

  async product(id: string): Promise<Product | undefined> {
    return (await this.timed<Product>("get product", `${PRODUCT} AND id = ?`, [this.tenant, id]))[0];
  }

  /** Those of the ids that there are. */
  async productsOf(ids: readonly string[]): Promise<Map<string, Product>> {
    if (ids.length === 0) return new Map();
    const places = ids.map(() => "?").join(", ");
    const found = await this.timed<Product>("price cart", `${PRODUCT} AND id IN (${places})`, [this.tenant, ...ids]);
    return new Map(found.map((product) => [product.id, product]));
  }

  /** Products whose name contains the text, whatever its case. */
  search(text: string): Promise<Product[]> {
    const pattern = `%${text.replace(/[\\%_]/g, "\\$&")}%`;
    const sql = `${PRODUCT} AND lower(name) LIKE lower(?) ESCAPE '\\' ORDER BY length(id), id LIMIT 24`;
    return this.timed("search products", sql, [this.tenant, pattern]);
  }

  /** Stores the order as pending and returns its total. */
  async placeOrder(order: NewOrder): Promise<number> {
    const total = order.items.reduce((sum, { quantity, price }) => sum + quantity * price, 0);
    await this.timed("create order", "INSERT INTO orders VALUES (?, ?, ?, ?, ?, 'pending', ?, ?, NULL, ?, NULL)", [
      order.id,
      this.tenant,
      order.cartId,
      order.sessionId,
      order.city,
      total,
      order.currency,
      order.createdMs,
    ]);
    for (const { productId, quantity, price } of order.items)
      await this.timed("create order item", "INSERT INTO order_items VALUES (?, ?, ?, ?)", [
        order.id,
        productId,
        quantity,
        price,
      ]);
    return total;
  }

  async order(id: string): Promise<OrderRow | undefined> {
    const sql = "SELECT id, status, total, currency, cart_id, session_id FROM orders WHERE id = ? AND tenant_id = ?";
    return (await this.timed<OrderRow>("get order", sql, [id, this.tenant]))[0];
  }

  /** What was ordered, with today's names. */
  orderItems(id: string): Promise<Array<{ name: string; quantity: number; price: number }>> {
    return this.timed(
      "get order items",
      `SELECT p.name, i.quantity, i.price FROM orders o JOIN order_items i ON i.order_id = o.id
       JOIN products p ON p.tenant_id = o.tenant_id AND p.id = i.product_id
       WHERE o.id = ? AND o.tenant_id = ? ORDER BY length(p.id), p.id`,
      [id, this.tenant],
    );
  }

  /** Notes how the payment went. `paidMs` is null when it failed. */
  async settle(id: string, status: OrderStatus, provider: string, paidMs: number | null): Promise<void> {
    const sql = "UPDATE orders SET status = ?, provider = ?, paid_ms = ? WHERE id = ? AND tenant_id = ?";
    await this.timed("store payment", sql, [status, provider, paidMs, id, this.tenant]);
  }

  /** Of all shops. */
  totalsSince(ms: number): Promise<ShopTotals[]> {
    return this.timed(
      "admin totals",
      `SELECT tenant_id, CAST(count(*) AS INTEGER) AS orders,
       CAST(sum(CASE WHEN status = 'paid' THEN 1 ELSE 0 END) AS INTEGER) AS paid,
       sum(CASE WHEN status = 'paid' THEN total ELSE 0 END) AS revenue
       FROM orders WHERE created_ms > ? GROUP BY tenant_id`,
      [ms],
    );
  }

  /** Of all shops. */
  async forgetOrdersBefore(ms: number): Promise<void> {
    const old = "SELECT id FROM orders WHERE created_ms < ?";
    await this.timed("prune items", `DELETE FROM order_items WHERE order_id IN (${old})`, [ms]);
    await this.timed("prune orders", "DELETE FROM orders WHERE created_ms < ?", [ms]);
  }

  async ping(): Promise<void> {
    await this.timed("health", "SELECT 1", []);
  }

  private timed<R>(operation: string, sql: string, values: readonly SqlValue[]): Promise<R[]> {
    const { faults, performance, random } = this.parts;
    const run = async () => {
      if (faults.isOn("slow-database", this.tenant)) await this.connection.sleep(2200 + random() * 800);
      return await this.connection.query<R>(sql, values);
    };
    return performance.timeQuery(sql, run, operation);
  }
}
