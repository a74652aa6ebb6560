// Go's literals inside templates: numbers, characters, quoted strings.
import type { NumberNode } from "./nodes.ts";
import { parseFloatText } from "./numbers.ts";

const INT_MAX = (1n << 63n) - 1n;

/** The ideal constant of a number's text; undefined when it is none. */
export function parseNumber(text: string): NumberNode["value"] | undefined {
  if (text.endsWith("i")) return parseComplex(text.slice(0, -1));
  const body = text.replace(/^[+-]/, "");
  const isInteger = /^(0[xX][0-9a-fA-F_]+|0[bB][01_]+|0[oO][0-7_]+|0[0-7_]*|[1-9][0-9_]*)$/.test(body);
  if (isInteger) return parseInteger(text, body);
  return parseFloatText(text.replaceAll("_", ""));
}

/** Without its "i": `2`, or `1+2` with a real part. */
function parseComplex(text: string): NumberNode["value"] | undefined {
  const split = /^(.*?[^eEpP+-])([+-].+)$/.exec(text);
  const asFloat = (part: string) => Number(parseNumber(part) ?? Number.NaN);
  const real = split ? asFloat(split[1]) : 0;
  const imaginary = asFloat(split ? split[2] : text);
  return Number.isNaN(real) || Number.isNaN(imaginary) ? undefined : { real, imaginary };
}

function parseInteger(text: string, body: string): bigint | undefined {
  const digits = body.replaceAll("_", "");
  const octal = /^0[0-7]+$/.test(digits);
  const size = BigInt(octal ? `0o${digits.slice(1)}` : digits);
  const value = text.startsWith("-") ? -size : size;
  return value > INT_MAX || value < -INT_MAX - 1n ? undefined : value;
}

/** The code point of a character constant with its quotes, e.g. 'a' or '\n'. */
export function parseCharacter(text: string): bigint | undefined {
  const body = text.slice(1, -1);
  const value = unescapeText(body, "'");
  if (value === undefined || [...value].length !== 1) return undefined;
  return BigInt(value.codePointAt(0)!);
}

/** The value of an interpreted string literal with its quotes. */
export function unquote(text: string): string | undefined {
  return unescapeText(text.slice(1, -1), '"');
}

const SIMPLE: Readonly<Record<string, string>> = {
  a: "\x07",
  b: "\b",
  f: "\f",
  n: "\n",
  r: "\r",
  t: "\t",
  v: "\v",
  "\\": "\\",
};

function unescapeText(body: string, mark: string): string | undefined {
  let out = "";
  let bytes: number[] = [];
  const flush = () => {
    if (bytes.length > 0) out += Buffer.from(bytes).toString("utf8");
    bytes = [];
  };
  for (let i = 0; i < body.length; ) {
    if (body[i] !== "\\") {
      flush();
      out += body[i++];
      continue;
    }
    const c = body[i + 1] ?? "";
    const simple = c === mark ? mark : SIMPLE[c];
    if (simple !== undefined) {
      flush();
      out += simple;
      i += 2;
      continue;
    }
    const code = /^(?:x([0-9a-fA-F]{2})|([0-7]{3})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8}))/.exec(body.slice(i + 1));
    if (!code) return undefined;
    const value = Number.parseInt(code[1] ?? code[2] ?? code[3] ?? code[4], code[2] ? 8 : 16);
    if (code[3] ?? code[4]) {
      if (value > 0x10ffff || (value >= 0xd800 && value <= 0xdfff)) return undefined;
      flush();
      out += String.fromCodePoint(value);
    } else {
      if (value > 255) return undefined;
      bytes.push(value);
    }
    i += 1 + code[0].length;
  }
  flush();
  return out;
}
