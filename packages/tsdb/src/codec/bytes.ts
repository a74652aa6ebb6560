// Growing output and bounds-checked input for the binary formats. Integers are little endian; varints are LEB128 over
// non-negative integers below 2^53.
import { Buffer } from "node:buffer";

/** Input that ends early or says something impossible. Callers turn it into "this record or block is damaged". */
export class FormatError extends Error {}

export class ByteWriter {
  buffer: Buffer;
  length = 0;

  constructor(capacityBytes = 4096) {
    this.buffer = Buffer.allocUnsafeSlow(capacityBytes);
  }

  /** Makes room for `bytes` more and returns the position to write at; the caller moves `length`. */
  reserve(bytes: number): number {
    const needed = this.length + bytes;
    if (needed > this.buffer.length) {
      const grown = Buffer.allocUnsafeSlow(Math.max(needed, this.buffer.length * 2));
      this.buffer.copy(grown, 0, 0, this.length);
      this.buffer = grown;
    }
    return this.length;
  }

  u8(value: number): void {
    const at = this.reserve(1);
    this.buffer[at] = value;
    this.length = at + 1;
  }

  u32(value: number): void {
    const at = this.reserve(4);
    this.buffer.writeUInt32LE(value >>> 0, at);
    this.length = at + 4;
  }

  /** 64 bits given as two halves: NaN payloads survive, which they need not as a number. */
  bits64(low: number, high: number): void {
    this.u32(low);
    this.u32(high);
  }

  varint(value: number): void {
    let at = this.reserve(8);
    while (value >= 0x80) {
      this.buffer[at++] = (value & 0x7f) | 0x80;
      value = value < 0x80000000 ? value >>> 7 : Math.floor(value / 128);
    }
    this.buffer[at++] = value;
    this.length = at;
  }

  /** A signed integer, |value| < 2^52. */
  zigzag(value: number): void {
    this.varint(value >= 0 ? value * 2 : -value * 2 - 1);
  }

  bytes(data: Uint8Array): void {
    const at = this.reserve(data.length);
    this.buffer.set(data, at);
    this.length = at + data.length;
  }

  text(value: string): void {
    const bytes = Buffer.byteLength(value, "utf8");
    this.varint(bytes);
    const at = this.reserve(bytes);
    this.buffer.write(value, at, bytes, "utf8");
    this.length = at + bytes;
  }

  /** What was written; a view that the next write may invalidate. */
  view(): Buffer {
    return this.buffer.subarray(0, this.length);
  }

  clear(): void {
    this.length = 0;
  }
}

export class ByteReader {
  at: number;

  constructor(
    readonly data: Buffer,
    start = 0,
    readonly end = data.length,
  ) {
    this.at = start;
  }

  get done(): boolean {
    return this.at >= this.end;
  }

  /** Moves past `bytes` and returns where they began. */
  skip(bytes: number): number {
    const start = this.at;
    if (!(bytes >= 0) || start + bytes > this.end) throw new FormatError("input ends early");
    this.at = start + bytes;
    return start;
  }

  u8(): number {
    return this.data[this.skip(1)];
  }

  u32(): number {
    return this.data.readUInt32LE(this.skip(4));
  }

  varint(): number {
    let value = 0;
    let scale = 1;
    for (let i = 0; i < 8; i++) {
      const byte = this.u8();
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) {
        if (value > Number.MAX_SAFE_INTEGER) break;
        return value;
      }
      scale *= 128;
    }
    throw new FormatError("varint too long");
  }

  /** A varint used as a count of things that take at least `bytesEach` each: refused when they cannot be there. */
  count(bytesEach = 1): number {
    const count = this.varint();
    if (count * bytesEach > this.end - this.at) throw new FormatError("count beyond the input");
    return count;
  }

  zigzag(): number {
    const z = this.varint();
    return z % 2 === 0 ? z / 2 : -(z + 1) / 2;
  }

  /** A view, not a copy. */
  bytes(length: number): Buffer {
    const start = this.skip(length);
    return this.data.subarray(start, start + length);
  }

  text(): string {
    const length = this.count();
    const start = this.skip(length);
    return this.data.toString("utf8", start, start + length);
  }
}
