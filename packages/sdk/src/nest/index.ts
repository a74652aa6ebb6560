export { StorewatchExceptionFilter } from "./exception-filter.ts";
export { MetricsAuthGuard, TenantGuard } from "./guards.ts";
export { StorewatchInterceptor } from "./interceptor.ts";
export type { StorewatchAsyncOptions } from "./module.ts";
export { StorewatchModule } from "./module.ts";
export { AppMetrics, BusinessMetricsService, HealthService, PerformanceService } from "./services.ts";
export { PROMETHEUS_REGISTRY, STOREWATCH } from "./tokens.ts";
