// How long firings lasted, as counts on a logarithmic scale: a median within about 10 %, in a few bytes.

/** Steps for each doubling. */
const STEPS = 4;

/** Bucket → count; bucket i is around 2^(i / 4) ms. */
export type Durations = Readonly<Record<string, number>>;

export function addDuration(durations: Record<string, number>, ms: number): void {
  const bucket = String(Math.round(Math.log2(Math.max(1, ms)) * STEPS));
  durations[bucket] = (durations[bucket] ?? 0) + 1;
}

export function mergeDurations(into: Record<string, number>, more: Durations): void {
  for (const [bucket, count] of Object.entries(more)) into[bucket] = (into[bucket] ?? 0) + count;
}

/** ms; null without any. */
export function medianDurationMs(durations: Durations): number | null {
  const buckets = Object.entries(durations)
    .map(([bucket, count]) => [Number(bucket), count] as const)
    .sort(([a], [b]) => a - b);
  const total = buckets.reduce((sum, [, count]) => sum + count, 0);
  let seen = 0;
  for (const [bucket, count] of buckets) {
    seen += count;
    if (seen * 2 >= total) return Math.round(2 ** (bucket / STEPS));
  }
  return null;
}
