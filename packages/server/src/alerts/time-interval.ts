// Named times at which routes are muted or active: weekdays, times of day, days of month, months, years, in a time zone.

/** Inclusive at both ends. */
export interface Range {
  readonly begin: number;
  readonly end: number;
}

/** Minutes from midnight; the end is exclusive. */
export interface TimeOfDayRange {
  readonly startMinute: number;
  readonly endMinute: number;
}

/** Within a field one range must hold, and all fields must; an empty field always holds. */
export interface TimeInterval {
  readonly times: readonly TimeOfDayRange[];
  /** 0 is Sunday. */
  readonly weekdays: readonly Range[];
  /** Negative numbers count from the end of the month. */
  readonly daysOfMonth: readonly Range[];
  readonly months: readonly Range[];
  readonly years: readonly Range[];
  /** IANA name; undefined is UTC, "Local" the machine's. */
  readonly location: string | undefined;
}

/** Text that is no time interval. */
export class TimeIntervalError extends Error {}

interface LocalTime {
  readonly year: number;
  readonly month: number;
  readonly day: number;
  readonly weekday: number;
  readonly minute: number;
}

export function intervalContains(interval: TimeInterval, timeMs: number): boolean {
  const at = localTime(timeMs, interval.location);
  const within = (ranges: readonly Range[], value: number) =>
    ranges.length === 0 || ranges.some(({ begin, end }) => value >= begin && value <= end);
  return (
    (interval.times.length === 0 ||
      interval.times.some((t) => at.minute >= t.startMinute && at.minute < t.endMinute)) &&
    within(interval.weekdays, at.weekday) &&
    within(interval.months, at.month) &&
    within(interval.years, at.year) &&
    (interval.daysOfMonth.length === 0 || interval.daysOfMonth.some((range) => dayWithin(range, at)))
  );
}

function dayWithin(range: Range, at: LocalTime): boolean {
  const last = new Date(Date.UTC(at.year, at.month, 0)).getUTCDate();
  const fromEnd = (day: number) => (day < 0 ? last + day + 1 : day);
  const begin = fromEnd(range.begin);
  const end = fromEnd(range.end);
  // Beyond the month: clamped, unless the whole range lies outside.
  if (begin > last) return false;
  return at.day >= Math.max(1, begin) && at.day <= Math.min(last, end);
}

const formats = new Map<string, Intl.DateTimeFormat>();
const WEEKDAY_OF: Readonly<Record<string, number>> = { Sun: 0, Mon: 1, Tue: 2, Wed: 3, Thu: 4, Fri: 5, Sat: 6 };

/** Throws TimeIntervalError for a name that is no time zone. */
function formatFor(location: string): Intl.DateTimeFormat {
  const known = formats.get(location);
  if (known) return known;
  try {
    const format = new Intl.DateTimeFormat("en-US", {
      timeZone: location === "Local" ? undefined : location,
      hourCycle: "h23",
      weekday: "short",
      year: "numeric",
      month: "numeric",
      day: "numeric",
      hour: "numeric",
      minute: "numeric",
    });
    formats.set(location, format);
    return format;
  } catch {
    throw new TimeIntervalError(`unknown time zone ${location}`);
  }
}

function localTime(timeMs: number, location = "UTC"): LocalTime {
  const parts = Object.fromEntries(
    formatFor(location)
      .formatToParts(timeMs)
      .map((part) => [part.type, part.value]),
  );
  return {
    year: Number(parts.year),
    month: Number(parts.month),
    day: Number(parts.day),
    weekday: WEEKDAY_OF[parts.weekday],
    minute: Number(parts.hour) * 60 + Number(parts.minute),
  };
}

const TIME_OF_DAY = /^(?:([01][0-9]|2[0-3]):([0-5][0-9])|24:00)$/;

function parseTimeOfDay(text: string): number {
  const match = TIME_OF_DAY.exec(text);
  if (!match) throw new TimeIntervalError(`couldn't parse timestamp ${text}, invalid format`);
  return match[1] === undefined ? 1440 : Number(match[1]) * 60 + Number(match[2]);
}

/** `HH:MM` both; the start lies before the end. */
export function parseTimeRange(start: string | undefined, end: string | undefined): TimeOfDayRange {
  if (!start || !end) throw new TimeIntervalError("both start and end times must be provided");
  const startMinute = parseTimeOfDay(start);
  const endMinute = parseTimeOfDay(end);
  if (startMinute >= endMinute) throw new TimeIntervalError("start time cannot be equal or greater than end time");
  return { startMinute, endMinute };
}

const WEEKDAYS = ["sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"];
const MONTHS = [
  "january",
  "february",
  "march",
  "april",
  "may",
  "june",
  "july",
  "august",
  "september",
  "october",
  "november",
  "december",
];

function ends(text: string): [string, string] {
  const parts = text.toLowerCase().split(":");
  if (parts.length > 2 || parts.some((part) => part.trim() === "")) {
    throw new TimeIntervalError(`couldn't parse range ${text}, invalid format`);
  }
  return [parts[0], parts[1] ?? parts[0]];
}

export function parseWeekdays(text: string): Range {
  const [begin, end] = ends(text).map((part) => {
    const day = WEEKDAYS.indexOf(part);
    if (day < 0) throw new TimeIntervalError(`${part} is not a valid weekday`);
    return day;
  });
  if (begin > end) throw new TimeIntervalError("start day cannot be before end day");
  return { begin, end };
}

function wholeNumber(part: string, what: string): number {
  if (!/^-?\d+$/.test(part)) throw new TimeIntervalError(`${part} is not a valid ${what}`);
  return Number(part);
}

export function parseDaysOfMonth(text: string): Range {
  const [begin, end] = ends(text).map((part) => wholeNumber(part, "day of the month"));
  for (const day of [begin, end]) {
    if (day === 0 || day < -31 || day > 31) {
      throw new TimeIntervalError(`${day} is not a valid day of the month: out of range`);
    }
  }
  if (begin < 0 && end > 0) throw new TimeIntervalError("end day must be negative if start day is negative");
  // With mixed signs the shortest month decides whether the end always lies before the start.
  const latest = (day: number) => (day < 0 ? 31 + day + 1 : day);
  if (latest(begin) > latest(end)) throw new TimeIntervalError(`end day ${end} is always before start day ${begin}`);
  return { begin, end };
}

export function parseMonths(text: string): Range {
  const [begin, end] = ends(text).map((part) => {
    const named = MONTHS.indexOf(part);
    const month = named >= 0 ? named + 1 : wholeNumber(part, "month");
    if (month < 1 || month > 12) throw new TimeIntervalError(`${part} is not a valid month: out of range`);
    return month;
  });
  if (begin > end) throw new TimeIntervalError(`end month ${end} is before start month ${begin}`);
  return { begin, end };
}

export function parseYears(text: string): Range {
  const [begin, end] = ends(text).map((part) => wholeNumber(part, "year"));
  if (begin > end) throw new TimeIntervalError(`end year ${end} is before start year ${begin}`);
  return { begin, end };
}

/** Returns the name back; throws TimeIntervalError. */
export function parseLocation(name: string): string {
  formatFor(name);
  return name;
}
