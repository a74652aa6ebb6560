export type { BusinessOptions, OrderInfo } from "./business/business-metrics.ts";
export { BusinessMetrics } from "./business/business-metrics.ts";
export type { Clock } from "./clock.ts";
export type { WorkContext } from "./context/request-context.ts";
export { currentContext } from "./context/store.ts";
export type { CheckFinding, CheckFunction, CheckOptions, CheckResult, CheckStatus } from "./health/check.ts";
export {
  diskCheck,
  elasticsearchCheck,
  httpCheck,
  memoryCheck,
  postgresCheck,
  redisCheck,
} from "./health/checks.ts";
export type { HealthOptions, HealthReport } from "./health/health.ts";
export { Health } from "./health/health.ts";
export type { Breadcrumb, HookName, RequestDone, RequestFailed, RequestStarted } from "./hooks.ts";
export type { GaugeReading, MetricsOptions } from "./metrics/app-metrics.ts";
export { AppMetrics } from "./metrics/app-metrics.ts";
export { cached } from "./metrics/cached.ts";
export type { MetricsAuth, MetricsListenOptions } from "./metrics/exposition.ts";
export { UNMATCHED_ROUTE } from "./metrics/http-metrics.ts";
export type { LabelValues, SafeCounter, SafeGauge, SafeHistogram } from "./metrics/instruments.ts";
export { Performance } from "./performance.ts";
export type { ShutdownOptions, ShutdownReport } from "./shutdown.ts";
export type { ContextAccess, Storewatch, StorewatchOptions } from "./storewatch.ts";
export { storewatch } from "./storewatch.ts";
export type { TenantOptions } from "./tenant/resolver.ts";
export type { SeenRequest, TenantSource } from "./tenant/sources.ts";
export { OTHER, UNKNOWN_TENANT } from "./tenant/tenant-id.ts";
export type { Tracer } from "./traces/tracer.ts";
export { Tracked, trackPerformance } from "./traces/track-performance.ts";
export type { SdkLogger } from "./warnings.ts";
