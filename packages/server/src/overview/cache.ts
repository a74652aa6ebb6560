import type { Clock } from "@storewatch/model";

interface Entry<T> {
  readonly madeMs: number;
  readonly value: Promise<T>;
}

/**
 * Answers kept for `keepMs`, so that many open pages cost one computation; a running one is shared. Failures are not
 * kept. At most `limit` answers: the oldest goes first.
 */
export class BriefCache<T> {
  private readonly entries = new Map<string, Entry<T>>();

  constructor(
    private readonly clock: Clock,
    private readonly keepMs: number,
    private readonly limit: number,
  ) {}

  get(key: string, make: () => Promise<T>): Promise<T> {
    const nowMs = this.clock.monotonicMs();
    const hit = this.entries.get(key);
    if (hit && nowMs - hit.madeMs < this.keepMs) return hit.value;
    const value = make();
    this.entries.delete(key);
    this.entries.set(key, { madeMs: nowMs, value });
    value.catch(() => {
      if (this.entries.get(key)?.value === value) this.entries.delete(key);
    });
    if (this.entries.size > this.limit) this.entries.delete(this.entries.keys().next().value as string);
    return value;
  }
}
