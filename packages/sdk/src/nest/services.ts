// What Nest injects. Each is a class of its own name, made by a factory from the Storewatch object.
import { BusinessMetrics } from "../business/business-metrics.ts";
import { Health } from "../health/health.ts";
import { AppMetrics } from "../metrics/app-metrics.ts";
import { Performance } from "../performance.ts";
import type { Storewatch } from "../storewatch.ts";
import { PROMETHEUS_REGISTRY, STOREWATCH } from "./tokens.ts";

/** Inject these for orders, own metrics, slow queries and health checks. Values are the SDK's own objects. */
export {
  AppMetrics,
  BusinessMetrics as BusinessMetricsService,
  Health as HealthService,
  Performance as PerformanceService,
};

const TAKEN = [
  [BusinessMetrics, (sw: Storewatch) => sw.business],
  [AppMetrics, (sw: Storewatch) => sw.metrics],
  [Health, (sw: Storewatch) => sw.health],
  [Performance, (sw: Storewatch) => sw.performance],
  [PROMETHEUS_REGISTRY, (sw: Storewatch) => sw.metrics.registry],
] as const;

export const serviceProviders = TAKEN.map(([provide, take]) => ({
  provide,
  useFactory: take as (sw: Storewatch) => unknown,
  inject: [STOREWATCH],
}));
export const serviceTokens = TAKEN.map(([provide]) => provide);
