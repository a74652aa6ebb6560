// The shop's tables, and how a request gets a connection: one for as long as the request lasts.
import { catalogueOf } from "./catalogue.ts";
import type { FaultSwitches } from "./faults.ts";
import { type Connection, ConnectionPool } from "./pool.ts";
import { TENANTS } from "./tenants.ts";

const SCHEMA = `
CREATE TABLE IF NOT EXISTS products (
  tenant_id TEXT NOT NULL, id TEXT NOT NULL, name TEXT NOT NULL, price REAL NOT NULL, PRIMARY KEY (tenant_id, id)
);
CREATE TABLE IF NOT EXISTS carts (
  id TEXT PRIMARY KEY, tenant_id TEXT NOT NULL, session_id TEXT NOT NULL, created_ms INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS carts_created ON carts (created_ms);
CREATE TABLE IF NOT EXISTS cart_items (
  cart_id TEXT NOT NULL, product_id TEXT NOT NULL, quantity INTEGER NOT NULL, PRIMARY KEY (cart_id, product_id)
);
CREATE TABLE IF NOT EXISTS orders (
  id TEXT PRIMARY KEY, tenant_id TEXT NOT NULL, cart_id TEXT NOT NULL, status TEXT NOT NULL, total REAL NOT NULL,
  currency TEXT NOT NULL, provider TEXT, created_ms INTEGER NOT NULL, paid_ms INTEGER
);
CREATE INDEX IF NOT EXISTS orders_by_shop ON orders (tenant_id, created_ms);
`;

/** Statements slower than this are counted and logged (the platform's standard). */
export const SLOW_QUERY_SECONDS = 1;

/** The fault `connection-leak` takes this share of the pool. */
const LEAK_SHARE_MAX = 0.9;

export interface DatabaseEvents {
  queryTook(tenant: string, operation: string, seconds: number): void;
}

export class ShopDatabase {
  readonly pool: ConnectionPool;
  private lastLeakMs = 0;

  constructor(
    file: string,
    private readonly faults: FaultSwitches,
    private readonly events: DatabaseEvents,
    private readonly random: () => number,
  ) {
    this.pool = new ConnectionPool({ file, max: 40, perTenantMax: 12, waitMs: 4000 });
    faults.onChange((fault, _tenant, on) => {
      if (fault === "connection-leak" && !on && !this.faults.list().some((f) => f.fault === fault)) this.pool.reclaim();
    });
  }

  /** Creates the tables and fills the catalogues. */
  async prepare(): Promise<void> {
    const connection = await this.pool.acquire("");
    connection.database.exec(SCHEMA);
    connection.database.exec("BEGIN");
    for (const tenant of TENANTS) {
      for (const product of catalogueOf(tenant)) {
        connection.run(
          "INSERT OR REPLACE INTO products VALUES (?, ?, ?, ?)",
          tenant.id,
          product.id,
          product.name,
          product.price,
        );
      }
    }
    connection.database.exec("COMMIT");
    this.pool.release(connection);
  }

  /** Runs `work` with a connection that it holds until it is done. */
  async withConnection<T>(tenant: string, work: (session: Session) => Promise<T>): Promise<T> {
    const connection = await this.pool.acquire(tenant);
    try {
      return await work(new Session(connection, tenant, this.faults, this.events, this.random));
    } finally {
      if (this.shouldLeak(tenant)) this.pool.leak(connection);
      else this.pool.release(connection);
    }
  }

  /** Old carts and orders go, so that a demo that runs for weeks stays small. */
  async prune(nowMs: number): Promise<void> {
    await this.withConnection("", async (session) => {
      await session.run("prune carts", "DELETE FROM carts WHERE created_ms < ?", nowMs - 2 * 3_600_000);
      await session.run("prune items", "DELETE FROM cart_items WHERE cart_id NOT IN (SELECT id FROM carts)");
      await session.run("prune orders", "DELETE FROM orders WHERE created_ms < ?", nowMs - 7 * 86_400_000);
    });
  }

  close(): void {
    this.pool.close();
  }

  private shouldLeak(tenant: string): boolean {
    // The last connections stay, so that the demo limps instead of standing still.
    if (!this.faults.isOn("connection-leak", tenant) || this.pool.inUse > LEAK_SHARE_MAX * this.pool.max) return false;
    const nowMs = performance.now();
    if (nowMs - this.lastLeakMs < 1000) return false;
    this.lastLeakMs = nowMs;
    return true;
  }
}

/** A connection as one request sees it: statements are timed and, under the fault, slow. */
export class Session {
  constructor(
    private readonly connection: Connection,
    private readonly tenant: string,
    private readonly faults: FaultSwitches,
    private readonly events: DatabaseEvents,
    private readonly random: () => number,
  ) {}

  run(operation: string, sql: string, ...values: unknown[]): Promise<void> {
    return this.timed(operation, () => this.connection.run(sql, ...values));
  }

  get<T>(operation: string, sql: string, ...values: unknown[]): Promise<T | undefined> {
    return this.timed(operation, () => this.connection.get<T>(sql, ...values));
  }

  all<T>(operation: string, sql: string, ...values: unknown[]): Promise<T[]> {
    return this.timed(operation, () => this.connection.all<T>(sql, ...values));
  }

  private async timed<T>(operation: string, work: () => T): Promise<T> {
    const startedMs = performance.now();
    if (this.faults.isOn("slow-database", this.tenant)) {
      const delayMs = 2200 + this.random() * 800;
      await new Promise((resolve) => setTimeout(resolve, delayMs));
    }
    const result = work();
    this.events.queryTook(this.tenant, operation, (performance.now() - startedMs) / 1000);
    return result;
  }
}
