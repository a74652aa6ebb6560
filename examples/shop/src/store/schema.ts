/** Understood by SQLite and PostgreSQL alike. Times are ms since 1970. */
export const SCHEMA: readonly string[] = [
  `CREATE TABLE IF NOT EXISTS products (
    tenant_id TEXT NOT NULL, id TEXT NOT NULL, name TEXT NOT NULL, price DOUBLE PRECISION NOT NULL,
    PRIMARY KEY (tenant_id, id))`,
  `CREATE TABLE IF NOT EXISTS orders (
    id TEXT PRIMARY KEY, tenant_id TEXT NOT NULL, cart_id TEXT NOT NULL, session_id TEXT NOT NULL, city TEXT NOT NULL,
    status TEXT NOT NULL, total DOUBLE PRECISION NOT NULL, currency TEXT NOT NULL, provider TEXT,
    created_ms BIGINT NOT NULL, paid_ms BIGINT)`,
  "CREATE INDEX IF NOT EXISTS orders_by_shop ON orders (tenant_id, created_ms)",
  `CREATE TABLE IF NOT EXISTS order_items (
    order_id TEXT NOT NULL, product_id TEXT NOT NULL, quantity INTEGER NOT NULL, price DOUBLE PRECISION NOT NULL,
    PRIMARY KEY (order_id, product_id))`,
];
