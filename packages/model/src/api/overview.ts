import { z } from "zod";

export const healthSchema = z.enum(["ok", "warn", "crit", "unknown"]);
/** `unknown`: no data of this shop lately. */
export type Health = z.infer<typeof healthSchema>;

/** A value now and, for the comparison, the same measure over the hour before. null = no data. */
export const figureSchema = z.object({ value: z.number().nullable(), before: z.number().nullable() });
export type Figure = z.infer<typeof figureSchema>;

/** Why a shop (or the platform) is not fine. The app words it in the viewer's language; `text` is for API users. */
export const reasonSchema = z.object({
  kind: z.enum(["alert", "errors", "latency", "orders-drop", "no-orders", "no-data"]),
  health: healthSchema,
  /** The measure: error ratio, seconds, or the signed change of orders (−0.48). null for alerts and absence. */
  value: z.number().nullable(),
  before: z.number().nullable(),
  /** ms since the epoch; null when unknown. */
  sinceMs: z.number().nullable(),
  /** Name of the alert for kind `alert`. */
  alert: z.string().nullable(),
  text: z.string(),
});
export type Reason = z.infer<typeof reasonSchema>;

/** Money per hour in one currency. Sums never mix currencies. */
export const moneySchema = figureSchema.extend({ currency: z.string() });
export type Money = z.infer<typeof moneySchema>;

/** A line of a chart: values stand at the places of the chart's `timesMs`; null is a gap. */
export const lineSchema = z.object({ name: z.string(), values: z.array(z.number().nullable()) });
export type Line = z.infer<typeof lineSchema>;

export const figuresSchema = z.object({
  requestsPerSecond: figureSchema,
  /** Answers with 5xx over all answers, 0–1. */
  errorRatio: figureSchema,
  p95Seconds: figureSchema,
  ordersPerHour: figureSchema,
  revenuePerHour: z.array(moneySchema),
});
export type Figures = z.infer<typeof figuresSchema>;

export const shopOverviewSchema = z.object({
  id: z.string(),
  name: z.string(),
  tier: z.string().nullable(),
  timezone: z.string(),
  currency: z.string(),
  health: healthSchema,
  /** Since when it is not fine; null when fine or unknown. */
  sinceMs: z.number().nullable(),
  reasons: z.array(reasonSchema),
  figures: figuresSchema,
  /** Orders per hour at the places of the answer's `timesMs`. */
  orders: z.array(z.number().nullable()),
});
export type ShopOverview = z.infer<typeof shopOverviewSchema>;

/** GET /api/storewatch/v1/overview?range=1h: the platform, and its shops worst first. */
export const overviewSchema = z.object({
  atMs: z.number(),
  rangeMs: z.number(),
  stepMs: z.number(),
  health: healthSchema,
  sinceMs: z.number().nullable(),
  /** What is wrong beyond single shops: alerts without a shop. */
  reasons: z.array(reasonSchema),
  alerts: z.object({ firing: z.number(), pending: z.number() }),
  figures: figuresSchema,
  activeConnections: z.number().nullable(),
  timesMs: z.array(z.number()),
  charts: z.object({
    /** `orders` and, one range earlier, `before`. */
    orders: z.array(lineSchema),
    /** By outcome: `2xx`, `3xx`, `4xx`, `5xx` (requests per second). */
    requests: z.array(lineSchema),
    /** `p50`, `p95` in seconds. */
    latency: z.array(lineSchema),
  }),
  shops: z.array(shopOverviewSchema),
});
export type Overview = z.infer<typeof overviewSchema>;

/** A time in which an alert of this shop was pending or firing. */
export const alertSpanSchema = z.object({
  alert: z.string(),
  severity: z.string(),
  state: z.enum(["pending", "firing"]),
  fromMs: z.number(),
  toMs: z.number(),
});
export type AlertSpan = z.infer<typeof alertSpanSchema>;

/** GET /api/storewatch/v1/tenants/ID/overview?from=MS&to=MS (or range=1h): one shop's lanes on one time axis. */
export const tenantOverviewSchema = z.object({
  atMs: z.number(),
  fromMs: z.number(),
  toMs: z.number(),
  stepMs: z.number(),
  shop: shopOverviewSchema,
  conversionRate: z.number().nullable(),
  cartAbandonmentRate: z.number().nullable(),
  /** 75th percentile of the last 10 minutes; null: no browser tells. */
  pageLoadSeconds: z.number().nullable(),
  timesMs: z.array(z.number()),
  lanes: z.object({
    orders: z.array(lineSchema),
    revenue: z.array(lineSchema),
    requests: z.array(lineSchema),
    errors: z.array(lineSchema),
    latency: z.array(lineSchema),
  }),
  alertSpans: z.array(alertSpanSchema),
});
export type TenantOverview = z.infer<typeof tenantOverviewSchema>;
