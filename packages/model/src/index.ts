export type {
  AlertSink,
  NotificationData,
  NotificationReason,
  NotifiedAlert,
  PostableAlert,
} from "./alert.ts";
export { type Clock, sleep, type Timer } from "./clock.ts";
export { formatDurationMs, parseDurationMs } from "./duration.ts";
export type { Exemplar, SeriesExemplar, SeriesExemplars } from "./exemplar.ts";
export { type Finding, formatFinding } from "./finding.ts";
export { type BucketSpan, type CounterResetHint, CUSTOM_BUCKETS_SCHEMA, type NativeHistogram } from "./histogram.ts";
export { compareStrings, type LabelRecord, Labels, METRIC_NAME, quote } from "./labels.ts";
export { Matcher, type MatchOperator, matchesAll } from "./matcher.ts";
export type { MetricMetadata } from "./metadata.ts";
export { compileRe2, compileWholeRegex, RegexError, type WholeRegex } from "./regex.ts";
export { bitsOf, isStaleAt, type Sample, type SeriesSamples, STALE_HIGH, STALE_LOW, setStaleAt } from "./sample.ts";
export {
  ALL_TENANTS,
  parseTenantId,
  scopeAllows,
  TENANT_LABEL,
  type Tenant,
  type TenantId,
  type TenantScope,
  tenantScope,
} from "./tenant.ts";
