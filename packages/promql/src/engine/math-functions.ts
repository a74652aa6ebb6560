// Functions of one number, and of the calendar.

const DEGREES = 180 / Math.PI;

function sign(value: number): number {
  return value > 0 ? 1 : value < 0 ? -1 : value;
}

export const NUMBER_FUNCTIONS: ReadonlyMap<string, (value: number) => number> = new Map([
  ["abs", Math.abs],
  ["acos", Math.acos],
  ["acosh", Math.acosh],
  ["asin", Math.asin],
  ["asinh", Math.asinh],
  ["atan", Math.atan],
  ["atanh", Math.atanh],
  ["ceil", Math.ceil],
  ["cos", Math.cos],
  ["cosh", Math.cosh],
  ["deg", (value) => value * DEGREES],
  ["exp", Math.exp],
  ["floor", Math.floor],
  ["ln", Math.log],
  ["log10", Math.log10],
  ["log2", Math.log2],
  ["rad", (value) => value / DEGREES],
  ["sgn", sign],
  ["sin", Math.sin],
  ["sinh", Math.sinh],
  ["sqrt", Math.sqrt],
  ["tan", Math.tan],
  ["tanh", Math.tanh],
]);

/** Of seconds since the epoch, in UTC. */
export const CALENDAR_FUNCTIONS: ReadonlyMap<string, (seconds: number) => number> = new Map([
  [
    "days_in_month",
    (seconds) => {
      const date = dateOf(seconds);
      return new Date(Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1, 0)).getUTCDate();
    },
  ],
  ["day_of_month", (seconds) => dateOf(seconds).getUTCDate()],
  ["day_of_week", (seconds) => dateOf(seconds).getUTCDay()],
  [
    "day_of_year",
    (seconds) => {
      const date = dateOf(seconds);
      return Math.floor((date.getTime() - Date.UTC(date.getUTCFullYear(), 0, 1)) / 86_400_000) + 1;
    },
  ],
  ["hour", (seconds) => dateOf(seconds).getUTCHours()],
  ["minute", (seconds) => dateOf(seconds).getUTCMinutes()],
  ["month", (seconds) => dateOf(seconds).getUTCMonth() + 1],
  ["year", (seconds) => dateOf(seconds).getUTCFullYear()],
]);

/** Fractions of a second are cut off, as Go's conversion to int64 does. */
function dateOf(seconds: number): Date {
  return new Date(Math.trunc(seconds) * 1000);
}

/** Functions of a number and scalars. Undefined: no point. */
export const SCALAR_ARGUMENT_FUNCTIONS: ReadonlyMap<
  string,
  (value: number, params: readonly number[]) => number | undefined
> = new Map<string, (value: number, params: readonly number[]) => number | undefined>([
  ["clamp", (value, [min, max]) => (max < min ? undefined : Math.max(min, Math.min(max, value)))],
  ["clamp_min", (value, [min]) => Math.max(min, value)],
  ["clamp_max", (value, [max]) => Math.min(max, value)],
  [
    "round",
    (value, [nearest = 1]) => {
      // Upstream multiplies by the inverse to avoid errors like 0.1 * 3.
      const inverse = 1 / nearest;
      return Math.floor(value * inverse + 0.5) / inverse;
    },
  ],
]);

export const SCALAR_FUNCTIONS: ReadonlyMap<string, (a: number, b: number) => number> = new Map([
  ["min_of", Math.min],
  ["max_of", Math.max],
]);
