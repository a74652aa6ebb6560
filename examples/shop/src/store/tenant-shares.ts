import { type PoolLimits, PoolTimeout } from "./sql.ts";

interface Waiter {
  readonly tenant: string;
  readonly resolve: () => void;
  readonly timer: NodeJS.Timeout;
}

/** Places in a pool: at most `max` in all and `perTenantMax` for one shop. Who waits is served in order of arrival. */
export class TenantShares {
  private readonly taken = new Map<string, number>();
  private waiters: Waiter[] = [];
  private total = 0;

  constructor(private readonly limits: PoolLimits) {}

  get inUse(): number {
    return this.total;
  }

  get waiting(): number {
    return this.waiters.length;
  }

  /** Takes a place. Rejects with PoolTimeout when none comes free in time. */
  enter(tenant: string): Promise<void> {
    if (this.tryEnter(tenant)) return Promise.resolve();
    const { waitMs, max } = this.limits;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.waiters = this.waiters.filter((other) => other !== waiter);
        reject(new PoolTimeout(`no database connection within ${waitMs} ms (${this.total}/${max})`));
      }, waitMs);
      const waiter: Waiter = { tenant, resolve, timer };
      this.waiters.push(waiter);
    });
  }

  leave(tenant: string): void {
    this.total -= 1;
    this.count(tenant, -1);
    this.serveWaiters();
  }

  /** The place stays taken, but no longer counts as this shop's. */
  lose(tenant: string): void {
    this.count(tenant, -1);
    this.serveWaiters();
  }

  /** Places that were lost are free again. */
  regain(places: number): void {
    this.total -= places;
    this.serveWaiters();
  }

  close(): void {
    for (const { timer } of this.waiters) clearTimeout(timer);
    this.waiters = [];
  }

  private tryEnter(tenant: string): boolean {
    const { max, perTenantMax } = this.limits;
    if (this.total >= max || (this.taken.get(tenant) ?? 0) >= perTenantMax) return false;
    this.total += 1;
    this.count(tenant, 1);
    return true;
  }

  private serveWaiters(): void {
    this.waiters = this.waiters.filter((waiter) => {
      if (!this.tryEnter(waiter.tenant)) return true;
      clearTimeout(waiter.timer);
      waiter.resolve();
      return false;
    });
  }

  private count(tenant: string, change: number): void {
    this.taken.set(tenant, (this.taken.get(tenant) ?? 0) + change);
  }
}
