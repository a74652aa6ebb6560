// The rows of one scrape target: an open block of rows that the parser writes into, and column-wise encoded chunks.
import { bitsOf, type Labels, STALE_HIGH, STALE_LOW } from "@storewatch/model";
import { columnBytesMax, encodeColumn } from "../codec/sv.ts";
import { windowOf } from "./window.ts";

/** Rows per chunk: balances RAM (8 B a cell while open) and ratio (1.66 B/sample at 32, 1.47 at 120). */
export const ROWS_PER_CHUNK = 32;
const STALE_WORD = (BigInt(STALE_HIGH) << 32n) | BigInt(STALE_LOW);

// A chunk's entry per column: where its bytes end, and two flags.
const HAS_MARKERS = 0x80000000;
/** The cell in the row before the chunk was a sample: a marker in the chunk's first row is then to be exported. */
const AFTER_SAMPLE = 0x40000000;
export const OFFSET_MASK = 0x3fffffff;

/** Up to 32 rows, encoded column by column. Immutable. All rows lie in one window. */
export interface RowChunk {
  readonly window: number;
  readonly rows: number;
  readonly timesMs: Float64Array;
  readonly columns: number;
  /** Column c stands in data[end of c - 1, end of c); no bytes: no sample of it in these rows. Flags in the top bits. */
  readonly ends: Uint32Array;
  readonly data: Uint8Array;
}

export function chunkColumnStart(chunk: RowChunk, column: number): number {
  return column === 0 ? 0 : chunk.ends[column - 1] & OFFSET_MASK;
}

export function chunkHasMarkers(chunk: RowChunk, column: number): boolean {
  return (chunk.ends[column] & HAS_MARKERS) !== 0;
}

export function chunkIsAfterSample(chunk: RowChunk, column: number): boolean {
  return (chunk.ends[column] & AFTER_SAMPLE) !== 0;
}

/** Stands for the series of a column whose data were erased. */
export const NO_SERIES = 0xfffffffe;

/** The chunk without the bytes of these columns. */
function withoutColumns(chunk: RowChunk, gone: ReadonlySet<number>): RowChunk {
  const ends = new Uint32Array(chunk.columns);
  const data = new Uint8Array(chunk.data.length);
  let at = 0;
  for (let column = 0; column < chunk.columns; column++) {
    const isGone = gone.has(column);
    const start = chunkColumnStart(chunk, column);
    const end = chunk.ends[column] & OFFSET_MASK;
    if (!isGone) data.set(chunk.data.subarray(start, end), at);
    if (!isGone) at += end - start;
    ends[column] = at | (isGone ? HAS_MARKERS : chunk.ends[column] & ~OFFSET_MASK);
  }
  return { ...chunk, ends, data: data.slice(0, at) };
}

/** Shared by all targets: chunks are encoded here, then copied to memory of their exact size. */
let scratch = new Uint8Array(1 << 16);

export class RowTarget {
  ids = new Uint32Array(8);
  columns = 0;
  chunks: RowChunk[] = [];
  lastTimeMs = -1;
  /** Committed rows in the open block; they stand at rows 1 … k, row 0 is the last one before the block. */
  k = 0;
  readonly timesMs = new Float64Array(ROWS_PER_CHUNK);
  stride = 0;
  rows = new Float64Array(0);
  bits: Uint32Array = new Uint32Array(0);
  private words = new BigUint64Array(0);
  private rowCapacity = 0;
  rowOpen = false;
  /** The number of columns that the WAL knows of. */
  loggedColumns = 0;
  /** The WAL segment that holds this target's row before: deltas go against it. 0: none, write an absolute row. */
  walSegment = 0;
  /** The source that listeners know it by: that of the first one of its writer. */
  arrivalId: number;
  /** Who writes to it. */
  owner: object | undefined;
  /** It will not be written again. */
  closed = false;
  private cutAt: number;
  /** Labels of erased columns, which the writer may still write to: then they become a series anew. In memory only. */
  readonly erased = new Map<number, Labels>();

  constructor(
    readonly sourceId: number,
    readonly key: string,
  ) {
    this.arrivalId = sourceId;
    // The first block of each target has another length, so that targets do not encode all on one scrape.
    this.cutAt = ROWS_PER_CHUNK - ((sourceId * 7) % 24);
  }

  /** Index of the open row's first cell. */
  get base(): number {
    return (this.k + 1) * this.stride;
  }

  /** Where the row before the open one begins. */
  get previousBase(): number {
    return this.k * this.stride;
  }

  addColumn(id: number): number {
    const column = this.columns;
    if (column === this.ids.length) {
      const grown = new Uint32Array(column * 2);
      grown.set(this.ids);
      this.ids = grown;
    }
    if (column >= this.stride) this.widen(column + 1);
    this.ids[column] = id;
    this.columns = column + 1;
    const last = this.rowOpen ? this.k + 1 : this.k;
    for (let row = 0; row <= last; row++) this.words[row * this.stride + column] = STALE_WORD;
    return column;
  }

  begin(): void {
    if (this.rowCapacity <= this.k + 1) this.makeRoom();
    const { base } = this;
    this.words.fill(STALE_WORD, base, base + this.columns);
    this.rowOpen = true;
  }

  /** Takes the open row in; the caller has checked the time. */
  commit(timeMs: number): void {
    this.timesMs[this.k] = timeMs;
    this.k++;
    this.rowOpen = false;
    this.lastTimeMs = timeMs;
  }

  /** True when the open block has to be encoded before or after a row. */
  get full(): boolean {
    return this.k >= this.cutAt;
  }

  /** The window of the open block, or -1. */
  get openWindow(): number {
    return this.k === 0 ? -1 : windowOf(this.timesMs[0]);
  }

  /** Encodes the open block's rows to a chunk and begins a new block. An open row moves along. */
  cut(): void {
    if (this.k === 0) return;
    this.chunks.push(this.encodeOpenRows());
    const { k, stride } = this;
    this.rows.copyWithin(0, k * stride, (this.rowOpen ? k + 2 : k + 1) * stride);
    this.k = 0;
    this.cutAt = ROWS_PER_CHUNK;
  }

  /** The open block as a chunk; changes nothing. */
  encodeOpenRows(): RowChunk {
    const { k, stride, columns } = this;
    const ends = new Uint32Array(columns);
    let at = 0;
    for (let column = 0; column < columns; column++) {
      if (at + columnBytesMax(k) > scratch.length) {
        const grown = new Uint8Array(scratch.length * 2);
        grown.set(scratch);
        scratch = grown;
      }
      let markers = 0;
      for (let row = 1, cell = stride + column; row <= k; row++, cell += stride) {
        if (this.bits[2 * cell + 1] === STALE_HIGH && this.bits[2 * cell] === STALE_LOW) markers++;
      }
      const afterSample = this.bits[2 * column + 1] !== STALE_HIGH || this.bits[2 * column] !== STALE_LOW;
      if (markers < k || afterSample) at = encodeColumn(this.rows, this.bits, stride + column, stride, k, scratch, at);
      ends[column] = at | (markers > 0 ? HAS_MARKERS : 0) | (afterSample ? AFTER_SAMPLE : 0);
    }
    const timesMs = this.timesMs.slice(0, k);
    return { window: windowOf(timesMs[0]), rows: k, timesMs, columns, ends, data: scratch.slice(0, at) };
  }

  /** Was the column a sample in the last committed row? */
  lastIsSample(column: number): boolean {
    const cell = this.k * this.stride + column;
    return this.bits[2 * cell + 1] !== STALE_HIGH || this.bits[2 * cell] !== STALE_LOW;
  }

  /** Takes what committed rows have of these columns away, and their series. */
  eraseColumns(columns: ReadonlySet<number>): void {
    this.chunks = this.chunks.map((chunk) => withoutColumns(chunk, columns));
    for (const column of columns) {
      for (let row = 0; row <= this.k && this.stride > 0; row++) this.words[row * this.stride + column] = STALE_WORD;
      this.ids[column] = NO_SERIES;
    }
    // Deltas of the next row would go against what is no more.
    this.walSegment = 0;
  }

  /** Has the open row a sample in this column? */
  openIsSample(column: number): boolean {
    const cell = this.base + column;
    return this.bits[2 * cell + 1] !== STALE_HIGH || this.bits[2 * cell] !== STALE_LOW;
  }

  /** Sets, after a restart, which columns had a sample in the row before the open block. */
  restoreLastRow(isSample: (column: number) => boolean): void {
    if (this.rowCapacity === 0) this.reshape(Math.max(8, this.columns), 2);
    for (let column = 0; column < this.columns; column++) this.words[column] = isSample(column) ? 0n : STALE_WORD;
  }

  /** After a restart: the row before the open block is this one, although its own window is sealed already. */
  restoreSkippedRow(cells: Float64Array, timeMs: number): void {
    if (this.k > 0 || this.rowOpen) return;
    if (this.rowCapacity === 0) this.reshape(Math.max(8, this.columns), 2);
    this.words.set(new BigUint64Array(cells.buffer, cells.byteOffset, this.columns), 0);
    this.lastTimeMs = timeMs;
  }

  /** Opens a row with these cells; the rest are markers. */
  beginWith(cells: Float64Array, count: number): void {
    this.begin();
    this.words.set(new BigUint64Array(cells.buffer, cells.byteOffset, count), this.base);
  }

  /** Frees the open block's memory of a target that nobody writes to; its last row is kept. */
  shrink(): void {
    if (this.k === 0 && !this.rowOpen && this.rowCapacity > 2) this.reshape(this.stride, 2);
  }

  /** Before the first row's end two rows do, since the block may widen many times; then it gets its full height. */
  private makeRoom(): void {
    if (this.lastTimeMs < 0) this.reshape(Math.max(8, this.stride), 2);
    else this.reshape(slackStride(this.columns), ROWS_PER_CHUNK + 1);
  }

  private widen(columns: number): void {
    if (this.lastTimeMs < 0) {
      this.reshape(Math.max(8, columns, this.stride * 2), 2);
      return;
    }
    this.cut();
    this.reshape(slackStride(columns), ROWS_PER_CHUNK + 1);
  }

  /** New memory for the block; rows 0 … k and the open one move along. */
  private reshape(stride: number, rowCapacity: number): void {
    const rows = new Float64Array(stride * rowCapacity);
    const words = new BigUint64Array(rows.buffer);
    const used = this.rowCapacity === 0 ? 0 : this.k + (this.rowOpen ? 2 : 1);
    for (let row = 0; row < used; row++) {
      const from = row * this.stride;
      words.set(this.words.subarray(from, from + this.columns), row * stride);
    }
    if (used === 0) words.fill(STALE_WORD, 0, this.columns);
    this.rows = rows;
    this.words = words;
    this.bits = bitsOf(rows);
    this.stride = stride;
    this.rowCapacity = rowCapacity;
  }
}

/** 12 % of room for series that come later; when it is used up, that costs a short block. */
function slackStride(columns: number): number {
  return Math.ceil(columns * 1.12) + 4;
}
