// The experimental range modifiers over histograms; see ../extended.ts for what they mean.
import type { NativeHistogram } from "@storewatch/model";
import type { RateKind } from "../rate.ts";
import type { Histograms } from "../vector.ts";
import type { HistogramNotes } from "./annotations.ts";
import { hasCustomBuckets } from "./bounds.ts";
import type { HistogramSeries } from "./rate.ts";
import { isReset } from "./resets.ts";
import { HistogramSum, multiplied } from "./sum.ts";

/** The samples low … high - 1 that a step sees, beyond the window's ends by the look-back. All are histograms. */
interface HistogramSpan {
  readonly low: number;
  readonly high: number;
  readonly fromMs: number;
  readonly toMs: number;
}

/** The change over exactly (fromMs, toMs]; undefined for no point. */
export function extendedRateOf(
  kind: RateKind,
  of: HistogramSeries,
  span: HistogramSpan,
  smoothed: boolean,
): NativeHistogram | undefined {
  const { histograms, notes, name } = of;
  const { timesMs } = of.series;
  const { fromMs, toMs } = span;
  let first = span.low;
  while (first + 1 < span.high && timesMs[first + 1] <= fromMs) first++;
  let last = span.high - 1;
  if (smoothed) while (last > span.low && timesMs[last - 1] >= toMs) last--;
  first = Math.min(first, last);
  if (timesMs[last] <= fromMs || (smoothed && timesMs[first] > toMs)) return undefined;
  const isCounter = kind !== "delta";
  if (!isOfOneKind(of, first, last, isCounter)) return undefined;
  const left = smoothed && timesMs[first] < fromMs ? between(of, first, fromMs, isCounter) : histograms[first]!;
  const cut = smoothed && last > span.low && timesMs[last] > toMs;
  const right = cut ? between(of, last - 1, toMs, isCounter) : histograms[last]!;
  if (!isCounter && (left.counterReset !== "gauge" || right.counterReset !== "gauge")) notes.notGauge(name);
  const change = new HistogramSum(right);
  change.subtract(left);
  if (change.reconciled) notes.reconciled("subtraction");
  change.reconciled = false;
  if (isCounter) addLost(of, change, { first, last, left, right, cutsLeft: smoothed && timesMs[first] < fromMs });
  if (change.reconciled) notes.reconciled("addition");
  change.hint = "gauge";
  if (kind === "rate") change.divide((toMs - fromMs) / 1000);
  return change.result();
}

function isOfOneKind({ histograms, notes, name }: HistogramSeries, first: number, last: number, isCounter: boolean) {
  const custom = hasCustomBuckets(histograms[first]!);
  for (let i = first; i <= last; i++) {
    if (hasCustomBuckets(histograms[i]!) !== custom) {
      notes.mixedSchemas(name);
      return false;
    }
    if (isCounter && histograms[i]!.counterReset === "gauge") notes.notCounter(name);
  }
  return true;
}

interface Ends {
  readonly first: number;
  readonly last: number;
  readonly left: NativeHistogram;
  readonly right: NativeHistogram;
  /** The left end lies between two samples. */
  readonly cutsLeft: boolean;
}

/** Adds what the counter had before each reset between the ends. Resets at the ends are in their values already. */
function addLost(of: HistogramSeries, change: HistogramSum, { first, last, left, right, cutsLeft }: Ends): void {
  let previous = left;
  let next = first + 1;
  if (cutsLeft && of.isReset(next)) previous = of.histograms[next++]!;
  if (next > last) return;
  for (; next < last; next++) {
    const now = of.histograms[next]!;
    if (isReset(now, previous)) change.add(previous);
    previous = now;
  }
  if (isReset(right, previous)) change.add(previous);
}

/** On the line from sample i to the next one; a counter that was reset began at 0. */
function between(of: HistogramSeries, i: number, timeMs: number, isCounter: boolean): NativeHistogram {
  const { timesMs } = of.series;
  const [before, after] = [of.histograms[i]!, of.histograms[i + 1]!];
  if (timeMs === timesMs[i]) return before;
  if (timeMs === timesMs[i + 1]) return after;
  const share = (timeMs - timesMs[i]) / (timesMs[i + 1] - timesMs[i]);
  return isCounter && of.isReset(i + 1) ? multiplied(after, share) : interpolated(before, after, share, of.notes);
}

function interpolated(
  before: NativeHistogram,
  after: NativeHistogram,
  share: number,
  notes: HistogramNotes,
): NativeHistogram {
  const line = new HistogramSum(after);
  line.subtract(before);
  if (line.reconciled) notes.reconciled("subtraction");
  line.multiply(share);
  line.reconciled = false;
  line.add(before);
  if (line.reconciled) notes.reconciled("addition");
  return line.result();
}

/** A point of an instant selector: "mixed" where floats and histograms are in reach, "float" where only floats are. */
type SmoothedPoint = NativeHistogram | "mixed" | "float" | undefined;

/** For each step the histogram at its time: between the samples around it, or the last one when none follows. */
export function* smoothedPoints(
  of: HistogramSeries,
  looks: { readonly endMs: number; readonly endStepMs: number; readonly steps: number },
  lookbackMs: number,
): Generator<[number, SmoothedPoint]> {
  const { timesMs } = of.series;
  let low = 0;
  let high = 0;
  let timeMs = looks.endMs;
  for (let step = 0; step < looks.steps; step++, timeMs += looks.endStepMs) {
    while (high < timesMs.length && timesMs[high] <= timeMs + lookbackMs) high++;
    while (low < high && timesMs[low] <= timeMs - lookbackMs) low++;
    yield [step, smoothedAt(of, low, high, timeMs)];
  }
}

function smoothedAt(of: HistogramSeries, low: number, high: number, timeMs: number): SmoothedPoint {
  const { timesMs } = of.series;
  const inReach: Histograms = of.histograms.slice(low, high);
  if (inReach.length === 0) return undefined;
  const isMixed = inReach.some((one) => (one === undefined) !== (inReach[0] === undefined));
  if (isMixed) {
    of.notes.mixedTypes(of.name);
    return "mixed";
  }
  if (inReach[0] === undefined) return "float";
  let next = low;
  while (next < high && timesMs[next] < timeMs) next++;
  if (next < high && timesMs[next] === timeMs) return of.histograms[next];
  if (next === low) return undefined;
  const before = of.histograms[next - 1]!;
  // A hint is about the sample before, not about the value.
  if (next === high) return { ...before, counterReset: "unknown" };
  const after = of.histograms[next]!;
  if (hasCustomBuckets(before) !== hasCustomBuckets(after)) {
    of.notes.mixedSchemas(of.name);
    return undefined;
  }
  const isCounter = before.counterReset !== "gauge" || after.counterReset !== "gauge";
  return between(of, next - 1, timeMs, isCounter);
}
