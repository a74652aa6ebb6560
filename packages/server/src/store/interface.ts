// The stores behind their interfaces. The tenant scope is the first argument of every call that touches data.
import type {
  Labels,
  Matcher,
  MetricMetadata,
  Sample,
  SeriesExemplar,
  SeriesExemplars,
  SeriesSamples,
  TenantScope,
} from "@storewatch/model";
import type {
  AppendResult,
  Arrival,
  BackfillResult,
  Cardinality,
  ChangeView,
  EraseProgress,
  ExemplarResult,
  RowWriter,
  SelectOptions,
  Slices,
  TsdbStats,
} from "@storewatch/tsdb";

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
  /** The same answers in slices of about 5 ms, for callers that share the event loop. See Tsdb.selectSlices. */
  selectSlices(
    scope: TenantScope,
    matchers: readonly Matcher[],
    fromMs: number,
    toMs: number,
    options?: SelectOptions,
  ): Slices<SeriesSamples[]>;
  seriesSlices(scope: TenantScope, matchers: readonly Matcher[], fromMs: number, toMs: number): Slices<Labels[]>;
  labelNamesSlices(scope: TenantScope, matchers: readonly Matcher[], fromMs: number, toMs: number): Slices<string[]>;
  labelValuesSlices(
    scope: TenantScope,
    name: string,
    matchers: readonly Matcher[],
    fromMs: number,
    toMs: number,
  ): Slices<string[]>;
  /** An exemplar of a series whose tenant_id lies outside the scope is refused: throws OutOfScope. See Tsdb. */
  appendExemplars(scope: TenantScope, items: readonly SeriesExemplar[]): ExemplarResult;
  /** Exemplars of the matching series, by time. */
  exemplars(scope: TenantScope, matchers: readonly Matcher[], fromMs: number, toMs: number): readonly SeriesExemplars[];
  /** Of metric families, which no tenant owns: what was said last, kept over a restart. */
  metadata(): ReadonlyMap<string, MetricMetadata>;
  putMetadata(entries: Iterable<readonly [family: string, metadata: MetricMetadata]>): void;
  /** Hides samples and exemplars at once; maintain() takes them from the disk, cleanTombstones() does so now. */
  delete(scope: TenantScope, matchers: readonly Matcher[], fromMs: number, toMs: number): Promise<{ series: number }>;
  /** A copy of everything, made while it runs; it opens as a data directory. */
  snapshot(dir: string): Promise<{ bytes: number }>;
  cleanTombstones(): Promise<void>;
  /** Afterwards no file has a byte of the scope's matching series. See Tsdb.erase. */
  erase(
    scope: TenantScope,
    matchers: readonly Matcher[],
    onProgress?: (progress: EraseProgress) => void,
  ): Promise<{ series: number; bytesFreed: number }>;
  /** Of all tenants together: never for a caller of some shops. */
  cardinality(limit: number): Cardinality;
  /** What was written when, whoever it belongs to. */
  readonly changes: ChangeView;
  onArrival(listener: (arrival: Arrival) => void): () => void;
  /** See Tsdb.backfill. A series whose tenant_id lies outside the scope is refused: throws OutOfScope. */
  backfill(scope: TenantScope, series: readonly SeriesSamples[]): Promise<BackfillResult>;
  stats(): TsdbStats;
  /** Series written within the last hour, by tenant. */
  activeSeriesByTenant(): Map<string, number>;
  /** See Tsdb.isActive. */
  isActive(labels: Labels): boolean;
  maintain(): Promise<void>;
  close(): Promise<void>;
}

export class OutOfScope extends Error {}
