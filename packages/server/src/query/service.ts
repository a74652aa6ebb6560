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
import { StorewatchError } from "../kernel/errors.ts";
import type { SelfMetrics } from "../kernel/self-metrics.ts";
import type { MetricStore } from "../store/interface.ts";
import { enforceScope } from "../tenant/enforce.ts";
import { withAddedSeries } from "./added-series.ts";
import type { QueryOptions, QueryService } from "./interface.ts";

export interface QueryLimits {
  /** Queries that are evaluated at once; the rest waits its turn. */
  readonly concurrency: number;
  /** Queries that may wait; one more is refused. */
  readonly queue: number;
  /** The same for the callers of some shops only, so that these leave room for everyone else. */
  readonly concurrencyOfShops: number;
  readonly queueOfShops: number;
  readonly timeoutMs: number;
  readonly maxSamples: number;
  /** Points of one series in a range result. */
  readonly maxPoints: number;
}

export const DEFAULT_QUERY_LIMITS: QueryLimits = {
  concurrency: 20,
  queue: 200,
  concurrencyOfShops: 8,
  queueOfShops: 50,
  timeoutMs: parseDurationMs("2m")!,
  maxSamples: 50_000_000,
  maxPoints: 11_000,
};

export interface QueryDependencies {
  readonly store: MetricStore;
  readonly engine: Engine;
  /** For urgent queries: with limits of its own, so that people's queries cannot use them up. */
  readonly urgentEngine: Engine;
  readonly clock: Clock;
  readonly metrics: SelfMetrics;
  readonly limits?: QueryLimits;
}

export function createQueryService(deps: QueryDependencies): QueryService {
  const { store, clock } = deps;
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

  async function run(
    kind: string,
    scope: TenantScope,
    isUrgent: boolean | undefined,
    call: (engine: Engine) => Promise<QueryResult>,
  ): Promise<QueryResult> {
    const release = isUrgent ? () => {} : await gate(scopeKey(scope));
    const startedAtMs = clock.monotonicMs();
    try {
      return await call(isUrgent ? deps.urgentEngine : deps.engine);
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
      run("instant", scope, options.isUrgent, (engine) =>
        engine.instant(
          withAddedSeries(queryable(store, scope, limits), options.added),
          request(scope, expression, options),
          timeMs,
        ),
      ),
    range(scope, expression, startMs, endMs, stepMs, options = {}) {
      if ((endMs - startMs) / stepMs > limits.maxPoints) {
        const text = `exceeded maximum resolution of ${limits.maxPoints.toLocaleString("en-US")} points per timeseries. Try decreasing the query resolution (?step=XX)`;
        return Promise.reject(new QueryError("limit", text));
      }
      return run("range", scope, options.isUrgent, (engine) =>
        engine.range(
          withAddedSeries(queryable(store, scope, limits), options.added),
          request(scope, expression, options),
          startMs,
          endMs,
          stepMs,
        ),
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

/** Callers who see the same shops are told apart from others, not from each other; "" sees all. */
function scopeKey(scope: TenantScope): string {
  return scope.kind === "all" ? "" : [...scope.ids].sort().join(",") || "none";
}

interface Waiting {
  readonly key: string;
  readonly go: () => void;
}

/** Lets so many callers pass at once and so many wait, first come first served, in all and of each key. */
function createGate(limits: QueryLimits): (key: string) => Promise<() => void> {
  const running = new Map<string, number>();
  let free = limits.concurrency;
  const waiting: Waiting[] = [];
  const mayRun = (key: string) =>
    free > 0 && (running.get(key) ?? 0) < (key === "" ? limits.concurrency : limits.concurrencyOfShops);
  const enter = (key: string) => {
    free -= 1;
    running.set(key, (running.get(key) ?? 0) + 1);
  };
  const leave = (key: string) => {
    free += 1;
    const left = running.get(key)! - 1;
    if (left > 0) running.set(key, left);
    else running.delete(key);
    const next = waiting.findIndex((one) => mayRun(one.key));
    if (next < 0) return;
    const [{ key: theirs, go }] = waiting.splice(next, 1);
    enter(theirs);
    go();
  };
  return async (key) => {
    if (mayRun(key)) enter(key);
    else {
      const ofKey = key === "" ? 0 : waiting.filter((one) => one.key === key).length;
      if (waiting.length >= limits.queue || ofKey >= limits.queueOfShops)
        throw new StorewatchError("LIMIT", { reason: "too many queries are waiting", seconds: 1 });
      await new Promise<void>((go) => waiting.push({ key, go }));
    }
    return () => leave(key);
  };
}
