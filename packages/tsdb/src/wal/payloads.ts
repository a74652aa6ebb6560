// Payloads of WAL and checkpoint records, written. wal/replay.ts reads them; docs/format/wal.md has the pictures.
import type { Sample } from "@storewatch/model";
import { bitsOf, STALE_HIGH, STALE_LOW } from "@storewatch/model";
import type { ByteWriter } from "../codec/bytes.ts";
import { encodedSamples, encodeRow, rowBytesMax } from "../codec/row-delta.ts";
import { encodeTimes } from "../codec/times.ts";
import type { GenericStore } from "../head/generic-store.ts";
import type { RowChunk, RowTarget } from "../head/row-target.ts";
import { chunkColumnStart, chunkHasMarkers, chunkIsAfterSample, OFFSET_MASK } from "../head/row-target.ts";

/** Flags of a column in a row chunk record. */
export const COLUMN_HAS_MARKERS = 1;
export const COLUMN_IS_AFTER_SAMPLE = 2;

/** A row of markers: what absolute rows are written against. Grows with the widest target. */
let markerRow = new Float64Array(0);
let markerBits: Uint32Array = new Uint32Array(0);

export function markersFor(columns: number): Float64Array {
  if (markerRow.length < columns) {
    markerRow = new Float64Array(columns * 2);
    markerBits = bitsOf(markerRow);
    new BigUint64Array(markerRow.buffer).fill((BigInt(STALE_HIGH) << 32n) | BigInt(STALE_LOW));
  }
  return markerRow;
}

export function putTarget(out: ByteWriter, target: RowTarget): void {
  out.varint(target.sourceId);
  out.text(target.key);
}

export function putColumns(out: ByteWriter, target: RowTarget, first: number): void {
  out.varint(target.sourceId);
  out.varint(first);
  putIds(out, target.ids, first, target.columns);
}

function putIds(out: ByteWriter, ids: Uint32Array, from: number, to: number): void {
  out.varint(to - from);
  let last = 0;
  for (let i = from; i < to; i++) {
    out.zigzag(ids[i] - last);
    last = ids[i];
  }
}

/** The target's open row; returns the number of samples in it. */
export function putRow(out: ByteWriter, target: RowTarget, timeMs: number, absolute: boolean): number {
  const { columns, rows, bits, base } = target;
  out.varint(target.sourceId);
  out.u8(absolute ? 1 : 0);
  out.varint(timeMs);
  out.varint(columns);
  const at = out.reserve(rowBytesMax(columns));
  const before = absolute ? markersFor(columns) : rows;
  const beforeBits = absolute ? markerBits : bits;
  const beforeBase = absolute ? 0 : target.previousBase;
  out.length = encodeRow(rows, bits, base, before, beforeBits, beforeBase, columns, out.buffer, at);
  return encodedSamples;
}

const oneValue = new Float64Array(1);
const oneBits = bitsOf(oneValue);

/** The samples that were taken: places in `samples`, and their series. */
export function putSamples(
  out: ByteWriter,
  samples: readonly Sample[],
  places: readonly number[],
  ids: ArrayLike<number>,
): void {
  out.varint(places.length);
  let lastId = 0;
  let lastTime = 0;
  for (let i = 0; i < places.length; i++) {
    const sample = samples[places[i]];
    const id = ids[i];
    const timeMs = Math.trunc(sample.timeMs);
    out.zigzag(id - lastId);
    out.zigzag(timeMs - lastTime);
    oneValue[0] = sample.value;
    if (sample.stale) out.bits64(STALE_LOW, STALE_HIGH);
    else out.bits64(oneBits[0], oneBits[1]);
    lastId = id;
    lastTime = timeMs;
  }
}

/** A target in a checkpoint: who it is, its columns, and which of them had a sample in its last row. */
export function putTargetState(out: ByteWriter, target: RowTarget): void {
  out.varint(target.sourceId);
  out.text(target.key);
  out.u8(target.closed ? 1 : 0);
  out.varint(target.lastTimeMs + 1);
  putIds(out, target.ids, 0, target.columns);
  for (let column = 0; column < target.columns; column += 8) {
    let byte = 0;
    for (let i = column; i < Math.min(column + 8, target.columns); i++) {
      if (target.stride > 0 && target.lastIsSample(i)) byte |= 1 << (i - column);
    }
    out.u8(byte);
  }
}

export function putRowChunk(out: ByteWriter, sourceId: number, chunk: RowChunk): void {
  out.varint(sourceId);
  out.varint(chunk.rows);
  encodeTimes(chunk.timesMs, 0, chunk.rows, out);
  out.varint(chunk.columns);
  for (let column = 0; column < chunk.columns; column++) {
    const bytes = (chunk.ends[column] & OFFSET_MASK) - chunkColumnStart(chunk, column);
    const flags =
      (chunkHasMarkers(chunk, column) ? COLUMN_HAS_MARKERS : 0) |
      (chunkIsAfterSample(chunk, column) ? COLUMN_IS_AFTER_SAMPLE : 0);
    out.varint(bytes * 4 + flags);
  }
  out.bytes(chunk.data);
}

/** All that the generic path holds of one series. */
export function putGenericSeries(out: ByteWriter, generic: GenericStore, id: number): void {
  out.varint(id);
  let chunks = 0;
  generic.forEachChunk(id, () => chunks++);
  out.varint(chunks);
  generic.forEachChunk(id, (_window, n, minMs, maxMs, chunk) => {
    out.varint(n);
    out.varint(minMs);
    out.varint(maxMs - minMs);
    out.varint(chunk.length);
    out.bytes(chunk);
  });
  let open = 0;
  generic.forEachOpen(id, () => open++);
  out.varint(open);
  generic.forEachOpen(id, (timeMs, low, high) => {
    out.varint(timeMs);
    out.bits64(low, high);
  });
}
