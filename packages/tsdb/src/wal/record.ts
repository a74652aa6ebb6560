// Framing of WAL and checkpoint files: a header, then records. docs/format/wal.md.
//
//   file     "SWTSDB" version u16 | number u32
//   record   length u32 | crc32 u32 | kind u8 | payload         length and CRC cover kind and payload
import { crc32 } from "node:zlib";
import { ByteReader, type ByteWriter } from "../codec/bytes.ts";

export const KIND = {
  series: 1,
  target: 2,
  columns: 3,
  row: 4,
  samples: 5,
  closeTarget: 6,
  histograms: 11,
  exemplars: 13,
  metadata: 14,
  removal: 15,
  bindColumn: 17,
  /** In checkpoints, and in the log for a target that goes on as another one. */
  targetState: 7,
  /** Checkpoints only, from here on. */
  rowChunk: 8,
  genericChunks: 9,
  end: 10,
  histogramChunks: 12,
  tombstone: 16,
  /** Files of series definitions only: ids of series that are no more. */
  seriesGone: 64,
} as const;

export const FILE_HEADER_BYTES = 12;
const RECORD_HEADER_BYTES = 8;
const MAGIC = "SWTSDB";
const FILE_VERSION = 1;
/** No record is that long; a longer length is damage. */
const RECORD_BYTES_MAX = 512 * 2 ** 20;

export function putFileHeader(out: ByteWriter, number: number): void {
  out.bytes(Buffer.from(MAGIC, "latin1"));
  out.u8(FILE_VERSION);
  out.u8(FILE_VERSION >>> 8);
  out.u32(number);
}

/** Adds one record; `fill` writes the payload. */
export function putRecord(out: ByteWriter, kind: number, fill: (out: ByteWriter) => void): void {
  const start = out.reserve(RECORD_HEADER_BYTES);
  out.length = start + RECORD_HEADER_BYTES;
  out.u8(kind);
  fill(out);
  const body = out.buffer.subarray(start + RECORD_HEADER_BYTES, out.length);
  out.buffer.writeUInt32LE(body.length, start);
  out.buffer.writeUInt32LE(crc32(body), start + 4);
}

export interface ScanResult {
  /** How far the file is good. */
  readonly goodBytes: number;
  /** Why the rest is not, "" when all is good. */
  readonly fault: string;
}

/** Calls with each good record's kind and payload, up to the first bad one. */
export function scanRecords(data: Buffer, visit: (kind: number, payload: ByteReader) => void): ScanResult {
  if (data.length < FILE_HEADER_BYTES) return { goodBytes: 0, fault: data.length === 0 ? "" : "header cut off" };
  if (data.toString("latin1", 0, 6) !== MAGIC || data.readUInt16LE(6) !== FILE_VERSION) {
    return { goodBytes: 0, fault: "not a file of this version" };
  }
  let at = FILE_HEADER_BYTES;
  while (at < data.length) {
    const start = at + RECORD_HEADER_BYTES;
    if (start > data.length) return { goodBytes: at, fault: "record cut off" };
    const length = data.readUInt32LE(at);
    if (length === 0 || length > RECORD_BYTES_MAX) return { goodBytes: at, fault: "impossible length" };
    if (start + length > data.length) return { goodBytes: at, fault: "record cut off" };
    if (crc32(data.subarray(start, start + length)) !== data.readUInt32LE(at + 4)) {
      return { goodBytes: at, fault: "checksum" };
    }
    visit(data[start], new ByteReader(data, start + 1, start + length));
    at = start + length;
  }
  return { goodBytes: at, fault: "" };
}
