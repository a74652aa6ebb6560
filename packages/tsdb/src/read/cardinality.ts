// Which names and values make the many series: told from the index alone, without looking at a series.
import { METRIC_NAME } from "@storewatch/model";
import type { Cardinality, CardinalityItem } from "../interface.ts";
import { postingsLength } from "../labels/postings.ts";
import type { SeriesIndex } from "../labels/series-index.ts";

/** The first `limit` of each table, the greatest first. */
export function cardinalityOf(index: SeriesIndex, limit: number): Cardinality {
  const metrics = new Top(limit);
  const pairs = new Top(limit);
  const valueCounts = new Top(limit);
  const bytes = new Top(limit);
  for (const table of index.names) {
    if (table.valueCount === 0) continue;
    let length = 0;
    table.postings.forEach((postings, ordinal) => {
      if (postings === undefined) return;
      const value = table.values[ordinal];
      const series = postingsLength(postings);
      length += value.length * series;
      if (table.name === METRIC_NAME) metrics.add(value, series);
      pairs.add(`${table.name}=${value}`, series);
    });
    valueCounts.add(table.name, table.valueCount);
    bytes.add(table.name, length);
  }
  return {
    seriesByMetric: metrics.list(),
    valuesByLabel: valueCounts.list(),
    bytesByLabel: bytes.list(),
    seriesByPair: pairs.list(),
  };
}

/** Keeps the greatest few of many. */
class Top {
  private items: CardinalityItem[] = [];

  constructor(private readonly limit: number) {}

  add(name: string, count: number): void {
    this.items.push({ name, count });
    if (this.items.length >= 4 * this.limit + 1000) this.items = this.list();
  }

  list(): CardinalityItem[] {
    return this.items.sort((a, b) => b.count - a.count || (a.name < b.name ? -1 : 1)).slice(0, this.limit);
  }
}
