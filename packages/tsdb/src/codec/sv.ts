// The SV column codec: byte aligned, lossless, values as scaled integer deltas where they are such, else XOR.
// docs/format/column.md has the byte picture. Bits are compared and copied through Uint32 views: `===` cannot tell
// -0 from 0, and the staleness marker is a signalling NaN whose payload a number need not keep.

const NO_SCALE = 255;
const POWERS = [1, 10, 100, 1e3, 1e4, 1e5, 1e6];
/** Below it a scaled integer and its neighbours are exact doubles. */
const INTEGER_LIMIT = 4.5e15;
const DELTA_LIMIT = 2 ** 27;
const RUN_MAX = 256;

/** The most bytes that a column of n values can take. */
export function columnBytesMax(n: number): number {
  return 9 + 10 * (n - 1);
}

/** The smallest scale in which the first values are exact integers. NaN and infinities do not vote. */
function pickScale(values: Float64Array, start: number, stride: number, n: number): number {
  for (let s = 0; s < POWERS.length; s++) {
    const power = POWERS[s];
    let exact = true;
    for (let i = 0, at = start; i < n && exact; i++, at += stride) {
      const v = values[at];
      if (v - v !== 0) continue;
      const r = Math.round(v * power);
      exact = r < INTEGER_LIMIT && r > -INTEGER_LIMIT && r / power === v;
    }
    if (exact) return s;
  }
  return NO_SCALE;
}

function putRun(out: Uint8Array, at: number, run: number): number {
  while (run > 0) {
    const part = Math.min(run, RUN_MAX);
    out[at++] = 0;
    out[at++] = part - 1;
    run -= part;
  }
  return at;
}

/** `d` is not 0 and fits 28 bits. */
function putDelta(out: Uint8Array, at: number, d: number): number {
  const z = (d << 1) ^ (d >> 31);
  if (z < 0x80) out[at++] = z;
  else if (z < 0x4000) {
    out[at++] = 0x80 | (z >>> 8);
    out[at++] = z;
  } else if (z < 0x200000) {
    out[at++] = 0xc0 | (z >>> 16);
    out[at++] = z >>> 8;
    out[at++] = z;
  } else {
    out[at++] = 0xe0 | (z >>> 24);
    out[at++] = z >>> 16;
    out[at++] = z >>> 8;
    out[at++] = z;
  }
  return at;
}

/** The changed bytes between the lowest and the highest one that differs; low and high are XORed halves, not both 0. */
function putXor(out: Uint8Array, at: number, low: number, high: number): number {
  const first = low !== 0 ? (31 - Math.clz32(low & -low)) >>> 3 : 4 + ((31 - Math.clz32(high & -high)) >>> 3);
  const last = high !== 0 ? 4 + ((31 - Math.clz32(high)) >>> 3) : (31 - Math.clz32(low)) >>> 3;
  out[at++] = 0xf8 | (last - first);
  out[at++] = first;
  for (let b = first; b <= last; b++) out[at++] = b < 4 ? low >>> (8 * b) : high >>> (8 * b - 32);
  return at;
}

/**
 * Encodes n >= 1 values that stand at start, start + stride, … of `values` (`bits` is its Uint32 view) to `out` from
 * `at` on; returns the end. `out` must have columnBytesMax(n) bytes there.
 */
export function encodeColumn(
  values: Float64Array,
  bits: Uint32Array,
  start: number,
  stride: number,
  n: number,
  out: Uint8Array,
  at: number,
): number {
  const scale = pickScale(values, start, stride, Math.min(n, 8));
  const power = scale === NO_SCALE ? 0 : POWERS[scale];
  let low = bits[2 * start];
  let high = bits[2 * start + 1];
  out[at++] = scale;
  for (let b = 0; b < 32; b += 8) out[at++] = low >>> b;
  for (let b = 0; b < 32; b += 8) out[at++] = high >>> b;
  let integer = Math.round(values[start] * power);
  let ok = power !== 0 && integer < INTEGER_LIMIT && integer > -INTEGER_LIMIT && integer / power === values[start];
  let run = 0;
  for (let i = 1, index = start + stride; i < n; i++, index += stride) {
    const newLow = bits[2 * index];
    const newHigh = bits[2 * index + 1];
    if (newLow === low && newHigh === high) {
      run++;
      continue;
    }
    if (run > 0) {
      at = putRun(out, at, run);
      run = 0;
    }
    if (power !== 0) {
      const v = values[index];
      const r = Math.round(v * power);
      // -0 does not fit: its sign would be lost in an integer.
      const fits = r < INTEGER_LIMIT && r > -INTEGER_LIMIT && r / power === v && (v !== 0 || newHigh === 0);
      const d = r - integer;
      if (ok && fits && d !== 0 && d >= -DELTA_LIMIT && d < DELTA_LIMIT) {
        at = putDelta(out, at, d);
        integer = r;
        low = newLow;
        high = newHigh;
        continue;
      }
      ok = fits;
      integer = r;
    }
    at = putXor(out, at, newLow ^ low, newHigh ^ high);
    low = newLow;
    high = newHigh;
  }
  return putRun(out, at, run);
}

/** Fills places [from, to) with the value before them: numbers as numbers, NaNs by their bits. */
function repeatBefore(out: Float64Array, outBits: Uint32Array, from: number, to: number): void {
  const v = out[from - 1];
  if (!Number.isNaN(v)) {
    for (let i = from; i < to; i++) out[i] = v;
    return;
  }
  const low = outBits[2 * from - 2];
  const high = outBits[2 * from - 1];
  for (let i = from; i < to; i++) {
    outBits[2 * i] = low;
    outBits[2 * i + 1] = high;
  }
}

/**
 * Decodes a column of n values from data[from, to) to `out` from `at` on (`outBits` is its Uint32 view). Never writes
 * beyond n values, whatever the input. False when the input is not exactly one column of n values.
 */
export function decodeColumn(
  data: Uint8Array,
  from: number,
  to: number,
  n: number,
  out: Float64Array,
  outBits: Uint32Array,
  at: number,
): boolean {
  if (to > data.length || to - from < 9 || n < 1) return false;
  const scale = data[from];
  if (scale >= POWERS.length && scale !== NO_SCALE) return false;
  const power = scale === NO_SCALE ? 0 : POWERS[scale];
  outBits[2 * at] = data[from + 1] | (data[from + 2] << 8) | (data[from + 3] << 16) | (data[from + 4] << 24);
  outBits[2 * at + 1] = data[from + 5] | (data[from + 6] << 8) | (data[from + 7] << 16) | (data[from + 8] << 24);
  let v = out[at];
  let integer = Math.round(v * power);
  const end = at + n;
  let p = from + 9;
  let i = at + 1;
  while (i < end) {
    if (p >= to) return false;
    const b = data[p++];
    if (b < 0xf0 && b > 0) {
      let z = b;
      if (b >= 0x80) {
        if (b < 0xc0) {
          if (p >= to) return false;
          z = ((b & 0x3f) << 8) | data[p++];
        } else if (b < 0xe0) {
          if (p + 2 > to) return false;
          z = ((b & 0x1f) << 16) | (data[p] << 8) | data[p + 1];
          p += 2;
        } else {
          if (p + 3 > to) return false;
          z = ((b & 0x0f) << 24) | (data[p] << 16) | (data[p + 1] << 8) | data[p + 2];
          p += 3;
        }
      }
      if (power === 0) return false;
      integer += (z >>> 1) ^ -(z & 1);
      v = power === 1 ? integer : integer / power;
      out[i++] = v;
      continue;
    }
    if (b === 0) {
      if (p >= to) return false;
      const stop = i + data[p++] + 1;
      if (stop > end) return false;
      repeatBefore(out, outBits, i, stop);
      i = stop;
      continue;
    }
    if (b < 0xf8 || p >= to) return false;
    const first = data[p++];
    const length = (b & 7) + 1;
    if (first + length > 8 || p + length > to) return false;
    let low = outBits[2 * i - 2];
    let high = outBits[2 * i - 1];
    for (let k = first; k < first + length; k++) {
      if (k < 4) low ^= data[p++] << (8 * k);
      else high ^= data[p++] << (8 * k - 32);
    }
    outBits[2 * i] = low;
    outBits[2 * i + 1] = high;
    v = out[i++];
    if (power !== 0) integer = Math.round(v * power);
  }
  return p === to;
}
