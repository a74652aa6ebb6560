// How long a back end that does not answer is left alone: a scrape in between is answered from what is known.
import type { Clock } from "@storewatch/model";

export interface BackOffOptions {
  /** After the first failure, ms. */
  readonly firstMs: number;
  /** Each failure doubles the wait up to this, ms. */
  readonly maxMs: number;
}

export class BackOff {
  private waitMs = 0;
  /** Monotonic. */
  private notBeforeMs = Number.NEGATIVE_INFINITY;
  private reason = "";

  constructor(
    private readonly clock: Clock,
    private readonly options: BackOffOptions,
  ) {}

  /** Why there should be no attempt now; undefined when there may be one. */
  refusal(): string | undefined {
    return this.clock.monotonicMs() < this.notBeforeMs ? this.reason : undefined;
  }

  failed(reason: string): void {
    const { firstMs, maxMs } = this.options;
    this.waitMs = this.waitMs === 0 ? firstMs : Math.min(this.waitMs * 2, maxMs);
    this.notBeforeMs = this.clock.monotonicMs() + this.waitMs;
    this.reason = reason;
  }

  succeeded(): void {
    this.waitMs = 0;
    this.notBeforeMs = Number.NEGATIVE_INFINITY;
  }
}
