// The stores behind their interfaces. The tenant scope is the first argument of every call that touches data.
import type { Labels, Matcher, Sample, SeriesSamples, TenantScope } from "@storewatch/model";
import type { AppendResult, Arrival, RowWriter, TsdbStats } from "@storewatch/tsdb";

export interface MetricStore {
  /** Rows of one scrape target: see RowWriter. */
  openRows(scope: TenantScope, key: string): RowWriter;
  /** Samples with their own times. A sample whose tenant_id lies outside the scope is refused: throws OutOfScope. */
  append(scope: TenantScope, samples: readonly Sample[]): Promise<AppendResult>;
  /** Bounds inclusive, ms. See Tsdb.select. Only series of the scope's tenants. */
  select(
    scope: TenantScope,
    matchers: readonly Matcher[],
    fromMs: number,
    toMs: number,
    maxSamples?: number,
  ): SeriesSamples[];
  series(scope: TenantScope, matchers: readonly Matcher[], fromMs: number, toMs: number): Labels[];
  labelNames(scope: TenantScope, matchers: readonly Matcher[], fromMs: number, toMs: number): string[];
  labelValues(scope: TenantScope, name: string, matchers: readonly Matcher[], fromMs: number, toMs: number): string[];
  onArrival(listener: (arrival: Arrival) => void): () => void;
  stats(): TsdbStats;
  maintain(): Promise<void>;
  close(): Promise<void>;
}

export class OutOfScope extends Error {}
