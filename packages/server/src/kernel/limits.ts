// Token buckets: how often something may happen, measured on a Clock.
import type { Clock } from "@storewatch/model";

export interface BucketOptions {
  /** How many may happen at once after a pause. */
  readonly burst: number;
  readonly perSecond: number;
}

export class TokenBucket {
  private tokens: number;
  private atMs: number;

  constructor(
    private readonly clock: Clock,
    private readonly options: BucketOptions,
  ) {
    this.tokens = options.burst;
    this.atMs = clock.monotonicMs();
  }

  /** Takes `count` when they are there: 0. Else takes nothing and tells the seconds until they will be. */
  take(count = 1): number {
    this.refill();
    if (this.tokens >= count) {
      this.tokens -= count;
      return 0;
    }
    return (count - this.tokens) / this.options.perSecond;
  }

  /** Gives back what was taken and turned out not to count. */
  give(count = 1): void {
    this.refill();
    this.tokens = Math.min(this.options.burst, this.tokens + count);
  }

  /** True when nobody has taken anything for so long that a new bucket would be the same. */
  get isFull(): boolean {
    this.refill();
    return this.tokens >= this.options.burst;
  }

  private refill(): void {
    const nowMs = this.clock.monotonicMs();
    const gained = ((nowMs - this.atMs) / 1000) * this.options.perSecond;
    this.tokens = Math.min(this.options.burst, this.tokens + gained);
    this.atMs = nowMs;
  }
}

/** A bucket per key (a client's address, a tenant). Holds at most `keysMax`: full buckets go first, then the oldest tenth. */
export class KeyedBuckets {
  private readonly buckets = new Map<string, TokenBucket>();

  constructor(
    private readonly clock: Clock,
    private readonly options: BucketOptions,
    private readonly keysMax = 10_000,
  ) {}

  take(key: string, count = 1): number {
    const known = this.buckets.get(key);
    if (known) return known.take(count);
    if (this.buckets.size >= this.keysMax) this.makeRoom();
    const made = new TokenBucket(this.clock, this.options);
    this.buckets.set(key, made);
    return made.take(count);
  }

  give(key: string, count = 1): void {
    this.buckets.get(key)?.give(count);
  }

  private makeRoom(): void {
    for (const [key, bucket] of this.buckets) if (bucket.isFull) this.buckets.delete(key);
    // Room for many, so that a flood of new keys does not look through all of them each time.
    const wanted = this.keysMax - Math.ceil(this.keysMax / 10);
    for (const key of this.buckets.keys()) {
      if (this.buckets.size <= wanted) return;
      this.buckets.delete(key);
    }
  }
}
