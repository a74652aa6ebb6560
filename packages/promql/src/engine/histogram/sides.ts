// One side of a histogram as it is computed with: the buckets that are there, by their index.
import type { BucketSpan } from "@storewatch/model";

export interface Side {
  /** Ascending. */
  indexes: number[];
  counts: number[];
  /** What the additions so far have rounded away (Kahan); the count is counts[i] + rests[i]. */
  rests: number[];
}

/** The index of each bucket of the spans. */
export function bucketIndexes(spans: readonly BucketSpan[]): number[] {
  const indexes: number[] = [];
  let next = 0;
  for (const { offset, length } of spans) {
    next += offset;
    for (let i = 0; i < length; i++) indexes.push(next++);
  }
  return indexes;
}

export function sideOf(spans: readonly BucketSpan[], buckets: readonly number[]): Side {
  return { indexes: bucketIndexes(spans), counts: [...buckets], rests: buckets.map(() => 0) };
}

/** The buckets with a count, as spans. */
export function spansOf(side: Side): { spans: BucketSpan[]; buckets: number[] } {
  const spans: { offset: number; length: number }[] = [];
  const buckets: number[] = [];
  let end = 0;
  side.indexes.forEach((index, i) => {
    const count = side.counts[i] + side.rests[i];
    if (count === 0) return;
    buckets.push(count);
    const last = spans[spans.length - 1];
    if (last && index === end) last.length++;
    else spans.push({ offset: index - end, length: 1 });
    end = index + 1;
  });
  return { spans, buckets };
}

/** The same with a resolution that is lower by `levels`: each level joins two buckets. */
export function reduced(side: Side, levels: number): Side {
  if (levels === 0) return side;
  const divisor = 2 ** levels;
  // Bucket i ends where its last part does: indexes are rounded up.
  return regrouped(side, (index) => Math.ceil(index / divisor));
}

/** Buckets joined under new indexes, which must ascend as the old ones do. */
export function regrouped(side: Side, place: (index: number) => number): Side {
  const out: Side = { indexes: [], counts: [], rests: [] };
  side.indexes.forEach((index, i) => {
    const target = place(index);
    const last = out.indexes.length - 1;
    if (last >= 0 && out.indexes[last] === target) addAt(out, last, side.counts[i], side.rests[i]);
    else {
      out.indexes.push(target);
      out.counts.push(side.counts[i]);
      out.rests.push(side.rests[i]);
    }
  });
  return out;
}

export interface Compensated {
  readonly sum: number;
  readonly rest: number;
}

/** One step of a compensated sum. */
export function compensatedAdd(sum: number, rest: number, value: number): Compensated {
  const next = sum + value;
  if (next === Number.POSITIVE_INFINITY || next === Number.NEGATIVE_INFINITY) return { sum: next, rest: 0 };
  const lost = Math.abs(sum) >= Math.abs(value) ? sum - next + value : value - next + sum;
  return { sum: next, rest: rest + lost };
}

function addAt(side: Side, at: number, count: number, rest: number): void {
  const { sum, rest: newRest } = compensatedAdd(side.counts[at], side.rests[at], count);
  side.counts[at] = sum;
  side.rests[at] = newRest + rest;
}

/** Adds the counts of `other` times `sign`; gives the side to go on with. */
export function addSide(side: Side, other: Side, sign: 1 | -1): Side {
  if (sameIndexes(side, other)) {
    for (let i = 0; i < other.counts.length; i++) addAt(side, i, sign * other.counts[i], sign * other.rests[i]);
    return side;
  }
  const out: Side = { indexes: [], counts: [], rests: [] };
  let a = 0;
  let b = 0;
  while (a < side.indexes.length || b < other.indexes.length) {
    const fromA = b === other.indexes.length || (a < side.indexes.length && side.indexes[a] <= other.indexes[b]);
    const index = fromA ? side.indexes[a] : other.indexes[b];
    out.indexes.push(index);
    out.counts.push(fromA ? side.counts[a] : 0);
    out.rests.push(fromA ? side.rests[a] : 0);
    if (fromA) a++;
    if (other.indexes[b] !== index) continue;
    addAt(out, out.counts.length - 1, sign * other.counts[b], sign * other.rests[b]);
    b++;
  }
  return out;
}

function sameIndexes(a: Side, b: Side): boolean {
  if (a.indexes.length !== b.indexes.length) return false;
  for (let i = 0; i < a.indexes.length; i++) if (a.indexes[i] !== b.indexes[i]) return false;
  return true;
}
