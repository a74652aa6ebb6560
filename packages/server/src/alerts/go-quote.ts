// Go's string literals, as they stand in matchers and group keys.

const SHORT: Readonly<Record<string, string>> = {
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
const BYTE_OF: Readonly<Record<string, number>> = { a: 7, b: 8, f: 12, n: 10, r: 13, t: 9, v: 11, "\\": 92, '"': 34 };
const INVISIBLE = /[\p{C}\p{Z}]/u;

/** Go's %q. */
export function goQuote(text: string): string {
  let quoted = '"';
  for (const char of text) {
    const code = char.codePointAt(0) as number;
    if (SHORT[char]) quoted += SHORT[char];
    else if (code < 0x20 || code === 0x7f) quoted += `\\x${code.toString(16).padStart(2, "0")}`;
    else if (char === " " || !INVISIBLE.test(char)) quoted += char;
    else if (code < 0x10000) quoted += `\\u${code.toString(16).padStart(4, "0")}`;
    else quoted += `\\U${code.toString(16).padStart(8, "0")}`;
  }
  return `${quoted}"`;
}

const ESCAPE = /^(?:x([0-9a-fA-F]{2})|([0-7]{3})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8}))/;

/** The text of a double-quoted literal, quotes included; undefined when it is none or not valid UTF-8. */
export function goUnquote(literal: string): string | undefined {
  if (literal.length < 2 || !literal.startsWith('"') || !literal.endsWith('"')) return undefined;
  const inner = literal.slice(1, -1);
  const bytes: number[] = [];
  for (let i = 0; i < inner.length; ) {
    const char = String.fromCodePoint(inner.codePointAt(i) as number);
    if (char === '"' || char === "\n") return undefined;
    if (char !== "\\") {
      bytes.push(...Buffer.from(char));
      i += char.length;
      continue;
    }
    const next = inner[i + 1];
    if (next !== undefined && BYTE_OF[next] !== undefined) {
      bytes.push(BYTE_OF[next]);
      i += 2;
      continue;
    }
    const match = ESCAPE.exec(inner.slice(i + 1, i + 10));
    if (!match) return undefined;
    const [all, hex, octal, short, long] = match;
    if (hex !== undefined) bytes.push(Number.parseInt(hex, 16));
    else if (octal !== undefined) bytes.push(Number.parseInt(octal, 8));
    else {
      const code = Number.parseInt(short ?? long, 16);
      if (code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff)) return undefined;
      bytes.push(...Buffer.from(String.fromCodePoint(code)));
    }
    if (bytes[bytes.length - 1] > 255) return undefined;
    i += 1 + all.length;
  }
  return decodeUtf8(bytes);
}

function decodeUtf8(bytes: readonly number[]): string | undefined {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(Uint8Array.from(bytes));
  } catch {
    return undefined;
  }
}
