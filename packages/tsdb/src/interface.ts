// The contract of the time series store. It knows no HTTP and no tenants: a tenant is a label plus a matcher that the
// caller adds. Times are ms since the epoch (integers), bounds are inclusive unless a name says otherwise.
import type {
  Clock,
  Labels,
  Matcher,
  MetricMetadata,
  Sample,
  SeriesExemplar,
  SeriesExemplars,
  SeriesSamples,
} from "@storewatch/model";

export interface TsdbOptions {
  readonly dataDir: string;
  readonly clock: Clock;
  readonly retention: RetentionOptions;
  /** Share of a core that merging and downsampling may take, above 0; 1 (default): as fast as it goes. */
  readonly backgroundShare?: number;
  /** fdatasync of the WAL at most this long after a write; 0 = after each write. Default 1000. */
  readonly syncIntervalMs?: number;
  /** How much older than its series' newest one a sample of the generic path may be. Default 600,000 (10 min). */
  readonly outOfOrderMs?: number;
  /** How far ahead of the clock a sample of the generic path may be. Default 600,000 (10 min). */
  readonly aheadMs?: number;
  /** Exemplars that are kept, the newest of all series. Default 100,000. */
  readonly exemplarsMax?: number;
  /** Ends of life that the owner must hear of: a write error, a quarantined block. */
  readonly onProblem?: (problem: TsdbProblem) => void;
}

/** How long samples of a class are kept: block by block, so they may stay longer by a block's length (≤ a tenth). */
export interface RetentionClass {
  readonly name: string;
  /** Raw samples older than this are dropped. */
  readonly timeMs: number;
  /** The same for intervals of five minutes and of an hour; without it none are made. */
  readonly fiveMinutesMs?: number;
  readonly oneHourMs?: number;
  /** The oldest blocks of the class go while all of them are larger than this. */
  readonly sizeBytes?: number;
}

export interface RetentionOptions {
  readonly default: RetentionClass;
  readonly classes?: readonly RetentionClass[];
  /** The class of a series follows from its value of this label. */
  readonly label?: string;
  /** Name of the class for a value of the label; undefined: the default. */
  readonly classOf?: (value: string) => string | undefined;
  /** The oldest blocks of all classes go while blocks and log are larger than this. */
  readonly totalBytes?: number;
}

export interface TsdbProblem {
  readonly kind: "wal-write" | "corrupt-block" | "corrupt-wal" | "disk-full" | "blocks-unavailable";
  readonly message: string;
}

export interface Tsdb {
  /**
   * A writer for one scrape target. All series of one scrape share one timestamp: a scrape is a row. The same `key`
   * (for example job and instance) after a restart continues the same columns.
   */
  openRows(key: string): RowWriter;

  /**
   * The generic path: samples with their own times (rule results, pushed data, lines with timestamps) and all native
   * histograms. A series may have both kinds; a staleness marker ends either. Samples that are too old or too far ahead of
   * the clock, or another value for a time that exists, are counted in the result and left out; the rest is in.
   * Resolves after `write()` to the WAL: what it took survives kill -9.
   */
  append(samples: readonly Sample[]): Promise<AppendResult>;

  /**
   * Series that match every matcher and have a sample in [fromMs, toMs], with those samples; sorted by labels only if
   * `sorted`. At least one matcher should not match "" (else every series is looked at). Several series may share one
   * `timesMs`; nothing that is called later writes to the arrays.
   */
  select(matchers: readonly Matcher[], fromMs: number, toMs: number, options?: SelectOptions): SeriesSamples[];

  /** Label sets of matching series that have samples in the range. Same rules as select. */
  series(matchers: readonly Matcher[], fromMs: number, toMs: number): Labels[];
  /** Sorted. Without matchers: of all series in the range. */
  labelNames(matchers: readonly Matcher[], fromMs: number, toMs: number): string[];
  labelValues(name: string, matchers: readonly Matcher[], fromMs: number, toMs: number): string[];

  /**
   * The same answers in slices of about 5 ms, for callers that share the event loop. Between two slices anything may be
   * written, sealed or removed: what is written after the first slice is left out as far as its time is newer than all
   * that was there, and a series that is removed meanwhile may be missing.
   */
  selectSlices(
    matchers: readonly Matcher[],
    fromMs: number,
    toMs: number,
    options?: SelectOptions,
  ): Slices<SeriesSamples[]>;
  seriesSlices(matchers: readonly Matcher[], fromMs: number, toMs: number): Slices<Labels[]>;
  labelNamesSlices(matchers: readonly Matcher[], fromMs: number, toMs: number): Slices<string[]>;
  labelValuesSlices(name: string, matchers: readonly Matcher[], fromMs: number, toMs: number): Slices<string[]>;

  /** Of all series that are known, sealed ones included: some ms for 100,000 label pairs. */
  cardinality(limit: number): Cardinality;

  /**
   * Exemplars beside the series of the same labels, which need not exist. Per series in the order of their times; the last
   * one again is silently there. Written to the log with what comes next.
   */
  appendExemplars(items: readonly SeriesExemplar[]): ExemplarResult;
  /** Of series that match: exemplars in [fromMs, toMs], by time; series sorted by labels. */
  exemplars(matchers: readonly Matcher[], fromMs: number, toMs: number): SeriesExemplars[];

  /** Notes what is said of metric families; the newest word counts. Written to the log with what comes next. */
  putMetadata(entries: Iterable<readonly [family: string, metadata: MetricMetadata]>): void;
  metadata(): ReadonlyMap<string, MetricMetadata>;

  /** What was written when: for keeping answers no longer than they are right. */
  readonly changes: ChangeView;

  /** Called after each committed row and each append, on the same turn. Listeners must be quick and must not throw. */
  onArrival(listener: (arrival: Arrival) => void): () => void;

  /**
   * Deletes samples of matching series in [fromMs, toMs], and exemplars. They are hidden when it resolves, also after a
   * restart; maintain() takes them from the disk. What is appended later for the same times is not affected.
   */
  delete(matchers: readonly Matcher[], fromMs: number, toMs: number): Promise<{ series: number }>;
  /** Takes what was deleted from the disk now. */
  cleanTombstones(): Promise<void>;
  /**
   * Erases matching series: when it resolves, no byte of their samples and exemplars is in any file, nor of labels that only
   * they had. What arrives later is taken as ever. Hidden at once; goes on at the next start when it is interrupted.
   */
  erase(
    matchers: readonly Matcher[],
    onProgress?: (progress: EraseProgress) => void,
  ): Promise<{ series: number; bytesFreed: number }>;
  /** A copy that opens as a data directory, made while it runs: all that was acknowledged before. `dir`: empty or new. */
  snapshot(dir: string): Promise<{ bytes: number }>;

  /**
   * History from elsewhere, of any age within the retention: straight into blocks, durable when it resolves. Each series
   * once, times ascending. Samples from `untilMs` of the result on were not taken: those are for `append`.
   */
  backfill(series: readonly SeriesSamples[]): Promise<BackfillResult>;

  stats(): TsdbStats;
  /** Series written within the last hour, by their value of this label. Walks over all of them: some ms for 100,000. */
  activeSeriesBy(name: string): Map<string, number>;
  /** Whether this series is being written to, so that a further sample makes no new one. */
  isActive(labels: Labels): boolean;
  /** Seals and drops what is due: blocks to disk, retention. The owner calls it about every 15 s; it works in slices. */
  maintain(): Promise<void>;
  /** Flushes and syncs the WAL, closes files. */
  close(): Promise<void>;
}

/** What the series are made of, the greatest counts first. */
export interface Cardinality {
  readonly seriesByMetric: readonly CardinalityItem[];
  readonly valuesByLabel: readonly CardinalityItem[];
  /** Length of a label's values, each as often as a series has it. */
  readonly bytesByLabel: readonly CardinalityItem[];
  /** Names are `label=value`. */
  readonly seriesByPair: readonly CardinalityItem[];
}

export interface CardinalityItem {
  readonly name: string;
  readonly count: number;
}

/** Work in slices: call next() until it is done; its value is then the answer. */
export type Slices<T> = Generator<undefined, T, undefined>;

export interface ChangeView {
  /** A mark of this moment, to ask later what changed since. */
  mark(): number;
  /**
   * A time (ms) at or before the first sample in [fromMs, toMs] that was written, deleted or dropped since the mark;
   * undefined when there was none. Told by the minute: it may name a change that lies a little outside, never miss one.
   */
  firstSince(mark: number, fromMs: number, toMs: number): number | undefined;
}

/** What is done with the samples of a selection. */
export interface SelectHints {
  /** Distance of the times at which they are looked at, ms; 0: once. */
  readonly stepMs: number;
  /** Length of the windows, which end at the range's end and each step before it; 0: the newest sample is looked at. */
  readonly rangeMs: number;
  /** The PromQL function over the windows, "" for none. */
  readonly func: string;
}

export interface SelectOptions {
  /**
   * With hints a series may be answered from intervals of 5 min or 1 h, where the function gives the same answer from
   * them; each sample then stands for `counts` samples, and `values` are what the function needs (sums for averages).
   * Without them, and where no samples are left, the kept samples of intervals are given.
   */
  readonly hints?: SelectHints;
  readonly sorted?: boolean;
  /** Throws TooManySamples beyond it. */
  readonly maxSamples?: number;
}

export class TooManySamples extends Error {}

export interface AppendResult {
  /** Those that the store has now: also those that it had already, with the same value. */
  readonly appended: number;
  /** The series has another value for this time. */
  readonly duplicates: number;
  /** Older than the series' newest one by more than `outOfOrderMs`, than what is sealed, or than the retention. */
  readonly tooOld: number;
  /** Further ahead of the clock than `aheadMs`. */
  readonly tooFarInFuture?: number;
  /** Histograms whose buckets do not fit their spans. */
  readonly invalid?: number;
}

export interface EraseProgress {
  readonly blocks: number;
  readonly blocksDone: number;
}

export interface ExemplarResult {
  readonly appended: number;
  readonly outOfOrder: number;
  /** Labels of more than 128 characters. */
  readonly tooLong: number;
}

export interface BackfillResult {
  readonly written: number;
  /** Older than their series' retention. */
  readonly tooOld: number;
  readonly untilMs: number;
}

/** Something arrived from one source: a scrape target, or the generic path (source 0). */
export interface Arrival {
  readonly sourceId: number;
  readonly timeMs: number;
}

/**
 * One scrape is: begin(), then for each line of the page `row[base + column] = value`, then commit(timeMs).
 * Columns are given out by `column(labels)` and stay for the writer's life; the caller caches line → column.
 * Creating a column may move the row (it widens): read `row` and `base` again after each `column()` call.
 */
export interface RowWriter {
  readonly sourceId: number;
  /** The number of columns given out. */
  readonly columns: number;
  labels(column: number): Labels;
  /** The column of this series, made when new. Labels must be what is to be stored (after relabelling). */
  column(labels: Labels): number;
  /** Opens a row in which every cell is the staleness marker; a row that was begun and not committed is dropped. */
  begin(): void;
  /** The open row's cells are row[base] … row[base + columns - 1]. */
  readonly row: Float64Array;
  readonly base: number;
  /**
   * Ends the row with its timestamp and hands it to the WAL (group commit). Cells not written since begin() are
   * "no sample"; for a series that had a sample in the row before they are its staleness marker. A time not after the
   * last row's is refused: returns false and drops the row.
   */
  commit(timeMs: number): boolean;
  /** Changes when columns are given out anew: every column known before is void then. */
  readonly epoch: number;
  /**
   * Between rows: frees the columns of series that the last row did not have, and gives the others new ones, from 0 on
   * in their order. For a target whose series come and go.
   */
  compact(): void;
  /** The target has gone: writes a last row of markers and frees the columns once they are sealed. */
  close(timeMs: number): void;
}

export interface ClassStats {
  readonly name: string;
  /** All of its blocks. */
  readonly bytes: number;
  /** Those of intervals (5 min, 1 h) among them. */
  readonly downsampledBytes: number;
}

export interface TsdbStats {
  /** Series in the head (written within the last hour). */
  readonly activeSeries: number;
  readonly samplesAppendedTotal: number;
  readonly minTimeMs: number;
  readonly maxTimeMs: number;
  readonly walBytes: number;
  readonly blockBytes: number;
  readonly blocks: number;
  /** Of sealed blocks, the default class first. */
  readonly classes: readonly ClassStats[];
  readonly labelPairs: number;
  /** Every series that is known, sealed ones included. */
  readonly totalSeries: number;
  /** Writes to the WAL that failed (they are tried again). */
  readonly walWriteErrors: number;
  /** Rows that were not taken because the WAL could not be written for too long. */
  readonly rowsRefused: number;
}
