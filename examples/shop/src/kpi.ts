// Conversion and cart abandonment of each shop, counted from what its visitors really did in a sliding window.

const BUCKET_MS = 60_000;
/** The window: 30 minutes in buckets of one. */
const BUCKETS = 30;
/** A visitor that was seen within this time counts as active. */
const ACTIVE_MS = 60_000;
/** A shop remembers at most this many visitors; more are counted as new ones. */
const SESSIONS_MAX = 20_000;

interface Bucket {
  startMs: number;
  sessions: number;
  carts: number;
  buyers: number;
}

interface Visitor {
  lastMs: number;
  bought: boolean;
}

/** One shop's window. Times are ms on any clock that only goes forward. */
export class ShopKpis {
  private readonly buckets: Bucket[] = [];
  private readonly visitors = new Map<string, Visitor>();

  visit(sessionId: string, nowMs: number): void {
    const visitor = this.visitors.get(sessionId);
    if (visitor) {
      visitor.lastMs = nowMs;
      return;
    }
    if (this.visitors.size >= SESSIONS_MAX) this.forget(nowMs);
    this.visitors.set(sessionId, { lastMs: nowMs, bought: false });
    this.bucket(nowMs).sessions += 1;
  }

  cartCreated(nowMs: number): void {
    this.bucket(nowMs).carts += 1;
  }

  orderPaid(sessionId: string, nowMs: number): void {
    const visitor = this.visitors.get(sessionId);
    if (visitor?.bought) return;
    if (visitor) visitor.bought = true;
    this.bucket(nowMs).buyers += 1;
  }

  /** Percentages 0 to 100; undefined while nobody came, or no cart was filled. */
  read(nowMs: number): { conversion?: number; abandonment?: number; activeSessions: number } {
    this.forget(nowMs);
    const sum = { sessions: 0, carts: 0, buyers: 0 };
    for (const bucket of this.buckets) {
      if (bucket.startMs <= nowMs - BUCKETS * BUCKET_MS) continue;
      sum.sessions += bucket.sessions;
      sum.carts += bucket.carts;
      sum.buyers += bucket.buyers;
    }
    let activeSessions = 0;
    for (const visitor of this.visitors.values()) if (visitor.lastMs > nowMs - ACTIVE_MS) activeSessions += 1;
    return {
      ...(sum.sessions > 0 ? { conversion: (100 * Math.min(sum.buyers, sum.sessions)) / sum.sessions } : {}),
      ...(sum.carts > 0 ? { abandonment: (100 * Math.max(0, sum.carts - sum.buyers)) / sum.carts } : {}),
      activeSessions,
    };
  }

  private bucket(nowMs: number): Bucket {
    const startMs = Math.floor(nowMs / BUCKET_MS) * BUCKET_MS;
    let last = this.buckets.at(-1);
    if (last?.startMs !== startMs) {
      last = { startMs, sessions: 0, carts: 0, buyers: 0 };
      this.buckets.push(last);
      if (this.buckets.length > BUCKETS + 1) this.buckets.shift();
    }
    return last;
  }

  /** Visitors that have been away for 5 minutes are forgotten. They were inserted in order of arrival. */
  private forget(nowMs: number): void {
    for (const [id, visitor] of this.visitors) {
      if (visitor.lastMs < nowMs - 5 * 60_000 || this.visitors.size >= SESSIONS_MAX) this.visitors.delete(id);
    }
  }
}
