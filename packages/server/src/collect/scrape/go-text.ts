// Numbers and quotes in the spelling of Go, because pages, configurations and error texts of the peers are written so.

const DECIMAL = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/;
const INFINITE = /^([+-]?)(?:inf|infinity)$/i;

/** A float as Go's ParseFloat reads it, without underscores and hexadecimals; the error text is Go's. */
export function parseGoFloat(text: string): number | GoFloatError {
  if (/[pP_]/.test(text)) return new GoFloatError("unsupported character in float");
  if (DECIMAL.test(text)) {
    const value = Number(text);
    return Number.isFinite(value) ? value : goFloatError(text, "value out of range");
  }
  if (/^nan$/i.test(text)) return Number.NaN;
  const infinite = INFINITE.exec(text);
  if (infinite) return infinite[1] === "-" ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
  return goFloatError(text, "invalid syntax");
}

export class GoFloatError {
  constructor(readonly message: string) {}
}

function goFloatError(text: string, reason: string): GoFloatError {
  return new GoFloatError(`strconv.ParseFloat: parsing ${goQuote(text)}: ${reason}`);
}

/** Go's `strconv.FormatFloat(v, 'g', -1, 64)`: shortest digits, an exponent below 1e-4 and from 1e21 on. */
export function formatGoFloat(value: number): string {
  if (Number.isNaN(value)) return "NaN";
  if (!Number.isFinite(value)) return value > 0 ? "+Inf" : "-Inf";
  if (Object.is(value, -0)) return "-0";
  if (value === 0) return "0";
  const [mantissa, exponentText] = value.toExponential().split("e");
  const exponent = Number(exponentText);
  if (exponent >= -4 && exponent < 21) return plainDecimal(value);
  const digits = String(Math.abs(exponent)).padStart(2, "0");
  return `${mantissa}e${exponent < 0 ? "-" : "+"}${digits}`;
}

function plainDecimal(value: number): string {
  const text = String(value);
  return text.includes("e") ? BigInt(value).toString() : text;
}

/** The form of `le` and `quantile` values since Prometheus 3: a float always has a point or an exponent. */
export function canonicalBucketBound(text: string): string {
  const value = parseGoFloat(text);
  if (value instanceof GoFloatError) return text;
  const plain = formatGoFloat(value);
  return /[.eIN]/.test(plain) ? plain : `${plain}.0`;
}

const NAMED: Readonly<Record<string, string>> = {
  "\u0007": "\\a",
  "\b": "\\b",
  "\f": "\\f",
  "\n": "\\n",
  "\r": "\\r",
  "\t": "\\t",
  "\v": "\\v",
  "\\": "\\\\",
  '"': '\\"',
};

/** Go's `%q` of a string, or of bytes that need not be UTF-8. */
export function goQuote(text: string | Uint8Array): string {
  const parts = typeof text === "string" ? [text] : utf8Parts(text);
  return `"${parts.map((part) => (typeof part === "number" ? hexByte(part) : quotePart(part))).join("")}"`;
}

function quotePart(text: string): string {
  let out = "";
  for (const character of text) {
    const code = character.codePointAt(0)!;
    const named = NAMED[character];
    if (named) out += named;
    else if (code < 0x20 || code === 0x7f) out += hexByte(code);
    else if (code >= 0xdc80 && code <= 0xdcff) out += hexByte(code - 0xdc00);
    else if (/[\p{L}\p{M}\p{N}\p{P}\p{S} ]/u.test(character)) out += character;
    else out += code > 0xffff ? `\\U${hex(code, 8)}` : `\\u${hex(code, 4)}`;
  }
  return out;
}

/** Runs of valid UTF-8 as strings, bytes that are none as numbers. */
function utf8Parts(bytes: Uint8Array): Array<string | number> {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  const parts: Array<string | number> = [];
  let start = 0;
  for (let i = 0; i < buffer.length; ) {
    const length = utf8Length(buffer, i);
    if (length > 0) {
      i += length;
      continue;
    }
    if (i > start) parts.push(buffer.toString("utf8", start, i));
    parts.push(buffer[i]);
    i += 1;
    start = i;
  }
  if (start < buffer.length) parts.push(buffer.toString("utf8", start));
  return parts;
}

/** Bytes of the character that starts at `at`, 0 when it is not valid UTF-8. */
function utf8Length(buffer: Buffer, at: number): number {
  const first = buffer[at];
  if (first < 0x80) return 1;
  const length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  const text = buffer.toString("utf8", at, at + length);
  return first >= 0xc2 && at + length <= buffer.length && !text.includes("\ufffd") ? length : isReplacement(buffer, at);
}

/** U+FFFD itself is valid UTF-8 (EF BF BD). */
function isReplacement(buffer: Buffer, at: number): number {
  return buffer[at] === 0xef && buffer[at + 1] === 0xbf && buffer[at + 2] === 0xbd ? 3 : 0;
}

const hex = (code: number, width: number): string => code.toString(16).padStart(width, "0");
const hexByte = (byte: number): string => `\\x${hex(byte, 2)}`;
