import type { Clock } from "./clock.ts";
import { currentContext } from "./context/store.ts";
import type { Guard } from "./guard.ts";
import type { AppMetrics } from "./metrics/app-metrics.ts";
import type { SafeHistogram } from "./metrics/instruments.ts";
import type { SlowWatch } from "./metrics/slow.ts";
import type { Tracer, TracerHolder } from "./traces/tracer.ts";

/** Durations that the shop measures itself, or has measured here. */
export class Performance {
  private readonly slow: SlowWatch;
  private readonly metrics: AppMetrics;
  private readonly guard: Guard;
  private readonly clock: Clock;
  private readonly tracer: TracerHolder;
  private operations: SafeHistogram | undefined;

  constructor(parts: { slow: SlowWatch; metrics: AppMetrics; guard: Guard; clock: Clock; tracer: TracerHolder }) {
    this.slow = parts.slow;
    this.metrics = parts.metrics;
    this.guard = parts.guard;
    this.clock = parts.clock;
    this.tracer = parts.tracer;
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
    // Clocks that are set back give negative ones, which would take from a sum that only grows.
    if (!Number.isFinite(durationMs) || durationMs < 0) return;
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

  /**
   * Runs `work`, returns its result or failure, and measures it: `operation_duration_seconds`, slow operations, and a span
   * when a tracer is in use. `operation` is a label: a name out of a few, not one for each order.
   */
  trackPerformance<T>(operation: string, work: () => T): T {
    const tracer = this.tracer.current;
    return tracer === undefined ? this.timed(operation, work) : this.inSpan(tracer, operation, work);
  }

  private inSpan<T>(tracer: Tracer, operation: string, work: () => T): T {
    let result: { value: T } | undefined;
    let failure: { error: unknown } | undefined;
    const once = (): T => {
      try {
        result = { value: this.timed(operation, work) };
        return result.value;
      } catch (error) {
        failure = { error };
        throw error;
      }
    };
    try {
      return tracer.span(operation, once);
    } catch (error) {
      // The work's own failure is the caller's; the tracer's is ours, and the work is done once all the same.
      if (failure !== undefined) throw failure.error;
      this.guard.failed("hooks", error);
      return result === undefined ? this.timed(operation, work) : result.value;
    }
  }

  private timed<T>(operation: string, work: () => T): T {
    const startMs = this.clock.monotonicMs();
    let result: T;
    try {
      result = work();
    } catch (error) {
      this.operationDone(operation, startMs, "error");
      throw error;
    }
    const ok = () => this.operationDone(operation, startMs, "ok");
    const failed = () => this.operationDone(operation, startMs, "error");
    if (result instanceof Promise) result.then(ok, failed);
    else if (isThenable(result)) return this.settled(result, ok, failed) as T;
    else ok();
    return result;
  }

  /** A query builder runs its query each time that somebody asks it, so it is asked once and the promise handed on. */
  private async settled(work: PromiseLike<unknown>, ok: () => void, failed: () => void): Promise<unknown> {
    try {
      const value = await work;
      ok();
      return value;
    } catch (error) {
      failed();
      throw error;
    }
  }

  private operationDone(operation: string, startMs: number, outcome: "ok" | "error"): void {
    const durationMs = this.clock.monotonicMs() - startMs;
    const done = () => {
      this.operations ??= this.metrics.histogram({
        name: "operation_duration_seconds",
        help: "Duration of the operations that the service measures with trackPerformance",
        labelNames: ["operation", "outcome", "tenant_id"],
      });
      this.operations.observe({ operation, outcome }, durationMs / 1000);
      this.slow.operation(operation, durationMs);
    };
    this.guard.run("metrics", done, undefined);
  }
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === "object" && value !== null && "then" in value && typeof value.then === "function";
}
