// Escaping of values inside scripts and styles of an HTML text.

import type { TemplateValue } from "./interface.ts";
import { toJson } from "./json.ts";
import { GoDuration, GoTime } from "./time.ts";

const JS: Readonly<Record<string, string>> = {
  "\0": "\\u0000",
  "\t": "\\t",
  "\n": "\\n",
  "\v": "\\u000b",
  "\f": "\\f",
  "\r": "\\r",
  '"': "\\u0022",
  "`": "\\u0060",
  "&": "\\u0026",
  "'": "\\u0027",
  "+": "\\u002b",
  "/": "\\/",
  "<": "\\u003c",
  ">": "\\u003e",
  "\\": "\\\\",
  "\u2028": "\\u2028",
  "\u2029": "\\u2029",
};

export function escapeJsString(text: string): string {
  let out = "";
  for (const c of text) out += JS[c] ?? c;
  return out;
}

export function escapeJsRegexp(text: string): string {
  let out = "";
  for (const c of text) out += "$()*-.?[]^{|}".includes(c) ? `\\${c}` : (JS[c] ?? c);
  return out === "" ? "(?:)" : out;
}

/** A value as a JavaScript expression: its JSON, with blanks around what could join a neighbouring word. */
export function scriptValue(value: TemplateValue): string {
  const shown = value instanceof GoTime || !(value instanceof GoDuration) ? value : value.toString();
  const text = toJson(shown).replaceAll("\u2028", "\\u2028").replaceAll("\u2029", "\\u2029");
  const joins = (c: string | undefined) => c !== undefined && /[$0-9A-Z_a-z]/.test(c);
  return joins(text[0]) || joins(text[text.length - 1]) ? ` ${text} ` : text;
}

const CSS = new Set([..."\0\t\n\f\r\"&'()+/:;<>\\{}"]);

export function escapeCss(text: string): string {
  let out = "";
  for (let i = 0; i < text.length; i++) {
    const c = text[i];
    if (c === "\\") out += "\\\\";
    else if (!CSS.has(c)) out += c;
    else {
      // A blank ends the escape where a hexadecimal digit or a blank follows.
      const blank = i + 1 >= text.length || /[0-9a-fA-F \t\n\f\r]/.test(text[i + 1]) ? " " : "";
      out += `\\${c.charCodeAt(0).toString(16)}${blank}`;
    }
  }
  return out;
}

/** A CSS value that cannot run anything; undefined when it might. */
export function filterCss(text: string): string | undefined {
  const decoded = text.replace(/\\([0-9a-fA-F]{1,6})[ \t\n\f\r]?|\\(.)/gs, (_, hex, c) =>
    hex === undefined ? c : String.fromCodePoint(Math.min(Number.parseInt(hex, 16), 0x10ffff)),
  );
  for (let i = 0; i < decoded.length; i++) {
    const c = decoded[i];
    if ("\0\"'()/;@[\\]`{}<>".includes(c)) return undefined;
    if (c === "-" && decoded[i - 1] === "-") return undefined;
  }
  const word = decoded.replace(/[^a-z]/gi, "").toLowerCase();
  return word.includes("expression") || word.includes("mozbinding") ? undefined : decoded;
}
