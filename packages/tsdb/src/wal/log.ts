// The write-ahead log: segments of records, group commit, fdatasync off this thread.
//
// Records are put synchronously to a batch in memory. A batch is written when the turn ends or, while a write is under
// way, when that is done; so one write carries everything that came meanwhile. When a write fails, the file is cut back
// to its last good byte and the batch stays at the head of the queue: what came later cannot pass it.
import { join } from "node:path";
import type { Clock, Timer } from "@storewatch/model";
import { ByteWriter } from "../codec/bytes.ts";
import { type Disk, type DiskFile, writeFully } from "../disk/disk.ts";
import type { TsdbProblem } from "../interface.ts";
import { putFileHeader, putRecord } from "./record.ts";

/** Segments of this size are replaced by a checkpoint: 16 MB, about 10 million samples, replay in about 0.3 s. */
export const SEGMENT_BYTES = 16 * 2 ** 20;
/** What may wait in memory while the disk takes nothing. */
export const QUEUE_BYTES_MAX = 64 * 2 ** 20;
const RETRY_MS = 1000;

export interface LogOptions {
  readonly disk: Disk;
  readonly folder: string;
  readonly clock: Clock;
  readonly syncIntervalMs: number;
  readonly firstSegment: number;
  readonly onProblem: (problem: TsdbProblem) => void;
  readonly queueBytesMax?: number;
}

interface Batch {
  readonly segment: number;
  readonly bytes: ByteWriter;
}

interface Waiter {
  /** Resolves when this many bytes have been written. */
  readonly until: number;
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

export function segmentName(segment: number): string {
  return `${String(segment).padStart(10, "0")}.wal`;
}

export class WriteAheadLog {
  /** The segment that records go to now. */
  segment: number;
  private queue: Batch[] = [];
  private spare: ByteWriter | undefined;
  private queuedBytes = 0;
  private putBytes = 0;
  private writtenBytes = 0;
  private waiters: Waiter[] = [];
  private writing: Promise<void> | undefined;
  private scheduled = false;
  private file: DiskFile | undefined;
  private fileSegment = 0;
  private filePosition = 0;
  private unsynced = false;
  private syncTimer: Timer | undefined;
  private retryTimer: Timer | undefined;
  private closed = false;
  private lastError: Error | undefined;
  private readonly sizes = new Map<number, number>();
  /** A sync failed: what the disk holds of the segment is unknown, the owner should write a checkpoint. */
  suspect = false;
  writeErrors = 0;

  constructor(private readonly options: LogOptions) {
    this.segment = options.firstSegment;
  }

  /** Nothing more may be put: the disk has failed for too long. */
  get full(): boolean {
    return this.queuedBytes > (this.options.queueBytesMax ?? QUEUE_BYTES_MAX);
  }

  get failing(): boolean {
    return this.lastError !== undefined;
  }

  /** Bytes in segments that are still needed, as written by this process. */
  get bytes(): number {
    let bytes = 0;
    for (const size of this.sizes.values()) bytes += size;
    return bytes;
  }

  get segmentBytes(): number {
    return this.sizes.get(this.segment) ?? 0;
  }

  put(kind: number, fill: (out: ByteWriter) => void): void {
    let batch = this.queue[this.queue.length - 1];
    // The first batch may be on its way to the disk.
    if (!batch || batch.segment !== this.segment || (this.writing && this.queue.length === 1)) {
      batch = { segment: this.segment, bytes: this.spare ?? new ByteWriter(1 << 16) };
      this.spare = undefined;
      this.queue.push(batch);
    }
    const before = batch.bytes.length;
    putRecord(batch.bytes, kind, fill);
    const bytes = batch.bytes.length - before;
    this.queuedBytes += bytes;
    this.putBytes += bytes;
    this.sizes.set(this.segment, (this.sizes.get(this.segment) ?? 0) + bytes);
    this.schedule();
  }

  /** Records go to a new segment from now on; returns its number. */
  rotate(): number {
    this.segment++;
    this.sizes.set(this.segment, 0);
    return this.segment;
  }

  /** Resolves when everything put so far has been written (and synced, when each write is to be). */
  flush(): Promise<void> {
    if (this.writtenBytes >= this.putBytes && !this.failing) return Promise.resolve();
    return new Promise((resolve, reject) => {
      this.waiters.push({ until: this.putBytes, resolve, reject });
      this.start();
    });
  }

  /** Forgets segments below this one: a checkpoint covers them. Their files are the caller's to remove. */
  forgetBefore(segment: number): void {
    for (const known of this.sizes.keys()) if (known < segment) this.sizes.delete(known);
  }

  /** Counts a segment found at start. */
  noteExisting(segment: number, bytes: number): void {
    this.sizes.set(segment, bytes);
  }

  async close(): Promise<void> {
    try {
      await this.flush();
      if (this.unsynced) await this.file?.sync();
    } finally {
      this.closed = true;
      this.syncTimer?.cancel();
      this.retryTimer?.cancel();
      await this.writing?.catch(() => {});
      await this.file?.close().catch(() => {});
      this.file = undefined;
    }
  }

  private schedule(): void {
    if (this.scheduled || this.writing || this.retryTimer) return;
    this.scheduled = true;
    setImmediate(() => {
      this.scheduled = false;
      this.start();
    });
  }

  private start(): void {
    if (this.writing || this.closed) return;
    this.retryTimer?.cancel();
    this.retryTimer = undefined;
    this.writing = this.writeQueue()
      .catch((error: unknown) => this.failed(error instanceof Error ? error : new Error(String(error))))
      .finally(() => {
        this.writing = undefined;
        if (this.queue.length > 0 && !this.failing && !this.closed) this.start();
      });
  }

  private async writeQueue(): Promise<void> {
    while (this.queue.length > 0) {
      const batch = this.queue[0];
      const file = await this.fileFor(batch.segment);
      const bytes = batch.bytes.length;
      await writeFully(file, batch.bytes.view(), this.filePosition);
      // Whatever happens next, these bytes are in the file: a second copy would spoil the deltas of later rows.
      this.unsynced = true;
      this.filePosition += bytes;
      this.queue.shift();
      this.queuedBytes -= bytes;
      this.writtenBytes += bytes;
      batch.bytes.clear();
      // One huge batch must not keep its memory for ever.
      if (batch.bytes.buffer.length <= 2 ** 21) this.spare = batch.bytes;
      await this.settle();
      this.armSync();
    }
    await this.settle();
  }

  /** Answers those whose records have been written, after a sync where each write is to be synced. */
  private async settle(): Promise<void> {
    const written = this.writtenBytes;
    if (this.options.syncIntervalMs === 0) await this.sync();
    this.lastError = undefined;
    const ready = this.waiters.filter((waiter) => waiter.until <= written);
    this.waiters = this.waiters.filter((waiter) => waiter.until > written);
    for (const waiter of ready) waiter.resolve();
  }

  private async fileFor(segment: number): Promise<DiskFile> {
    if (this.file && this.fileSegment === segment) return this.file;
    if (this.file) {
      await this.sync();
      const done = this.file;
      this.file = undefined;
      await done.close();
    }
    const { disk, folder } = this.options;
    const header = new ByteWriter(16);
    putFileHeader(header, segment);
    const file = await disk.create(join(folder, segmentName(segment)));
    try {
      await writeFully(file, header.view(), 0);
      await disk.syncDir(folder);
    } catch (error) {
      await file.close().catch(() => {});
      throw error;
    }
    this.file = file;
    this.fileSegment = segment;
    this.filePosition = header.length;
    return file;
  }

  private async sync(): Promise<void> {
    if (!this.unsynced || !this.file) return;
    this.unsynced = false;
    try {
      await this.file.sync();
    } catch (error) {
      this.unsynced = true;
      this.suspect = true;
      throw error;
    }
  }

  private armSync(): void {
    if (this.syncTimer || !this.unsynced || this.closed || this.options.syncIntervalMs === 0) return;
    this.syncTimer = this.options.clock.setTimer(this.options.syncIntervalMs, () => {
      this.syncTimer = undefined;
      this.sync().catch((error: unknown) => this.report(error instanceof Error ? error : new Error(String(error))));
    });
  }

  private async failed(error: Error): Promise<void> {
    this.writeErrors++;
    if (!this.failing) this.report(error);
    this.lastError = error;
    // Half a batch must not stay in the file: later records behind it would never be read.
    await this.file?.truncate(this.filePosition).catch(() => {});
    const waiters = this.waiters;
    this.waiters = [];
    for (const waiter of waiters) waiter.reject(new Error(`the write-ahead log cannot be written: ${error.message}`));
    if (this.closed) return;
    this.retryTimer = this.options.clock.setTimer(RETRY_MS, () => {
      this.retryTimer = undefined;
      this.start();
    });
  }

  private report(error: Error): void {
    const full = ["ENOSPC", "EDQUOT"].includes((error as NodeJS.ErrnoException).code ?? "");
    this.options.onProblem({ kind: full ? "disk-full" : "wal-write", message: `write-ahead log: ${error.message}` });
  }
}
