// The PromQL of the overview, over the seed's metric names. Everything is summed by shop in one query each.
import { formatDurationMs, quote } from "@storewatch/model";

/** Window of the current request, error and latency figures. Short, so that an outage shows within seconds. */
const NOW = "2m";
/** Orders are few: a longer window, as the mean over what history there is (a fresh start has less than 15 min). */
const ORDERS_NOW = "[15m:1m]";
/** What figures are compared with: the hour before. A subquery's mean ignores the time before the first sample. */
const HOUR_BEFORE = "[1h:5m]";

/** An order that did not become one is none. */
const ORDERS = 'orders_total{status!~".*(failed|declined|rejected|cancell?ed).*"}';
const ERRORS = 'http_requests_total{status_code=~"5.."}';

const rate = (selector: string, window: string) => `rate(${selector}[${window}])`;
const byShop = (expression: string) => `sum by (tenant_id) (${expression})`;
const quantile = (q: number, labels: string, window: string, offset = "") =>
  `histogram_quantile(${q}, sum by (${labels}) (rate(http_request_duration_seconds_bucket[${window}]${offset})))`;

// Two minutes hold two scrapes of a target that is scraped once a minute; a longer window would take longer to fill
// after a start and show too little until then.
const ordersRate = byShop(rate(ORDERS, "2m"));
const revenueRate = `sum by (tenant_id, currency) (${rate("revenue_total", "2m")})`;

/** Instant queries. Rates are per second; the reader turns orders and revenue into hours. */
export const INSTANT = {
  requests: byShop(rate("http_requests_total", NOW)),
  errors: byShop(rate(ERRORS, NOW)),
  requestsBefore: `avg_over_time(${byShop(rate("http_requests_total", "5m"))}${HOUR_BEFORE} offset 2m)`,
  errorsBefore: `avg_over_time(${byShop(rate(ERRORS, "5m"))}${HOUR_BEFORE} offset 2m)`,
  p95: quantile(0.95, "tenant_id, le", NOW),
  p95Before: quantile(0.95, "tenant_id, le", "1h", " offset 2m"),
  p95All: quantile(0.95, "le", NOW),
  p95AllBefore: quantile(0.95, "le", "1h", " offset 2m"),
  orders: `avg_over_time(${ordersRate}${ORDERS_NOW})`,
  ordersBefore: `avg_over_time(${ordersRate}${HOUR_BEFORE} offset 15m)`,
  revenue: `avg_over_time(${revenueRate}${ORDERS_NOW})`,
  revenueBefore: `avg_over_time(${revenueRate}${HOUR_BEFORE} offset 15m)`,
  alerts: "ALERTS",
  alertsSince: "ALERTS_FOR_STATE",
  connections: "sum(active_connections)",
  /** How many five-minute points of the hour before there are: too few make no comparison. */
  history: `count_over_time(sum(${rate("http_requests_total", "5m")})${HOUR_BEFORE} offset 15m)`,
} as const;

/** Instant queries of one shop's page only. */
export const SHOP_INSTANT = {
  conversion: "avg by (tenant_id) (conversion_rate)",
  abandonment: "avg by (tenant_id) (cart_abandonment_rate)",
  /** Three of four page loads take less: what the target of 2 s is judged by, as in the rule PageLoadSlow. */
  pageLoad: "histogram_quantile(0.75, sum by (tenant_id, le) (rate(page_load_duration_seconds_bucket[10m])))",
} as const;

export interface Windows {
  readonly rateMs: number;
  readonly ordersMs: number;
}

/** Rate windows for a chart: at least two steps, so that no sample falls between two points. */
export function chartWindows(stepMs: number): Windows {
  return { rateMs: Math.max(120_000, 2 * stepMs), ordersMs: Math.max(300_000, 2 * stepMs) };
}

export function chartExpressions(stepMs: number) {
  const { rateMs, ordersMs } = chartWindows(stepMs);
  const window = formatDurationMs(rateMs);
  const ordersWindow = formatDurationMs(ordersMs);
  return {
    orders: `${byShop(rate(ORDERS, ordersWindow))} * 3600`,
    revenue: `sum by (tenant_id, currency) (${rate("revenue_total", ordersWindow)}) * 3600`,
    requests: `sum by (status_code) (${rate("http_requests_total", window)})`,
    errors: `sum(${rate(ERRORS, window)}) / sum(${rate("http_requests_total", window)})`,
    p50: quantile(0.5, "le", window),
    p95: quantile(0.95, "le", window),
    alerts: "ALERTS",
  };
}

/** Only this shop's series. The scope of the query enforces the same once more. */
export function forShop(expression: string, shop: string): string {
  return expression.replaceAll(
    /\b(http_requests_total|http_request_duration_seconds_bucket|orders_total|revenue_total|page_load_duration_seconds_bucket|conversion_rate|cart_abandonment_rate|ALERTS_FOR_STATE|ALERTS)\b(\{)?/g,
    (_, name: string, brace?: string) =>
      brace ? `${name}{tenant_id=${quote(shop)},` : `${name}{tenant_id=${quote(shop)}}`,
  );
}
