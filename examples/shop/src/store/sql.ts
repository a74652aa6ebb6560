// What the shop needs of a database, whichever it is.

export type SqlValue = string | number | null;

/** One connection, held by one request at a time. */
export interface SqlConnection {
  /** Runs a statement in which each `?` stands for a value, in their order. */
  query<R>(sql: string, values?: readonly SqlValue[]): Promise<R[]>;
  /** Keeps the connection busy for `ms`, as a slow statement does. */
  sleep(ms: number): Promise<void>;
}

/** Connections, of which each shop gets its share at most, so that a slow one does not starve the others. */
export interface SqlPool {
  readonly max: number;
  /** Taken by requests, those that leaked included. */
  readonly inUse: number;
  readonly waiting: number;
  /** Statements that begin a transaction which one process at a time can have. */
  readonly beginAlone: readonly string[];
  /** Rejects with PoolTimeout when none comes free in time. */
  acquire(tenant: string): Promise<SqlConnection>;
  release(connection: SqlConnection): void;
  /** The connection is lost to the pool until `reclaim`: what a forgotten `release` does. */
  leak(connection: SqlConnection): void;
  reclaim(): void;
  close(): Promise<void>;
}

export interface PoolLimits {
  readonly max: number;
  /** A shop may hold this many at once. */
  readonly perTenantMax: number;
  readonly waitMs: number;
}

export class PoolTimeout extends Error {}
