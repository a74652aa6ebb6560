// Rows of scrapes on their way into the store: they go to the log of remote receivers too.
import { bitsOf, type Labels, STALE_HIGH, STALE_LOW } from "@storewatch/model";
import type { RowWriter } from "@storewatch/tsdb";
import type { SampleLog } from "./sample-log.ts";

/** Undefined while there is no receiver: then nothing is copied. */
export type CurrentLog = () => SampleLog | undefined;

export class TappedRows implements RowWriter {
  // Empty until there is a receiver: there may be thousands of targets.
  private refs = new Uint32Array(0);
  /** Which columns have a number in the log's file at hand. */
  private defined = new Uint8Array(0);
  /** Which columns had a sample in the row before. */
  private present = new Uint8Array(0);
  private generation = -1;
  private rowsEpoch: number;
  private outRefs = new Uint32Array(0);
  private outBits = new Uint32Array(0);

  constructor(
    private readonly inner: RowWriter,
    private readonly log: CurrentLog,
  ) {
    this.rowsEpoch = inner.epoch;
  }

  get sourceId(): number {
    return this.inner.sourceId;
  }

  get columns(): number {
    return this.inner.columns;
  }

  get row(): Float64Array {
    return this.inner.row;
  }

  get base(): number {
    return this.inner.base;
  }

  get epoch(): number {
    return this.inner.epoch;
  }

  labels(column: number): Labels {
    return this.inner.labels(column);
  }

  column(labels: Labels): number {
    return this.inner.column(labels);
  }

  compact(): void {
    this.inner.compact();
  }

  begin(): void {
    this.inner.begin();
  }

  commit(timeMs: number): boolean {
    const log = this.log();
    if (!log) return this.inner.commit(timeMs);
    const count = this.collect(log);
    const written = this.inner.commit(timeMs);
    if (written) log.putRow(timeMs, this.outRefs, this.outBits, count);
    return written;
  }

  close(timeMs: number): void {
    const log = this.log();
    if (log) this.putEnd(log, timeMs);
    this.inner.close(timeMs);
  }

  /** The row's samples, and markers of series that have ended. */
  private collect(log: SampleLog): number {
    const { columns, base, row } = this.inner;
    this.prepare(log, columns);
    const bits = bitsOf(row);
    let count = 0;
    for (let column = 0; column < columns; column++) {
      const low = bits[2 * (base + column)];
      const high = bits[2 * (base + column) + 1];
      const isSample = low !== STALE_LOW || high !== STALE_HIGH;
      if (!isSample && this.present[column] === 0) continue;
      this.present[column] = isSample ? 1 : 0;
      this.outRefs[count] = this.refOf(log, column);
      this.outBits[2 * count] = low;
      this.outBits[2 * count + 1] = high;
      count++;
    }
    return count;
  }

  private putEnd(log: SampleLog, timeMs: number): void {
    const { columns } = this.inner;
    this.prepare(log, columns);
    let count = 0;
    for (let column = 0; column < columns; column++) {
      if (this.present[column] === 0) continue;
      this.outRefs[count] = this.refOf(log, column);
      this.outBits[2 * count] = STALE_LOW;
      this.outBits[2 * count + 1] = STALE_HIGH;
      count++;
    }
    log.putRow(timeMs, this.outRefs, this.outBits, count);
  }

  private refOf(log: SampleLog, column: number): number {
    if (this.defined[column] === 0) {
      this.refs[column] = log.define(this.inner.labels(column));
      this.defined[column] = 1;
    }
    return this.refs[column];
  }

  private prepare(log: SampleLog, columns: number): void {
    if (this.refs.length < columns) {
      const size = Math.max(columns, 2 * this.refs.length);
      this.refs = widened(this.refs, new Uint32Array(size));
      this.defined = widened(this.defined, new Uint8Array(size));
      this.present = widened(this.present, new Uint8Array(size));
      this.outRefs = new Uint32Array(size);
      this.outBits = new Uint32Array(2 * size);
    }
    if (this.rowsEpoch !== this.inner.epoch) {
      // Columns were numbered anew; those that are left were in the last row.
      this.rowsEpoch = this.inner.epoch;
      this.defined.fill(0);
      this.present.fill(0);
      this.present.fill(1, 0, columns);
    }
    if (this.generation !== log.generation) {
      this.generation = log.generation;
      this.defined.fill(0);
    }
  }
}

function widened<T extends Uint32Array | Uint8Array>(from: T, to: T): T {
  to.set(from);
  return to;
}
