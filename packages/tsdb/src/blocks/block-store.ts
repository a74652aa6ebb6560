// Sealed blocks behind an interface: one implementation over lmdb, and wrappers with faults in tests.
import type { Bitmap } from "../labels/postings.ts";

/** A sealed window. `series` says which series have samples in it; read on demand, since it may be large. */
export interface BlockSummary {
  /** The window's number. */
  readonly block: number;
  readonly minTimeMs: number;
  readonly maxTimeMs: number;
  readonly samples: number;
  readonly bytes: number;
}

export interface BlockStore {
  /** Complete blocks, ascending. */
  readonly blocks: readonly BlockSummary[];
  /** The end of the last window that was ever sealed, ms; 0 when none. Stays when retention drops that block. */
  readonly sealedUntilMs: number;
  /** Each stored batch of series definitions (labels/series-codec.ts), with its checksum already tested. */
  forEachSeries(visit: (encoded: Buffer) => void): void;
  /** The group's bytes with their checksum tested; undefined when absent or damaged. Valid until the next call. */
  readGroup(block: number, group: number): Buffer | undefined;
  /** Which series have samples in the block; undefined when that cannot be read. */
  readSeriesOf(block: number): Bitmap | undefined;
  /** Queues a group of a block that is being sealed; `bytes` is copied. Each promise of a write: it is durable. */
  writeGroup(block: number, group: number, bytes: Uint8Array): Promise<void>;
  /** Replaces the definitions stored under this number; no bytes: removes them. */
  writeSeries(number: number, encoded: Uint8Array | undefined): Promise<void>;
  /** Makes the block complete; everything else of it must be durable. Readers see it after publish(). */
  finishBlock(summary: BlockSummary, series: Bitmap): Promise<void>;
  /** Shows a finished block to readers: synchronous, so that its data can leave the head in the same turn. */
  publish(summary: BlockSummary): void;
  dropBlock(block: number, pause: () => Promise<void>): Promise<void>;
  close(): Promise<void>;
}

/** Series per group: 0.24 µs a chunk written, against 1.1–2.5 for one series a value. */
export const SERIES_PER_GROUP = 16;
