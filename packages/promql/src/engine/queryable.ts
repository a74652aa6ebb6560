// What the engine needs of a store. Implemented by the server over the time series store (tenant already enforced) and
// by an in-memory store in tests.
import type { Clock, Labels, Matcher, NativeHistogram, SeriesSamples } from "@storewatch/model";
import type { Expr } from "../parser/ast.ts";
import type { SharedResults } from "./shared.ts";

export interface SelectHints {
  /** The range's or query's step, 0 for an instant query. */
  readonly stepMs: number;
  /** The window of the range selector, 0 for an instant selector. */
  readonly rangeMs: number;
  /** Name of the function or aggregation around the selector, "" when none. */
  readonly func: string;
}

export interface Queryable {
  /**
   * Every series that matches, with its samples in [fromMs, toMs] (both inclusive; the engine cuts left-open windows
   * itself). The arrays are only read, and only until the evaluation is done.
   */
  select(
    matchers: readonly Matcher[],
    fromMs: number,
    toMs: number,
    hints: SelectHints,
  ): Promise<readonly SeriesSamples[]> | readonly SeriesSamples[];
}

export interface EngineOptions {
  /** Measures time limits and the slices between yields. */
  readonly clock: Pick<Clock, "monotonicMs">;
  /** Lets the event loop turn; called about every 10 ms of work. Default setImmediate. */
  readonly yieldNow?: () => Promise<void>;
  /**
   * Names are dropped when a query is done instead of by each function, so that `label_replace` still sees them
   * (Prometheus' feature flag promql-delayed-name-removal). Default true.
   */
  readonly delayedNameRemoval?: boolean;
  /** How far back an instant selector looks. Default 5 min. */
  readonly lookbackMs?: number;
  /** Step of a subquery without one. Default 1 min. */
  readonly defaultSubqueryStepMs?: number;
  /** Samples held at once by one query. Default 50 million. */
  readonly maxSamples?: number;
  /**
   * Samples held at once by all queries of this engine together; from half of it on younger queries wait for older ones.
   * Default: no such limit.
   */
  readonly maxSamplesAll?: number;
  /** Experimental functions and syntax, as upstream's feature flag. Default false. */
  readonly experimental?: boolean;
}

export interface QueryRequest {
  readonly expression: string;
  /** What is evaluated instead of the text, when it is parsed already. Its places are those of the text. */
  readonly tree?: Expr;
  /** Aborts evaluation between slices. */
  readonly signal?: AbortSignal;
  /** Wall-clock budget from the first step on; the engine yields to the event loop about every 10 ms of work. */
  readonly timeoutMs?: number;
  readonly lookbackMs?: number;
  /** The account of all queries of one caller; the engine counts in it. */
  readonly share?: QueryShare;
  /** Results that instant queries of the same moment have in common. */
  readonly sharedResults?: SharedResults;
}

export interface QueryShare {
  /** Samples held now. */
  held: number;
  /** Samples that may be held together. A query that is alone has its own limit only. */
  readonly maxSamples: number;
  /** Time on the event loop, of queries that failed too. */
  busyMs: number;
}

export interface VectorSample {
  readonly labels: Labels;
  readonly timeMs: number;
  /** NaN of a sample with a histogram. */
  readonly value: number;
  readonly histogram?: NativeHistogram | undefined;
}

/** Points of one series of a range result; only the steps that have a value, ascending. */
export interface MatrixSeries {
  readonly labels: Labels;
  readonly timesMs: Float64Array;
  readonly values: Float64Array;
  /** Only of a series with native histograms: at the places of such points the histogram; `values` is NaN there. */
  readonly histograms?: readonly (NativeHistogram | undefined)[] | undefined;
}

export type QueryValue =
  | { readonly type: "scalar"; readonly timeMs: number; readonly value: number }
  | { readonly type: "string"; readonly timeMs: number; readonly value: string }
  | { readonly type: "vector"; readonly samples: readonly VectorSample[] }
  | { readonly type: "matrix"; readonly series: readonly MatrixSeries[] };

export interface QueryResult {
  readonly value: QueryValue;
  /** "PromQL warning: … (line:col)" */
  readonly warnings: readonly string[];
  readonly infos: readonly string[];
  readonly stats: QueryStats;
}

export interface QueryStats {
  readonly samplesRead: number;
  readonly peakSamples: number;
  /** Time on the event loop, without what others did meanwhile. */
  readonly busyMs: number;
}

/** Why a query could not be answered: its text (`parse`), its evaluation (`execution`), or a limit. */
export class QueryError extends Error {
  constructor(
    readonly kind: "parse" | "execution" | "timeout" | "canceled" | "limit",
    message: string,
  ) {
    super(message);
  }
}

/** Made by `createEngine(options)`. Stateless between queries. */
export interface Engine {
  instant(store: Queryable, request: QueryRequest, timeMs: number): Promise<QueryResult>;
  /** Steps at startMs, startMs + stepMs, … ≤ endMs. */
  range(store: Queryable, request: QueryRequest, startMs: number, endMs: number, stepMs: number): Promise<QueryResult>;
}
