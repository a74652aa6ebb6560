// The one way to ask the metric store a question in PromQL: for a scope, within limits, cancellable.
import { type Clock, type Matcher, parseDurationMs, type TenantScope } from "@storewatch/model";
import {
  type Engine,
  type Queryable,
  QueryError,
  type QueryRequest,
  type QueryResult,
} from "@storewatch/promql/engine";
import { Counter, Histogram } from "prom-client";
import type { SelfMetrics } from "../kernel/self-metrics.ts";
import type { MetricStore } from "../store/interface.ts";
import { enforceScope } from "../tenant/enforce.ts";
import type { QueryOptions, QueryService } from "./interface.ts";

export interface QueryLimits {
  /** Queries that are evaluated at once; the rest waits its turn. */
  readonly concurrency: number;
  /** Queries that may wait; one more is refused. */
  readonly queue: number;
  readonly timeoutMs: number;
  readonly maxSamples: number;
  /** Points of one series in a range result. */
  readonly maxPoints: number;
}

export const DEFAULT_QUERY_LIMITS: QueryLimits = {
  concurrency: 20,
  queue: 200,
  timeoutMs: parseDurationMs("2m")!,
  maxSamples: 50_000_000,
  maxPoints: 11_000,
};

export interface QueryDependencies {
  readonly store: MetricStore;
  readonly engine: Engine;
  readonly clock: Clock;
  readonly metrics: SelfMetrics;
  readonly limits?: QueryLimits;
}

export function createQueryService(deps: QueryDependencies): QueryService {
  const { store, engine, clock } = deps;
  const limits = deps.limits ?? DEFAULT_QUERY_LIMITS;
  const gate = createGate(limits);
  const seconds = new Histogram({
    name: "storewatch_query_duration_seconds",
    help: "Time from the start of a query's evaluation to its result.",
    labelNames: ["kind"],
    buckets: [0.001, 0.005, 0.025, 0.1, 0.5, 2, 10, 60],
    registers: [deps.metrics],
  });
  const failures = new Counter({
    name: "storewatch_query_failures_total",
    help: "Queries that ended without a result, by reason.",
    labelNames: ["reason"],
    registers: [deps.metrics],
  });

  async function run(kind: string, call: () => Promise<QueryResult>): Promise<QueryResult> {
    const release = await gate();
    const startedAtMs = clock.monotonicMs();
    try {
      return await call();
    } catch (error) {
      failures.inc({ reason: error instanceof QueryError ? error.kind : "internal" });
      throw error;
    } finally {
      seconds.observe({ kind }, (clock.monotonicMs() - startedAtMs) / 1000);
      release();
    }
  }

  const request = (scope: TenantScope, expression: string, options: QueryOptions): QueryRequest => ({
    expression: enforceScope(scope, expression),
    signal: options.signal,
    timeoutMs: Math.min(options.timeoutMs ?? limits.timeoutMs, limits.timeoutMs),
    lookbackMs: options.lookbackMs,
  });

  return {
    instant: (scope, expression, timeMs, options = {}) =>
      run("instant", () =>
        engine.instant(queryable(store, scope, limits), request(scope, expression, options), timeMs),
      ),
    range(scope, expression, startMs, endMs, stepMs, options = {}) {
      if ((endMs - startMs) / stepMs > limits.maxPoints) {
        const text = `exceeded maximum resolution of ${limits.maxPoints.toLocaleString("en-US")} points per timeseries. Try decreasing the query resolution (?step=XX)`;
        return Promise.reject(new QueryError("limit", text));
      }
      return run("range", () =>
        engine.range(queryable(store, scope, limits), request(scope, expression, options), startMs, endMs, stepMs),
      );
    },
  };
}

function queryable(store: MetricStore, scope: TenantScope, limits: QueryLimits): Queryable {
  return {
    select: (matchers: readonly Matcher[], fromMs, toMs) =>
      store.select(scope, matchers, fromMs, toMs, limits.maxSamples),
  };
}

/** Lets `concurrency` callers pass at once and `queue` wait, first come first served. */
function createGate(limits: QueryLimits): () => Promise<() => void> {
  let free = limits.concurrency;
  const waiting: Array<() => void> = [];
  const release = () => {
    const next = waiting.shift();
    if (next) next();
    else free += 1;
  };
  return async () => {
    if (free > 0) free -= 1;
    else if (waiting.length >= limits.queue)
      throw new QueryError("limit", "too many queries are waiting: try again later");
    else await new Promise<void>((resolve) => waiting.push(resolve));
    return release;
  };
}
