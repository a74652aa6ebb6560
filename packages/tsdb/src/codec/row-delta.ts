// One row of a scrape target in the WAL, cell by cell against the row before it. docs/format/wal.md has the ops.
// Cells are compared by their bits: -0 is kept, and staleness markers repeat as runs.
import { STALE_HIGH, STALE_LOW } from "@storewatch/model";

/** The most bytes that a row of n cells can take: each cell costs 9 at most, runs less. */
export function rowBytesMax(n: number): number {
  return 9 * n + 8;
}

// Op D0 + k: XOR of bytes first[k] … first[k] + length[k] - 1 (little endian order); 36 combinations.
const XOR_OP = 0xd0;
const XOR_FIRST: number[] = [];
const XOR_LENGTH: number[] = [];
const XOR_CODE = new Uint8Array(64);
for (let first = 0; first < 8; first++) {
  for (let last = first; last < 8; last++) {
    XOR_CODE[first * 8 + last] = XOR_OP + XOR_FIRST.length;
    XOR_FIRST.push(first);
    XOR_LENGTH.push(last - first + 1);
  }
}

function putRun(out: Uint8Array, at: number, run: number): number {
  while (run > 0) {
    if (run < 64) {
      out[at++] = 0x80 | run;
      return at;
    }
    const part = Math.min(run, 0xffffff);
    out[at++] = 0xc0;
    out[at++] = part;
    out[at++] = part >>> 8;
    out[at++] = part >>> 16;
    run -= part;
  }
  return at;
}

function putChanged(out: Uint8Array, at: number, low: number, high: number): number {
  const first = low !== 0 ? (31 - Math.clz32(low & -low)) >>> 3 : 4 + ((31 - Math.clz32(high & -high)) >>> 3);
  const last = high !== 0 ? 4 + ((31 - Math.clz32(high)) >>> 3) : (31 - Math.clz32(low)) >>> 3;
  out[at++] = XOR_CODE[first * 8 + last];
  for (let b = first; b <= last; b++) out[at++] = b < 4 ? low >>> (8 * b) : high >>> (8 * b - 32);
  return at;
}

/** The number of samples (cells that are no marker) in the last row encoded: a second result without an object. */
export let encodedSamples = 0;

/** Encodes cells row[base] … against previous[previousBase] …; returns the end. `out` has rowBytesMax(n) from `at`. */
export function encodeRow(
  row: Float64Array,
  rowBits: Uint32Array,
  base: number,
  previous: Float64Array,
  previousBits: Uint32Array,
  previousBase: number,
  n: number,
  out: Uint8Array,
  at: number,
): number {
  let run = 0;
  let markers = 0;
  for (let i = 0; i < n; i++) {
    const low = rowBits[2 * (base + i)];
    const high = rowBits[2 * (base + i) + 1];
    const oldLow = previousBits[2 * (previousBase + i)];
    const oldHigh = previousBits[2 * (previousBase + i) + 1];
    if (high === STALE_HIGH && low === STALE_LOW) markers++;
    if (low === oldLow && high === oldHigh) {
      run++;
      continue;
    }
    if (run > 0) {
      at = putRun(out, at, run);
      run = 0;
    }
    const v = row[base + i];
    const old = previous[previousBase + i];
    const d = v - old;
    // A whole step that adds up exactly; a zero is left to the XOR, for its sign.
    if (d >= -32 && d < 2097152 && d === Math.floor(d) && v !== 0 && old + d === v) {
      if (d < 32) out[at++] = 0x40 | (d + 32);
      else if (d < 8192) {
        out[at++] = d >>> 8;
        out[at++] = d;
      } else {
        out[at++] = 0x20 | (d >>> 16);
        out[at++] = d >>> 8;
        out[at++] = d;
      }
      continue;
    }
    at = putChanged(out, at, low ^ oldLow, high ^ oldHigh);
  }
  encodedSamples = n - markers;
  return putRun(out, at, run);
}

/**
 * Applies the ops in data[from, to) to the n cells row[base] …, which hold the row before. Never writes outside them.
 * False when the input is not exactly one row of n cells; the cells are then undefined.
 */
export function decodeRow(
  data: Uint8Array,
  from: number,
  to: number,
  row: Float64Array,
  rowBits: Uint32Array,
  base: number,
  n: number,
): boolean {
  let p = from;
  let i = base;
  const end = base + n;
  while (p < to) {
    const b = data[p++];
    if (b >= 0x80 && b < 0xc0) i += b & 0x3f;
    else if (b < 0x80) {
      if (i >= end) return false;
      let d = (b & 0x3f) - 32;
      if (b < 0x20) {
        if (p + 1 > to) return false;
        d = (b << 8) | data[p++];
      } else if (b < 0x40) {
        if (p + 2 > to) return false;
        d = ((b & 0x1f) << 16) | (data[p] << 8) | data[p + 1];
        p += 2;
      }
      row[i] += d;
      i++;
    } else if (b === 0xc0) {
      if (p + 3 > to) return false;
      i += data[p] | (data[p + 1] << 8) | (data[p + 2] << 16);
      p += 3;
    } else {
      const k = b - XOR_OP;
      if (k < 0 || k >= XOR_FIRST.length || i >= end || p + XOR_LENGTH[k] > to) return false;
      const stop = XOR_FIRST[k] + XOR_LENGTH[k];
      let low = 0;
      let high = 0;
      for (let x = XOR_FIRST[k]; x < stop; x++) {
        if (x < 4) low |= data[p++] << (8 * x);
        else high |= data[p++] << (8 * x - 32);
      }
      rowBits[2 * i] ^= low;
      rowBits[2 * i + 1] ^= high;
      i++;
    }
    if (i > end) return false;
  }
  return i === end;
}
