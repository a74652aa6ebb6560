// Decimal numbers straight from bytes, bit for bit what Number() gives. A mantissa up to 2^53-1 and a power of ten up
// to 10^22 are both exact doubles, so one multiplication or division rounds correctly once; the rest goes to Number().

const POWERS = Float64Array.from({ length: 23 }, (_, i) => 10 ** i);
const EXACT_MAX = Number.MAX_SAFE_INTEGER;

/** Where the last number ended; -1: it was none, or one that only the strict parser can judge. */
export let numberEnd = -1;

/** `bytes` must hold a byte that ends a number behind the last digit: the page's sentinel. */
export function parseNumber(bytes: Uint8Array, start: number): number {
  let p = start;
  let c = bytes[p];
  const negative = c === 45;
  if (negative || c === 43) c = bytes[++p];
  let mantissa = 0;
  let digits = 0;
  while (c >= 48 && c <= 57) {
    mantissa = mantissa * 10 + (c - 48);
    digits++;
    c = bytes[++p];
  }
  let exponent = 0;
  if (c === 46) {
    c = bytes[++p];
    const point = p;
    while (c >= 48 && c <= 57) {
      mantissa = mantissa * 10 + (c - 48);
      c = bytes[++p];
    }
    exponent = point - p;
    digits -= exponent;
  }
  if (digits === 0) return named(bytes, start);
  if (c === 101 || c === 69) {
    c = bytes[++p];
    const minus = c === 45;
    if (minus || c === 43) c = bytes[++p];
    if (c < 48 || c > 57) return none();
    let written = 0;
    while (c >= 48 && c <= 57) {
      if (written < 10_000) written = written * 10 + (c - 48);
      c = bytes[++p];
    }
    exponent += minus ? -written : written;
  }
  numberEnd = p;
  if (mantissa > EXACT_MAX || exponent > 22 || exponent < -22) return slow(bytes, start, p);
  const value = exponent < 0 ? mantissa / POWERS[-exponent] : mantissa * POWERS[exponent];
  return negative ? -value : value;
}

function slow(bytes: Uint8Array, start: number, end: number): number {
  const value = Number(Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start).toString("latin1"));
  // Go's ParseFloat refuses what overflows; the strict parser words the error.
  if (!Number.isFinite(value)) numberEnd = -1;
  return value;
}

/** The usual spellings of the values that are no numbers; others are for the strict parser. */
function named(bytes: Uint8Array, start: number): number {
  const at = (i: number) => bytes[start + i];
  if (at(0) === 78 && at(1) === 97 && at(2) === 78) {
    numberEnd = start + 3;
    return Number.NaN;
  }
  const sign = at(0);
  if ((sign === 43 || sign === 45) && at(1) === 73 && at(2) === 110 && at(3) === 102) {
    numberEnd = start + 4;
    return sign === 45 ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
  }
  return none();
}

function none(): number {
  numberEnd = -1;
  return 0;
}
