// A pool of SQLite connections. SQLite answers within microseconds; what fills a pool in practice is requests that
// keep their connection while they wait for something else (a payment), queue or leak.
import Database from "libsql";

export interface PoolOptions {
  readonly file: string;
  readonly max: number;
  /** A shop may hold this many at once, so that a slow one does not starve the others. */
  readonly perTenantMax: number;
  readonly waitMs: number;
}

export class PoolTimeout extends Error {}

interface Waiter {
  readonly tenant: string;
  readonly resolve: (connection: Connection) => void;
  readonly timer: NodeJS.Timeout;
}

/** One open database handle with its prepared statements. */
export class Connection {
  private readonly statements = new Map<string, Database.Statement>();

  constructor(
    readonly database: Database.Database,
    public tenant = "",
  ) {}

  run(sql: string, ...values: unknown[]): void {
    this.prepare(sql).run(...values);
  }

  get<T>(sql: string, ...values: unknown[]): T | undefined {
    return this.prepare(sql).get(...values) as T | undefined;
  }

  all<T>(sql: string, ...values: unknown[]): T[] {
    return this.prepare(sql).all(...values) as T[];
  }

  private prepare(sql: string): Database.Statement {
    let statement = this.statements.get(sql);
    if (!statement) {
      statement = this.database.prepare(sql);
      this.statements.set(sql, statement);
    }
    return statement;
  }
}

export class ConnectionPool {
  private readonly idle: Connection[] = [];
  private readonly leaked: Connection[] = [];
  private readonly heldByTenant = new Map<string, number>();
  private waiters: Waiter[] = [];
  private opened = 0;

  constructor(private readonly options: PoolOptions) {}

  get max(): number {
    return this.options.max;
  }

  /** Taken by requests, those that leaked included. */
  get inUse(): number {
    return this.opened - this.idle.length;
  }

  get waiting(): number {
    return this.waiters.length;
  }

  acquire(tenant: string): Promise<Connection> {
    const connection = this.take(tenant);
    if (connection) return Promise.resolve(connection);
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.waiters = this.waiters.filter((other) => other !== waiter);
        reject(new PoolTimeout(`no database connection within ${this.options.waitMs} ms (${this.inUse}/${this.max})`));
      }, this.options.waitMs);
      const waiter: Waiter = { tenant, resolve, timer };
      this.waiters.push(waiter);
    });
  }

  release(connection: Connection): void {
    this.count(connection.tenant, -1);
    this.idle.push(connection);
    this.serveWaiters();
  }

  /** The connection is lost to the pool until `reclaim`: what a forgotten `release` does. */
  leak(connection: Connection): void {
    this.count(connection.tenant, -1);
    this.leaked.push(connection);
    this.serveWaiters();
  }

  reclaim(): void {
    this.idle.push(...this.leaked.splice(0));
    this.serveWaiters();
  }

  close(): void {
    for (const waiter of this.waiters) clearTimeout(waiter.timer);
    for (const connection of [...this.idle, ...this.leaked]) connection.database.close();
    this.idle.length = 0;
  }

  private take(tenant: string): Connection | undefined {
    if ((this.heldByTenant.get(tenant) ?? 0) >= this.options.perTenantMax) return undefined;
    const connection = this.idle.pop() ?? (this.opened < this.options.max ? this.open() : undefined);
    if (!connection) return undefined;
    connection.tenant = tenant;
    this.count(tenant, 1);
    return connection;
  }

  private serveWaiters(): void {
    for (const waiter of [...this.waiters]) {
      const connection = this.take(waiter.tenant);
      if (!connection) continue;
      clearTimeout(waiter.timer);
      this.waiters = this.waiters.filter((other) => other !== waiter);
      waiter.resolve(connection);
    }
  }

  private count(tenant: string, change: number): void {
    this.heldByTenant.set(tenant, (this.heldByTenant.get(tenant) ?? 0) + change);
  }

  private open(): Connection {
    const database = new Database(this.options.file);
    // NORMAL: orders of an example need not survive a power cut; one sync a checkpoint instead of one an order.
    for (const pragma of ["journal_mode = WAL", "synchronous = NORMAL", "busy_timeout = 5000"])
      database.exec(`PRAGMA ${pragma}`);
    this.opened += 1;
    return new Connection(database);
  }
}
