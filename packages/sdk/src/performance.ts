import type { Clock } from "./clock.ts";
import { currentContext } from "./context/store.ts";
import type { Guard } from "./guard.ts";
import type { AppMetrics } from "./metrics/app-metrics.ts";
import type { SlowWatch } from "./metrics/slow.ts";

/** Durations that the shop measures itself, or has measured here. */
export class Performance {
  private readonly slow: SlowWatch;
  private readonly metrics: AppMetrics;
  private readonly guard: Guard;
  private readonly clock: Clock;

  constructor(parts: { slow: SlowWatch; metrics: AppMetrics; guard: Guard; clock: Clock }) {
    this.slow = parts.slow;
    this.metrics = parts.metrics;
    this.guard = parts.guard;
    this.clock = parts.clock;
  }

  /** A database query took `durationMs`. `operation` is its label: a name out of a few; default: the SQL verb. */
  trackDatabaseQuery(query: string, durationMs: number, operation?: string): void {
    this.slow.query(query, durationMs, operation);
  }

  /**
   * Work that came in by another way than the adapters took `durationMs`: counted as a request of `endpoint`, with the
   * labels of all others. Where an adapter watches the request already, do not call this: it would count twice.
   */
  trackApiPerformance(endpoint: string, durationMs: number, how: { method?: string; statusCode?: number } = {}): void {
    const { method = "GET", statusCode = 200 } = how;
    if (!Number.isFinite(durationMs)) return;
    const track = () => {
      const tenantId = currentContext()?.tenantId;
      this.metrics.http.done(method, endpoint, tenantId, statusCode, durationMs / 1000);
      this.slow.request(method, endpoint, tenantId, durationMs);
    };
    this.guard.run("metrics", track, undefined);
  }

  /** Runs a query and tracks how long it took, also when it fails. The result is the query's own. */
  async timeQuery<T>(query: string, run: () => T | Promise<T>, operation?: string): Promise<T> {
    const startMs = this.clock.monotonicMs();
    try {
      return await run();
    } finally {
      this.slow.query(query, this.clock.monotonicMs() - startMs, operation);
    }
  }
}
