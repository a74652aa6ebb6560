// The one way to ask the metric store a question in PromQL: for a scope, within limits, cancellable.
import { type Clock, type Matcher, parseDurationMs, type TenantScope } from "@storewatch/model";
import {
  type Engine,
  type Queryable,
  QueryError,
  type QueryRequest,
  type QueryResult,
  type QueryShare,
} from "@storewatch/promql/engine";
import { ParseError, parseExpression, printExpression } from "@storewatch/promql/parser";
import { Counter, Gauge, Histogram } from "prom-client";
import type { SelfMetrics } from "../kernel/self-metrics.ts";
import type { MetricStore } from "../store/interface.ts";
import { enforceScope } from "../tenant/enforce.ts";
import { withAddedSeries } from "./added-series.ts";
import { stepWindowMs } from "./cacheable.ts";
import { Gate, type GateLimits, scopeKey } from "./gate.ts";
import type { QueryOptions, QueryService } from "./interface.ts";
import { cut, type Extent, join, RangeCache, type RangeKey } from "./range-cache.ts";
import { runSlices } from "./slices.ts";
import type { SlowQueryLog } from "./slow-queries.ts";

export interface QueryLimits extends GateLimits {
  readonly timeoutMs: number;
  /** Samples that one query may hold or read. */
  readonly maxSamples: number;
  /** Points of one series in a range result. */
  readonly maxPoints: number;
  /** Memory of the result cache. 0 = none. */
  readonly cacheBytes: number;
}

export const DEFAULT_QUERY_LIMITS: QueryLimits = {
  concurrency: 20,
  queue: 200,
  concurrencyOfShops: 8,
  queueOfShops: 50,
  maxSamplesOfShops: 30_000_000,
  busyMsPerMinuteOfShops: 20_000,
  timeoutMs: parseDurationMs("2m")!,
  maxSamples: 50_000_000,
  maxPoints: 11_000,
  cacheBytes: 32 * 2 ** 20,
};

export interface QueryDependencies {
  readonly store: MetricStore;
  readonly engine: Engine;
  /** For urgent queries: with limits of its own, so that people's queries cannot use them up. */
  readonly urgentEngine: Engine;
  /** What both engines were made with: answers depend on it. */
  readonly isExperimental?: boolean;
  readonly lookbackMs?: number;
  readonly clock: Clock;
  readonly metrics: SelfMetrics;
  readonly slow: SlowQueryLog;
  /** Lets others have their turn while much is read for people. */
  readonly nextTurn: () => Promise<void>;
  readonly limits?: QueryLimits;
  /** Samples may come in this much later than others of their time: younger steps are not kept. Default 10 min. */
  readonly outOfOrderMs?: number;
  /** How long every sample is kept; what is older may be answered from intervals. Default: for ever. */
  readonly rawRetentionMs?: number;
}

const DEFAULT_OUT_OF_ORDER_MS = 600_000;
const DEFAULT_LOOKBACK_MS = 300_000;
const SUBQUERY_STEP_MS = 60_000;
/** The store's shortest downsampled interval: queries with multiples of it as their step are answered from intervals. */
const INTERVAL_MS = 300_000;

interface Question {
  readonly kind: "instant" | "range";
  readonly scope: TenantScope;
  readonly expression: string;
  readonly startMs: number;
  readonly endMs: number;
  readonly stepMs: number;
  readonly options: QueryOptions;
}

/** One question that has got its place: where it is evaluated and what it may take. */
interface Place {
  readonly engine: Engine;
  readonly store: Queryable;
  readonly request: QueryRequest;
}

export function createQueryService(deps: QueryDependencies): QueryService {
  return new Service(deps);
}

class Service implements QueryService {
  private readonly limits: QueryLimits;
  private readonly gate: Gate;
  private readonly cache: RangeCache | undefined;
  private readonly seconds: Histogram<"kind">;
  private readonly failures: Counter<"reason">;

  constructor(private readonly deps: QueryDependencies) {
    const { metrics, clock, store } = deps;
    this.limits = deps.limits ?? DEFAULT_QUERY_LIMITS;
    const gate = new Gate(this.limits, clock);
    this.gate = gate;
    if (this.limits.cacheBytes > 0) this.cache = new RangeCache(store.changes, this.limits.cacheBytes, metrics);
    this.seconds = new Histogram({
      name: "storewatch_query_duration_seconds",
      help: "Time from the start of a query's evaluation to its result.",
      labelNames: ["kind"],
      buckets: [0.001, 0.005, 0.025, 0.1, 0.5, 2, 10, 60],
      registers: [metrics],
    });
    this.failures = new Counter({
      name: "storewatch_query_failures_total",
      help: "Queries that ended without a result, by reason.",
      labelNames: ["reason"],
      registers: [metrics],
    });
    new Gauge({
      name: "storewatch_queries",
      help: "Queries of people now, by state: running or waiting.",
      labelNames: ["state"],
      registers: [metrics],
      collect() {
        this.set({ state: "running" }, gate.runningNow);
        this.set({ state: "waiting" }, gate.waitingNow);
      },
    });
  }

  instant(scope: TenantScope, expression: string, timeMs: number, options: QueryOptions = {}): Promise<QueryResult> {
    const question = {
      kind: "instant",
      scope,
      expression,
      startMs: timeMs,
      endMs: timeMs,
      stepMs: 0,
      options,
    } as const;
    return this.run(question, ({ engine, store, request }) => engine.instant(store, request, timeMs));
  }

  range(
    scope: TenantScope,
    expression: string,
    startMs: number,
    endMs: number,
    stepMs: number,
    options: QueryOptions = {},
  ): Promise<QueryResult> {
    const { maxPoints } = this.limits;
    if ((endMs - startMs) / stepMs > maxPoints) {
      const text = `exceeded maximum resolution of ${maxPoints.toLocaleString("en-US")} points per timeseries. Try decreasing the query resolution (?step=XX)`;
      return Promise.reject(new QueryError("limit", text));
    }
    const question: Question = { kind: "range", scope, expression, startMs, endMs, stepMs, options };
    return this.run(question, (place) => this.evaluateRange(question, place));
  }

  async read<T>(scope: TenantScope, options: QueryOptions, read: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const pass = await this.gate.enter(scope, options.signal);
    const abort = new AbortController();
    const cancel = () => abort.abort();
    options.signal?.addEventListener("abort", cancel, { once: true });
    const timer = this.deps.clock.setTimer(this.limits.timeoutMs, cancel);
    const startedMs = this.deps.clock.monotonicMs();
    try {
      return await read(abort.signal);
    } finally {
      timer.cancel();
      options.signal?.removeEventListener("abort", cancel);
      if (pass.share) pass.share.busyMs += this.deps.clock.monotonicMs() - startedMs;
      pass.release();
    }
  }

  private async run(question: Question, evaluate: (place: Place) => Promise<QueryResult>): Promise<QueryResult> {
    const { scope, options, kind } = question;
    const { clock } = this.deps;
    const pass = options.isUrgent ? undefined : await this.gate.enter(scope, options.signal);
    const startedMs = clock.monotonicMs();
    const busy = { ms: 0 };
    let outcome = "ok";
    let samples = 0;
    try {
      const result = await evaluate(this.placeOf(question, pass?.share, busy));
      busy.ms += result.stats.busyMs;
      samples = result.stats.samplesRead;
      return { ...result, stats: { ...result.stats, busyMs: busy.ms } };
    } catch (error) {
      outcome = error instanceof QueryError ? error.kind : "internal";
      this.failures.inc({ reason: outcome });
      throw error;
    } finally {
      const duration = (clock.monotonicMs() - startedMs) / 1000;
      this.seconds.observe({ kind }, duration);
      pass?.release();
      if (!options.isUrgent) this.noteSlow(question, { duration, busy: busy.ms / 1000, samples, outcome });
    }
  }

  private noteSlow(
    { kind, scope, expression, startMs, endMs, stepMs, options }: Question,
    cost: { duration: number; busy: number; samples: number; outcome: string },
  ): void {
    this.deps.slow.note({
      scope,
      who: options.who ?? "storewatch",
      kind,
      expression,
      start: startMs / 1000,
      end: endMs / 1000,
      ...(kind === "range" ? { step: stepMs / 1000 } : {}),
      ...cost,
    });
  }

  private placeOf(
    { scope, expression, options }: Question,
    share: QueryShare | undefined,
    busy: { ms: number },
  ): Place {
    const { limits, deps } = this;
    const timeoutMs = Math.min(options.timeoutMs ?? limits.timeoutMs, limits.timeoutMs);
    const stored = options.isUrgent
      ? this.directStore(scope)
      : this.slicedStore(scope, options.signal, timeoutMs, share, busy);
    return {
      engine: options.isUrgent ? deps.urgentEngine : deps.engine,
      store: withAddedSeries(stored, options.added),
      request: {
        ...enforceScope(scope, expression, { experimental: deps.isExperimental }),
        signal: options.signal,
        timeoutMs,
        lookbackMs: options.lookbackMs,
        share,
        sharedResults: options.sharedResults,
      },
    };
  }

  /** For rules: few series, and they should not wait. */
  private directStore(scope: TenantScope): Queryable {
    const { store } = this.deps;
    return {
      select: (matchers, fromMs, toMs) => store.select(scope, matchers, fromMs, toMs, this.limits.maxSamples),
    };
  }

  private slicedStore(
    scope: TenantScope,
    signal: AbortSignal | undefined,
    timeoutMs: number,
    share: QueryShare | undefined,
    busy: { ms: number },
  ): Queryable {
    const { store, clock, nextTurn } = this.deps;
    const { maxSamples } = this.limits;
    const deadlineMs = clock.monotonicMs() + timeoutMs;
    const next = async () => {
      await nextTurn();
      if (clock.monotonicMs() > deadlineMs) throw new QueryError("timeout", "query timed out in query execution");
    };
    return {
      select: (matchers: readonly Matcher[], fromMs, toMs, hints) => {
        let isFirst = true;
        const slices = store.selectSlices(scope, matchers, fromMs, toMs, { maxSamples, hints });
        const step = slices.next.bind(slices);
        // The engine counts the first slice; of the others only this sees how long they take.
        slices.next = () => {
          const startedMs = clock.monotonicMs();
          try {
            return step();
          } finally {
            const took = isFirst ? 0 : clock.monotonicMs() - startedMs;
            isFirst = false;
            busy.ms += took;
            if (share) share.busyMs += took;
          }
        };
        return runSlices(slices, { next, signal });
      },
    };
  }

  private async evaluateRange(question: Question, place: Place): Promise<QueryResult> {
    const { engine, store, request } = place;
    const { startMs, endMs, stepMs } = question;
    const evaluate = (fromMs: number, toMs: number) => engine.range(store, request, fromMs, toMs, stepMs);
    const key = this.cache && this.keyOf(question);
    if (!this.cache || !key) {
      this.cache?.count("bypass");
      return evaluate(startMs, endMs);
    }
    const lastMs = startMs + Math.floor((endMs - startMs) / stepMs) * stepMs;
    const mark = this.cache.mark();
    const kept = this.cache.find(key, startMs, mark);
    const known = kept && kept.toMs >= startMs && kept.fromMs <= lastMs ? cutTo(kept, startMs, lastMs) : undefined;
    const result = known ? await complete(known, startMs, lastMs, stepMs, evaluate) : await evaluate(startMs, endMs);
    // While the rest was evaluated, what was kept may have become wrong.
    if (known && !this.cache.holds(key, known, mark)) {
      this.cache.count("miss");
      return evaluate(startMs, endMs);
    }
    this.cache.count(known ? (known.toMs >= this.keepableMs(startMs, stepMs) ? "hit" : "partial") : "miss");
    this.keep(key, result, { fromMs: startMs, toMs: lastMs }, mark);
    return result;
  }

  /** Undefined when the answer may not be kept. */
  private keyOf({ scope, expression, startMs, endMs, stepMs, options }: Question): RangeKey | undefined {
    if (options.isUrgent || options.isFresh || options.added?.length) return undefined;
    // Where the store may answer from intervals, a part of the range may be answered otherwise than the whole.
    if (stepMs % INTERVAL_MS === 0) return undefined;
    const rawFromMs = this.deps.clock.nowMs() - (this.deps.rawRetentionMs ?? Number.POSITIVE_INFINITY);
    const lookbackMs = options.lookbackMs ?? this.deps.lookbackMs ?? DEFAULT_LOOKBACK_MS;
    const isExperimental = this.deps.isExperimental ?? false;
    try {
      const expr = parseExpression(expression, { experimental: isExperimental });
      const windowMs = stepWindowMs(expr, lookbackMs, SUBQUERY_STEP_MS);
      if (windowMs === undefined || startMs - windowMs < rawFromMs) return undefined;
      // The same question at another time: same number of steps. Moving on, it replaces what it kept before.
      const steps = Math.floor((endMs - startMs) / stepMs);
      const question = `${lookbackMs} ${isExperimental} ${steps} ${printExpression(expr)}`;
      return { scope: scopeKey(scope), question, stepMs, windowMs };
    } catch (error) {
      if (error instanceof ParseError) return undefined;
      throw error;
    }
  }

  /** The last step that may be kept: older than samples may come late. */
  private keepableMs(startMs: number, stepMs: number): number {
    const oldMs = this.deps.clock.nowMs() - (this.deps.outOfOrderMs ?? DEFAULT_OUT_OF_ORDER_MS);
    return startMs + Math.floor((oldMs - startMs) / stepMs) * stepMs;
  }

  private keep(key: RangeKey, result: QueryResult, steps: { fromMs: number; toMs: number }, mark: number): void {
    const { value, warnings, infos } = result;
    // Notes belong to steps that cannot be told apart.
    if (value.type !== "matrix" || warnings.length > 0 || infos.length > 0) return;
    const toMs = Math.min(steps.toMs, this.keepableMs(steps.fromMs, key.stepMs));
    if (toMs >= steps.fromMs) this.cache?.keep(key, cut(value, steps.fromMs, toMs), mark);
  }
}

function cutTo(extent: Extent, fromMs: number, toMs: number): Extent {
  if (extent.fromMs >= fromMs && extent.toMs <= toMs) return extent;
  return cut(extent, Math.max(extent.fromMs, fromMs), Math.min(extent.toMs, toMs));
}

/** Evaluates the steps on either side of what is known. */
async function complete(
  known: Extent,
  startMs: number,
  lastMs: number,
  stepMs: number,
  evaluate: (fromMs: number, toMs: number) => Promise<QueryResult>,
): Promise<QueryResult> {
  const results: QueryResult[] = [];
  let whole = known;
  if (startMs < known.fromMs) {
    const before = await evaluate(startMs, known.fromMs - stepMs);
    results.push(before);
    whole = join(extentOf(before, startMs, known.fromMs - stepMs), whole);
  }
  if (lastMs > known.toMs) {
    const after = await evaluate(known.toMs + stepMs, lastMs);
    results.push(after);
    whole = join(whole, extentOf(after, known.toMs + stepMs, lastMs));
  }
  const all = (read: (result: QueryResult) => readonly string[]) => [...new Set(results.flatMap(read))];
  const sum = (read: (result: QueryResult) => number) => results.reduce((total, result) => total + read(result), 0);
  return {
    value: { type: "matrix", series: whole.series },
    warnings: all(({ warnings }) => warnings),
    infos: all(({ infos }) => infos),
    stats: {
      samplesRead: sum(({ stats }) => stats.samplesRead),
      peakSamples: results.reduce((most, { stats }) => Math.max(most, stats.peakSamples), 0),
      busyMs: sum(({ stats }) => stats.busyMs),
    },
  };
}

function extentOf({ value }: QueryResult, fromMs: number, toMs: number): Extent {
  return { fromMs, toMs, series: value.type === "matrix" ? value.series : [] };
}
