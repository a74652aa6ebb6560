// From the answer of rule-preview to what is drawn: lines with their threshold, and the times of each alert below.
import type { RulePreview } from "@storewatch/model/api";
import { nameSeries } from "@storewatch/model/dashboard";
import type { LabelSet } from "../../api/prometheus.ts";
import { type PlacedSpan, placeSpan } from "../../chart/span-track.tsx";
import type { ChartLine } from "../../chart/types.ts";

/** Lines drawn: those of the alerts that fired first. */
const LINES_MAX = 12;
/** The server thins each series to about this many points, at times of its own. */
const POINTS_MAX = 600;
/** Rows of alerts below the chart. */
const ROWS_MAX = 8;

export interface PreviewChart {
  readonly timesMs: readonly number[];
  readonly lines: readonly ChartLine[];
  /** Series of the rule that are not drawn. */
  readonly hidden: number;
  readonly rows: readonly PreviewRow[];
  /** Alerts without a row. */
  readonly moreRows: number;
}

export interface PreviewRow {
  readonly key: string;
  readonly name: string;
  readonly labels: LabelSet;
  readonly spans: readonly PlacedSpan[];
}

export function previewChart(preview: RulePreview): PreviewChart {
  const order = seriesOrder(preview);
  const drawn = order.slice(0, LINES_MAX);
  const { timesMs, values } = heldLines(
    drawn.map(({ points }) => points),
    3 * Math.max(preview.stepMs, (preview.toMs - preview.fromMs) / POINTS_MAX),
  );
  const names = nameSeries(
    drawn.map((one) => one.labels),
    undefined,
    preview.name,
  );
  const rows = preview.alerts.slice(0, ROWS_MAX).map(({ labels, intervals }) => ({
    key: JSON.stringify(labels),
    name: alertName(labels),
    labels,
    spans: intervals.map((interval) => placeSpan(interval, preview.fromMs, preview.toMs)),
  }));
  return {
    timesMs,
    lines: values.map((line, i) => ({ name: names[i], values: line })),
    hidden: preview.seriesTotal - drawn.length,
    rows,
    moreRows: preview.alertsTotal - rows.length,
  };
}

type Points = RulePreview["series"][number]["points"];

/** Series with times of their own on one axis: between two points the earlier one holds, for at most `holdMs`. */
export function heldLines(series: readonly Points[], holdMs: number) {
  const timesMs = [...new Set(series.flatMap((points) => points.map(([time]) => time)))].sort((a, b) => a - b);
  const values = series.map((points) => {
    let at = -1;
    return timesMs.map((time) => {
      while (at + 1 < points.length && points[at + 1][0] <= time) at++;
      return at >= 0 && time - points[at][0] <= holdMs ? points[at][1] : null;
    });
  });
  return { timesMs, values };
}

/** Series of alerts that fired come first, in the alerts' order: they are what the chart is looked at for. */
function seriesOrder(preview: RulePreview): RulePreview["series"] {
  const place = (labels: LabelSet): number => {
    const index = preview.alerts.findIndex((alert) =>
      Object.entries(labels).every(([name, value]) => name === "__name__" || alert.labels[name] === value),
    );
    return index < 0 ? Number.MAX_SAFE_INTEGER : index;
  };
  return [...preview.series]
    .map((series) => ({ series, at: place(series.labels) }))
    .sort((a, b) => a.at - b.at)
    .map(({ series }) => series);
}

/** What tells the alert from others of its rule: its labels without those that the rule itself gives. */
function alertName(labels: LabelSet): string {
  const own = Object.entries(labels).filter(([name]) => !["alertname", "severity", "team"].includes(name));
  return own.map(([, value]) => value).join(" · ");
}
