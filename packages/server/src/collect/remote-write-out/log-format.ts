// The log of samples that are on their way to remote receivers. Each file stands alone: it defines the series that it uses.
//
//   file    "SWRL" | version u32 | record …
//   record  length of the body u32 | CRC-32 of the body u32 | kind u8 | body                        (little endian)
//   series  count u32 | { ref u32 | pairs u16 | { length u32 | UTF-8 } … } …
//   row     time f64 | count u32 | { ref u32 | value 8 bytes } …          one time for all
//   samples count u32 | { ref u32 | time f64 | value 8 bytes } …
//   message a WriteRequest of remote write 1.0: native histograms and exemplars, rare and of many shapes
//
// Values are bits, so that staleness markers stay what they are.
import { crc32 } from "node:zlib";

export const KIND = { series: 1, row: 2, samples: 3, message: 4 } as const;

export const HEADER_BYTES = 8;
const RECORD_HEADER_BYTES = 9;
/** No record is longer: what says so is damage. */
const RECORD_BYTES_MAX = 256 * 2 ** 20;
const MAGIC = 0x4c525753;
const VERSION = 1;

export function fileHeader(): Buffer {
  const header = Buffer.alloc(HEADER_BYTES);
  header.writeUInt32LE(MAGIC, 0);
  header.writeUInt32LE(VERSION, 4);
  return header;
}

export function isFileHeader(bytes: Buffer): boolean {
  return bytes.length >= HEADER_BYTES && bytes.readUInt32LE(0) === MAGIC && bytes.readUInt32LE(4) === VERSION;
}

/** A growing buffer of records. */
export class RecordBuffer {
  bytes: Buffer;
  length = 0;

  constructor(capacity = 1 << 16) {
    this.bytes = Buffer.allocUnsafeSlow(capacity);
  }

  /** Makes room for a record with a body of this size; returns where the body starts. `seal` must follow. */
  open(kind: number, bodyBytes: number): number {
    this.reserve(RECORD_HEADER_BYTES + bodyBytes);
    const at = this.length;
    this.bytes.writeUInt32LE(bodyBytes, at);
    this.bytes[at + 8] = kind;
    this.length = at + RECORD_HEADER_BYTES + bodyBytes;
    return at + RECORD_HEADER_BYTES;
  }

  /** The body that starts there is complete. */
  seal(bodyAt: number): void {
    const at = bodyAt - RECORD_HEADER_BYTES;
    const size = this.bytes.readUInt32LE(at);
    this.bytes.writeUInt32LE(crc32(this.bytes.subarray(bodyAt, bodyAt + size)), at + 4);
  }

  view(): Buffer {
    return this.bytes.subarray(0, this.length);
  }

  private reserve(count: number): void {
    if (this.length + count <= this.bytes.length) return;
    const grown = Buffer.allocUnsafeSlow(Math.max(2 * this.bytes.length, this.length + count));
    this.bytes.copy(grown, 0, 0, this.length);
    this.bytes = grown;
  }
}

export interface RecordView {
  readonly kind: number;
  readonly body: Buffer;
  /** Where the next record starts in the bytes given. */
  readonly next: number;
}

/** The record at `at`; "more": it is not all there yet; "damaged": what is there is none. */
export function readRecord(bytes: Buffer, at: number): RecordView | "more" | "damaged" {
  if (bytes.length - at < RECORD_HEADER_BYTES) return "more";
  const size = bytes.readUInt32LE(at);
  if (size > RECORD_BYTES_MAX) return "damaged";
  const bodyAt = at + RECORD_HEADER_BYTES;
  if (bytes.length - bodyAt < size) return "more";
  const body = bytes.subarray(bodyAt, bodyAt + size);
  if (crc32(body) !== bytes.readUInt32LE(at + 4)) return "damaged";
  return { kind: bytes[at + 8], body, next: bodyAt + size };
}

/** Calls with each series that the body defines. The caller has checked the sum: what does not fit is our own bug. */
export function forEachSeries(body: Buffer, visit: (ref: number, pairs: string[]) => void): void {
  let at = 4;
  for (let left = body.readUInt32LE(0); left > 0; left--) {
    const ref = body.readUInt32LE(at);
    const texts = 2 * body.readUInt16LE(at + 4);
    at += 6;
    const pairs: string[] = [];
    for (let i = 0; i < texts; i++) {
      const length = body.readUInt32LE(at);
      pairs.push(body.toString("utf8", at + 4, at + 4 + length));
      at += 4 + length;
    }
    visit(ref, pairs);
  }
}
