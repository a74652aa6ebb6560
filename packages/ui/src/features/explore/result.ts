// From query results to what Explore shows.
import { nameSeries } from "@storewatch/model/dashboard";
import type { InstantSample, LabelSet, RangeResult } from "../../api/prometheus.ts";
import { alignSeries, lastOf, meanOf } from "../../chart/lines.ts";
import type { ChartLine } from "../../chart/types.ts";

export interface ExploreChart {
  readonly timesMs: readonly number[];
  readonly lines: readonly ChartLine[];
  readonly drawn: number;
  readonly total: number;
}

/** The most lines that a person can tell apart in one chart with a legend to look at. */
export const DRAWN_LIMIT = 24;

export function exploreChart(result: RangeResult, expression: string): ExploreChart {
  const { timesMs, values } = alignSeries(result.series, result);
  const names = nameSeries(
    result.series.map((one) => one.labels),
    undefined,
    expression,
  );
  const lines = values.map((line, i) => ({ name: names[i], values: line }));
  const size = (line: ChartLine) => Math.abs(lastOf(line.values) ?? meanOf(line.values) ?? 0);
  const drawn = lines.length > DRAWN_LIMIT ? [...lines].sort((a, b) => size(b) - size(a)).slice(0, DRAWN_LIMIT) : lines;
  return { timesMs, lines: drawn, drawn: drawn.length, total: lines.length };
}

export interface ResultTable {
  /** Label names in use, `__name__` first. */
  readonly columns: readonly string[];
  readonly rows: ReadonlyArray<{ readonly labels: LabelSet; readonly value: number }>;
}

export function resultTable(samples: readonly InstantSample[]): ResultTable {
  const names = new Set(samples.flatMap((sample) => Object.keys(sample.labels)));
  const columns = [...names].sort((a, b) => Number(b === "__name__") - Number(a === "__name__") || (a < b ? -1 : 1));
  const rows = [...samples].sort(
    (a, b) => (Number.isNaN(b.value) ? 0 : b.value) - (Number.isNaN(a.value) ? 0 : a.value),
  );
  return { columns, rows };
}

/** The history with this query first, without doubles, at most 50 long. */
export function remember(history: readonly string[], expression: string): string[] {
  return [expression, ...history.filter((old) => old !== expression)].slice(0, 50);
}
