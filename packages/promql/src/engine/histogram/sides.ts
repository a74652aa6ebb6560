// One side of a histogram as it is computed with: the buckets that are there, by their index.
//
// Rates of histograms are sums over some 40 buckets for each step and series: no object for a bucket, and plain arrays
// (typed ones of that length lie outside the heap: allocating them took half of the time).
import type { BucketSpan } from "@storewatch/model";

export interface Side {
  /** Ascending; shared, never written. */
  readonly indexes: readonly number[];
  readonly counts: number[];
  /** What the additions so far have rounded away (Kahan), if anything; the count is counts[i] + rests[i]. */
  rests: number[] | undefined;
}

/** The layouts seen last: those of one sample are mostly those of the next. */
const LAYOUTS: { spans: readonly BucketSpan[]; indexes: readonly number[] }[] = [];
const LAYOUTS_MAX = 8;
let nextLayout = 0;

/** The index of each bucket of the spans; for equal spans mostly the same array. */
export function bucketIndexes(spans: readonly BucketSpan[]): readonly number[] {
  for (const layout of LAYOUTS) if (areSame(layout.spans, spans)) return layout.indexes;
  const indexes: number[] = [];
  let next = 0;
  for (const { offset, length } of spans) {
    next += offset;
    for (let i = 0; i < length; i++) indexes.push(next++);
  }
  LAYOUTS[nextLayout] = { spans, indexes };
  nextLayout = (nextLayout + 1) % LAYOUTS_MAX;
  return indexes;
}

function areSame(a: readonly BucketSpan[], b: readonly BucketSpan[]): boolean {
  if (a === b) return true;
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i].offset !== b[i].offset || a[i].length !== b[i].length) return false;
  return true;
}

/** What is added to a side: its counts are only read. */
export interface Addend {
  readonly indexes: readonly number[];
  readonly counts: ArrayLike<number>;
}

export function addendOf(spans: readonly BucketSpan[], buckets: readonly number[]): Addend {
  return { indexes: bucketIndexes(spans), counts: buckets };
}

/** A copy to compute with. */
export function sideOf(spans: readonly BucketSpan[], buckets: readonly number[]): Side {
  return { indexes: bucketIndexes(spans), counts: buckets.slice(), rests: undefined };
}

/** The buckets with a count, as spans. */
export function spansOf({ indexes, counts, rests }: Side): { spans: BucketSpan[]; buckets: number[] } {
  const spans: { offset: number; length: number }[] = [];
  const buckets: number[] = [];
  let end = 0;
  for (let i = 0; i < indexes.length; i++) {
    const count = rests ? counts[i] + rests[i] : counts[i];
    if (count === 0) continue;
    buckets.push(count);
    if (spans.length > 0 && indexes[i] === end) spans[spans.length - 1].length++;
    else spans.push({ offset: indexes[i] - end, length: 1 });
    end = indexes[i] + 1;
  }
  return { spans, buckets };
}

/** The same with a resolution that is lower by `levels`: each level joins two buckets. */
export function reduced(side: Side, levels: number): Side {
  if (levels === 0) return side;
  const divisor = 2 ** levels;
  // A bucket ends where its last part does: indexes are rounded up.
  return regrouped(side, (index) => Math.ceil(index / divisor));
}

/** Buckets joined under new indexes, which must ascend as the old ones do. */
export function regrouped(side: Side, place: (index: number) => number): Side {
  const indexes: number[] = [];
  const counts: number[] = [];
  const rests: number[] | undefined = side.rests && [];
  for (let i = 0; i < side.indexes.length; i++) {
    const target = place(side.indexes[i]);
    if (indexes[indexes.length - 1] !== target) {
      indexes.push(target);
      counts.push(0);
      rests?.push(0);
    }
    counts[indexes.length - 1] += side.counts[i];
    if (rests && side.rests) rests[indexes.length - 1] += side.rests[i];
  }
  return { indexes, counts, rests };
}

/** Without the buckets before the first one that `keeps`. */
export function withoutFirst({ indexes, counts, rests }: Side, drops: (index: number) => boolean): Side {
  let low = 0;
  while (low < indexes.length && drops(indexes[low])) low++;
  if (low === 0) return { indexes, counts, rests };
  return { indexes: indexes.slice(low), counts: counts.slice(low), rests: rests?.slice(low) };
}

/** Adds the counts of `other` times `sign`, compensated; gives the side to go on with. */
export function addSide(side: Side, other: Addend, sign: 1 | -1): Side {
  if (other.indexes.length === 0) return side;
  const target = sameIndexes(side.indexes, other.indexes) ? side : widened(side, other.indexes);
  const { indexes, counts } = target;
  let at = 0;
  for (let i = 0; i < other.indexes.length; i++) {
    while (indexes[at] !== other.indexes[i]) at++;
    const value = sign * other.counts[i];
    const sum = counts[at];
    const next = sum + value;
    counts[at] = next;
    if (next === Number.POSITIVE_INFINITY || next === Number.NEGATIVE_INFINITY) {
      if (target.rests) target.rests[at] = 0;
      continue;
    }
    const lost = Math.abs(sum) >= Math.abs(value) ? sum - next + value : value - next + sum;
    if (lost === 0) continue;
    target.rests ??= new Array<number>(counts.length).fill(0);
    target.rests[at] += lost;
  }
  return target;
}

function sameIndexes(a: readonly number[], b: readonly number[]): boolean {
  if (a === b) return true;
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

/** The side with buckets for the other indexes too. */
function widened(side: Side, others: readonly number[]): Side {
  const indexes: number[] = [];
  const counts: number[] = [];
  const rests: number[] | undefined = side.rests && [];
  let a = 0;
  let b = 0;
  while (a < side.indexes.length || b < others.length) {
    const fromSide = b === others.length || side.indexes[a] <= others[b];
    const index = fromSide ? side.indexes[a] : others[b];
    counts.push(fromSide ? side.counts[a] : 0);
    rests?.push(fromSide && side.rests ? side.rests[a] : 0);
    if (fromSide) a++;
    if (others[b] === index) b++;
    indexes.push(index);
  }
  return { indexes, counts, rests };
}

export function multiplySide({ counts, rests }: Side, factor: number): void {
  for (let i = 0; i < counts.length; i++) {
    counts[i] *= factor;
    if (rests && rests[i] !== 0) rests[i] *= factor;
  }
}

export function divideSide({ counts, rests }: Side, divisor: number): void {
  for (let i = 0; i < counts.length; i++) {
    counts[i] /= divisor;
    // Nothing rounded away stays nothing, in divisions by 0 too.
    if (rests && rests[i] !== 0) rests[i] /= divisor;
  }
}
