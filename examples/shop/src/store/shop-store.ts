// Catalogue and orders, and how a request gets a connection: one for as long as its work lasts.
import { catalogueOf, type Product } from "../catalogue.ts";
import { TENANTS } from "../tenants.ts";
import { SCHEMA } from "./schema.ts";
import { ShopSession } from "./shop-session.ts";
import type { SqlConnection, SqlPool } from "./sql.ts";
import type { StoreParts } from "./store-parts.ts";

/** The fault `connection-leak` takes this share of the pool. */
const LEAK_SHARE_MAX = 0.9;
/** It loses this many connections a second at most. */
const LEAK_EVERY_MS = 1000;

export class ShopStore {
  private lastLeakMs = Number.NEGATIVE_INFINITY;

  constructor(
    readonly pool: SqlPool,
    private readonly parts: StoreParts,
  ) {
    parts.faults.onChange((fault, _tenant, on) => {
      if (fault === "connection-leak" && !on && !parts.faults.isOnForAnyone(fault)) this.pool.reclaim();
    });
  }

  /** Creates the tables and fills the catalogues; several processes may start at once. */
  async prepare(): Promise<void> {
    await this.held("", async (connection) => {
      try {
        for (const statement of [...this.pool.beginAlone, ...SCHEMA]) await connection.query(statement);
        for (const tenant of TENANTS)
          for (const product of catalogueOf(tenant)) await put(connection, tenant.id, product);
        await connection.query("COMMIT");
      } catch (error) {
        // The first error is the one to tell.
        await connection.query("ROLLBACK").catch(() => undefined);
        throw error;
      }
    });
  }

  /** Runs `work` with a connection that it holds until it is done. `tenant` is "" for the platform's own work. */
  withSession<T>(tenant: string, work: (session: ShopSession) => Promise<T>): Promise<T> {
    return this.held(tenant, (connection) => work(new ShopSession(connection, tenant, this.parts)));
  }

  /** Old orders go, so that a demo that runs for weeks stays small. */
  async prune(nowMs: number): Promise<void> {
    await this.withSession("", (session) => session.forgetOrdersBefore(nowMs - 7 * 86_400_000));
  }

  close(): Promise<void> {
    return this.pool.close();
  }

  private async held<T>(tenant: string, work: (connection: SqlConnection) => Promise<T>): Promise<T> {
    const connection = await this.pool.acquire(tenant);
    try {
      return await work(connection);
    } finally {
      if (this.shouldLeak(tenant)) this.pool.leak(connection);
      else this.pool.release(connection);
    }
  }

  private shouldLeak(tenant: string): boolean {
    // The last connections stay, so that the demo limps instead of standing still.
    const { faults } = this.parts;
    if (!faults.isOn("connection-leak", tenant) || this.pool.inUse > LEAK_SHARE_MAX * this.pool.max) return false;
    const nowMs = performance.now();
    if (nowMs - this.lastLeakMs < LEAK_EVERY_MS) return false;
    this.lastLeakMs = nowMs;
    return true;
  }
}

async function put(connection: SqlConnection, tenant: string, { id, name, price }: Product): Promise<void> {
  await connection.query(
    `INSERT INTO products (tenant_id, id, name, price) VALUES (?, ?, ?, ?)
     ON CONFLICT (tenant_id, id) DO UPDATE SET name = excluded.name, price = excluded.price`,
    [tenant, id, name, price],
  );
}
