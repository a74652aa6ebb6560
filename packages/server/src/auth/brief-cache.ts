import type { Clock } from "@storewatch/model";

/**
 * Remembers good answers for a moment, so that a stream of requests with one token asks the database once. What is
 * revoked by another process counts for at most `keepMs` longer; what this process revokes is cleared at once.
 */
export class BriefCache<T> {
  private readonly entries = new Map<string, { readonly value: T; readonly untilMs: number }>();

  constructor(
    private readonly clock: Clock,
    private readonly keepMs: number,
    private readonly sizeMax: number,
  ) {}

  get(key: string): T | undefined {
    const entry = this.entries.get(key);
    return entry && entry.untilMs > this.clock.monotonicMs() ? entry.value : undefined;
  }

  set(key: string, value: T): void {
    if (this.entries.size >= this.sizeMax) this.entries.clear();
    this.entries.set(key, { value, untilMs: this.clock.monotonicMs() + this.keepMs });
  }

  clear(): void {
    this.entries.clear();
  }
}
