// Series that count as stored for one query: what a rule that is being written would have recorded.
import { matchesAll, type SeriesSamples } from "@storewatch/model";
import type { Queryable } from "@storewatch/promql/engine";

/** `added` stand in the place of stored series with the same labels. */
export function withAddedSeries(stored: Queryable, added: readonly SeriesSamples[] = []): Queryable {
  if (added.length === 0) return stored;
  const replaced = new Set(added.map(({ labels }) => labels.key));
  return {
    async select(matchers, fromMs, toMs, hints) {
      const found = await stored.select(matchers, fromMs, toMs, hints);
      const own = added.filter(({ labels }) => matchesAll(matchers, labels)).map((one) => within(one, fromMs, toMs));
      return [
        ...found.filter(({ labels }) => !replaced.has(labels.key)),
        ...own.filter(({ timesMs }) => timesMs.length > 0),
      ];
    },
  };
}

function within({ labels, timesMs, values, histograms }: SeriesSamples, fromMs: number, toMs: number): SeriesSamples {
  let from = 0;
  while (from < timesMs.length && timesMs[from] < fromMs) from++;
  let to = from;
  while (to < timesMs.length && timesMs[to] <= toMs) to++;
  const found = { labels, timesMs: timesMs.subarray(from, to), values: values.subarray(from, to) };
  return histograms ? { ...found, histograms: histograms.slice(from, to) } : found;
}
