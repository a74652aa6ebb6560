// SQLite in the process. It answers within microseconds; what fills a pool in practice is requests that keep their
// connection while they wait for something else (a payment), queue or leak.
import Database from "libsql";
import type { PoolLimits, SqlConnection, SqlPool, SqlValue } from "./sql.ts";
import { TenantShares } from "./tenant-shares.ts";

/** One open database handle with its prepared statements. */
class SqliteConnection implements SqlConnection {
  private readonly statements = new Map<string, Database.Statement>();

  constructor(
    readonly database: Database.Database,
    public tenant = "",
  ) {}

  async query<R>(sql: string, values: readonly SqlValue[] = []): Promise<R[]> {
    let statement = this.statements.get(sql);
    if (!statement) {
      statement = this.database.prepare(sql);
      this.statements.set(sql, statement);
    }
    return statement.all([...values]) as R[];
  }

  sleep(ms: number): Promise<void> {
    return new Promise((resolve) => setTimeout(resolve, ms));
  }
}

export class SqlitePool implements SqlPool {
  readonly beginAlone = ["BEGIN IMMEDIATE"];
  private readonly idle: SqliteConnection[] = [];
  private readonly all: SqliteConnection[] = [];
  private readonly leaked: SqliteConnection[] = [];
  private readonly shares: TenantShares;

  constructor(
    private readonly file: string,
    private readonly limits: PoolLimits,
  ) {
    this.shares = new TenantShares(limits);
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

  async acquire(tenant: string): Promise<SqliteConnection> {
    await this.shares.enter(tenant);
    const connection = this.idle.pop() ?? this.open();
    connection.tenant = tenant;
    return connection;
  }

  release(connection: SqliteConnection): void {
    this.idle.push(connection);
    this.shares.leave(connection.tenant);
  }

  leak(connection: SqliteConnection): void {
    this.leaked.push(connection);
    this.shares.lose(connection.tenant);
  }

  reclaim(): void {
    const found = this.leaked.splice(0);
    this.idle.push(...found);
    this.shares.regain(found.length);
  }

  async close(): Promise<void> {
    this.shares.close();
    for (const { database } of this.all) database.close();
  }

  private open(): SqliteConnection {
    const database = new Database(this.file);
    // NORMAL: orders of an example need not survive a power cut; one sync a checkpoint instead of one an order.
    for (const pragma of ["journal_mode = WAL", "synchronous = NORMAL", "busy_timeout = 5000"])
      database.exec(`PRAGMA ${pragma}`);
    const connection = new SqliteConnection(database);
    this.all.push(connection);
    return connection;
  }
}
