// Strings and numbers in Go's spelling, which PromQL uses.

/**
 * A byte that is not part of valid UTF-8 (it can only come from an escape like \xc5) is kept as the lone surrogate
 * U+DC00 + byte, so that nothing is lost and `isWellFormed` tells such strings apart.
 */
const BYTE_BASE = 0xdc00;

const SIMPLE: Readonly<Record<string, number>> = { a: 7, b: 8, f: 12, n: 10, r: 13, t: 9, v: 11, "\\": 92 };

/** Reasons are worded as Go's lexer words them. */
export class StringSyntaxError extends Error {}

/** The value of a quoted string (", ' or `), quotes included in `text`. Throws StringSyntaxError. */
export function unquote(text: string): string {
  const quoteMark = text[0];
  const body = text.slice(1, -1);
  if (quoteMark === "`") return body;
  if (!body.includes("\\")) return body;
  const parts: string[] = [];
  let bytes: number[] = [];
  const flush = () => {
    if (bytes.length > 0) parts.push(decodeBytes(bytes));
    bytes = [];
  };
  for (let i = 0; i < body.length; ) {
    if (body[i] !== "\\") {
      flush();
      parts.push(body[i++]);
      continue;
    }
    const escaped = readEscape(body, i + 1, quoteMark);
    if (escaped.isByte) bytes.push(escaped.code);
    else {
      flush();
      parts.push(String.fromCodePoint(escaped.code));
    }
    i = escaped.next;
  }
  flush();
  return parts.join("");
}

interface Escape {
  readonly code: number;
  readonly isByte: boolean;
  readonly next: number;
}

/** Reads the escape after a backslash; `at` is the character behind it. */
export function readEscape(text: string, at: number, quoteMark: string): Escape {
  const char = text[at];
  if (char === undefined) throw new StringSyntaxError("escape sequence not terminated");
  if (char === quoteMark) return { code: char.charCodeAt(0), isByte: false, next: at + 1 };
  const simple = SIMPLE[char];
  if (simple !== undefined) return { code: simple, isByte: false, next: at + 1 };
  if (char >= "0" && char <= "7") return readDigits(text, at, 3, 8, 255);
  if (char === "x") return readDigits(text, at + 1, 2, 16, 255);
  if (char === "u") return readDigits(text, at + 1, 4, 16, 0x10ffff);
  if (char === "U") return readDigits(text, at + 1, 8, 16, 0x10ffff);
  throw new StringSyntaxError(`unknown escape sequence ${codePointName(text, at)}`);
}

function readDigits(text: string, at: number, count: number, base: number, max: number): Escape {
  let code = 0;
  for (let i = at; i < at + count; i++) {
    if (text[i] === undefined) throw new StringSyntaxError("escape sequence not terminated");
    const digit = Number.parseInt(text[i], base);
    if (Number.isNaN(digit)) {
      throw new StringSyntaxError(`illegal character ${codePointName(text, i)} in escape sequence`);
    }
    code = code * base + digit;
  }
  if (code > max || (code >= 0xd800 && code < 0xe000)) {
    throw new StringSyntaxError("escape sequence is an invalid Unicode code point");
  }
  return { code, isByte: max === 255, next: at + count };
}

/** Go's %#U: `U+002E '.'`. */
function codePointName(text: string, at: number): string {
  const point = text.codePointAt(at)!;
  return `U+${point.toString(16).toUpperCase().padStart(4, "0")} '${String.fromCodePoint(point)}'`;
}

function decodeBytes(bytes: readonly number[]): string {
  let out = "";
  for (let i = 0; i < bytes.length; ) {
    const length = sequenceLength(bytes, i);
    if (length === 0) {
      out += String.fromCharCode(BYTE_BASE + bytes[i++]);
    } else {
      out += new TextDecoder().decode(Uint8Array.from(bytes.slice(i, i + length)));
      i += length;
    }
  }
  return out;
}

/** The length of the valid UTF-8 sequence at `i`, or 0. */
function sequenceLength(bytes: readonly number[], i: number): number {
  const first = bytes[i];
  const length = first < 0x80 ? 1 : first < 0xc2 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : first < 0xf5 ? 4 : 0;
  if (length === 0 || i + length > bytes.length) return 0;
  try {
    new TextDecoder("utf-8", { fatal: true }).decode(Uint8Array.from(bytes.slice(i, i + length)));
    return length;
  } catch {
    return 0;
  }
}

/** Go's %q of a string. */
export function quoteString(value: string): string {
  let out = '"';
  for (const char of value) {
    const code = char.codePointAt(0)!;
    if (char === '"' || char === "\\") out += `\\${char}`;
    else if (char === "\n") out += "\\n";
    else if (char === "\t") out += "\\t";
    else if (char === "\r") out += "\\r";
    else if (code < 0x20 || code === 0x7f) out += controlEscape(code);
    else if (code >= BYTE_BASE && code <= BYTE_BASE + 255)
      out += `\\x${(code - BYTE_BASE).toString(16).padStart(2, "0")}`;
    else out += char;
  }
  return `${out}"`;
}

function controlEscape(code: number): string {
  for (const [letter, simple] of Object.entries(SIMPLE)) if (simple === code) return `\\${letter}`;
  return `\\x${code.toString(16).padStart(2, "0")}`;
}

/** Go's %v of a float64: `+Inf`, `1e+06`-style exponents only from 1e21 on or below 1e-4. */
export function formatFloat(value: number): string {
  if (Number.isNaN(value)) return "NaN";
  if (!Number.isFinite(value)) return value > 0 ? "+Inf" : "-Inf";
  if (value === 0) return Object.is(value, -0) ? "-0" : "0";
  const size = Math.abs(value);
  if (size >= 1e21 || size < 1e-4) {
    const [mantissa, exponent] = value.toExponential().split("e");
    const digits = exponent.slice(1).padStart(2, "0");
    return `${mantissa}e${exponent[0]}${digits}`;
  }
  return formatFloatPlain(value);
}

/** Go's FormatFloat(v, 'f', -1, 64): never an exponent. */
export function formatFloatPlain(value: number): string {
  if (Number.isNaN(value)) return "NaN";
  if (!Number.isFinite(value)) return value > 0 ? "+Inf" : "-Inf";
  if (Object.is(value, -0)) return "-0";
  const text = String(value);
  if (!text.includes("e")) return text;
  const sign = value < 0 ? "-" : "";
  const [mantissa, exponentText] = Math.abs(value).toExponential().split("e");
  const digits = mantissa.replace(".", "");
  const exponent = Number(exponentText);
  if (exponent >= 0) return sign + digits.padEnd(exponent + 1, "0");
  return `${sign}0.${"0".repeat(-exponent - 1)}${digits}`;
}

/** A number literal in Go's spelling (base 0): hex, octal, underscores. NaN when malformed. */
export function parseNumberText(text: string): number {
  const plain = text.replaceAll("_", "");
  if (/^0[xX][0-9a-fA-F]+$/.test(plain)) return Number(plain);
  if (/^0[0-7]+$/.test(plain)) return Number.parseInt(plain, 8);
  if (/^(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/.test(plain)) return Number(plain);
  return Number.NaN;
}

/** False when a string holds bytes that are not UTF-8. */
export function isWellFormed(text: string): boolean {
  return !/\p{Surrogate}/u.test(text);
}
