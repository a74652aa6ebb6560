// Queries of people, rules and pages: always for a scope, always within limits.

import type { SeriesSamples, TenantScope } from "@storewatch/model";
import type { QueryResult, SharedResults } from "@storewatch/promql/engine";

export interface QueryService {
  /** Throws QueryError. The scope is enforced on the syntax tree and again at series selection. */
  instant(scope: TenantScope, expression: string, timeMs: number, options?: QueryOptions): Promise<QueryResult>;
  range(
    scope: TenantScope,
    expression: string,
    startMs: number,
    endMs: number,
    stepMs: number,
    options?: QueryOptions,
  ): Promise<QueryResult>;
  /**
   * Runs a read of the store that is no query (series, exports) in a place of its own in the same queue. `read` gets a
   * signal that ends with the caller's or when the time is over.
   */
  read<T>(scope: TenantScope, options: QueryOptions, read: (signal: AbortSignal) => Promise<T>): Promise<T>;
}

export interface QueryOptions {
  /** Of rules: never waits for the queries of people. */
  readonly isUrgent?: boolean;
  readonly signal?: AbortSignal;
  readonly timeoutMs?: number;
  readonly lookbackMs?: number;
  /** Of instant queries of the same moment: what one of them worked out, the others read. */
  readonly sharedResults?: SharedResults;
  /** Count as stored for this query, in place of stored series with the same labels; held to the scope as these are, and never cached. */
  readonly added?: readonly SeriesSamples[];
  /** Evaluates all steps, whatever the result cache has. */
  readonly isFresh?: boolean;
  /** Who asks, for the log of slow queries. */
  readonly who?: string;
}
