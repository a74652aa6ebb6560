// Conversion and cart abandonment of one shop, computed from what its visitors did in a sliding window.
//
// Conversion: of the sessions that began in the window, the share that bought. A purchase is booked where its session
// began, so the rate cannot pass 100 %. Abandonment: of the carts whose fate was decided in the window, the share that was
// left. A cart is decided when it is paid, or when nothing happened to it for `cartIdleMs`; one that is still being filled
// is neither. All state is bounded: buckets by the window, sessions and carts by `rememberMax`.

export interface FunnelOptions {
  /** The sliding window. Default 30 minutes. */
  readonly windowMs: number;
  /** A cart that nothing happens to for this long is abandoned. Default 15 minutes. */
  readonly cartIdleMs: number;
  /** Sessions, and carts, that are remembered of one shop; the longest idle ones are forgotten first. Default 20,000. */
  readonly rememberMax: number;
}

/** Sessions and carts that all shops of a process may still remember; shared, so that many shops stay bounded too. */
export interface Room {
  left: number;
}

/** Buckets of a window: a rate moves in steps of a thirtieth of it. */
const BUCKETS = 30;

interface Bucket {
  readonly startMs: number;
  sessions: number;
  buyers: number;
  paidCarts: number;
  leftCarts: number;
}

interface Session {
  readonly bucket: Bucket;
  lastMs: number;
  bought: boolean;
}

/** Percentages 0 to 100; undefined while there is nothing to compute them from. */
export interface FunnelRates {
  readonly conversion: number | undefined;
  readonly abandonment: number | undefined;
}

/** Times are ms on a clock that only goes forward. */
export class Funnel {
  private readonly options: FunnelOptions;
  private readonly buckets: Bucket[] = [];
  /** In order of the last thing that happened, so that the idle ones are in front. */
  private readonly sessions = new Map<string, Session>();
  private readonly carts = new Map<string, number>();
  private readonly room: Room;

  constructor(options: FunnelOptions, room: Room) {
    this.options = options;
    this.room = room;
  }

  /** Somebody looks at the shop. Without an id each call is a session. */
  visit(sessionId: string | undefined, nowMs: number): void {
    const known = sessionId === undefined ? undefined : this.sessions.get(sessionId);
    if (known !== undefined && nowMs - known.lastMs < this.options.windowMs) {
      known.lastMs = nowMs;
      moveToEnd(this.sessions, sessionId!, known);
      return;
    }
    const bucket = this.bucket(nowMs);
    bucket.sessions += 1;
    if (sessionId === undefined) return;
    this.remember(this.sessions, sessionId, { bucket, lastMs: nowMs, bought: false });
  }

  /** Something was put into, or changed in, a cart. */
  cart(cartId: string, nowMs: number): void {
    this.decideIdle(nowMs);
    this.remember(this.carts, cartId, nowMs);
  }

  /** An order was placed: its session converts (once), its cart is no longer open. */
  purchase(ids: { sessionId?: string; cartId?: string }, nowMs: number): void {
    this.decideIdle(nowMs);
    const { sessionId, cartId } = ids;
    if (sessionId !== undefined) {
      // A purchase of nobody that was seen is a session of its own, else the rate would pass 100 %.
      this.visit(sessionId, nowMs);
      const session = this.sessions.get(sessionId);
      if (session !== undefined && !session.bought) {
        session.bucket.buyers += 1;
        session.bought = true;
      }
    }
    if (cartId !== undefined && this.forget(this.carts, cartId)) this.bucket(nowMs).paidCarts += 1;
  }

  rates(nowMs: number): FunnelRates {
    this.decideIdle(nowMs);
    const sum = { sessions: 0, buyers: 0, paid: 0, left: 0 };
    for (const bucket of this.buckets) {
      if (bucket.startMs <= nowMs - this.options.windowMs) continue;
      sum.sessions += bucket.sessions;
      sum.buyers += bucket.buyers;
      sum.paid += bucket.paidCarts;
      sum.left += bucket.leftCarts;
    }
    return { conversion: percent(sum.buyers, sum.sessions), abandonment: percent(sum.left, sum.paid + sum.left) };
  }

  private decideIdle(nowMs: number): void {
    const { cartIdleMs, windowMs } = this.options;
    for (const [id, lastMs] of this.carts) {
      if (nowMs - lastMs < cartIdleMs) break;
      this.forget(this.carts, id);
      // Decided when its time was up, which may be before this window: nobody may have asked for long.
      const decidedMs = lastMs + cartIdleMs;
      if (nowMs - decidedMs < windowMs) this.bucket(decidedMs).leftCarts += 1;
    }
    for (const [id, session] of this.sessions) {
      if (nowMs - session.lastMs < windowMs) break;
      this.forget(this.sessions, id);
    }
  }

  /** The bucket that `atMs` falls into. Times come nearly in order, so it is found from the end. */
  private bucket(atMs: number): Bucket {
    const width = this.options.windowMs / BUCKETS;
    const startMs = Math.floor(atMs / width) * width;
    let at = this.buckets.length;
    while (at > 0 && this.buckets[at - 1]!.startMs > startMs) at -= 1;
    const before = this.buckets[at - 1];
    if (before?.startMs === startMs) return before;
    const bucket = { startMs, sessions: 0, buyers: 0, paidCarts: 0, leftCarts: 0 };
    this.buckets.splice(at, 0, bucket);
    if (this.buckets.length > BUCKETS + 1) this.buckets.shift();
    return bucket;
  }

  private remember<T>(map: Map<string, T>, key: string, value: T): void {
    if (map.has(key)) {
      moveToEnd(map, key, value);
      return;
    }
    map.set(key, value);
    this.room.left -= 1;
    if (map.size > this.options.rememberMax || this.room.left < 0) this.forget(map, map.keys().next().value!);
  }

  private forget(map: Map<string, unknown>, key: string): boolean {
    if (!map.delete(key)) return false;
    this.room.left += 1;
    return true;
  }
}

function moveToEnd<T>(map: Map<string, T>, key: string, value: T): void {
  map.delete(key);
  map.set(key, value);
}

function percent(part: number, whole: number): number | undefined {
  return whole > 0 ? (100 * part) / whole : undefined;
}
