// Snappy's block format, as remote write and remote read use it (not the framed one).
import snappy from "snappyjs";

export class SnappyError extends Error {}

/** Throws SnappyError when the block is damaged or declares more than `bytesMax` bytes: nothing is allocated then. */
export function snappyDecompress(block: Uint8Array, bytesMax: number): Uint8Array {
  try {
    return snappy.uncompress(block, bytesMax);
  } catch (error) {
    throw new SnappyError(error instanceof Error ? error.message : String(error));
  }
}

export function snappyCompress(bytes: Uint8Array): Uint8Array {
  return snappy.compress(bytes);
}
