// PostgreSQL through pg's own pool.
import pg from "pg";
import { type PoolLimits, PoolTimeout, type SqlConnection, type SqlPool, type SqlValue } from "./sql.ts";
import { TenantShares } from "./tenant-shares.ts";

class PostgresConnection implements SqlConnection {
  constructor(
    readonly client: pg.PoolClient,
    readonly tenant: string,
  ) {}

  async query<R>(sql: string, values: readonly SqlValue[] = []): Promise<R[]> {
    const { rows } = await this.client.query(numbered(sql), [...values]);
    return rows as R[];
  }

  async sleep(ms: number): Promise<void> {
    await this.client.query("SELECT pg_sleep($1)", [ms / 1000]);
  }
}

const BIGINT = 20;

export class PostgresPool implements SqlPool {
  // The number is any that nobody else in this database uses.
  readonly beginAlone = ["BEGIN", "SELECT pg_advisory_xact_lock(730114)"];
  private readonly pool: pg.Pool;
  private readonly shares: TenantShares;
  private readonly leaked: PostgresConnection[] = [];

  /** `onLost` is told of connections that break: the next request gets a new one. */
  constructor(
    url: string,
    private readonly limits: PoolLimits,
    onLost: (error: Error) => void,
  ) {
    this.shares = new TenantShares(limits);
    this.pool = new pg.Pool({
      connectionString: url,
      max: limits.max,
      connectionTimeoutMillis: limits.waitMs,
      application_name: "storewatch-example-shop",
      types: { getTypeParser: typeParser as typeof pg.types.getTypeParser },
    });
    this.pool.on("error", onLost);
    // One that breaks while a request has it tells nobody else, and an error without a listener ends the process.
    this.pool.on("connect", (client) => client.on("error", onLost));
  }

  get max(): number {
    return this.limits.max;
  }

  get inUse(): number {
    return this.shares.inUse;
  }

  get waiting(): number {
    return this.shares.waiting;
  }

  async acquire(tenant: string): Promise<PostgresConnection> {
    await this.shares.enter(tenant);
    try {
      return new PostgresConnection(await this.pool.connect(), tenant);
    } catch (error) {
      this.shares.leave(tenant);
      throw new PoolTimeout(`no database connection: ${error instanceof Error ? error.message : String(error)}`);
    }
  }

  release(connection: PostgresConnection): void {
    connection.client.release();
    this.shares.leave(connection.tenant);
  }

  leak(connection: PostgresConnection): void {
    this.leaked.push(connection);
    this.shares.lose(connection.tenant);
  }

  reclaim(): void {
    const found = this.leaked.splice(0);
    for (const { client } of found) client.release();
    this.shares.regain(found.length);
  }

  async close(): Promise<void> {
    this.shares.close();
    this.reclaim();
    await this.pool.end();
  }
}

const texts = new Map<string, string>();

/** `?` as PostgreSQL writes it: `$1`, `$2`. The shop's statements are few, and none has a `?` of another meaning. */
function numbered(sql: string): string {
  const known = texts.get(sql);
  if (known !== undefined) return known;
  let count = 0;
  const text = sql.replaceAll("?", () => `$${++count}`);
  texts.set(sql, text);
  return text;
}

/** Times in ms come as BIGINT and fit a number. */
function typeParser(type: number, format?: string): unknown {
  if (type === BIGINT) return Number;
  return pg.types.getTypeParser(type, format as "text");
}
