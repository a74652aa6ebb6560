// The functions that every template has: comparison, index, len, print and the escapers.

import { sprint, sprintf, sprintln } from "./format.ts";
import { TemplateError, type TemplateFunction, type TemplateValue } from "./interface.ts";
import { takes, takesMore } from "./signature.ts";
import { GoTime } from "./time.ts";
import {
  entriesOf,
  GoComplex,
  GoList,
  GoMap,
  intOf,
  isTrue,
  itemsOf,
  type Kind,
  kindOf,
  stringOf,
  typeName,
} from "./values.ts";

/** `and` and `or` are evaluated by the executor, which stops at the first decisive argument. */
export const SHORT_CIRCUIT = new Set(["and", "or"]);

const BASIC = new Set<Kind>(["bool", "int", "float", "complex", "string"]);

function equal(a: TemplateValue, b: TemplateValue): boolean {
  const kind = kindOf(a);
  switch (kind) {
    case "int":
      return intOf(a) === intOf(b);
    case "string":
      return stringOf(a) === stringOf(b);
    case "complex":
      return a instanceof GoComplex && b instanceof GoComplex && a.real === b.real && a.imaginary === b.imaginary;
    case "struct":
      return a instanceof GoTime && b instanceof GoTime ? a.nanoseconds === b.nanoseconds : a === b;
    default:
      return a === b || (a == null && b == null);
  }
}

function comparable(value: TemplateValue): void {
  const kind = kindOf(value);
  if (kind === "list" || kind === "map" || kind === "func") {
    throw new TemplateError(`uncomparable type ${typeName(value)}`);
  }
}

function eq(first: TemplateValue, others: readonly TemplateValue[]): boolean {
  comparable(first);
  if (others.length === 0) throw new TemplateError("missing argument for comparison");
  for (const other of others) {
    if (first != null && other != null) {
      const [a, b] = [kindOf(first), kindOf(other)];
      if (a !== b && (BASIC.has(a) || BASIC.has(b))) throw new TemplateError("incompatible types for comparison");
      comparable(other);
      if (a !== b) continue;
    }
    if (equal(first, other)) return true;
  }
  return false;
}

/** Negative, zero or positive; NaN when unordered. */
function compare(a: TemplateValue, b: TemplateValue): number {
  const [left, right] = [kindOf(a), kindOf(b)];
  if (!BASIC.has(left) || !BASIC.has(right)) throw new TemplateError("invalid type for comparison");
  if (left !== right) throw new TemplateError("incompatible types for comparison");
  switch (left) {
    case "int": {
      const [x, y] = [intOf(a)!, intOf(b)!];
      return x < y ? -1 : x > y ? 1 : 0;
    }
    case "float": {
      const [x, y] = [a as number, b as number];
      return x < y ? -1 : x > y ? 1 : x === y ? 0 : Number.NaN;
    }
    case "string":
      return Buffer.compare(Buffer.from(stringOf(a)!), Buffer.from(stringOf(b)!));
    default:
      throw new TemplateError("invalid type for comparison");
  }
}

function indexOf(value: TemplateValue, limit: number, inclusive: boolean): number {
  const index = intOf(value);
  if (index === undefined) {
    const what =
      value == null ? "cannot index slice/array with nil" : `cannot index slice/array with type ${typeName(value)}`;
    throw new TemplateError(what);
  }
  if (index < 0n || index > BigInt(limit) || (!inclusive && index === BigInt(limit))) {
    throw new TemplateError(`index out of range: ${index}`);
  }
  return Number(index);
}

function index(item: TemplateValue, path: readonly TemplateValue[]): TemplateValue {
  if (item === undefined || item === null) throw new TemplateError("index of untyped nil");
  let current: TemplateValue = item;
  for (const step of path) {
    const items = itemsOf(current);
    const entries = entriesOf(current);
    const text = stringOf(current);
    if (items) current = items[indexOf(step, items.length, false)];
    else if (entries) {
      if (typeof step !== "string") {
        throw new TemplateError(
          step == null
            ? "value is nil; should be of type string"
            : `value has type ${typeName(step)}; should be string`,
        );
      }
      current = entries.has(step) ? entries.get(step) : current instanceof GoMap ? current.zero : null;
    } else if (text !== undefined) {
      const bytes = Buffer.from(text, "utf8");
      current = BigInt(bytes[indexOf(step, bytes.length, false)]);
    } else if (current == null) throw new TemplateError("index of nil pointer");
    else throw new TemplateError(`can't index item of type ${typeName(current)}`);
  }
  return current;
}

function slice(item: TemplateValue, bounds: readonly TemplateValue[]): TemplateValue {
  if (item == null) throw new TemplateError("slice of untyped nil");
  if (bounds.length > 3) throw new TemplateError(`too many slice indexes: ${bounds.length}`);
  const text = stringOf(item);
  const items = itemsOf(item);
  if (text === undefined && !items) throw new TemplateError(`can't slice item of type ${typeName(item)}`);
  if (text !== undefined && bounds.length === 3) throw new TemplateError("cannot 3-index slice a string");
  const bytes = text === undefined ? undefined : Buffer.from(text, "utf8");
  const size = bytes?.length ?? items!.length;
  const at = bounds.map((bound) => indexOf(bound, size, true));
  const from = at[0] ?? 0;
  const to = at[1] ?? size;
  if (from > to || (at[2] !== undefined && to > at[2])) {
    throw new TemplateError(`invalid slice index: ${from > to ? `${from} > ${to}` : `${to} > ${at[2]}`}`);
  }
  if (bytes) return bytes.subarray(from, to).toString("utf8");
  const part = items!.slice(from, to);
  return item instanceof GoList ? new GoList(item.typeName, part, item.methods, item.text) : part;
}

function length(value: TemplateValue): bigint {
  const text = stringOf(value);
  if (text !== undefined) return BigInt(Buffer.byteLength(text, "utf8"));
  const size = itemsOf(value)?.length ?? entriesOf(value)?.size;
  if (size !== undefined) return BigInt(size);
  throw new TemplateError(value == null ? "len of nil pointer" : `len of type ${typeName(value)}`);
}

/** The operands of an escaper as one text; a missing value shows as such. */
function joined(args: readonly TemplateValue[]): string {
  return sprint(args.map((arg) => (arg == null ? "<no value>" : arg)));
}

const HTML: Readonly<Record<string, string>> = {
  "\0": "\ufffd",
  '"': "&#34;",
  "'": "&#39;",
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
};

export function escapeHtml(text: string): string {
  return text.replace(/[\0"'&<>]/g, (c) => HTML[c]);
}

export function escapeJs(text: string): string {
  let out = "";
  for (const c of text) {
    const code = c.codePointAt(0)!;
    const simple = "\\'\"".includes(c);
    if (simple) out += `\\${c}`;
    else if ("<>&=".includes(c) || code < 0x20) out += `\\u${code.toString(16).toUpperCase().padStart(4, "0")}`;
    else if (code >= 0x7f && /[\p{C}\p{Zl}\p{Zp}]/u.test(c)) {
      out += `\\u${code.toString(16).toUpperCase().padStart(4, "0")}`;
    } else out += c;
  }
  return out;
}

/** url.QueryEscape. */
export function escapeQuery(text: string): string {
  let out = "";
  for (const byte of Buffer.from(text, "utf8")) {
    const c = String.fromCharCode(byte);
    if (/[A-Za-z0-9\-_.~]/.test(c)) out += c;
    else out += c === " " ? "+" : `%${byte.toString(16).toUpperCase().padStart(2, "0")}`;
  }
  return out;
}

function callFunction(callee: TemplateValue, args: readonly TemplateValue[]): TemplateValue {
  if (callee == null) throw new TemplateError("call of nil");
  if (typeof callee !== "function") throw new TemplateError(`non-function of type ${typeName(callee)}`);
  return (callee as TemplateFunction)(...args);
}

export const BUILTINS: Readonly<Record<string, TemplateFunction>> = {
  and: takesMore(
    ["any"],
    "any",
    ([first], more) => [first, ...more].find((arg) => !isTrue(arg)) ?? [first, ...more].at(-1),
  ),
  or: takesMore(["any"], "any", ([first], more) => [first, ...more].find(isTrue) ?? [first, ...more].at(-1)),
  not: takes(["any"], (value) => !isTrue(value)),
  call: takesMore(["any"], "any", ([callee], args) => callFunction(callee, args)),
  html: takesMore([], "any", (_, args) => escapeHtml(joined(args))),
  js: takesMore([], "any", (_, args) => escapeJs(joined(args))),
  urlquery: takesMore([], "any", (_, args) => escapeQuery(joined(args))),
  index: takesMore(["any"], "any", ([item], path) => index(item, path)),
  slice: takesMore(["any"], "any", ([item], bounds) => slice(item, bounds)),
  len: takes(["any"], length),
  print: takesMore([], "any", (_, args) => sprint(args)),
  printf: takesMore(["string"], "any", ([format], args) => sprintf(format, args)),
  println: takesMore([], "any", (_, args) => sprintln(args)),
  eq: takesMore(["any"], "any", ([first], others) => eq(first, others)),
  ne: takes(["any", "any"], (a, b) => !eq(a, [b])),
  lt: takes(["any", "any"], (a, b) => compare(a, b) < 0),
  le: takes(["any", "any"], (a, b) => compare(a, b) <= 0),
  // Go defines gt as "not le", which shows with NaN.
  gt: takes(["any", "any"], (a, b) => !(compare(a, b) <= 0)),
  ge: takes(["any", "any"], (a, b) => !(compare(a, b) < 0)),
};
