/** A visitor that was seen within this time counts as active. */
const ACTIVE_MS = 60_000;
/** Over all shops; the ones that were idle longest are forgotten first. */
const VISITORS_MAX = 50_000;

/** Who is in the shops now. */
export class ActiveVisitors {
  /** Last seen, by shop and session, in this order. */
  private readonly seen = new Map<string, number>();

  constructor(private readonly nowMs: () => number = () => performance.now()) {}

  saw(tenant: string, sessionId: string): void {
    const key = `${tenant} ${sessionId}`;
    this.seen.delete(key);
    this.seen.set(key, this.nowMs());
    if (this.seen.size > VISITORS_MAX) this.forgetIdle();
  }

  /** Number of active visitors by shop. */
  count(tenants: readonly string[]): Map<string, number> {
    this.forgetIdle();
    const counts = new Map(tenants.map((tenant) => [tenant, 0]));
    for (const key of this.seen.keys()) {
      const tenant = key.slice(0, key.indexOf(" "));
      counts.set(tenant, (counts.get(tenant) ?? 0) + 1);
    }
    return counts;
  }

  private forgetIdle(): void {
    const untilMs = this.nowMs() - ACTIVE_MS;
    for (const [key, lastMs] of this.seen) {
      if (lastMs >= untilMs && this.seen.size <= VISITORS_MAX) break;
      this.seen.delete(key);
    }
  }
}
