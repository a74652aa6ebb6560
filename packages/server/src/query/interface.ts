// Queries of people, rules and pages: always for a scope, always within limits.

import type { SeriesSamples, TenantScope } from "@storewatch/model";
import type { QueryResult } from "@storewatch/promql/engine";

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
}

export interface QueryOptions {
  /** Of rules: never waits for the queries of people. */
  readonly isUrgent?: boolean;
  readonly signal?: AbortSignal;
  readonly timeoutMs?: number;
  readonly lookbackMs?: number;
  /** Count as stored for this query, in place of stored series with the same labels; held to the scope as these are, and never cached. */
  readonly added?: readonly SeriesSamples[];
}
