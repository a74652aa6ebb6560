// What is done from time to time: sealing, checkpoints, retention. One round at a time, in slices.
import { join } from "node:path";
import type { Clock } from "@storewatch/model";
import type { BlockStore, BlockSummary } from "./blocks/block-store.ts";
import { cleanBlocks, isCleaned } from "./blocks/clean.ts";
import { Compactor } from "./blocks/compact.ts";
import { definitions, sealWindow } from "./blocks/seal.ts";
import type { ChangeLog } from "./changes.ts";
import { type Disk, writeFileDurably } from "./disk/disk.ts";
import { ACTIVE_MS, type Head } from "./head/head.ts";
import { windowEndMs } from "./head/window.ts";
import type { EraseProgress, TsdbProblem } from "./interface.ts";
import { Bitmap } from "./labels/postings.ts";
import type { RetentionPolicy } from "./retention.ts";
import { writeCheckpoint } from "./wal/checkpoint.ts";
import { SEGMENT_BYTES, type WriteAheadLog } from "./wal/log.ts";

/** A window is sealed this long after its end: so much late data is still taken. RAM holds 15–45 min. */
export const SEAL_DELAY_MS = 15 * 60_000;

/** Of the ten seconds that an end may take. */
const SEAL_AT_END_MS = 3000;

/** A step that fails with less free space than this is taken to have failed for that reason. */
const FREE_BYTES_MIN = 8 * 2 ** 20;

export interface MaintenanceOptions {
  readonly head: Head;
  readonly changes: ChangeLog;
  readonly wal: WriteAheadLog;
  readonly disk: Disk;
  readonly walFolder: string;
  readonly clock: Clock;
  readonly retention: RetentionPolicy;
  /** See TsdbOptions. */
  readonly backgroundShare: number;
  readonly onProblem: (problem: TsdbProblem) => void;
  /** The block store, opened when first asked for; undefined when it cannot be. */
  readonly store: () => Promise<BlockStore | undefined>;
  readonly openStore: () => BlockStore | undefined;
  /** There are blocks that could not be opened: what they hold is not known, and comes back when they do. */
  readonly blocksUnavailable: () => boolean;
}

/** More files with series definitions than this are written anew as one. */
const SERIES_FILES_MAX = 16;

/** In the log's folder while an erasure is under way. */
export const ERASING = "erasing";

export const BLOCKS_UNAVAILABLE = "the sealed blocks cannot be opened: nothing can be deleted from them now";

/** Lets the event loop turn. */
const pause = () => new Promise<void>((resolve) => setImmediate(resolve));

export class Maintenance {
  private running: Promise<void> | undefined;
  /** Ids of removed series that records in the WAL may still name. */
  private removedIds: number[] = [];
  private deadOnDisk = 0;
  private readonly compactor: Compactor;
  private compacting: Promise<void> | undefined;
  private turn: Promise<unknown> = Promise.resolve();
  private hasDeadSeries = false;
  private closing = false;
  /** An erasure was begun and has not come to its end. */
  eraseDue = false;
  checkpointBytes = 0;
  private readonly told = new Set<string>();

  constructor(private readonly options: MaintenanceOptions) {
    this.compactor = new Compactor(options);
  }

  /** Ids that lie unused since an earlier run. */
  noteUnusedIds(ids: readonly number[]): void {
    for (const id of ids) this.removedIds.push(id);
  }

  run(): Promise<void> {
    this.running ??= this.alone(() => this.round()).finally(() => {
      this.running = undefined;
    });
    return this.running;
  }

  /** Waits for its turn: rounds, erasures and copies come one after the other. */
  alone<T>(step: () => Promise<T>): Promise<T> {
    const result = this.turn.then(step);
    this.turn = result.catch(() => {});
    return result;
  }

  /** Takes what was deleted out of the blocks now. */
  cleanTombstones(): Promise<void> {
    return this.alone(async () => {
      await this.stopCompacting();
      const store = this.options.openStore();
      if (store) await this.cleanNow(store, pause, async () => {});
      await this.dropTombstones();
    });
  }

  /** Runs while nothing else changes blocks. */
  withBlocks<T>(step: (store: BlockStore, pause: () => Promise<void>) => Promise<T>): Promise<T> {
    return this.alone(async () => {
      await this.stopCompacting();
      const store = await this.options.store();
      if (!store) throw new Error("the sealed blocks cannot be opened");
      if ((await this.freeBytes()) < FREE_BYTES_MIN) throw new Error("the disk has no room for a block");
      return step(store, pause);
    });
  }

  private async stopCompacting(): Promise<void> {
    this.compactor.interrupt();
    await this.compacting;
  }

  private cleanNow(store: BlockStore, rest: () => Promise<void>, before: () => Promise<void>): Promise<void> {
    const { head, onProblem } = this.options;
    return cleanBlocks({ store, tombstones: head.tombstones, onProblem, pause: rest, before });
  }

  /**
   * Erases what `hide` takes away, down to the last byte: rewrites blocks, series definitions and the log. A start after a
   * crash on the way goes on with it. Returns how many bytes became free.
   */
  erase(hide: () => Promise<void>, onProgress: (progress: EraseProgress) => void): Promise<number> {
    return this.alone(async () => {
      const { disk, walFolder, wal } = this.options;
      await this.stopCompacting();
      if (this.options.blocksUnavailable()) throw new Error(BLOCKS_UNAVAILABLE);
      await writeFileDurably(disk, walFolder, ERASING, Buffer.from("1\n"));
      this.eraseDue = true;
      const bytes = () => wal.bytes + this.checkpointBytes + (this.options.openStore()?.bytes ?? 0);
      const before = bytes();
      await hide();
      await this.finishErasing(onProgress);
      return Math.max(0, before - bytes());
    });
  }

  private async finishErasing(onProgress: (progress: EraseProgress) => void = () => {}): Promise<void> {
    const { head, disk, walFolder } = this.options;
    if (this.options.blocksUnavailable()) throw new Error(BLOCKS_UNAVAILABLE);
    const store = this.options.openStore();
    const blocks = store?.blocks.length ?? 0;
    let blocksDone = 0;
    for (const { block } of store?.blocks ?? []) {
      if (!store?.readSeriesOf(block))
        throw new Error(`block ${block} cannot be read, so nothing can be erased from it`);
    }
    const rest = async () => {
      await pause();
      if (this.closing) throw new Error("the store is closed: erasing goes on at the next start");
    };
    onProgress({ blocks, blocksDone });
    if (store) await this.cleanNow(store, rest, async () => onProgress({ blocks, blocksDone: blocksDone++ }));
    await this.dropTombstones();
    await this.removeDeadSeries(store, true);
    head.forgetUnusedMetadata();
    await this.checkpoint();
    await store?.tidy();
    await disk.remove(join(walFolder, ERASING));
    this.eraseDue = false;
    onProgress({ blocks, blocksDone: blocks });
  }

  /** What nothing on disk or in memory needs any more. Only while nothing is being sealed. */
  private async dropTombstones(): Promise<void> {
    const { head } = this.options;
    // What blocks that cannot be opened now still hold would be seen again.
    if (head.tombstones.isEmpty || this.options.blocksUnavailable()) return;
    const blocks = this.options.openStore()?.blocks ?? [];
    const had = head.tombstones.list.length;
    head.tombstones.removeWhere((one) => head.writableFromMs > one.rowToMs && isCleaned(one, blocks));
    if (head.tombstones.list.length < had) this.hasDeadSeries = true;
  }

  /** Stops what may be stopped and waits for the rest. */
  async settled(): Promise<void> {
    this.compactor.stop();
    this.closing = true;
    await this.turn;
    await this.compacting;
  }

  private async round(): Promise<void> {
    const { wal } = this.options;
    let sealed = false;
    // What waits for a disk that has failed is tried again; the log itself tells when that fails.
    await wal.flush().catch(() => {});
    await this.dropTombstones();
    if (this.eraseDue) await this.attempt("erasing", () => this.finishErasing());
    // First what frees room.
    await this.attempt("retention", () => this.dropOld());
    await this.attempt("sealing", async () => {
      sealed = await this.sealDue();
    });
    if (sealed || wal.suspect || wal.bytes > Math.max(SEGMENT_BYTES, this.checkpointBytes / 2)) {
      await this.attempt("the checkpoint", () => this.checkpoint());
    }
    this.compacting ??= this.attempt("merging blocks", () => this.compact()).finally(() => {
      this.compacting = undefined;
    });
    // Where it is held back it may take minutes: nothing else waits for it.
    if (this.options.backgroundShare >= 1) await this.compacting;
  }

  private async compact(): Promise<void> {
    const store = this.options.openStore();
    if (!store) return;
    const before = async () => {
      if ((await this.freeBytes()) < FREE_BYTES_MIN) throw new Error("the disk has no room for a block");
    };
    await this.compactor.clean(store, before);
    await this.compactor.run(store, before);
    await store.tidy();
  }

  /** A step that fails is told once, until it works again, and tried at the next round. */
  private async attempt(what: string, step: () => Promise<void>): Promise<void> {
    try {
      await step();
      this.told.delete(what);
    } catch (error) {
      if (this.told.has(what)) return;
      this.told.add(what);
      const message = error instanceof Error ? error.message : String(error);
      const code = (error as NodeJS.ErrnoException)?.code ?? "";
      const full = /ENOSPC|EDQUOT/.test(code) || (await this.freeBytes()) < FREE_BYTES_MIN;
      this.options.onProblem({ kind: full ? "disk-full" : "wal-write", message: `${what} failed: ${message}` });
    }
  }

  private async freeBytes(): Promise<number> {
    return this.options.disk.freeBytes(this.options.walFolder).catch(() => Infinity);
  }

  /**
   * Seals what was held open for late writes before the end, so that the next start has less to read. After settled();
   * for some seconds at most, what is left is sealed then.
   */
  async sealAtEnd(): Promise<void> {
    const { clock, head } = this.options;
    if (head.lateWrites.isEmpty) return;
    const endMs = clock.monotonicMs() + SEAL_AT_END_MS;
    await this.attempt("sealing", async () => {
      if (await this.sealDue(endMs)) await this.checkpoint();
    });
  }

  /** `untilMs`: by then (monotonic) no further window is begun, and none is held open. */
  private async sealDue(untilMs?: number): Promise<boolean> {
    const { head, clock } = this.options;
    let sealed = false;
    for (;;) {
      const window = head.oldestWindow;
      if (windowEndMs(window) + SEAL_DELAY_MS > clock.nowMs()) return sealed;
      if (untilMs === undefined && head.lateWrites.holds(window, clock.monotonicMs())) return sealed;
      if (untilMs !== undefined && clock.monotonicMs() > untilMs) return sealed;
      const store = await this.options.store();
      if (!store) return sealed;
      if ((await this.freeBytes()) < FREE_BYTES_MIN) throw new Error("the disk has no room for a block");
      // From here on the window takes nothing more.
      head.writableFromMs = Math.max(head.writableFromMs, windowEndMs(window));
      await head.closeWindow(window, pause);
      const add = await sealWindow({ head, store, retention: this.options.retention, window, pause });
      const drop = () => head.dropThrough(window, clock.nowMs() - ACTIVE_MS);
      if (add.length > 0) await store.commit({ add, remove: [], sealedUntilMs: windowEndMs(window) }, drop);
      else drop();
      sealed = true;
    }
  }

  private async checkpoint(): Promise<void> {
    const { head, wal, disk, walFolder } = this.options;
    await wal.flush();
    const released = this.removedIds;
    const segment = wal.rotate();
    this.checkpointBytes = await writeCheckpoint({ disk, folder: walFolder, head, segment, pause });
    wal.suspect = false;
    // Nothing may still be on its way to the segments that go.
    await wal.flush();
    for (const name of await disk.list(walFolder)) {
      if (/^\d{10}\.(wal|checkpoint)$/.test(name) && Number(name.slice(0, 10)) < segment) {
        await disk.remove(join(walFolder, name));
      }
    }
    wal.forgetBefore(segment);
    this.removedIds = this.removedIds.slice(released.length);
    head.index.release(released);
  }

  private async dropOld(): Promise<void> {
    const { retention, wal, clock } = this.options;
    const store = this.options.openStore();
    if (!store) return;
    const due = retention.due(store.blocks, clock.nowMs(), wal.bytes + this.checkpointBytes);
    if (due.length > 0) {
      this.noteDropped(due);
      await store.commit({ add: [], remove: due.map(({ block }) => block) }, () => this.noteDropped(due));
      this.hasDeadSeries = true;
    }
    if (this.hasDeadSeries) await this.removeDeadSeries(store, false);
    await store.tidy();
  }

  /** On both sides of the time at which they are gone for readers. */
  private noteDropped(blocks: readonly BlockSummary[]): void {
    for (const { fromMs, untilMs } of blocks) this.options.changes.noteRange(fromMs, untilMs);
  }

  /** Forgets series that no block and nothing in memory has. `rewrite`: also leaves no word of them on disk. */
  private async removeDeadSeries(store: BlockStore | undefined, rewrite: boolean): Promise<void> {
    const { head } = this.options;
    this.hasDeadSeries = false;
    const alive = await seriesOfBlocks(store, head.index.idLimit);
    // Unknown content: keep everything until that block has gone.
    if (!alive) return;
    const dead: number[] = [];
    for (let id = 0; id < alive.idLimit; id++) {
      if (head.index.has(id) && !alive.has(id) && !head.holds(id)) dead.push(id);
    }
    const isCrowded = store !== undefined && store.seriesFiles > SERIES_FILES_MAX;
    if (dead.length === 0 && !isCrowded && !rewrite) return;
    const stored = dead.filter((id) => head.isPersisted(id));
    head.removeSeries(dead);
    this.deadOnDisk += stored.length;
    const kept: number[] = [];
    for (let id = 0; id < head.index.idLimit; id++) if (head.index.has(id) && head.isPersisted(id)) kept.push(id);
    if (store && (rewrite || isCrowded || this.deadOnDisk > kept.length / 4)) {
      await store.replaceSeries(definitions(head, kept));
      this.deadOnDisk = 0;
    } else if (stored.length > 0) await store?.writeSeries([], stored);
    // An id may be used again only when no file says any more what it stood for.
    this.noteUnusedIds(dead);
  }
}

/** Which series the blocks have; undefined when that cannot be read. Meanwhile blocks may be merged to new ones. */
async function seriesOfBlocks(store: BlockStore | undefined, idLimit: number): Promise<Bitmap | undefined> {
  const alive = new Bitmap(idLimit);
  const seen = new Set<number>();
  for (;;) {
    const next = store?.blocks.find(({ block }) => !seen.has(block));
    if (!store || !next) return alive;
    seen.add(next.block);
    const series = store.readSeriesOf(next.block);
    if (!series) return undefined;
    for (let w = 0; w < series.words.length && w < alive.words.length; w++) alive.words[w] |= series.words[w];
    await pause();
  }
}
