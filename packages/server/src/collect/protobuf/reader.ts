// Protocol Buffers as bytes, read by hand: no schema, no objects in between. A decoder is a loop over the fields it knows:
//
//   const reader = new ProtobufReader(body);
//   while (reader.next(reader.end)) {
//     if (reader.field === 1) { const end = reader.messageEnd(); while (reader.next(end)) … }
//     else reader.skip();
//   }
//
// Each field of a loop must be read with one call or skipped. What is read is checked against the wire type of its tag
// and against the message that it stands in: damaged input gives a ProtobufError, never a read outside and never an
// endless loop, for each step takes at least a byte. Nested messages cost no memory; a decoder of messages that hold
// themselves (OTLP's AnyValue, say) limits the depth on its own.
import { isUtf8 } from "node:buffer";
import { STALE_HIGH, STALE_LOW } from "@storewatch/model";

/** Input that is no protobuf message, or not one of the expected kind. `at`: bytes from the start. */
export class ProtobufError extends Error {
  constructor(
    readonly reason: string,
    readonly at: number,
  ) {
    super(`byte ${at}: ${reason}`);
  }
}

const VARINT = 0;
const FIXED64 = 1;
const BYTES = 2;
const GROUP_START = 3;
const GROUP_END = 4;
const FIXED32 = 5;

/** Bytes of the longest 64-bit varint. */
const VARINT_BYTES_MAX = 10;
/** Groups within groups, when skipping: they are long deprecated, only hostile input nests them. */
const GROUP_DEPTH_MAX = 32;
const TWO_32 = 2 ** 32;

export class ProtobufReader {
  /** Number of the field that `next` came to. */
  field = 0;
  private wire = -1;
  private low = 0;
  private high = 0;
  private readonly view: DataView;

  /** Reads `bytes` from `at` up to `end`, exclusive; gives views of them, so they must not change meanwhile. */
  constructor(
    readonly bytes: Uint8Array,
    private at = 0,
    readonly end = bytes.length,
  ) {
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    if (end > bytes.length) throw this.error("a message reaches past the end");
  }

  /** Where the next byte is read. */
  get position(): number {
    return this.at;
  }

  /** Goes on elsewhere: within a message that was passed before. */
  seek(position: number): void {
    this.at = position;
  }

  /** Goes to a message, text or bytes that was passed before: where its length stands. */
  seekBytes(position: number): void {
    this.at = position;
    this.wire = BYTES;
  }

  /** Goes to the next field of the message that ends at `end`; false when there is none. */
  next(end: number): boolean {
    if (this.at >= end) {
      if (this.at > end) throw this.error("a field reaches past the end of its message");
      return false;
    }
    const tag = this.varint32();
    this.field = tag >>> 3;
    this.wire = tag & 7;
    if (this.field === 0) throw this.error("field number 0");
    return true;
  }

  /** Passes over the value of the field, whatever it is. */
  skip(): void {
    this.skipValue(this.wire, 0);
  }

  bool(): boolean {
    this.expect(VARINT);
    this.varint64();
    return (this.low | this.high) !== 0;
  }

  /** uint32, and enums without negative values. */
  uint32(): number {
    this.expect(VARINT);
    return this.varint32();
  }

  int32(): number {
    this.expect(VARINT);
    return this.varint32() | 0;
  }

  sint32(): number {
    this.expect(VARINT);
    const n = this.varint32();
    return (n >>> 1) ^ -(n & 1);
  }

  /** Exact up to 2^53, the nearest number beyond. */
  uint64(): number {
    this.expect(VARINT);
    return this.rawUint64();
  }

  /** Exact up to ±2^53. */
  int64(): number {
    this.expect(VARINT);
    return this.rawInt64();
  }

  /** Exact up to ±2^53. */
  sint64(): number {
    this.expect(VARINT);
    return this.rawSint64();
  }

  /** Exact up to 2^53. */
  fixed64(): number {
    this.expect(FIXED64);
    const at = this.take(8);
    return this.view.getUint32(at + 4, true) * TWO_32 + this.view.getUint32(at, true);
  }

  /** Exact up to ±2^53. */
  sfixed64(): number {
    this.expect(FIXED64);
    const at = this.take(8);
    return this.view.getInt32(at + 4, true) * TWO_32 + this.view.getUint32(at, true);
  }

  fixed32(): number {
    this.expect(FIXED32);
    return this.view.getUint32(this.take(4), true);
  }

  float(): number {
    this.expect(FIXED32);
    return this.view.getFloat32(this.take(4), true);
  }

  double(): number {
    this.expect(FIXED64);
    return this.view.getFloat64(this.take(8), true);
  }

  /** Whether the double that `double()` would read is Prometheus' staleness marker, whose bits a number need not keep. */
  isStaleNext(): boolean {
    if (this.wire !== FIXED64 || this.at + 8 > this.end) return false;
    return this.view.getUint32(this.at, true) === STALE_LOW && this.view.getUint32(this.at + 4, true) === STALE_HIGH;
  }

  /** A view of the input. */
  byteField(): Uint8Array {
    const end = this.messageEnd();
    const start = this.at;
    this.at = end;
    return this.bytes.subarray(start, end);
  }

  /** Text; what is no UTF-8 is an error, as the format demands. */
  string(): string {
    const end = this.messageEnd();
    const start = this.at;
    this.at = end;
    return this.text(start, end);
  }

  /** Enters a nested message: where it ends, for `next`. */
  messageEnd(): number {
    this.expect(BYTES);
    const length = this.varint32();
    if (length > this.end - this.at)
      throw this.error(`a length of ${length} where ${this.end - this.at} bytes are left`);
    return this.at + length;
  }

  /** One message of a stream of them, each after its length; undefined when the stream is at its end. */
  delimitedEnd(): number | undefined {
    if (this.at >= this.end) return undefined;
    this.wire = BYTES;
    return this.messageEnd();
  }

  /** Repeated numbers, packed or one by one, onto the end of `into`. */
  repeatedDouble(into: number[]): void {
    if (this.wire !== BYTES) {
      into.push(this.double());
      return;
    }
    const end = this.packedEnd(8);
    while (this.at < end) into.push(this.view.getFloat64(this.take(8), true));
  }

  repeatedFixed64(into: number[]): void {
    if (this.wire !== BYTES) {
      into.push(this.fixed64());
      return;
    }
    const end = this.packedEnd(8);
    while (this.at < end) {
      const at = this.take(8);
      into.push(this.view.getUint32(at + 4, true) * TWO_32 + this.view.getUint32(at, true));
    }
  }

  repeatedUint64(into: number[]): void {
    if (this.wire !== BYTES) {
      into.push(this.uint64());
      return;
    }
    const end = this.messageEnd();
    while (this.at < end) into.push(this.rawUint64());
    this.endPacked(end);
  }

  repeatedInt64(into: number[]): void {
    if (this.wire !== BYTES) {
      into.push(this.int64());
      return;
    }
    const end = this.messageEnd();
    while (this.at < end) into.push(this.rawInt64());
    this.endPacked(end);
  }

  repeatedSint64(into: number[]): void {
    if (this.wire !== BYTES) {
      into.push(this.sint64());
      return;
    }
    const end = this.messageEnd();
    while (this.at < end) into.push(this.rawSint64());
    this.endPacked(end);
  }

  repeatedUint32(into: number[]): void {
    if (this.wire !== BYTES) {
      into.push(this.uint32());
      return;
    }
    const end = this.messageEnd();
    while (this.at < end) into.push(this.varint32());
    this.endPacked(end);
  }

  error(reason: string): ProtobufError {
    return new ProtobufError(reason, this.at);
  }

  private text(start: number, end: number): string {
    // Names and label values are short: below this length the loop is faster than a call into the decoder.
    if (end - start <= 24) {
      let text = "";
      let i = start;
      for (; i < end && this.bytes[i] < 0x80; i++) text += String.fromCharCode(this.bytes[i]);
      if (i === end) return text;
    }
    const part = this.bytes.subarray(start, end);
    if (!isUtf8(part)) throw this.error("text that is not UTF-8");
    return Buffer.from(part.buffer, part.byteOffset, part.byteLength).toString("utf8");
  }

  private expect(wire: number): void {
    if (this.wire !== wire) throw this.error(`field ${this.field} has wire type ${this.wire}, expected ${wire}`);
  }

  private packedEnd(size: number): number {
    const end = this.messageEnd();
    if ((end - this.at) % size !== 0) throw this.error(`a packed field whose length is no multiple of ${size}`);
    return end;
  }

  private endPacked(end: number): void {
    if (this.at !== end) throw this.error("a packed number reaches past its field");
  }

  /** The place of `count` bytes, which are then behind. */
  private take(count: number): number {
    const start = this.at;
    if (start + count > this.end) throw this.error("the message ends within a field");
    this.at = start + count;
    return start;
  }

  /** The low 32 bits, unsigned. */
  private varint32(): number {
    const first = this.bytes[this.at];
    if (first < 0x80 && this.at < this.end) {
      this.at += 1;
      return first;
    }
    this.varint64();
    return this.low;
  }

  private rawUint64(): number {
    this.varint64();
    return this.high * TWO_32 + this.low;
  }

  private rawInt64(): number {
    this.varint64();
    return (this.high | 0) * TWO_32 + this.low;
  }

  private rawSint64(): number {
    this.varint64();
    const negative = (this.low & 1) !== 0;
    const low = ((this.low >>> 1) | (this.high << 31)) >>> 0;
    const value = (this.high >>> 1) * TWO_32 + low;
    return negative ? -value - 1 : value;
  }

  /** Into `low` and `high`, both unsigned. */
  private varint64(): void {
    let low = 0;
    let high = 0;
    for (let i = 0; i < VARINT_BYTES_MAX; i++) {
      if (this.at >= this.end) throw this.error("the message ends within a number");
      const byte = this.bytes[this.at++];
      const bits = byte & 0x7f;
      if (i < 4) low |= bits << (7 * i);
      else if (i === 4) {
        low |= bits << 28;
        high = bits >>> 4;
      } else high |= bits << (7 * i - 32);
      if (byte < 0x80) {
        this.low = low >>> 0;
        this.high = high >>> 0;
        return;
      }
    }
    throw this.error(`a number longer than ${VARINT_BYTES_MAX} bytes`);
  }

  private skipValue(wire: number, depth: number): void {
    switch (wire) {
      case VARINT:
        this.varint64();
        return;
      case FIXED64:
        this.take(8);
        return;
      case FIXED32:
        this.take(4);
        return;
      case BYTES:
        this.wire = BYTES;
        this.at = this.messageEnd();
        return;
      case GROUP_START:
        this.skipGroup(this.field, depth + 1);
        return;
      default:
        throw this.error(`wire type ${wire}`);
    }
  }

  private skipGroup(field: number, depth: number): void {
    if (depth > GROUP_DEPTH_MAX) throw this.error("groups are nested too deep");
    for (;;) {
      const tag = this.varint32();
      if ((tag & 7) === GROUP_END) {
        if (tag >>> 3 !== field) throw this.error("a group ends that was not begun");
        return;
      }
      this.field = tag >>> 3;
      this.skipValue(tag & 7, depth);
    }
  }
}
