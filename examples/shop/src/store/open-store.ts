import { PostgresPool } from "./postgres-pool.ts";
import type { SqlPool } from "./sql.ts";
import { SqlitePool } from "./sqlite-pool.ts";

const LIMITS = { max: 40, perTenantMax: 12, waitMs: 4000 };

/** PostgreSQL where there is a URL, else a file of SQLite. */
export function openPool(
  where: { readonly databaseUrl?: string; readonly databaseFile: string },
  onLost: (error: Error) => void,
): SqlPool {
  if (where.databaseUrl) return new PostgresPool(where.databaseUrl, LIMITS, onLost);
  return new SqlitePool(where.databaseFile, LIMITS);
}
