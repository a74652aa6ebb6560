// Custom buckets with different bounds: only the bounds that both have can be compared or added.
import { regrouped, type Side } from "./sides.ts";

export function sameBounds(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((bound, i) => bound === b[i]);
}

export function commonBounds(a: readonly number[], b: readonly number[]): number[] {
  const others = new Set(b);
  return a.filter((bound) => others.has(bound));
}

/** Buckets of `from` put together into those of `to`, a part of the same bounds. */
export function rebucketed(side: Side, from: readonly number[], to: readonly number[]): Side {
  let next = 0;
  return regrouped(side, (index) => {
    const upper = index < from.length ? from[index] : Number.POSITIVE_INFINITY;
    while (next < to.length && to[next] < upper) next++;
    return next;
  });
}
