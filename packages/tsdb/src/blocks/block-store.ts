// Sealed blocks behind an interface: one implementation over files, and wrappers with faults in tests.
import type { Bitmap } from "../labels/postings.ts";

/** What a block is about. Raw blocks have resolution 0; the others hold intervals of that length (blocks/downsample.ts). */
export interface BlockSpan {
  /** Its samples lie in [fromMs, untilMs): whole windows. */
  readonly fromMs: number;
  readonly untilMs: number;
  readonly resolutionMs: number;
  /** Name of the retention class of its series. */
  readonly retentionClass: string;
}

/** A block on disk. Which series have samples in it is read on demand, since that may be large. */
export interface BlockSummary extends BlockSpan {
  /** Its number: never used again. */
  readonly block: number;
  readonly minTimeMs: number;
  readonly maxTimeMs: number;
  /** Samples that were appended: of a block of intervals those that the intervals stand for. */
  readonly samples: number;
  /** Size of its file. */
  readonly bytes: number;
}

export interface BlockTotals {
  minTimeMs: number;
  maxTimeMs: number;
  samples: number;
}

/** Writes one block. Nothing of it is part of the store before it is committed. */
export interface BlockWriter {
  /** Groups ascend; `bytes` is copied. */
  add(group: number, bytes: Uint8Array): Promise<void>;
  /** Durable when it resolves. */
  finish(present: Bitmap, totals: BlockTotals): Promise<BlockSummary>;
  /** Gives up: removes what was written. */
  abandon(): Promise<void>;
}

export interface BlockChange {
  readonly add: readonly BlockSummary[];
  readonly remove: readonly number[];
  /** Blocks that must still be there beside those to remove: otherwise nothing is done. */
  readonly requires?: readonly number[];
  /** The end of the last window that was sealed, when that moves. */
  readonly sealedUntilMs?: number;
}

export interface BlockStore {
  /** Size of all blocks. */
  readonly bytes: number;
  /** Ascending by time. */
  readonly blocks: readonly BlockSummary[];
  /** The end of the last window that was ever sealed, ms; 0 when none. Stays when retention drops that block. */
  readonly sealedUntilMs: number;
  /**
   * Calls with each stored batch of series definitions (labels/series-codec.ts) and each list of series that are no
   * more, newest first, checksums tested: what comes later does not hold for ids that were named before.
   */
  forEachSeries(visit: (encoded: Buffer) => void, gone: (ids: Iterable<number>) => void): void;
  /** The group's bytes, new and with their checksum tested; undefined when absent or damaged. */
  readGroup(block: number, group: number): Buffer | undefined;
  /** The groups that the block has, ascending. */
  groupsOf(block: number): Uint32Array;
  /** Which series have samples in the block; undefined when that cannot be read. */
  readSeriesOf(block: number): Bitmap | undefined;
  /** Something of it was found damaged since the start: it stays as it is, for who may repair it, until its time is over. */
  isDamaged(block: number): boolean;
  create(span: BlockSpan): Promise<BlockWriter>;
  /**
   * Makes the change durable, all of it or nothing, and shows it to readers; `published` is called in the same turn, so
   * that data can leave the head. False: a block that it removes or requires has gone meanwhile, nothing was done. When
   * it fails, what it adds is discarded.
   */
  commit(change: BlockChange, published?: () => void): Promise<boolean>;
  /** Finished blocks that will not be committed: their files go with the next tidy(). */
  discard(blocks: readonly BlockSummary[]): void;
  /** Removes files that are no part of the store any more. */
  tidy(): Promise<void>;
  /** Adds batches of series definitions, durably, and says which series are no more. */
  writeSeries(batches: Iterable<Uint8Array>, gone?: readonly number[]): Promise<void>;
  /** The same, in the place of all there are. */
  replaceSeries(batches: Iterable<Uint8Array>): Promise<void>;
  /** Above the number of every block that was begun. */
  readonly nextNumber: number;
  /** Numbers below this one are not given out any more. */
  reserveNumbers(limit: number): void;
  /** Files with series definitions: many small ones are worth being written anew as one. */
  readonly seriesFiles: number;
  close(): Promise<void>;
}

/** Series per group: the unit of reading and of compression. */
export const SERIES_PER_GROUP = 16;
