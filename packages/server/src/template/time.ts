// time.Time, time.Duration and Go's layout language ("2006-01-02 15:04:05").
import { TemplateError, type TemplateValue } from "./interface.ts";
import { GoEnum, type GoNamed, type Methods } from "./values.ts";
import { abbreviationAt, isZone, offsetSecondsAt } from "./zone.ts";

const MS = 1_000_000n;
const SECOND = 1_000_000_000n;
/** Year 1 in ms before the epoch: Go's zero time, which means "unset". */
export const ZERO_TIME_MS = -62_135_596_800_000;

const MONTHS = [
  "January",
  "February",
  "March",
  "April",
  "May",
  "June",
  "July",
  "August",
  "September",
  "October",
  "November",
  "December",
];
const DAYS = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];

export class GoDuration implements GoNamed {
  readonly goKind = "int";
  readonly typeName = "time.Duration";

  constructor(readonly nanoseconds: bigint) {}

  static fromMs(ms: number): GoDuration {
    return new GoDuration(BigInt(Math.round(ms * 1e6)));
  }

  get methods(): Methods {
    const seconds = Number(this.nanoseconds) / 1e9;
    return {
      String: () => this.toString(),
      Seconds: () => seconds,
      Minutes: () => seconds / 60,
      Hours: () => seconds / 3600,
      Milliseconds: () => this.nanoseconds / MS,
      Microseconds: () => this.nanoseconds / 1000n,
      Nanoseconds: () => this.nanoseconds,
      Abs: () => new GoDuration(this.nanoseconds < 0n ? -this.nanoseconds : this.nanoseconds),
      Truncate: (unit) => new GoDuration(this.nanoseconds - (this.nanoseconds % mustUnit(unit))),
      Round: (unit) => new GoDuration(roundTo(this.nanoseconds, mustUnit(unit))),
    };
  }

  /** 1h2m3.5s, 150ms, 0s. */
  toString(): string {
    const sign = this.nanoseconds < 0n ? "-" : "";
    const size = this.nanoseconds < 0n ? -this.nanoseconds : this.nanoseconds;
    if (size === 0n) return "0s";
    if (size < 1000n) return `${sign}${size}ns`;
    if (size < MS) return `${sign}${decimal(size, 1000n)}µs`;
    if (size < SECOND) return `${sign}${decimal(size, MS)}ms`;
    const hours = size / (3600n * SECOND);
    const minutes = (size / (60n * SECOND)) % 60n;
    const seconds = `${decimal(size % (60n * SECOND), SECOND)}s`;
    if (hours > 0n) return `${sign}${hours}h${minutes}m${seconds}`;
    return minutes > 0n ? `${sign}${minutes}m${seconds}` : `${sign}${seconds}`;
  }
}

function mustUnit(value: TemplateValue): bigint {
  const unit = value instanceof GoDuration ? value.nanoseconds : value;
  if (typeof unit !== "bigint") throw new TemplateError("wrong type for value; expected time.Duration");
  return unit <= 0n ? 1n : unit;
}

function roundTo(value: bigint, unit: bigint): bigint {
  const size = value < 0n ? -value : value;
  const result = ((size + unit / 2n) / unit) * unit;
  return value < 0n ? -result : result;
}

/** `value / unit` as a decimal without trailing zeros. */
function decimal(value: bigint, unit: bigint): string {
  const fraction = (value % unit)
    .toString()
    .padStart(unit.toString().length - 1, "0")
    .replace(/0+$/, "");
  return fraction === "" ? `${value / unit}` : `${value / unit}.${fraction}`;
}

/** Civil time of an instant in a zone. */
interface Civil {
  readonly date: Date;
  readonly nanos: bigint;
  readonly offsetSeconds: number;
  readonly abbreviation: string;
}

export class GoTime implements GoNamed {
  readonly goKind = "struct";
  readonly typeName = "time.Time";

  /** Nanoseconds since the epoch; `zone` an IANA name or "UTC". */
  constructor(
    readonly nanoseconds: bigint,
    readonly zone = "UTC",
  ) {}

  static fromMs(ms: number, zone = "UTC"): GoTime {
    return new GoTime(BigInt(Math.round(ms)) * MS, zone);
  }

  get ms(): number {
    return Number(floorDiv(this.nanoseconds, MS));
  }

  get isZero(): boolean {
    return this.ms === ZERO_TIME_MS;
  }

  private civil(): Civil {
    const offsetSeconds = offsetSecondsAt(this.zone, this.ms);
    const shifted = this.nanoseconds + BigInt(offsetSeconds) * SECOND;
    return {
      date: new Date(Number(floorDiv(shifted, MS))),
      nanos: ((shifted % SECOND) + SECOND) % SECOND,
      offsetSeconds,
      abbreviation: abbreviationAt(this.zone, this.ms, offsetSeconds),
    };
  }

  format(layout: string): string {
    return formatLayout(this.civil(), layout);
  }

  /** As time.Time prints: 2026-01-22 08:00:00.123 +0000 UTC. */
  toString(): string {
    return this.format("2006-01-02 15:04:05.999999999 -0700 MST");
  }

  toJSON(): string {
    return this.format("2006-01-02T15:04:05.999999999Z07:00");
  }

  inZone(zone: string): GoTime {
    if (!isZone(zone)) throw new TemplateError(`unknown time zone ${zone}`);
    return new GoTime(this.nanoseconds, zone);
  }

  get methods(): Methods {
    return { ...this.partMethods(), ...this.orderMethods(), ...this.unixMethods() };
  }

  private partMethods(): Methods {
    const { date, nanos } = this.civil();
    const month = date.getUTCMonth();
    const startOfYear = Date.UTC(date.getUTCFullYear(), 0, 1);
    return {
      Year: () => BigInt(date.getUTCFullYear()),
      Month: () => new GoEnum("time.Month", BigInt(month + 1), MONTHS[month]),
      Day: () => BigInt(date.getUTCDate()),
      Weekday: () => new GoEnum("time.Weekday", BigInt(date.getUTCDay()), DAYS[date.getUTCDay()]),
      YearDay: () => BigInt(Math.floor((date.getTime() - startOfYear) / 86_400_000) + 1),
      Hour: () => BigInt(date.getUTCHours()),
      Minute: () => BigInt(date.getUTCMinutes()),
      Second: () => BigInt(date.getUTCSeconds()),
      Nanosecond: () => nanos,
      Format: (layout) => this.format(mustString(layout)),
      String: () => this.toString(),
      Location: () => this.zone,
    };
  }

  private orderMethods(): Methods {
    return {
      Sub: (other) => new GoDuration(this.nanoseconds - mustTime(other).nanoseconds),
      Add: (duration) => new GoTime(this.nanoseconds + mustDuration(duration), this.zone),
      AddDate: (years, months, days) => this.addDate(Number(years), Number(months), Number(days)),
      Before: (other) => this.nanoseconds < mustTime(other).nanoseconds,
      After: (other) => this.nanoseconds > mustTime(other).nanoseconds,
      Equal: (other) => this.nanoseconds === mustTime(other).nanoseconds,
      IsZero: () => this.isZero,
      Truncate: (unit) => new GoTime(this.nanoseconds - (this.nanoseconds % mustUnit(unit)), this.zone),
      Round: (unit) => new GoTime(roundTo(this.nanoseconds, mustUnit(unit)), this.zone),
    };
  }

  private unixMethods(): Methods {
    return {
      Unix: () => floorDiv(this.nanoseconds, SECOND),
      UnixMilli: () => floorDiv(this.nanoseconds, MS),
      UnixMicro: () => floorDiv(this.nanoseconds, 1000n),
      UnixNano: () => this.nanoseconds,
      UTC: () => new GoTime(this.nanoseconds),
      Local: () => new GoTime(this.nanoseconds),
    };
  }

  private addDate(years: number, months: number, days: number): GoTime {
    const { date, nanos } = this.civil();
    const moved = new Date(date.getTime());
    moved.setUTCFullYear(date.getUTCFullYear() + years, date.getUTCMonth() + months, date.getUTCDate() + days);
    const wall = BigInt(Math.floor(moved.getTime() / 1000)) * SECOND + nanos;
    const offset = offsetSecondsAt(this.zone, Number(wall / MS));
    return new GoTime(wall - BigInt(offset) * SECOND, this.zone);
  }
}

function floorDiv(a: bigint, b: bigint): bigint {
  return a < 0n && a % b !== 0n ? a / b - 1n : a / b;
}

function mustString(value: TemplateValue): string {
  if (typeof value !== "string") throw new TemplateError("wrong type for value; expected string");
  return value;
}

function mustTime(value: TemplateValue): GoTime {
  if (!(value instanceof GoTime)) throw new TemplateError("wrong type for value; expected time.Time");
  return value;
}

function mustDuration(value: TemplateValue): bigint {
  if (value instanceof GoDuration) return value.nanoseconds;
  if (typeof value === "bigint") return value;
  throw new TemplateError("wrong type for value; expected time.Duration");
}

/** Layout words, longest first where one is the start of another. */
const WORDS = [
  "January",
  "Jan",
  "Monday",
  "Mon",
  "MST",
  "2006",
  "-07:00:00",
  "-070000",
  "-07:00",
  "-0700",
  "-07",
  "Z07:00:00",
  "Z070000",
  "Z07:00",
  "Z0700",
  "Z07",
  "002",
  "01",
  "02",
  "03",
  "04",
  "05",
  "06",
  "15",
  "__2",
  "_2006",
  "_2",
  "PM",
  "pm",
  "1",
  "2",
  "3",
  "4",
  "5",
] as const;
type Word = (typeof WORDS)[number];

function formatLayout(civil: Civil, layout: string): string {
  let out = "";
  let at = 0;
  while (at < layout.length) {
    const fraction = /^[.,](0+|9+)(?!\d)/.exec(layout.slice(at));
    if (fraction) {
      out += fractionText(civil.nanos, fraction[0]);
      at += fraction[0].length;
      continue;
    }
    const word = WORDS.find((candidate) => layout.startsWith(candidate, at) && !cutsWord(candidate, layout, at));
    if (word === undefined) {
      out += layout[at++];
      continue;
    }
    out += wordText(civil, word);
    at += word.length;
  }
  return out;
}

/** "Jan" and "Mon" are no words when a lower-case letter follows ("Month"). */
function cutsWord(word: Word, layout: string, at: number): boolean {
  if (word !== "Jan" && word !== "Mon") return false;
  const next = layout[at + word.length] ?? "";
  return next >= "a" && next <= "z";
}

function fractionText(nanos: bigint, mark: string): string {
  const digits = nanos
    .toString()
    .padStart(9, "0")
    .slice(0, mark.length - 1)
    .padEnd(mark.length - 1, "0");
  if (mark[1] === "0") return mark[0] + digits;
  const trimmed = digits.replace(/0+$/, "");
  return trimmed === "" ? "" : mark[0] + trimmed;
}

function wordText(civil: Civil, word: Word): string {
  const { date } = civil;
  const two = (n: number) => String(n).padStart(2, "0");
  const hour12 = date.getUTCHours() % 12 || 12;
  const year = date.getUTCFullYear();
  switch (word) {
    case "January":
      return MONTHS[date.getUTCMonth()];
    case "Jan":
      return MONTHS[date.getUTCMonth()].slice(0, 3);
    case "Monday":
      return DAYS[date.getUTCDay()];
    case "Mon":
      return DAYS[date.getUTCDay()].slice(0, 3);
    case "MST":
      return civil.abbreviation;
    case "2006":
      return String(year).padStart(4, "0");
    case "_2006":
      return `_${String(year).padStart(4, "0")}`;
    case "06":
      return two(year % 100);
    case "01":
      return two(date.getUTCMonth() + 1);
    case "1":
      return String(date.getUTCMonth() + 1);
    case "02":
      return two(date.getUTCDate());
    case "2":
      return String(date.getUTCDate());
    case "_2":
      return String(date.getUTCDate()).padStart(2, " ");
    case "002":
    case "__2": {
      const day = Math.floor((date.getTime() - Date.UTC(year, 0, 1)) / 86_400_000) + 1;
      return String(day).padStart(3, word === "002" ? "0" : " ");
    }
    case "15":
      return two(date.getUTCHours());
    case "03":
      return two(hour12);
    case "3":
      return String(hour12);
    case "04":
      return two(date.getUTCMinutes());
    case "4":
      return String(date.getUTCMinutes());
    case "05":
      return two(date.getUTCSeconds());
    case "5":
      return String(date.getUTCSeconds());
    case "PM":
      return date.getUTCHours() >= 12 ? "PM" : "AM";
    case "pm":
      return date.getUTCHours() >= 12 ? "pm" : "am";
    default:
      return offsetText(civil.offsetSeconds, word);
  }
}

function offsetText(offsetSeconds: number, word: string): string {
  if (word.startsWith("Z") && offsetSeconds === 0) return "Z";
  const size = Math.abs(offsetSeconds);
  const two = (n: number) => String(n).padStart(2, "0");
  const parts = [two(Math.floor(size / 3600)), two(Math.floor(size / 60) % 60), two(size % 60)];
  const shape = word.slice(1);
  const count = shape.replaceAll(":", "").length / 2;
  return (offsetSeconds < 0 ? "-" : "+") + parts.slice(0, count).join(shape.includes(":") ? ":" : "");
}
