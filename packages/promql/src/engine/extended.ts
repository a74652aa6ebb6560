// The experimental modifiers `anchored` and `smoothed`: a range looks beyond its ends, so that the change over exactly
// that range can be told without extrapolating. `anchored` begins with the last sample before the range; `smoothed`
// takes the value at both ends from the line between the samples around them.
import type { SeriesSamples } from "@storewatch/model";
import type { Extension } from "../parser/ast.ts";
import type { EvalContext } from "./context.ts";
import type { RateKind } from "./rate.ts";
import { emptyVector, type RangeSeries, type RangeVector, type Vector } from "./vector.ts";

const ALLOWED: Readonly<Record<Extension, readonly string[]>> = {
  anchored: ["changes", "delta", "increase", "rate", "resets"],
  smoothed: ["delta", "increase", "rate"],
};

/** Throws when the function cannot work on a range that is extended like this. */
export function checkExtension(extension: Extension, func: string, context: EvalContext): void {
  const allowed = ALLOWED[extension];
  if (allowed.includes(func)) return;
  context.query.fail(`${extension} modifier can only be used with: ${allowed.join(", ")} - not with ${func}`);
}

/** Samples looked at between two looks at the clock. */
const WORK_PER_CHECK = 16_384;

/** The samples low … high - 1 that a step sees, beyond the window's ends by the look-back. */
interface Span {
  low: number;
  high: number;
  readonly fromMs: number;
  readonly toMs: number;
}

/** Calls for each step that has samples in reach, with turns of the event loop in between. */
export async function eachSpan(
  range: RangeVector,
  timesMs: Float64Array,
  context: EvalContext,
  call: (span: Span, step: number) => void,
): Promise<void> {
  const { lookbackMs, budget } = context.query;
  let work = 0;
  const aheadMs = range.extension === "smoothed" ? lookbackMs : 0;
  let low = 0;
  let high = 0;
  let toMs = range.endMs;
  for (let step = 0; step < context.grid.steps; step++, toMs += range.endStepMs) {
    const fromMs = toMs - range.rangeMs;
    while (high < timesMs.length && timesMs[high] <= toMs + aheadMs) high++;
    while (low < high && timesMs[low] <= fromMs - lookbackMs) low++;
    if (low === high) continue;
    call({ low, high, fromMs, toMs }, step);
    work += high - low;
    if (work < WORK_PER_CHECK) continue;
    if (budget.due(work)) await budget.pause();
    work = 0;
  }
}

/** rate, increase and delta. */
export async function evaluateExtendedRate(kind: RateKind, range: RangeVector, context: EvalContext): Promise<Vector> {
  const { budget } = context.query;
  const { steps } = context.grid;
  budget.hold(range.series.length * steps);
  const out = emptyVector(
    range.series.map((one) => one.labels),
    range.series.map(() => false),
    steps,
  );
  const perSecond = kind === "rate" ? range.rangeMs / 1000 : 1;
  for (let i = 0; i < range.series.length; i++) {
    const series = range.series[i];
    await eachSpan(range, series.timesMs, context, (span, step) => {
      const change = changeOver(series, span, range.extension === "smoothed", kind !== "delta");
      if (change === undefined) return;
      out.values[i * steps + step] = change / perSecond;
      out.present[i * steps + step] = 1;
    });
    if (budget.due(steps + series.timesMs.length)) await budget.pause();
  }
  return out;
}

function changeOver(series: RangeSeries, span: Span, smoothed: boolean, counter: boolean): number | undefined {
  const { timesMs, values } = series;
  const { fromMs, toMs } = span;
  let first = lastAtOrBefore(timesMs, fromMs, span);
  // The last sample of the range, or with `smoothed` the first one at or behind its end.
  let last = span.high - 1;
  if (smoothed) while (last > span.low && timesMs[last - 1] >= toMs) last--;
  if (first > last) first = last;
  if (timesMs[last] <= fromMs || (smoothed && timesMs[first] > toMs)) return undefined;
  const left = smoothed && timesMs[first] < fromMs ? between(series, first, fromMs, counter) : values[first];
  const right =
    smoothed && last > span.low && timesMs[last] > toMs ? between(series, last - 1, toMs, counter) : values[last];
  if (!counter) return right - left;
  // Resets at the ends are in the values there already.
  if (timesMs[first] <= fromMs) first++;
  if (timesMs[last] >= toMs) last--;
  let change = right - left;
  let previous = left;
  for (let i = first; i <= last; i++) {
    if (values[i] < previous) change += previous;
    previous = values[i];
  }
  return right < previous ? change + previous : change;
}

/** The last sample at or before a time, else the first one of the span. */
function lastAtOrBefore(timesMs: Float64Array, timeMs: number, { low, high }: Span): number {
  let first = low;
  while (first + 1 < high && timesMs[first + 1] <= timeMs) first++;
  return first;
}

/** The value at a time on the line from sample i to the next one. A counter that went down began at 0. */
function between(
  { timesMs, values }: Pick<RangeSeries, "timesMs" | "values">,
  i: number,
  timeMs: number,
  counter: boolean,
) {
  const from = counter && values[i + 1] < values[i] ? 0 : values[i];
  return from + ((values[i + 1] - from) * (timeMs - timesMs[i])) / (timesMs[i + 1] - timesMs[i]);
}

/** The value at each step's time: between the samples around it, or the last one when none follows. */
export function fillSmoothed(
  series: Pick<SeriesSamples, "timesMs" | "values">,
  ends: { readonly endMs: number; readonly endStepMs: number },
  lookbackMs: number,
  out: Vector,
  row: number,
): void {
  const { timesMs, values } = series;
  let next = 0;
  let timeMs = ends.endMs;
  for (let cell = row * out.steps; cell < (row + 1) * out.steps; cell++, timeMs += ends.endStepMs) {
    while (next < timesMs.length && timesMs[next] <= timeMs) next++;
    const last = next - 1;
    if (last < 0 || timesMs[last] <= timeMs - lookbackMs) continue;
    const exact = timesMs[last] === timeMs || next === timesMs.length || timesMs[next] > timeMs + lookbackMs;
    out.values[cell] = exact ? values[last] : between(series, last, timeMs, false);
    out.present[cell] = 1;
  }
}
