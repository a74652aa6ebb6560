import { join } from "node:path";
import {
  type Labels,
  Matcher,
  METRIC_NAME,
  type MetricMetadata,
  type Sample,
  type SeriesExemplar,
  type SeriesExemplars,
  type SeriesSamples,
} from "@storewatch/model";
import { AHEAD_MS_MAX } from "./admission.ts";
import { backfill } from "./backfill.ts";
import { BlockReader } from "./blocks/block-reader.ts";
import type { BlockStore } from "./blocks/block-store.ts";
import { hasBlocks, openFileStore } from "./blocks/file-store.ts";
import { ChangeLog } from "./changes.ts";
import { ByteReader, FormatError } from "./codec/bytes.ts";
import { TIME_MS_LIMIT } from "./codec/times.ts";
import { copyTsdb } from "./disk/copy.ts";
import { checkVersion, lockDataDir } from "./disk/data-dir.ts";
import { type Disk, nodeDisk } from "./disk/disk.ts";
import type { FamilyMetadata } from "./family-metadata.ts";
import { ACTIVE_MS, Head } from "./head/head.ts";
import type { Tombstones } from "./head/tombstones.ts";
import { windowOf, windowStartMs } from "./head/window.ts";
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
  Tsdb,
  TsdbOptions,
  TsdbProblem,
  TsdbStats,
} from "./interface.ts";
import { Journal } from "./journal.ts";
import { defineSeries } from "./labels/series-codec.ts";
import { BLOCKS_UNAVAILABLE, ERASING, Maintenance, SEAL_DELAY_MS } from "./maintenance.ts";
import { cardinalityOf } from "./read/cardinality.ts";
import { drain, type ScanSource, scanLabelNames, scanLabelValues, scanSamples, scanSeries } from "./read/scan.ts";
import { RetentionPolicy } from "./retention.ts";
import { TargetWriter } from "./row-writer.ts";
import { QUEUE_BYTES_MAX, WriteAheadLog } from "./wal/log.ts";
import type { Removal } from "./wal/removal-records.ts";
import { Replay, type ReplayResult } from "./wal/replay.ts";

/** What tests replace. */
export interface Machinery {
  readonly disk: Disk;
  readonly hasBlocks: (path: string) => boolean;
  readonly openBlocks: (path: string, disk: Disk, onProblem: (problem: TsdbProblem) => void) => Promise<BlockStore>;
  readonly queueBytesMax: number;
}

const realMachinery: Machinery = {
  disk: nodeDisk,
  hasBlocks,
  openBlocks: openFileStore,
  queueBytesMax: QUEUE_BYTES_MAX,
};

const NOTHING = new Matcher("=", METRIC_NAME, "");
const DEFAULT_SYNC_INTERVAL_MS = 1000;
const DEFAULT_OUT_OF_ORDER_MS = 600_000;

/**
 * Opens the store in `options.dataDir`, making the folder when it is not there, and brings back what it held. Throws
 * DataDirError when another process has it open or a newer version wrote it.
 */
export function openTsdb(options: TsdbOptions): Promise<Tsdb> {
  return openTsdbOn(options, {});
}

/** As openTsdb, with some of the machinery replaced. */
export async function openTsdbOn(options: TsdbOptions, replaced: Partial<Machinery>): Promise<Tsdb> {
  const retention = new RetentionPolicy(options.retention);
  const machinery = { ...realMachinery, ...replaced };
  await machinery.disk.makeDir(options.dataDir);
  const unlock = lockDataDir(options.dataDir);
  try {
    await checkVersion(machinery.disk, options.dataDir);
    return await Database.open(options, machinery, retention, unlock);
  } catch (error) {
    unlock();
    throw error;
  }
}

class Database implements Tsdb {
  private readonly maintenance: Maintenance;
  private closing: Promise<void> | undefined;
  private readonly source: ScanSource;
  private readonly slicedSource: ScanSource;

  private constructor(
    private readonly options: TsdbOptions,
    private readonly head: Head,
    private readonly wal: WriteAheadLog,
    private readonly journal: Journal,
    private readonly blocks: Blocks,
    private readonly retention: RetentionPolicy,
    private readonly unlock: () => void,
    disk: Disk,
    walFolder: string,
  ) {
    const reader = (fromMs: number, toMs: number, resolutionMs = 0) => blocks.reader(fromMs, toMs, resolutionMs);
    this.source = { head, blocks: reader };
    this.slicedSource = { ...this.source, clock: options.clock };
    this.maintenance = new Maintenance({
      head,
      changes: journal.changes,
      wal,
      disk,
      walFolder,
      clock: options.clock,
      retention,
      backgroundShare: options.backgroundShare ?? 1,
      onProblem: blocks.onProblem,
      store: () => blocks.open(),
      openStore: () => blocks.store,
      blocksUnavailable: () => blocks.unavailable,
    });
  }

  static async open(
    options: TsdbOptions,
    machinery: Machinery,
    retention: RetentionPolicy,
    unlock: () => void,
  ): Promise<Database> {
    const onProblem = options.onProblem ?? (() => {});
    const { disk } = machinery;
    const walFolder = join(options.dataDir, "wal");
    await disk.makeDir(walFolder);
    const head = new Head(options.outOfOrderMs ?? DEFAULT_OUT_OF_ORDER_MS, options.exemplarsMax);
    const blocks = new Blocks(join(options.dataDir, "blocks"), machinery, onProblem, head.tombstones);
    try {
      if (machinery.hasBlocks(blocks.path)) blocks.unavailable = !(await blocks.open());
      loadSeries(head, blocks);
      const found = await new Replay(head, disk, walFolder, onProblem).run();
      for (const { blockLimit } of head.tombstones.list) blocks.store?.reserveNumbers(blockLimit);
      const wal = openWal(options, machinery, walFolder, found, onProblem);
      const journal = new Journal(head, wal, new ChangeLog(options.clock));
      const database = new Database(options, head, wal, journal, blocks, retention, unlock, disk, walFolder);
      database.maintenance.checkpointBytes = found.checkpointBytes;
      database.maintenance.eraseDue = (await disk.list(walFolder)).includes(ERASING);
      if (!blocks.unavailable) database.maintenance.noteUnusedIds(unusedIds(head));
      return database;
    } catch (error) {
      await blocks.store?.close();
      throw error;
    }
  }

  openRows(key: string): RowWriter {
    return new TargetWriter(this.head, this.journal, this.journal.openTarget(key));
  }

  append(samples: readonly Sample[]): Promise<AppendResult> {
    const nowMs = this.options.clock.nowMs();
    const newestMs = nowMs + (this.options.aheadMs ?? AHEAD_MS_MAX);
    return this.journal.append(samples, {
      oldestMs: nowMs - this.retention.longestMs,
      newestMs,
      lateBeforeMs: windowStartMs(windowOf(nowMs - SEAL_DELAY_MS)),
      monotonicMs: this.options.clock.monotonicMs(),
    });
  }

  appendExemplars(items: readonly SeriesExemplar[]): ExemplarResult {
    return this.journal.appendExemplars(items);
  }

  exemplars(matchers: readonly Matcher[], fromMs: number, toMs: number): SeriesExemplars[] {
    return this.head.exemplars.select(matchers, fromMs, toMs);
  }

  putMetadata(entries: Iterable<FamilyMetadata>): void {
    this.journal.putMetadata(entries);
  }

  metadata(): ReadonlyMap<string, MetricMetadata> {
    return this.head.metadata.all;
  }

  async delete(matchers: readonly Matcher[], fromMs: number, toMs: number): Promise<{ series: number }> {
    const removal = this.removalOf(matchers, fromMs, toMs, false);
    await this.journal.remove(removal);
    return { series: removal.tombstone.ids.length };
  }

  cleanTombstones(): Promise<void> {
    return this.closing ? Promise.resolve() : this.maintenance.cleanTombstones();
  }

  async erase(
    matchers: readonly Matcher[],
    onProgress: (progress: EraseProgress) => void = () => {},
  ): Promise<{ series: number; bytesFreed: number }> {
    let series = 0;
    const hide = () => {
      const removal = this.removalOf(matchers, 0, Number.MAX_SAFE_INTEGER, true);
      series = removal.tombstone.ids.length;
      return this.journal.remove(removal);
    };
    const bytesFreed = await this.maintenance.erase(hide, onProgress);
    return { series, bytesFreed };
  }

  private removalOf(matchers: readonly Matcher[], fromMs: number, toMs: number, isErasure: boolean): Removal {
    if (matchers.length === 0) throw new Error("what is to be deleted must be named");
    const from = Math.max(0, Math.ceil(fromMs));
    const to = Math.min(TIME_MS_LIMIT - 1, Math.floor(toMs));
    const ids = to < from ? [] : Array.from(this.head.matcher.match(matchers));
    // Series that only they have are not known now, and ids may stand for others there.
    if (this.blocks.unavailable) throw new Error(BLOCKS_UNAVAILABLE);
    const blockLimit = this.blocks.store?.nextNumber ?? 0;
    const hidden = this.head.tombstoneOf(ids, from, Math.max(from, to), blockLimit);
    // Rows are erased on the spot: nothing of them needs to be hidden.
    const tombstone = isErasure ? { ...hidden, rowToMs: -1 } : hidden;
    return { tombstone, toMs: Math.max(from, to), matchers: to < from ? [NOTHING] : matchers, isErasure };
  }

  snapshot(dir: string): Promise<{ bytes: number }> {
    return this.maintenance.alone(async () => {
      await this.wal.flush();
      return copyTsdb(this.options.dataDir, dir, { link: true });
    });
  }

  select(matchers: readonly Matcher[], fromMs: number, toMs: number, options: SelectOptions = {}): SeriesSamples[] {
    return drain(scanSamples(this.source, { matchers, fromMs, toMs }, options));
  }

  series(matchers: readonly Matcher[], fromMs: number, toMs: number): Labels[] {
    return drain(scanSeries(this.source, { matchers, fromMs, toMs }));
  }

  labelNames(matchers: readonly Matcher[], fromMs: number, toMs: number): string[] {
    return drain(scanLabelNames(this.source, { matchers, fromMs, toMs }));
  }

  labelValues(name: string, matchers: readonly Matcher[], fromMs: number, toMs: number): string[] {
    return drain(scanLabelValues(this.source, name, { matchers, fromMs, toMs }));
  }

  selectSlices(matchers: readonly Matcher[], fromMs: number, toMs: number, options: SelectOptions = {}) {
    return scanSamples(this.slicedSource, { matchers, fromMs, toMs }, options);
  }

  seriesSlices(matchers: readonly Matcher[], fromMs: number, toMs: number) {
    return scanSeries(this.slicedSource, { matchers, fromMs, toMs });
  }

  labelNamesSlices(matchers: readonly Matcher[], fromMs: number, toMs: number) {
    return scanLabelNames(this.slicedSource, { matchers, fromMs, toMs });
  }

  labelValuesSlices(name: string, matchers: readonly Matcher[], fromMs: number, toMs: number) {
    return scanLabelValues(this.slicedSource, name, { matchers, fromMs, toMs });
  }

  cardinality(limit: number): Cardinality {
    return cardinalityOf(this.head.index, limit);
  }

  get changes(): ChangeView {
    return this.journal.changes;
  }

  onArrival(listener: (arrival: Arrival) => void): () => void {
    return this.journal.onArrival(listener);
  }

  activeSeriesBy(name: string): Map<string, number> {
    return this.head.activeByValue(name, this.options.clock.nowMs() - ACTIVE_MS);
  }

  isActive(labels: Labels): boolean {
    return this.head.isActive(labels, this.options.clock.nowMs() - ACTIVE_MS);
  }

  backfill(series: readonly SeriesSamples[]): Promise<BackfillResult> {
    const { head, journal, retention } = this;
    return this.maintenance.withBlocks((store, pause) =>
      backfill({ head, journal, store, retention, nowMs: this.options.clock.nowMs(), pause }, series),
    );
  }

  stats(): TsdbStats {
    const blocks = this.blocks.store?.blocks ?? [];
    const oldest = Math.min(this.head.minTimeMs, blocks[0]?.minTimeMs ?? Infinity);
    return {
      activeSeries: this.head.activeSeries(this.options.clock.nowMs() - ACTIVE_MS),
      totalSeries: this.head.index.seriesCount,
      samplesAppendedTotal: this.journal.samplesAppended,
      minTimeMs: oldest === Infinity ? 0 : oldest,
      maxTimeMs: Math.max(0, this.head.maxTimeMs, ...blocks.slice(-8).map((block) => block.maxTimeMs)),
      walBytes: this.wal.bytes + this.maintenance.checkpointBytes,
      blockBytes: this.blocks.store?.bytes ?? 0,
      blocks: blocks.length,
      classes: this.retention.statsOf(blocks),
      labelPairs: this.head.index.labelPairs,
      walWriteErrors: this.wal.writeErrors,
      rowsRefused: this.journal.rowsRefused,
    };
  }

  maintain(): Promise<void> {
    return this.closing ? Promise.resolve() : this.maintenance.run();
  }

  close(): Promise<void> {
    this.closing ??= this.shutDown();
    return this.closing;
  }

  private async shutDown(): Promise<void> {
    this.journal.closed = true;
    await this.maintenance.settled();
    try {
      await this.maintenance.sealAtEnd();
      await this.wal.close();
    } finally {
      await this.blocks.store?.close();
      this.unlock();
    }
  }
}

/** The block store, opened when it is first needed. */
class Blocks {
  store: BlockStore | undefined;
  /** There are blocks that could not be opened: none are made either, since series ids could clash. */
  unavailable = false;
  private told = false;

  constructor(
    readonly path: string,
    private readonly machinery: Machinery,
    readonly onProblem: (problem: TsdbProblem) => void,
    private readonly tombstones: Tombstones,
  ) {}

  /** Undefined when it cannot be opened: then nothing is sealed, and the head keeps everything. */
  async open(): Promise<BlockStore | undefined> {
    if (this.store || this.unavailable) return this.store;
    try {
      await this.machinery.disk.makeDir(this.path);
      this.store = await this.machinery.openBlocks(this.path, this.machinery.disk, this.onProblem);
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      // Where there were none before, the next try may well work, for example when the disk has room again.
      if (!this.told)
        this.onProblem({ kind: "blocks-unavailable", message: `sealed blocks cannot be opened: ${message}` });
      this.told = true;
    }
    return this.store;
  }

  reader(fromMs: number, toMs: number, resolutionMs: number): BlockReader | undefined {
    if (!this.store) return undefined;
    const reader = new BlockReader(this.store, fromMs, toMs, this.onProblem, resolutionMs, this.tombstones);
    return reader.empty ? undefined : reader;
  }
}

/** Series of sealed blocks, so that old ones are found. */
function loadSeries(head: Head, blocks: Blocks): void {
  const { store } = blocks;
  if (!store) return;
  head.writableFromMs = store.sealedUntilMs;
  // Newest first: what an older file says of an id or of labels that are taken has been overtaken.
  const gone = new Set<number>();
  const overtaken = (id: number) => gone.has(id) || head.index.has(id);
  store.forEachSeries(
    (encoded) => {
      try {
        defineSeries(new ByteReader(encoded), head.index, {
          skip: overtaken,
          defined: (id) => head.setPersisted(id, true),
          taken: () => {},
        });
      } catch (error) {
        if (!(error instanceof FormatError)) throw error;
        blocks.onProblem({ kind: "corrupt-block", message: `series definitions were left out: ${error.message}` });
      }
    },
    (ids) => {
      for (const id of ids) if (!head.index.has(id)) gone.add(id);
    },
  );
}

function openWal(
  options: TsdbOptions,
  machinery: Machinery,
  folder: string,
  found: ReplayResult,
  onProblem: (problem: TsdbProblem) => void,
): WriteAheadLog {
  const wal = new WriteAheadLog({
    disk: machinery.disk,
    folder,
    clock: options.clock,
    syncIntervalMs: options.syncIntervalMs ?? DEFAULT_SYNC_INTERVAL_MS,
    firstSegment: found.nextSegment,
    onProblem,
    queueBytesMax: machinery.queueBytesMax,
  });
  for (const { segment, bytes } of found.segments) wal.noteExisting(segment, bytes);
  return wal;
}

function unusedIds(head: Head): number[] {
  const unused: number[] = [];
  for (let id = 0; id < head.index.idLimit; id++) if (!head.index.has(id)) unused.push(id);
  return unused;
}
