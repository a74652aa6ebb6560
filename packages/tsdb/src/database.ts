import { join } from "node:path";
import type { Labels, Matcher, Sample, SeriesSamples } from "@storewatch/model";
import { compareStrings, Labels as LabelSet } from "@storewatch/model";
import { BlockReader } from "./blocks/block-reader.ts";
import type { BlockStore } from "./blocks/block-store.ts";
import { hasBlocks, openLmdbStore } from "./blocks/lmdb-store.ts";
import { ByteReader, FormatError } from "./codec/bytes.ts";
import { checkVersion, lockDataDir } from "./disk/data-dir.ts";
import { type Disk, nodeDisk } from "./disk/disk.ts";
import { ACTIVE_MS, Head } from "./head/head.ts";
import type {
  AppendResult,
  Arrival,
  RowWriter,
  SelectOptions,
  Tsdb,
  TsdbOptions,
  TsdbProblem,
  TsdbStats,
} from "./interface.ts";
import { TooManySamples } from "./interface.ts";
import { Journal } from "./journal.ts";
import { decodeSeries } from "./labels/series-codec.ts";
import { Maintenance } from "./maintenance.ts";
import { Gatherer } from "./read/gather.ts";
import { SampleSink } from "./read/sample-sink.ts";
import { TargetWriter } from "./row-writer.ts";
import { QUEUE_BYTES_MAX, WriteAheadLog } from "./wal/log.ts";
import { Replay, type ReplayResult } from "./wal/replay.ts";

/** What tests replace. */
export interface Machinery {
  readonly disk: Disk;
  readonly hasBlocks: (path: string) => boolean;
  readonly openBlocks: (path: string, onProblem: (problem: TsdbProblem) => void) => Promise<BlockStore>;
  readonly queueBytesMax: number;
}

const realMachinery: Machinery = {
  disk: nodeDisk,
  hasBlocks,
  openBlocks: openLmdbStore,
  queueBytesMax: QUEUE_BYTES_MAX,
};

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
  for (const [name, value] of Object.entries({ retentionMs: options.retentionMs })) {
    if (!Number.isSafeInteger(value) || value <= 0) throw new Error(`${name} must be a whole number of ms above 0`);
  }
  const machinery = { ...realMachinery, ...replaced };
  await machinery.disk.makeDir(options.dataDir);
  const unlock = lockDataDir(options.dataDir);
  try {
    await checkVersion(machinery.disk, options.dataDir);
    return await Database.open(options, machinery, unlock);
  } catch (error) {
    unlock();
    throw error;
  }
}

class Database implements Tsdb {
  private readonly maintenance: Maintenance;
  private closing: Promise<void> | undefined;

  private constructor(
    private readonly options: TsdbOptions,
    private readonly head: Head,
    private readonly wal: WriteAheadLog,
    private readonly journal: Journal,
    private readonly blocks: Blocks,
    private readonly unlock: () => void,
    disk: Disk,
    walFolder: string,
  ) {
    this.maintenance = new Maintenance({
      head,
      wal,
      disk,
      walFolder,
      clock: options.clock,
      retentionMs: options.retentionMs,
      onProblem: blocks.onProblem,
      store: () => blocks.open(),
      openStore: () => blocks.store,
    });
  }

  static async open(options: TsdbOptions, machinery: Machinery, unlock: () => void): Promise<Database> {
    const onProblem = options.onProblem ?? (() => {});
    const { disk } = machinery;
    const walFolder = join(options.dataDir, "wal");
    await disk.makeDir(walFolder);
    const head = new Head(options.outOfOrderMs ?? DEFAULT_OUT_OF_ORDER_MS);
    const blocks = new Blocks(join(options.dataDir, "blocks"), machinery, onProblem);
    try {
      if (machinery.hasBlocks(blocks.path)) await blocks.open();
      loadSeries(head, blocks);
      const found = await new Replay(head, disk, walFolder, onProblem).run();
      const wal = openWal(options, machinery, walFolder, found, onProblem);
      const journal = new Journal(head, wal);
      const database = new Database(options, head, wal, journal, blocks, unlock, disk, walFolder);
      database.maintenance.checkpointBytes = found.checkpointBytes;
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
    return this.journal.append(samples, this.options.clock.nowMs() - this.options.retentionMs);
  }

  select(matchers: readonly Matcher[], fromMs: number, toMs: number, options: SelectOptions = {}): SeriesSamples[] {
    const maxSamples = options.maxSamples ?? Infinity;
    const ids = this.head.matcher.match(matchers);
    const gatherer = this.gatherer(fromMs, toMs, 512);
    const found: SeriesSamples[] = [];
    let samples = 0;
    for (const id of ids) {
      const gathered = gatherer.gather(id);
      if (!gathered) continue;
      // The first series tells about how much memory the others will need.
      if (found.length === 0) gatherer.sink.expect(gathered.timesMs.length * ids.length);
      samples += gathered.timesMs.length;
      if (samples > maxSamples) throw new TooManySamples(`the selection has more than ${maxSamples} samples`);
      found.push({ labels: this.head.index.labels(id), timesMs: gathered.timesMs, values: gathered.values });
    }
    if (options.sorted) found.sort((a, b) => LabelSet.compare(a.labels, b.labels));
    return found;
  }

  series(matchers: readonly Matcher[], fromMs: number, toMs: number): Labels[] {
    const has = this.presence(fromMs, toMs);
    const found: Labels[] = [];
    for (const id of this.head.matcher.match(matchers)) if (has(id)) found.push(this.head.index.labels(id));
    return found;
  }

  labelNames(matchers: readonly Matcher[], fromMs: number, toMs: number): string[] {
    const has = this.presence(fromMs, toMs);
    const { index } = this.head;
    const seen = new Uint8Array(index.names.length);
    for (const id of this.head.matcher.match(matchers)) {
      let fresh = false;
      index.forEachLabel(id, (nameId) => {
        if (seen[nameId] === 0) fresh = true;
      });
      // Series that add no name need not be looked at.
      if (!fresh || !has(id)) continue;
      index.forEachLabel(id, (nameId) => {
        seen[nameId] = 1;
      });
    }
    return index.names
      .filter((_, nameId) => seen[nameId] === 1)
      .map((table) => table.name)
      .sort(compareStrings);
  }

  labelValues(name: string, matchers: readonly Matcher[], fromMs: number, toMs: number): string[] {
    const { index } = this.head;
    const nameId = index.nameIdOf(name);
    if (nameId < 0) return [];
    const has = this.presence(fromMs, toMs);
    const table = index.names[nameId];
    const seen = new Uint8Array(table.ordinalLimit);
    const ids = matchers.length > 0 ? this.head.matcher.match(matchers) : index.idsWith(table);
    for (const id of ids) {
      const ordinal = index.ordinalOf(id, nameId);
      if (ordinal >= 0 && seen[ordinal] === 0 && has(id)) seen[ordinal] = 1;
    }
    return table.values.filter((_, ordinal) => seen[ordinal] === 1).sort(compareStrings);
  }

  onArrival(listener: (arrival: Arrival) => void): () => void {
    return this.journal.onArrival(listener);
  }

  stats(): TsdbStats {
    const blocks = this.blocks.store?.blocks ?? [];
    const oldest = Math.min(this.head.minTimeMs, blocks[0]?.minTimeMs ?? Infinity);
    return {
      activeSeries: this.head.activeSeries(this.options.clock.nowMs() - ACTIVE_MS),
      totalSeries: this.head.index.seriesCount,
      samplesAppendedTotal: this.journal.samplesAppended,
      minTimeMs: oldest === Infinity ? 0 : oldest,
      maxTimeMs: Math.max(0, this.head.maxTimeMs, blocks[blocks.length - 1]?.maxTimeMs ?? 0),
      walBytes: this.wal.bytes + this.maintenance.checkpointBytes,
      blockBytes: blocks.reduce((sum, block) => sum + block.bytes, 0),
      blocks: blocks.length,
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
      await this.wal.close();
    } finally {
      await this.blocks.store?.close();
      this.unlock();
    }
  }

  private gatherer(fromMs: number, toMs: number, capacity: number): Gatherer {
    const reader = this.blocks.reader(fromMs, toMs);
    const read =
      reader && ((id: number, from: number, to: number, sink: SampleSink) => reader.read(id, from, to, sink));
    return new Gatherer(this.head, fromMs, toMs, read, capacity);
  }

  /** Tells whether a series has samples in the range; exact, and lazy about blocks. */
  private presence(fromMs: number, toMs: number): (id: number) => boolean {
    const reader = this.blocks.reader(fromMs, toMs);
    const gatherer = new Gatherer(this.head, fromMs, toMs, undefined);
    const sink = new SampleSink(1024);
    return (id) => {
      gatherer.sink.reset();
      if (this.head.hasRowSample(id, fromMs, toMs) || gatherer.gather(id)) return true;
      return reader?.has(id, fromMs, toMs, sink) ?? false;
    };
  }
}

/** The block store, opened when it is first needed. */
class Blocks {
  store: BlockStore | undefined;
  /** There are blocks that could not be opened: none are made either, since series ids could clash. */
  unavailable = false;

  constructor(
    readonly path: string,
    private readonly machinery: Machinery,
    readonly onProblem: (problem: TsdbProblem) => void,
  ) {}

  /** Undefined when it cannot be opened: then nothing is sealed, and the head keeps everything. */
  async open(): Promise<BlockStore | undefined> {
    if (this.store || this.unavailable) return this.store;
    try {
      await this.machinery.disk.makeDir(this.path);
      this.store = await this.machinery.openBlocks(this.path, this.onProblem);
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      this.unavailable = true;
      this.onProblem({ kind: "blocks-unavailable", message: `sealed blocks cannot be opened: ${message}` });
    }
    return this.store;
  }

  reader(fromMs: number, toMs: number): BlockReader | undefined {
    if (!this.store) return undefined;
    const reader = new BlockReader(this.store, fromMs, toMs, this.onProblem);
    return reader.empty ? undefined : reader;
  }
}

/** Series of sealed blocks, so that old ones are found. */
function loadSeries(head: Head, blocks: Blocks): void {
  const { store } = blocks;
  if (!store) return;
  head.writableFromMs = store.sealedUntilMs;
  store.forEachSeries((encoded) => {
    try {
      decodeSeries(new ByteReader(encoded), (id, pairs) => {
        if (head.index.define(id, pairs)) head.setPersisted(id, true);
      });
    } catch (error) {
      if (!(error instanceof FormatError)) throw error;
      blocks.onProblem({ kind: "corrupt-block", message: `series definitions were left out: ${error.message}` });
    }
  });
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
