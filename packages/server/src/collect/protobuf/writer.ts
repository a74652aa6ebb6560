// A minimal protobuf writer. Fields come in the order of the calls; fields with their default value are the caller's to
// leave out, as proto3 wants it.

const SCRATCH = new DataView(new ArrayBuffer(8));

export class ProtoWriter {
  private bytes: Uint8Array;
  private length = 0;

  constructor(capacity = 1024) {
    this.bytes = new Uint8Array(capacity);
  }

  /** The number of bytes written. */
  get size(): number {
    return this.length;
  }

  /** A view of what was written; valid until the next write. */
  view(): Uint8Array {
    return this.bytes.subarray(0, this.length);
  }

  /** A copy of what was written. */
  finish(): Uint8Array {
    return this.bytes.slice(0, this.length);
  }

  clear(): void {
    this.length = 0;
  }

  /** A whole number from 0 to 2^53 − 1. */
  uint(field: number, value: number): this {
    this.varint(field * 8);
    this.varint(value);
    return this;
  }

  /** int64 or int32: negative numbers take ten bytes, as the format wants it. Safe integers only. */
  int(field: number, value: number): this {
    if (value >= 0) return this.uint(field, value);
    this.varint(field * 8);
    this.bigVarint(BigInt.asUintN(64, BigInt(value)));
    return this;
  }

  /** sint32 or sint64, in zigzag form. Safe integers only. */
  sint(field: number, value: number): this {
    this.varint(field * 8);
    this.zigzag(value);
    return this;
  }

  bool(field: number, value: boolean): this {
    return this.uint(field, value ? 1 : 0);
  }

  double(field: number, value: number): this {
    this.varint(field * 8 + 1);
    SCRATCH.setFloat64(0, value, true);
    return this.scratch();
  }

  /** A double by its bits: for NaNs that must stay what they are. */
  doubleBits(field: number, low: number, high: number): this {
    this.varint(field * 8 + 1);
    SCRATCH.setUint32(0, low, true);
    SCRATCH.setUint32(4, high, true);
    return this.scratch();
  }

  string(field: number, text: string): this {
    return this.raw(field, Buffer.from(text, "utf8"));
  }

  /** Length-delimited bytes: a `bytes` field or an encoded message. */
  raw(field: number, bytes: Uint8Array): this {
    this.varint(field * 8 + 2);
    this.varint(bytes.length);
    this.reserve(bytes.length);
    this.bytes.set(bytes, this.length);
    this.length += bytes.length;
    return this;
  }

  /** Fields that were encoded already. */
  append(encoded: Uint8Array): this {
    this.reserve(encoded.length);
    this.bytes.set(encoded, this.length);
    this.length += encoded.length;
    return this;
  }

  /** A nested message, or a packed field: what `fill` writes, with its length before it. */
  message(field: number, fill: (out: ProtoWriter) => void): this {
    this.varint(field * 8 + 2);
    const start = this.length;
    fill(this);
    const size = this.length - start;
    // The length is known now: move what was written to make room for it.
    const width = varintSize(size);
    this.reserve(width);
    this.bytes.copyWithin(start + width, start, this.length);
    this.length = start;
    this.varint(size);
    this.length += size;
    return this;
  }

  /** Without a field number: for packed fields. */
  varint(value: number): void {
    this.reserve(10);
    const { bytes } = this;
    let rest = value;
    while (rest >= 0x80) {
      bytes[this.length++] = (rest % 128) | 0x80;
      rest = Math.floor(rest / 128);
    }
    bytes[this.length++] = rest;
  }

  /** A signed number in zigzag form, without a field number. Safe integers only. */
  zigzag(value: number): void {
    if (Math.abs(value) < 2 ** 51) this.varint(value >= 0 ? 2 * value : -2 * value - 1);
    else this.bigVarint(value >= 0 ? BigInt(value) * 2n : BigInt(value) * -2n - 1n);
  }

  /** A double without a field number: for packed fields. */
  packedDouble(value: number): void {
    SCRATCH.setFloat64(0, value, true);
    this.scratch();
  }

  private bigVarint(value: bigint): void {
    this.reserve(10);
    let rest = value;
    while (rest >= 0x80n) {
      this.bytes[this.length++] = Number(rest & 0x7fn) | 0x80;
      rest >>= 7n;
    }
    this.bytes[this.length++] = Number(rest);
  }

  private scratch(): this {
    this.reserve(8);
    for (let i = 0; i < 8; i++) this.bytes[this.length++] = SCRATCH.getUint8(i);
    return this;
  }

  private reserve(count: number): void {
    if (this.length + count <= this.bytes.length) return;
    const grown = new Uint8Array(Math.max(2 * this.bytes.length, this.length + count));
    grown.set(this.view());
    this.bytes = grown;
  }
}

function varintSize(value: number): number {
  let size = 1;
  for (let rest = value; rest >= 0x80; rest = Math.floor(rest / 128)) size++;
  return size;
}
