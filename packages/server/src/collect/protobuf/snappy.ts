// Snappy's block format, as remote write and remote read use it (not the framed one).
//
//   block: length as a varint, then elements. The low two bits of an element's first byte tell its kind:
//     00 literal: length − 1 in the high six bits; 60 … 63 there mean: in the next 1 … 4 bytes, little endian
//     01 copy of 4 … 11 bytes: offset in three high bits and the next byte
//     10 copy of 1 … 64 bytes: offset in the next 2 bytes      11 the same with 4 bytes
//
// Reading is ours: the library's reader takes a literal length of 2^31 and more for a negative one, goes back and starts
// over, so that a body of 5 bytes keeps it busy for ever. Writing is the library's.
import snappy from "snappyjs";

export class SnappyError extends Error {}

/** Copies and literals below this length are quicker byte by byte. */
const SHORT = 24;

/** Throws SnappyError when the block is damaged or declares more than `bytesMax` bytes: nothing is allocated then. */
export function snappyDecompress(block: Uint8Array, bytesMax: number): Buffer {
  let at = 0;
  let size = 0;
  for (let scale = 1; ; scale *= 128) {
    if (at >= block.length || at >= 5) throw new SnappyError("the length at its start is damaged");
    const byte = block[at++];
    size += (byte & 0x7f) * scale;
    if (byte < 0x80) break;
  }
  if (size > bytesMax) throw new SnappyError(`it declares ${size} bytes, at most ${bytesMax} are taken`);
  // An element of 3 bytes makes 64 at most: a longer declaration is a lie that would cost memory.
  if (size > 22 * block.length) throw new SnappyError(`it declares ${size} bytes, more than ${block.length} can hold`);
  const out = Buffer.allocUnsafe(size);
  const end = decompressElements(block, at, out);
  if (end !== size) throw new SnappyError(`it declares ${size} bytes and holds ${end}`);
  return out;
}

/** Returns how many bytes came out. */
function decompressElements(block: Uint8Array, start: number, out: Buffer): number {
  const { length } = block;
  const size = out.length;
  let at = start;
  let to = 0;
  while (at < length) {
    const tag = block[at++];
    let count = (tag >>> 2) + 1;
    if ((tag & 3) === 0) {
      if (count > 60) {
        const width = count - 60;
        if (at + width > length) throw new SnappyError("it ends within a length");
        count = littleEndian(block, at, width) + 1;
        at += width;
      }
      if (count > length - at || count > size - to) throw new SnappyError("a literal reaches past the end");
      if (count < SHORT) for (let i = 0; i < count; i++) out[to + i] = block[at + i];
      else out.set(block.subarray(at, at + count), to);
      at += count;
      to += count;
      continue;
    }
    let offset: number;
    if ((tag & 3) === 1) {
      count = ((tag >>> 2) & 7) + 4;
      if (at >= length) throw new SnappyError("it ends within a copy");
      offset = ((tag >>> 5) << 8) | block[at++];
    } else {
      const width = (tag & 3) === 2 ? 2 : 4;
      if (at + width > length) throw new SnappyError("it ends within a copy");
      offset = littleEndian(block, at, width);
      at += width;
    }
    if (offset === 0 || offset > to || count > size - to) throw new SnappyError("a copy from outside");
    if (count < SHORT || offset < count) for (let i = 0; i < count; i++) out[to + i] = out[to - offset + i];
    else out.copyWithin(to, to - offset, to - offset + count);
    to += count;
  }
  return to;
}

function littleEndian(bytes: Uint8Array, at: number, width: number): number {
  let value = 0;
  for (let i = width - 1; i >= 0; i--) value = value * 256 + bytes[at + i];
  return value;
}

export function snappyCompress(bytes: Uint8Array): Uint8Array {
  return snappy.compress(bytes);
}
