// Classic histograms (series with `le`) as native ones with custom buckets, as a scrape can convert them.
import { CUSTOM_BUCKETS_SCHEMA, type Labels, METRIC_NAME, type NativeHistogram } from "@storewatch/model";
import { numberOf, type SeriesLine } from "./series-line.ts";

const SUFFIX = /_(bucket|count|sum)$/;

interface Classic {
  count: number | undefined;
  sum: number;
  /** Cumulative counts by upper bound. */
  readonly buckets: Map<number, number>;
}

interface ConvertedSample {
  readonly labels: Labels;
  /** The place of the sample in its line. */
  readonly place: number;
  readonly histogram: NativeHistogram;
}

export function convertClassic(lines: readonly SeriesLine[]): ConvertedSample[] {
  const bases = new Map<string, { labels: Labels; at: Map<number, Classic> }>();
  for (const line of lines) {
    const kind = SUFFIX.exec(line.labels.metricName)?.[1];
    if (kind === undefined || (kind === "bucket") !== line.labels.has("le")) continue;
    const labels = line.labels.with(METRIC_NAME, line.labels.metricName.replace(SUFFIX, "")).without(["le"]);
    let base = bases.get(labels.key);
    if (!base) {
      base = { labels, at: new Map() };
      bases.set(labels.key, base);
    }
    collect(line, kind, base.at);
  }
  return [...bases.values()].flatMap(({ labels, at }) =>
    [...at].flatMap(([place, classic]) => {
      const histogram = nativeOf(classic);
      return histogram ? [{ labels, place, histogram }] : [];
    }),
  );
}

function collect(line: SeriesLine, kind: string, at: Map<number, Classic>): void {
  const bound = kind === "bucket" ? numberOf(line.labels.get("le")) : 0;
  line.items.forEach((item, place) => {
    if (item.kind !== "value") return;
    let classic = at.get(place);
    if (!classic) {
      classic = { count: undefined, sum: 0, buckets: new Map() };
      at.set(place, classic);
    }
    if (kind === "bucket") classic.buckets.set(bound, item.value);
    else if (kind === "count") classic.count = item.value;
    else classic.sum = item.value;
  });
}

/** Undefined without buckets, and when their counts go down. */
function nativeOf({ count, sum, buckets }: Classic): NativeHistogram | undefined {
  const sorted = [...buckets].sort(([a], [b]) => a - b);
  if (sorted.length === 0) return undefined;
  const last = sorted[sorted.length - 1];
  const total = count ?? last[1];
  if (last[0] !== Number.POSITIVE_INFINITY) sorted.push([Number.POSITIVE_INFINITY, total]);
  const counts = sorted.map(([, cumulative], i) => cumulative - (i === 0 ? 0 : sorted[i - 1][1]));
  if (counts.some((one) => one < 0)) return undefined;
  return {
    schema: CUSTOM_BUCKETS_SCHEMA,
    count: total,
    sum,
    zeroThreshold: 0,
    zeroCount: 0,
    positiveSpans: [{ offset: 0, length: counts.length }],
    positiveBuckets: counts,
    negativeSpans: [],
    negativeBuckets: [],
    customValues: sorted.slice(0, -1).map(([bound]) => bound),
    counterReset: "unknown",
  };
}
