import { BusinessMetrics, type BusinessOptions } from "./business/business-metrics.ts";
import { type Clock, systemClock } from "./clock.ts";
import { RequestContext, type WorkContext } from "./context/request-context.ts";
import { currentContext, runInContext } from "./context/store.ts";
import { Guard } from "./guard.ts";
import { Health, type HealthOptions } from "./health/health.ts";
import { Hooks } from "./hooks.ts";
import { RequestWatch } from "./http/request-watch.ts";
import { ToldErrors } from "./http/told-errors.ts";
import { AppMetrics, type MetricsOptions } from "./metrics/app-metrics.ts";
import { type SlowOptions, SlowWatch } from "./metrics/slow.ts";
import { Performance } from "./performance.ts";
import { Shutdown, type ShutdownOptions } from "./shutdown.ts";
import { type TenantOptions, TenantResolver } from "./tenant/resolver.ts";
import type { SeenRequest } from "./tenant/sources.ts";
import type { Tracer, TracerHolder } from "./traces/tracer.ts";
import { performanceInUse } from "./traces/track-performance.ts";
import { type SdkLogger, Warnings } from "./warnings.ts";

export interface StorewatchOptions {
  /** Name of the service, such as `checkout`. */
  readonly service: string;
  readonly version?: string;
  /** Such as `production`. */
  readonly environment?: string;
  readonly tenant?: TenantOptions;
  /** Who is signed in; asked when somebody reads the user. Default: `id` or `sub` of `req.user`. */
  readonly user?: (request: SeenRequest) => string | undefined;
  readonly metrics?: MetricsOptions;
  readonly business?: BusinessOptions;
  readonly health?: HealthOptions;
  readonly slow?: SlowOptions;
  readonly shutdown?: ShutdownOptions;
  /** Where slow queries, slow endpoints and the SDK's own failures are said. */
  readonly logger?: SdkLogger;
  readonly clock?: Clock;
}

/** The monitoring of one service. Made once, at the start; adapters and the shop's code take it from there. */
export interface Storewatch {
  readonly service: string;
  readonly version: string;
  readonly environment: string;
  readonly metrics: AppMetrics;
  readonly business: BusinessMetrics;
  readonly health: Health;
  readonly performance: Performance;
  readonly context: ContextAccess;
  /** For what listens to requests, errors and breadcrumbs: request logger, error tracker. */
  readonly hooks: Hooks;
  /** For adapters: watches one request. */
  readonly requests: RequestWatch;
  readonly guard: Guard;
  readonly clock: Clock;
  /** Sets the logger when it is made after this. */
  useLogger(logger: SdkLogger): void;
  /** For error trackers and tracers: trace ids and `trackPerformance` come from here. `undefined` takes it back. */
  useTracer(tracer: Tracer | undefined): void;
  /** For adapters: the application failed to answer. Also for jobs, without a request. Once for an error in each of them. */
  requestFailed(error: unknown, request: SeenRequest | undefined): void;
  /** Ready off, drain, close, in this order; see docs/sdk.md. Safe to call twice. */
  readonly shutdown: Shutdown["run"];
  /** Servers to close, and what else is to be done when the service stops. */
  readonly stopping: Shutdown;
}

export interface ContextAccess {
  /** The context of the request or job that runs now. */
  current(): WorkContext | undefined;
  /** Runs work that no request started (a job, a message) in a context of its own. */
  run<T>(fields: { tenantId?: string; userId?: string; requestId?: string }, work: () => T): T;
}

/** Sets up the monitoring of a service. Throws only for options that cannot be meant, at the start. */
export function storewatch(options: StorewatchOptions): Storewatch {
  const { service, version = "0.0.0", environment = "development", clock = systemClock } = options;
  const warnings = new Warnings(clock, options.logger);
  const guard = new Guard(warnings);
  const hooks = new Hooks(guard);
  const told = new ToldErrors();
  const metrics = new AppMetrics(options.metrics ?? {}, guard);
  const { instruments } = metrics;
  const slow = new SlowWatch(options.slow ?? {}, { http: metrics.http, instruments, hooks, warnings, guard });
  const tenants = new TenantResolver(options.tenant ?? {}, guard);
  const userOf = options.user ?? userOfRequest;
  const tracer: TracerHolder = { current: undefined };
  const rules = {
    traceId: (inRequest: boolean) => {
      const { current } = tracer;
      return current && guard.run("context", () => current.activeTraceId(inRequest), undefined);
    },
    acceptTenant: (value: unknown) => tenants.accept(value),
    lateTenant: (request: SeenRequest) => tenants.afterSignIn(request),
    user: (request: SeenRequest) => guard.run("context", () => userOf(request), undefined),
  };
  const requests = new RequestWatch({ metrics, slow, hooks, tenants, rules, guard, clock });
  const health = new Health(options.health ?? {}, { service, version, metrics, guard, clock });
  const stopping = new Shutdown(options.shutdown ?? {}, { health, requests, metrics, guard, clock });
  const performance = new Performance({ slow, metrics, guard, clock, tracer });
  performanceInUse(performance);
  metrics
    .gauge({
      name: "service_build_info",
      help: "Always 1; the version that runs is in the label",
      labelNames: ["service", "version", "environment"],
    })
    .set({ service, version, environment }, 1);
  return {
    service,
    version,
    environment,
    metrics,
    business: new BusinessMetrics(options.business ?? {}, { metrics, guard, clock }),
    health,
    performance,
    context: {
      current: currentContext,
      run(fields, work) {
        const context = new RequestContext(rules, undefined, fields.requestId);
        if (fields.tenantId !== undefined) context.tenantId = fields.tenantId;
        if (fields.userId !== undefined) context.userId = fields.userId;
        return runInContext(context, work);
      },
    },
    hooks,
    requests,
    guard,
    clock,
    useLogger: (logger) => warnings.use(logger),
    useTracer(next) {
      tracer.current = next;
    },
    requestFailed(error, request) {
      const context = currentContext();
      if (!told.isNews(error, context, request)) return;
      hooks.emit("requestFailed", { error, request, context });
    },
    shutdown: (reason) => stopping.run(reason),
    stopping,
  };
}

function userOfRequest(request: SeenRequest): string | undefined {
  const { user } = request;
  if (typeof user !== "object" || user === null) return undefined;
  const { id, sub } = user as { id?: unknown; sub?: unknown };
  const found = id ?? sub;
  return typeof found === "string" || typeof found === "number" ? String(found) : undefined;
}
