// Whether a histogram is another one's continuation, or the same.
import type { NativeHistogram } from "@storewatch/model";
import { hasCustomBuckets } from "./bounds.ts";
import { commonBounds, rebucketed, sameBounds } from "./custom.ts";
import { reduced, type Side, sideOf } from "./sides.ts";
import { compacted } from "./sum.ts";
import { beyond, widened } from "./zero.ts";

/** True when a counter began anew between two samples: some count went down. The sums are not looked at. */
export function isReset(current: NativeHistogram, previous: NativeHistogram): boolean {
  if (current.counterReset === "reset") return true;
  if (current.counterReset === "notReset") return false;
  if (current.count < previous.count) return true;
  if (hasCustomBuckets(current) !== hasCustomBuckets(previous)) return true;
  const now = sideOf(current.positiveSpans, current.positiveBuckets);
  const before = sideOf(previous.positiveSpans, previous.positiveBuckets);
  if (hasCustomBuckets(current)) return isCustomReset(now, current.customValues, before, previous.customValues);
  // A counter's resolution and the width of its zero bucket only get coarser.
  if (current.schema > previous.schema || current.zeroThreshold < previous.zeroThreshold) return true;
  const beforeBelow = sideOf(previous.negativeSpans, previous.negativeBuckets);
  const zero = widened(
    { threshold: previous.zeroThreshold, count: previous.zeroCount },
    { schema: previous.schema, positive: before, negative: beforeBelow },
    current.zeroThreshold,
  );
  if (zero.threshold !== current.zeroThreshold || current.zeroCount < zero.count) return true;
  const levels = previous.schema - current.schema;
  const visible = (side: Side) => beyond(reduced(side, levels), current.schema, current.zeroThreshold);
  const nowBelow = sideOf(current.negativeSpans, current.negativeBuckets);
  return isLess(now, visible(before)) || isLess(nowBelow, visible(beforeBelow));
}

function isCustomReset(now: Side, bounds: readonly number[], before: Side, boundsBefore: readonly number[]): boolean {
  if (sameBounds(bounds, boundsBefore)) return isLess(now, before);
  const common = commonBounds(bounds, boundsBefore);
  return isLess(rebucketed(now, bounds, common), rebucketed(before, boundsBefore, common));
}

/** True when a bucket has less now than before. */
function isLess(now: Side, before: Side): boolean {
  let at = 0;
  for (let i = 0; i < before.indexes.length; i++) {
    while (at < now.indexes.length && now.indexes[at] < before.indexes[i]) at++;
    const count = now.indexes[at] === before.indexes[i] ? now.counts[at] : 0;
    if (count < before.counts[i]) return true;
  }
  return false;
}

/** The same counts in the same buckets; hints do not matter. */
export function areEqual(left: NativeHistogram, right: NativeHistogram): boolean {
  if (left === right) return true;
  const a = compacted(left);
  const b = compacted(right);
  return (
    a.schema === b.schema &&
    a.zeroThreshold === b.zeroThreshold &&
    Object.is(a.zeroCount, b.zeroCount) &&
    Object.is(a.count, b.count) &&
    Object.is(a.sum, b.sum) &&
    sameBounds(a.customValues, b.customValues) &&
    sameSpans(a.positiveSpans, b.positiveSpans) &&
    sameSpans(a.negativeSpans, b.negativeSpans) &&
    sameNumbers(a.positiveBuckets, b.positiveBuckets) &&
    sameNumbers(a.negativeBuckets, b.negativeBuckets)
  );
}

function sameSpans(a: NativeHistogram["positiveSpans"], b: NativeHistogram["positiveSpans"]): boolean {
  return a.length === b.length && a.every(({ offset, length }, i) => offset === b[i].offset && length === b[i].length);
}

function sameNumbers(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((value, i) => Object.is(value, b[i]));
}
