// fmt.Sprintf, Sprint and Sprintln over template values, with Go's verbs, flags and error marks.
import { TemplateError, type TemplateValue } from "./interface.ts";
import { formatFloat } from "./numbers.ts";
import {
  entriesOf,
  type GoComplex,
  GoEnum,
  GoList,
  GoMap,
  GoStruct,
  intOf,
  isNamed,
  itemsOf,
  kindOf,
  sortedKeys,
  stringOf,
  typeName,
} from "./values.ts";

interface Flags {
  plus: boolean;
  minus: boolean;
  sharp: boolean;
  space: boolean;
  zero: boolean;
  width: number | undefined;
  precision: number | undefined;
}

const NO_FLAGS: Flags = {
  plus: false,
  minus: false,
  sharp: false,
  space: false,
  zero: false,
  width: undefined,
  precision: undefined,
};
/** Go refuses widths over 10^6; a template is not to make a megabyte out of nothing. */
const WIDTH_LIMIT = 10_000;
/** How deep nested lists and maps are printed. */
const PRINT_DEPTH = 100;

/** %v. */
export function printed(value: TemplateValue): string {
  return formatValue(value, "v", NO_FLAGS, 0);
}

/** fmt.Sprint: blanks between operands when neither is a string. */
export function sprint(args: readonly TemplateValue[]): string {
  let out = "";
  args.forEach((arg, i) => {
    const blank = i > 0 && kindOf(arg) !== "string" && kindOf(args[i - 1]) !== "string";
    out += (blank ? " " : "") + printed(arg);
  });
  return out;
}

export function sprintln(args: readonly TemplateValue[]): string {
  return `${args.map(printed).join(" ")}\n`;
}

/** fmt.Sprintf. */
export function sprintf(format: string, args: readonly TemplateValue[]): string {
  return new Printer(format, args).run();
}

class Printer {
  private at = 0;
  private arg = 0;
  private reordered = false;
  private goodIndex = true;

  constructor(
    private readonly format: string,
    private readonly args: readonly TemplateValue[],
  ) {}

  run(): string {
    const { format, args } = this;
    let out = "";
    while (this.at < format.length) {
      const percent = format.indexOf("%", this.at);
      if (percent < 0) {
        out += format.slice(this.at);
        break;
      }
      out += format.slice(this.at, percent);
      this.at = percent + 1;
      out += this.directive();
    }
    if (!this.reordered && this.arg < args.length) {
      const extra = args
        .slice(this.arg)
        .map((value) => (value == null ? "<nil>" : `${typeName(value)}=${printed(value)}`));
      out += `%!(EXTRA ${extra.join(", ")})`;
    }
    return out;
  }

  private directive(): string {
    this.goodIndex = true;
    const flags = this.flags();
    let afterIndex = this.argNumber();
    let bad = "";
    if (this.format[this.at] === "*") {
      this.at++;
      const width = this.starArg();
      if (width === undefined) bad += "%!(BADWIDTH)";
      else if (width < 0) {
        flags.minus = true;
        flags.zero = false;
        flags.width = -width;
      } else flags.width = width;
      afterIndex = false;
    } else {
      flags.width = this.number();
      if (afterIndex && flags.width !== undefined) this.goodIndex = false;
    }
    if (this.format[this.at] === ".") {
      this.at++;
      if (afterIndex) this.goodIndex = false;
      afterIndex = this.argNumber();
      if (this.format[this.at] === "*") {
        this.at++;
        const precision = this.starArg();
        if (precision === undefined) bad += "%!(BADPREC)";
        else flags.precision = precision < 0 ? undefined : precision;
        afterIndex = false;
      } else flags.precision = this.number() ?? 0;
    }
    if (!afterIndex) this.argNumber();
    return bad + this.verb(flags);
  }

  private verb(flags: Flags): string {
    if (this.at >= this.format.length) return "%!(NOVERB)";
    const verb = String.fromCodePoint(this.format.codePointAt(this.at)!);
    this.at += verb.length;
    if (verb === "%") return "%";
    if (!this.goodIndex) return `%!${verb}(BADINDEX)`;
    if (this.arg >= this.args.length) return `%!${verb}(MISSING)`;
    return formatValue(this.args[this.arg++], verb, flags, 0);
  }

  private flags(): Flags {
    const flags = { ...NO_FLAGS };
    for (; ; this.at++) {
      const c = this.format[this.at];
      if (c === "#") flags.sharp = true;
      else if (c === "0") flags.zero = !flags.minus;
      else if (c === "+") flags.plus = true;
      else if (c === "-") {
        flags.minus = true;
        flags.zero = false;
      } else if (c === " ") flags.space = true;
      else return flags;
    }
  }

  /** `[n]`: the next argument is the n-th. */
  private argNumber(): boolean {
    if (this.format[this.at] !== "[") return false;
    this.reordered = true;
    const close = this.format.indexOf("]", this.at);
    const number = close < 0 ? undefined : /^\d+$/.exec(this.format.slice(this.at + 1, close))?.[0];
    this.at = close < 0 ? this.at + 1 : close + 1;
    const index = Number(number) - 1;
    if (number === undefined || index < 0 || index >= this.args.length) this.goodIndex = false;
    else this.arg = index;
    return number !== undefined;
  }

  private number(): number | undefined {
    const digits = /^\d+/.exec(this.format.slice(this.at, this.at + 10))?.[0];
    if (digits === undefined) return undefined;
    this.at += digits.length;
    return limited(Number(digits));
  }

  private starArg(): number | undefined {
    const value = this.arg < this.args.length ? intOf(this.args[this.arg++]) : undefined;
    return value === undefined ? undefined : limited(Number(value));
  }
}

function limited(size: number): number {
  if (Math.abs(size) > WIDTH_LIMIT) throw new TemplateError(`a width or precision over ${WIDTH_LIMIT} is refused`);
  return size;
}

function badVerb(value: TemplateValue, verb: string): string {
  if (value == null) return `%!${verb}(<nil>)`;
  return `%!${verb}(${typeName(value)}=${printed(value)})`;
}

function formatValue(value: TemplateValue, verb: string, flags: Flags, depth: number): string {
  if (depth > PRINT_DEPTH) throw new TemplateError("value is nested too deeply to be printed");
  if (verb === "T") return padText(value == null ? "<nil>" : typeName(value), flags);
  if (value == null) return verb === "v" ? padText("<nil>", flags) : badVerb(value, verb);
  const text = "vsxXq".includes(verb) && !flags.sharp ? stringerText(value) : undefined;
  if (text !== undefined) return formatString(text, verb, flags);
  switch (kindOf(value)) {
    case "bool":
      return verb === "v" || verb === "t" ? padText(String(value), flags) : badVerb(value, verb);
    case "int":
      return formatInt(value, intOf(value)!, verb, flags);
    case "float":
      return formatNumber(value, value as number, verb, flags);
    case "complex":
      return formatComplex(value as GoComplex, verb, flags);
    case "string":
      return "vsxXq".includes(verb) ? formatString(stringOf(value)!, verb, flags) : badVerb(value, verb);
    case "list":
      return `[${itemsOf(value)!
        .map((item) => formatValue(item, verb, flags, depth + 1))
        .join(" ")}]`;
    case "map":
      return formatMap(value, verb, flags, depth);
    case "struct":
      return formatStruct(value, verb, flags, depth);
    default:
      return badVerb(value, verb);
  }
}

/** What fmt.Stringer gives for the types that are one. */
function stringerText(value: TemplateValue): string | undefined {
  if (value instanceof GoEnum) return value.text;
  if ((value instanceof GoList || value instanceof GoMap) && value.text) return value.text();
  return isNamed(value) ? value.toString() : undefined;
}

function formatMap(value: TemplateValue, verb: string, flags: Flags, depth: number): string {
  const entries = entriesOf(value)!;
  const parts = sortedKeys(entries).map(
    (key) => `${formatValue(key, verb, flags, depth + 1)}:${formatValue(entries.get(key), verb, flags, depth + 1)}`,
  );
  return `map[${parts.join(" ")}]`;
}

function formatStruct(value: TemplateValue, verb: string, flags: Flags, depth: number): string {
  if (!(value instanceof GoStruct)) return "{}";
  const named = flags.plus && verb === "v";
  const parts = Object.entries(value.fields).map(
    ([name, field]) =>
      (named ? `${name}:` : "") + formatValue(field, verb, named ? { ...flags, plus: true } : flags, depth + 1),
  );
  return `{${parts.join(" ")}}`;
}

function padText(text: string, flags: Flags): string {
  const missing = (flags.width ?? 0) - [...text].length;
  if (missing <= 0) return text;
  if (flags.minus) return text + " ".repeat(missing);
  return (flags.zero ? "0" : " ").repeat(missing) + text;
}

function formatString(text: string, verb: string, flags: Flags): string {
  const cut = flags.precision === undefined ? text : [...text].slice(0, flags.precision).join("");
  if (verb === "x" || verb === "X") {
    const bytes = Buffer.from(text, "utf8").subarray(0, flags.precision);
    const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join(flags.space ? " " : "");
    const form = (flags.sharp && hex !== "" ? "0x" : "") + hex;
    return padText(verb === "X" ? form.toUpperCase() : form, flags);
  }
  if (verb === "q") return padText(flags.sharp && !cut.includes("`") ? `\`${cut}\`` : quoteGo(cut, flags.plus), flags);
  return padText(flags.sharp && verb === "v" ? quoteGo(cut, false) : cut, flags);
}

const ESCAPES: Readonly<Record<string, string>> = {
  "\x07": "\\a",
  "\b": "\\b",
  "\f": "\\f",
  "\n": "\\n",
  "\r": "\\r",
  "\t": "\\t",
  "\v": "\\v",
  "\\": "\\\\",
  '"': '\\"',
};

/** strconv.Quote. */
export function quoteGo(text: string, asciiOnly = false): string {
  let out = '"';
  for (const c of text) {
    const code = c.codePointAt(0)!;
    const known = ESCAPES[c];
    if (known) out += known;
    else if (code < 0x20 || code === 0x7f) out += `\\x${code.toString(16).padStart(2, "0")}`;
    else if ((asciiOnly && code > 0x7e) || (code > 0x7f && /[\p{C}\p{Zl}\p{Zp}\u00a0]/u.test(c))) {
      out += code > 0xffff ? `\\U${code.toString(16).padStart(8, "0")}` : `\\u${code.toString(16).padStart(4, "0")}`;
    } else out += c;
  }
  return `${out}"`;
}

const BASES: Readonly<Record<string, number>> = { v: 10, d: 10, b: 2, o: 8, O: 8, x: 16, X: 16 };
const PREFIXES: Readonly<Record<string, string>> = { b: "0b", o: "0", x: "0x", X: "0X" };

function formatInt(value: TemplateValue, number: bigint, verb: string, flags: Flags): string {
  if (verb === "c") return padText(codePoint(number), flags);
  if (verb === "q")
    return padText(
      `'${codePoint(number) === "'" ? "\\'" : quoteGo(codePoint(number)).slice(1, -1).replace('\\"', '"')}'`,
      flags,
    );
  if (verb === "U") {
    const hex = `U+${number.toString(16).toUpperCase().padStart(4, "0")}`;
    return padText(flags.sharp ? `${hex} '${codePoint(number)}'` : hex, flags);
  }
  const base = BASES[verb];
  if (base === undefined) return badVerb(value, verb);
  if (flags.precision === 0 && number === 0n) return padText("", { ...flags, zero: false });
  let digits = (number < 0n ? -number : number).toString(base);
  if (verb === "X") digits = digits.toUpperCase();
  const prefix = verb === "O" ? "0o" : flags.sharp ? (PREFIXES[verb] ?? "") : "";
  const sign = number < 0n ? "-" : flags.plus ? "+" : flags.space ? " " : "";
  if (flags.precision !== undefined) digits = digits.padStart(flags.precision, "0");
  else if (flags.zero && flags.width !== undefined) digits = digits.padStart(flags.width - sign.length, "0");
  return padText(sign + prefix + digits, { ...flags, zero: false });
}

function codePoint(number: bigint): string {
  const valid = number >= 0n && number <= 0x10ffffn && !(number >= 0xd800n && number <= 0xdfffn);
  return valid ? String.fromCodePoint(Number(number)) : "\ufffd";
}

function formatNumber(value: TemplateValue, number: number, verb: string, flags: Flags): string {
  if (!"vbeEfFgGxX".includes(verb)) return badVerb(value, verb);
  const form = verb === "v" ? "g" : verb === "F" ? "f" : verb;
  const standard = "eEfF".includes(verb) ? 6 : -1;
  let text = formatFloat(number, form, flags.precision ?? standard);
  const finite = Number.isFinite(number);
  if (flags.plus && !text.startsWith("-") && !text.startsWith("+")) text = `+${text}`;
  if (!flags.plus && text.startsWith("+")) text = flags.space ? ` ${text.slice(1)}` : text;
  else if (flags.space && !flags.plus && !text.startsWith("-")) text = ` ${text}`;
  if (flags.zero && finite && flags.width !== undefined) {
    const sign = /^[+\- ]/.test(text) ? text[0] : "";
    return sign + text.slice(sign.length).padStart(flags.width - sign.length, "0");
  }
  return padText(text, { ...flags, zero: false });
}

function formatComplex(value: GoComplex, verb: string, flags: Flags): string {
  if (!"vbeEfFgGxX".includes(verb)) return badVerb(value, verb);
  const real = formatNumber(value.real, value.real, verb, flags);
  return `(${real}${formatNumber(value.imaginary, value.imaginary, verb, { ...flags, plus: true })}i)`;
}
