// Functions of one window of one series: *_over_time, irate, deriv and their like.
import { KahanSum } from "./kahan.ts";
import { isStartReset } from "./start-times.ts";

/** The samples low … high - 1 of a series, at one step. Never empty. */
export interface Window {
  timesMs: Float64Array;
  values: Float64Array;
  /** Since when a counter counts, where its source says. */
  startsMs: Float64Array | undefined;
  /** How many samples each one stands for; undefined: one each. Values are then sums (for sums, averages and counts). */
  counts: Float64Array | undefined;
  low: number;
  high: number;
  /** The step's own time, which is not the window's end when there is an offset. */
  stepMs: number;
}

/** The function's value, or undefined for no point. `params` are the scalar arguments at this step. */
export type WindowFunction = (window: Window, params: readonly number[]) => number | undefined;

const kahanA = new KahanSum();
const kahanB = new KahanSum();

function sumOverTime({ values, low, high }: Window): number {
  kahanA.set(0, 0);
  for (let i = low; i < high; i++) kahanA.add(values[i]);
  return Number.isFinite(kahanA.sum) ? kahanA.total : kahanA.sum;
}

function countOverTime({ low, high, counts }: Window): number {
  if (!counts) return high - low;
  let count = 0;
  for (let i = low; i < high; i++) count += counts[i];
  return count;
}

/** The mean; goes over to an incremental mean when the sum would overflow. */
function avgOverTime(window: Window): number {
  const { values, low, high, counts } = window;
  if (counts) return sumOverTime(window) / countOverTime(window);
  kahanA.set(values[low], 0);
  let incremental = false;
  for (let i = low + 1; i < high; i++) {
    const count = i - low + 1;
    const value = values[i];
    if (!incremental) {
      const { sum, rest } = kahanA;
      kahanA.add(value);
      if (kahanA.sum !== Number.POSITIVE_INFINITY && kahanA.sum !== Number.NEGATIVE_INFINITY) continue;
      incremental = true;
      kahanA.set(sum / (count - 1), rest / (count - 1));
    }
    const weight = (count - 1) / count;
    kahanA.set(weight * kahanA.sum, weight * kahanA.rest);
    kahanA.add(value / count);
  }
  if (incremental) return kahanA.total;
  const count = high - low;
  return kahanA.sum / count + kahanA.rest / count;
}

function variance({ values, low, high }: Window): number {
  kahanA.set(0, 0);
  kahanB.set(0, 0);
  let count = 0;
  for (let i = low; i < high; i++) {
    count++;
    const delta = values[i] - kahanA.total;
    kahanA.add(delta / count);
    kahanB.add(delta * (values[i] - kahanA.total));
  }
  return kahanB.total / count;
}

/** `sorted` is ascending with NaN first. */
function quantileOfSorted(q: number, sorted: Float64Array): number {
  if (sorted.length === 0 || Number.isNaN(q)) return Number.NaN;
  if (q < 0) return Number.NEGATIVE_INFINITY;
  if (q > 1) return Number.POSITIVE_INFINITY;
  const rank = q * (sorted.length - 1);
  const lower = Math.max(0, Math.floor(rank));
  const upper = Math.min(sorted.length - 1, lower + 1);
  const weight = rank - Math.floor(rank);
  return sorted[lower] * (1 - weight) + sorted[upper] * weight;
}

/** The q-quantile of values, NaN counting as the smallest. Sorts `values` in place. */
export function quantile(q: number, values: Float64Array): number {
  values.sort();
  // Typed arrays sort NaN to the end.
  let nans = 0;
  while (nans < values.length && Number.isNaN(values[values.length - 1 - nans])) nans++;
  if (nans > 0 && nans < values.length) {
    values.copyWithin(nans, 0, values.length - nans);
    values.fill(Number.NaN, 0, nans);
  }
  return quantileOfSorted(q, values);
}

function medianAbsoluteDeviation({ values, low, high }: Window): number {
  for (let i = low; i < high; i++) if (Number.isNaN(values[i])) return Number.NaN;
  const median = quantile(0.5, values.slice(low, high));
  return quantile(
    0.5,
    values.slice(low, high).map((value) => Math.abs(value - median)),
  );
}

function changes({ values, low, high }: Window): number {
  let count = 0;
  for (let i = low + 1; i < high; i++) {
    const same = values[i] === values[i - 1] || (Number.isNaN(values[i]) && Number.isNaN(values[i - 1]));
    if (!same) count++;
  }
  return count;
}

function resets(window: Window): number {
  const { values, low, high } = window;
  let count = 0;
  for (let i = low + 1; i < high; i++) if (values[i] < values[i - 1] || startsAnew(window, i)) count++;
  return count;
}

function startsAnew({ startsMs, timesMs }: Window, i: number): boolean {
  return startsMs !== undefined && isStartReset(startsMs[i - 1], timesMs[i - 1], startsMs[i], timesMs[i]);
}

function instantChange(window: Window, isRate: boolean): number | undefined {
  const { values, timesMs, low, high } = window;
  if (high - low < 2) return undefined;
  const last = high - 1;
  const change = values[last] - values[last - 1];
  if (!isRate) return change;
  const seconds = (timesMs[last] - timesMs[last - 1]) / 1000;
  if (seconds === 0) return undefined;
  const isReset = values[last] < values[last - 1] || startsAnew(window, last);
  return (isReset ? values[last] : change) / seconds;
}

/** Least squares over (time - originMs) in seconds. */
function regression(window: Window, originMs: number): { slope: number; intercept: number } {
  const { timesMs, values, low, high } = window;
  const x = new KahanSum();
  const y = new KahanSum();
  const xy = new KahanSum();
  const xx = new KahanSum();
  let constant = true;
  for (let i = low; i < high; i++) {
    if (values[i] !== values[low]) constant = false;
    const seconds = (timesMs[i] - originMs) / 1000;
    x.add(seconds);
    y.add(values[i]);
    xy.add(seconds * values[i]);
    xx.add(seconds * seconds);
  }
  if (constant) {
    const finite = Number.isFinite(values[low]);
    return finite ? { slope: 0, intercept: values[low] } : { slope: Number.NaN, intercept: Number.NaN };
  }
  const n = high - low;
  const covariance = xy.total - (x.total * y.total) / n;
  const slope = covariance / (xx.total - (x.total * x.total) / n);
  return { slope, intercept: y.total / n - (slope * x.total) / n };
}

function doubleExponentialSmoothing(window: Window, [smoothing, trend]: readonly number[]): number | undefined {
  const { values, low, high } = window;
  if (high - low < 2) return undefined;
  let previous = 0;
  let level = values[low];
  let slope = values[low + 1] - values[low];
  for (let i = low + 1; i < high; i++) {
    if (i > low + 1) slope = trend * (level - previous) + (1 - trend) * slope;
    const next = smoothing * values[i] + (1 - smoothing) * (level + slope);
    previous = level;
    level = next;
  }
  return level;
}

export const WINDOW_FUNCTIONS: ReadonlyMap<string, WindowFunction> = new Map<string, WindowFunction>([
  ["sum_over_time", sumOverTime],
  ["avg_over_time", avgOverTime],
  ["count_over_time", countOverTime],
  ["first_over_time", ({ values, low }) => values[low]],
  ["last_over_time", ({ values, high }) => values[high - 1]],
  ["present_over_time", () => 1],
  ["stdvar_over_time", variance],
  ["stddev_over_time", (window) => Math.sqrt(variance(window))],
  ["quantile_over_time", ({ values, low, high }, [q]) => quantile(q, values.slice(low, high))],
  ["mad_over_time", medianAbsoluteDeviation],
  ["ts_of_first_over_time", ({ timesMs, low }) => timesMs[low] / 1000],
  ["ts_of_last_over_time", ({ timesMs, high }) => timesMs[high - 1] / 1000],
  ["changes", changes],
  ["resets", resets],
  ["irate", (window) => instantChange(window, true)],
  ["idelta", (window) => instantChange(window, false)],
  [
    "deriv",
    (window) => (window.high - window.low < 2 ? undefined : regression(window, window.timesMs[window.low]).slope),
  ],
  [
    "predict_linear",
    (window, [seconds]) => {
      if (window.high - window.low < 2) return undefined;
      const { slope, intercept } = regression(window, window.stepMs);
      return slope * seconds + intercept;
    },
  ],
  ["double_exponential_smoothing", doubleExponentialSmoothing],
]);
