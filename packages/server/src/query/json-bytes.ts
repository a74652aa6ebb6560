// Text as bytes in a growing buffer: for replies with hundreds of thousands of numbers, where making strings and
// encoding them would be most of the work.

const FIRST_BYTES = 4096;
/** Longest text of a float: sign, 17 digits, dot, exponent. */
const FLOAT_BYTES_MAX = 32;
const ZERO = 0x30;
const DOT = 0x2e;
const MINUS = 0x2d;
/** Whole numbers below it are written by hand with 32-bit arithmetic. */
const SMALL = 1_000_000_000;
/** A number with at most this many decimals, and digits in all, is its own shortest spelling. */
const DECIMALS_MAX = 3;
const DECIMALS_SCALE = 1000;

/** A float as Prometheus prints it: `+Inf`, `-Inf`, `NaN`, exponents of at least two digits. */
export function formatValue(value: number): string {
  if (Number.isNaN(value)) return "NaN";
  if (value === Infinity) return "+Inf";
  if (value === -Infinity) return "-Inf";
  if (value === 0) return Object.is(value, -0) ? "-0" : "0";
  const text = String(value);
  // JavaScript and Go switch to exponents at the same values, but JavaScript writes 1e-7 where Go writes 1e-07.
  if (text.length > 3 && text.charCodeAt(text.length - 3) === 0x65) return `${text.slice(0, -1)}0${text.slice(-1)}`;
  return text;
}

export class JsonBytes {
  private buffer = Buffer.allocUnsafe(FIRST_BYTES);
  private at = 0;

  get length(): number {
    return this.at;
  }

  /** What was written since the last take, in memory of its own. */
  take(): Buffer {
    const taken = Buffer.from(this.buffer.subarray(0, this.at));
    this.at = 0;
    return taken;
  }

  /** Any text. */
  text(text: string): void {
    this.reserve(text.length * 3);
    this.at += this.buffer.write(text, this.at, "utf8");
  }

  /** A JSON string with its quotes. */
  string(value: string): void {
    this.text(JSON.stringify(value));
  }

  /** Text of bytes below 0x80, mostly a few of them: cheaper than `text`. */
  ascii(text: string): void {
    this.reserve(text.length);
    const { buffer } = this;
    let { at } = this;
    for (let i = 0; i < text.length; i++) buffer[at++] = text.charCodeAt(i);
    this.at = at;
  }

  /** Copies `length` bytes. */
  bytes(from: Uint8Array, start: number, length: number): void {
    this.reserve(length);
    const { buffer } = this;
    let { at } = this;
    for (let i = start; i < start + length; i++) buffer[at++] = from[i];
    this.at = at;
  }

  /** The same text as formatValue. */
  float(value: number): void {
    if (value < SMALL && value > -SMALL && value !== 0) {
      const whole = value | 0;
      if (whole === value) {
        this.reserve(FLOAT_BYTES_MAX);
        this.sign(value);
        this.whole(whole < 0 ? -whole : whole);
        return;
      }
      const scaled = Math.round(value * DECIMALS_SCALE);
      // Decimals of at most 15 digits never share a double, so the shortest text of this one is these digits.
      if (scaled / DECIMALS_SCALE === value) {
        this.decimals(scaled);
        return;
      }
    }
    this.ascii(formatValue(value));
  }

  private sign(value: number): void {
    if (value < 0) this.buffer[this.at++] = MINUS;
  }

  private decimals(scaled: number): void {
    this.reserve(FLOAT_BYTES_MAX);
    this.sign(scaled);
    const size = Math.abs(scaled);
    const whole = Math.floor(size / DECIMALS_SCALE);
    let rest = size - whole * DECIMALS_SCALE;
    let digits = DECIMALS_MAX;
    while (rest % 10 === 0) {
      rest /= 10;
      digits--;
    }
    this.whole(whole);
    this.buffer[this.at++] = DOT;
    for (let i = this.at + digits - 1; i >= this.at; i--) {
      this.buffer[i] = ZERO + (rest % 10);
      rest = (rest / 10) | 0;
    }
    this.at += digits;
  }

  /** 0 … 10^9. */
  private whole(value: number): void {
    const { buffer } = this;
    let digits = 1;
    for (let limit = 10; limit <= value; limit *= 10) digits++;
    let rest = value;
    for (let i = this.at + digits - 1; i >= this.at; i--) {
      const tenth = (rest / 10) | 0;
      buffer[i] = ZERO + (rest - tenth * 10);
      rest = tenth;
    }
    this.at += digits;
  }

  private reserve(bytes: number): void {
    const needed = this.at + bytes;
    if (needed <= this.buffer.length) return;
    const grown = Buffer.allocUnsafe(Math.max(needed, this.buffer.length * 2));
    this.buffer.copy(grown, 0, 0, this.at);
    this.buffer = grown;
  }
}
