// Grafana's unit names → text. Values of one axis may be formatted alike by fixing the decimals.
import { count, duration, money, NOTHING, plainNumber, scaled, THIN } from "./numbers.ts";

export type Format = (value: number | null | undefined) => string;

const IEC = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];
const SI = ["", "k", "M", "G", "T", "P"];

function stepped(value: number, base: number, names: readonly string[], suffix: string, decimals?: number): string {
  let step = 0;
  let rest = value;
  while (Math.abs(rest) >= base && step < names.length - 1) {
    rest /= base;
    step++;
  }
  const unit = names[step] + suffix;
  return plainNumber(rest, decimals) + (unit === "" ? "" : THIN + unit);
}

const iec =
  (suffix = "", bits = false) =>
  (value: number, decimals?: number) =>
    stepped(value, 1024, bits ? IEC.map((name) => name.replace("B", "b")) : IEC, suffix, decimals);
const si = (suffix: string) => (value: number, decimals?: number) => stepped(value, 1000, SI, suffix, decimals);
const per = (suffix: string) => (value: number, decimals?: number) =>
  Math.abs(value) >= 10_000
    ? stepped(value, 1000, SI, ` ${suffix}`, decimals).replace(`${THIN} `, THIN)
    : plainNumber(value, decimals) + THIN + suffix;
const after = (suffix: string) => (value: number, decimals?: number) => plainNumber(value, decimals) + THIN + suffix;
const seconds = (factor: number) => (value: number) => duration(value * factor);

type Formatter = (value: number, decimals?: number) => string;

const UNITS: Readonly<Record<string, Formatter>> = {
  none: (value, decimals) => plainNumber(value, decimals),
  short: (value, decimals) => (Math.abs(value) < 10_000 ? plainNumber(value, decimals) : scaled(value, "", decimals)),
  string: (value) => String(value),
  percent: (value, decimals) => `${plainNumber(value, decimals ?? percentDecimals(value))}${THIN}%`,
  percentunit: (value, decimals) => `${plainNumber(value * 100, decimals ?? percentDecimals(value * 100))}${THIN}%`,
  s: seconds(1),
  ms: seconds(1e-3),
  µs: seconds(1e-6),
  us: seconds(1e-6),
  ns: seconds(1e-9),
  m: seconds(60),
  h: seconds(3600),
  d: seconds(86_400),
  dtdurations: seconds(1),
  dtdurationms: seconds(1e-3),
  clocks: seconds(1),
  bytes: iec(),
  kbytes: (value, decimals) => iec()(value * 1024, decimals),
  mbytes: (value, decimals) => iec()(value * 1024 ** 2, decimals),
  decbytes: si("B"),
  bits: iec("", true),
  decbits: si("b"),
  Bps: si("B/s"),
  binBps: iec("/s"),
  bps: si("b/s"),
  binbps: iec("/s", true),
  KBs: (value, decimals) => si("B/s")(value * 1000, decimals),
  pps: per("p/s"),
  reqps: per("req/s"),
  ops: per("ops/s"),
  iops: per("io/s"),
  rps: per("rd/s"),
  rds: per("rd/s"),
  wps: per("wr/s"),
  eps: per("ev/s"),
  cps: per("/s"),
  mps: per("msg/s"),
  opm: per("ops/min"),
  rpm: per("/min"),
  hertz: si("Hz"),
  celsius: after("°C"),
  fahrenheit: after("°F"),
  humidity: after("%H"),
  watt: si("W"),
  volt: si("V"),
  amp: si("A"),
  rotrpm: after("rpm"),
  bool: (value) => (value === 0 ? "False" : "True"),
  bool_yes_no: (value) => (value === 0 ? "No" : "Yes"),
  bool_on_off: (value) => (value === 0 ? "Off" : "On"),
  dateTimeAsIso: (value) => dateText(value),
  dateTimeFromNow: (value) => dateText(value),
  currencyVND: (value) => money(value, "VND"),
  currencyUSD: (value) => money(value, "USD"),
  currencyEUR: (value) => money(value, "EUR"),
};

/** Close to 100 % the digits behind the point are what matters. */
const percentDecimals = (value: number): number | undefined =>
  Math.abs(value) >= 99 && Math.abs(value) < 100 ? 2 : undefined;

const dateText = (ms: number): string => {
  const date = new Date(ms);
  return Number.isNaN(date.getTime()) ? NOTHING : date.toISOString().slice(0, 19).replace("T", " ");
};

/** Unknown units become the suffix, as `suffix:x` and `prefix:x` do by their own words. */
export function unitFormat(unit: string | null | undefined, decimals?: number | null): Format {
  const fixed = decimals ?? undefined;
  const known = UNITS[unit || "short"];
  const format: Formatter = known ?? custom(unit ?? "");
  return (value) => (value === null || value === undefined || Number.isNaN(value) ? NOTHING : format(value, fixed));
}

function custom(unit: string): Formatter {
  const [kind, text] = unit.includes(":")
    ? [unit.slice(0, unit.indexOf(":")), unit.slice(unit.indexOf(":") + 1)]
    : ["suffix", unit];
  if (kind === "prefix") return (value, decimals) => text + plainNumber(value, decimals);
  if (kind === "currency") return (value, decimals) => text + THIN + scaled(value, "", decimals);
  return (value, decimals) => plainNumber(value, decimals) + THIN + text;
}

export const requestsPerSecond: Format = (value) =>
  value === null || value === undefined ? NOTHING : `${count(value)}${THIN}req/s`;
