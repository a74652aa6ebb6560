// The lanes of a shop's page: which lines, in which colours, with which unit.
import type { TenantOverview } from "@storewatch/model/api";
import { SERIES_COLORS } from "../../chart/palette.ts";
import { type PlacedSpan, placeSpan } from "../../chart/span-track.tsx";
import type { ChartLine } from "../../chart/types.ts";
import { count, duration, money, percent } from "../../design/numbers.ts";
import type { Format } from "../../design/units.ts";
import { requestsPerSecond } from "../../design/units.ts";

type Translate = (key: string, options?: Record<string, unknown>) => string;

export interface Lane {
  readonly key: string;
  readonly title: string;
  readonly lines: readonly ChartLine[];
  readonly format: Format;
  /** The axis reaches at least this. */
  readonly reach?: number;
  /** The PromQL behind it, for "open in Explore". */
  readonly expression: string;
}

const OUTCOMES: Readonly<Record<string, string>> = {
  "2xx": SERIES_COLORS[0],
  "3xx": SERIES_COLORS[2],
  "4xx": SERIES_COLORS[1],
  "5xx": "var(--crit)",
};

export function shopLanes(page: TenantOverview, before: string, t: Translate): Lane[] {
  const own = `tenant_id="${page.shop.id}"`;
  const { lanes } = page;
  return [
    {
      key: "orders",
      title: t("shop.orders"),
      format: count,
      expression: `sum(rate(orders_total{${own},status!~".*(failed|declined).*"}[10m])) * 3600`,
      lines: lanes.orders.map((line) =>
        line.name === "before"
          ? { name: before, values: line.values, color: "var(--faint)", dash: [4, 4], width: 1.2 }
          : { name: t("overview.orders"), values: line.values, color: SERIES_COLORS[0], fill: 0.08 },
      ),
    },
    {
      key: "revenue",
      title: t("shop.revenue"),
      format: (value) => money(value, lanes.revenue[0]?.name ?? page.shop.currency),
      expression: `sum by (currency) (rate(revenue_total{${own}}[10m])) * 3600`,
      lines: lanes.revenue.map((line, i) => ({
        name: line.name,
        values: line.values,
        color: SERIES_COLORS[(2 + i) % SERIES_COLORS.length],
        fill: lanes.revenue.length === 1 ? 0.08 : 0,
        format: (value) => money(value, line.name),
      })),
    },
    {
      key: "requests",
      title: t("shop.requests"),
      format: requestsPerSecond,
      expression: `sum by (status_code) (rate(http_requests_total{${own}}[2m]))`,
      lines: lanes.requests.map((line) => ({
        name: t(`overview.outcome${line.name}`),
        values: line.values,
        color: OUTCOMES[line.name],
      })),
    },
    {
      key: "errors",
      title: t("shop.errors"),
      format: percent,
      reach: 0.02,
      expression: `sum(rate(http_requests_total{${own},status_code=~"5.."}[2m])) / sum(rate(http_requests_total{${own}}[2m]))`,
      lines: lanes.errors.map((line) => ({
        name: t("shop.errors"),
        values: line.values,
        color: "var(--crit)",
        fill: 0.1,
      })),
    },
    {
      key: "latency",
      title: t("shop.latency"),
      format: duration,
      expression: `histogram_quantile(0.95, sum by (le) (rate(http_request_duration_seconds_bucket{${own}}[2m])))`,
      lines: lanes.latency.map((line, i) => ({
        name: line.name,
        values: line.values,
        color: SERIES_COLORS[i === 0 ? 2 : 4],
        dash: i === 0 ? [5, 3] : undefined,
      })),
    },
  ];
}

export interface SpanRow {
  readonly alert: string;
  readonly severity: string;
  readonly spans: readonly PlacedSpan[];
}

/** Alert spans as bars on the lanes' own time axis, one row for each alert and severity, the longest firing first. */
export function alertRows(page: TenantOverview, fromMs: number, toMs: number): SpanRow[] {
  const rows = new Map<string, { alert: string; severity: string; spans: PlacedSpan[]; firingMs: number }>();
  for (const span of page.alertSpans) {
    const row = rows.get(`${span.alert} ${span.severity}`) ?? {
      alert: span.alert,
      severity: span.severity,
      spans: [],
      firingMs: 0,
    };
    row.spans.push(placeSpan(span, fromMs, toMs));
    if (span.state === "firing") row.firingMs += span.toMs - span.fromMs;
    rows.set(`${span.alert} ${span.severity}`, row);
  }
  return [...rows.values()].sort((a, b) => b.firingMs - a.firingMs);
}
