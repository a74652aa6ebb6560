// What both function sets share: letter case, regular expressions, humanized figures.
import { compileRe2, RegexError } from "@storewatch/model";
import { TemplateError, type TemplateValue } from "./interface.ts";
import { formatFloat, parseFloatText } from "./numbers.ts";
import { GoDuration, GoTime } from "./time.ts";
import { intOf, kindOf, stringOf, typeName } from "./values.ts";

function compile(pattern: string): ReturnType<typeof compileRe2> {
  try {
    return compileRe2(pattern);
  } catch (error) {
    throw error instanceof RegexError ? new TemplateError(error.message) : error;
  }
}

/** Whether the pattern matches anywhere in the text. */
export function matchText(pattern: string, text: string): boolean {
  return compile(pattern).matcher(text).find();
}

/** Go's ReplaceAllString: `$1`, `$name`, `${name}` and `$$` in the replacement. */
export function replaceAll(pattern: string, replacement: string, text: string): string {
  const regex = compile(pattern);
  const names = regex.namedGroups() as Record<string, number>;
  const matcher = regex.matcher(text);
  let out = "";
  let end = 0;
  let first = true;
  while (matcher.find()) {
    const [start, stop] = [matcher.start(), matcher.end()];
    // No empty match right after the one before.
    if (!first && stop === start && start === end) continue;
    const group = (index: number) => (index <= matcher.groupCount() ? (matcher.group(index) ?? "") : "");
    out += text.slice(end, start) + expand(replacement, names, group);
    end = stop;
    first = false;
  }
  return out + text.slice(end);
}

function expand(replacement: string, names: Record<string, number>, group: (index: number) => string): string {
  return replacement.replace(/\$(?:\$|\{(\w+)\}|(\w+))/g, (whole, braced?: string, bare?: string) => {
    const name = braced ?? bare;
    if (name === undefined) return whole === "$$" ? "$" : whole;
    if (/^\d+$/.test(name)) return group(Number(name));
    return Object.hasOwn(names, name) ? group(names[name]) : "";
  });
}

/** strings.Title: the first letter of each word, the rest untouched. */
export function titleWords(text: string): string {
  return text.replace(
    /(^|[^\p{L}\p{Nd}_'])(\p{L})/gu,
    (_, before: string, letter: string) => before + letter.toUpperCase(),
  );
}

/** Title case of x/text: the rest of each word in lower case. */
export function titleCase(text: string): string {
  return titleWords(text.toLowerCase());
}

/** Numbers, numeric strings and durations (in seconds) as a float64. */
export function toFloat(value: TemplateValue): number {
  if (typeof value === "number") return value;
  if (value instanceof GoDuration) return Number(value.nanoseconds) / 1e9;
  const int = intOf(value);
  if (int !== undefined) return Number(int);
  const text = stringOf(value);
  if (text === undefined) {
    const what = kindOf(value) === "nil" || value === undefined ? "<nil>" : typeName(value);
    throw new TemplateError(`can't convert ${what} to float`);
  }
  const number = parseFloatText(text);
  if (number === undefined)
    throw new TemplateError(`strconv.ParseFloat: parsing ${JSON.stringify(text)}: invalid syntax`);
  return number;
}

/** %.4g */
function four(value: number): string {
  return formatFloat(value, "g", 4);
}

const LARGE = ["k", "M", "G", "T", "P", "E", "Z", "Y"];
const LARGE_BINARY = ["ki", "Mi", "Gi", "Ti", "Pi", "Ei", "Zi", "Yi"];
const SMALL = ["m", "u", "n", "p", "f", "a", "z", "y"];

function scaledUp(value: number, base: number, prefixes: readonly string[]): string {
  let rest = value;
  let prefix = "";
  for (const next of prefixes) {
    if (Math.abs(rest) < base) break;
    prefix = next;
    rest /= base;
  }
  return four(rest) + prefix;
}

function scaledDown(value: number): string {
  let rest = value;
  let prefix = "";
  for (const next of SMALL) {
    if (Math.abs(rest) >= 1) break;
    prefix = next;
    rest *= 1000;
  }
  return four(rest) + prefix;
}

export function humanize(value: TemplateValue): string {
  const v = toFloat(value);
  if (v === 0 || !Number.isFinite(v)) return four(v);
  return Math.abs(v) >= 1 ? scaledUp(v, 1000, LARGE) : scaledDown(v);
}

export function humanize1024(value: TemplateValue): string {
  const v = toFloat(value);
  return Math.abs(v) <= 1 || !Number.isFinite(v) ? four(v) : scaledUp(v, 1024, LARGE_BINARY);
}

/** Seconds as "1d 2h 3m 4s", "1.234s", "120ms". */
export function humanizeDuration(value: TemplateValue): string {
  const v = toFloat(value);
  if (!Number.isFinite(v)) return four(v);
  if (v === 0) return `${four(v)}s`;
  if (Math.abs(v) < 1) return `${scaledDown(v)}s`;
  const sign = v < 0 ? "-" : "";
  const whole = BigInt(Math.trunc(Math.abs(v)));
  const [seconds, minutes, hours, days] = [whole % 60n, (whole / 60n) % 60n, (whole / 3600n) % 24n, whole / 86_400n];
  if (days > 0n) return `${sign}${days}d ${hours}h ${minutes}m ${seconds}s`;
  if (hours > 0n) return `${sign}${hours}h ${minutes}m ${seconds}s`;
  if (minutes > 0n) return `${sign}${minutes}m ${seconds}s`;
  return `${sign}${four(Math.abs(v))}s`;
}

export function humanizePercentage(value: TemplateValue): string {
  return `${four(toFloat(value) * 100)}%`;
}

/** Seconds since the epoch as a time, to the millisecond. Out of 64-bit nanoseconds is an error. */
export function floatToTime(seconds: number): GoTime {
  const nanoseconds = seconds * 1e9;
  if (Number.isNaN(nanoseconds) || nanoseconds > 9.223372036854775e18 || nanoseconds < -9.223372036854775e18) {
    throw new TemplateError(
      `${formatFloat(seconds, "g", -1)} cannot be represented as a nanoseconds timestamp since it overflows int64`,
    );
  }
  return GoTime.fromMs(Math.floor(nanoseconds / 1e6));
}

export function humanizeTimestamp(value: TemplateValue): string {
  const v = toFloat(value);
  return Number.isFinite(v) ? floatToTime(v).toString() : four(v);
}
