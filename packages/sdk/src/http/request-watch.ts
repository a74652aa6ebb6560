// The life of one request, whatever the framework: context at the start, metrics and hooks at the end.
import type { ServerResponse } from "node:http";
import type { Clock } from "../clock.ts";
import { type ContextRules, RequestContext } from "../context/request-context.ts";
import { runInContext } from "../context/store.ts";
import type { Guard } from "../guard.ts";
import type { Hooks } from "../hooks.ts";
import type { AppMetrics } from "../metrics/app-metrics.ts";
import { UNMATCHED_ROUTE } from "../metrics/http-metrics.ts";
import type { SlowWatch } from "../metrics/slow.ts";
import type { TenantResolver } from "../tenant/resolver.ts";
import type { SeenRequest } from "../tenant/sources.ts";

/** The client went away before it had its answer: nginx's number for it. */
const CLIENT_GONE = 499;

export interface RequestWatchParts {
  readonly metrics: AppMetrics;
  readonly slow: SlowWatch;
  readonly hooks: Hooks;
  readonly tenants: TenantResolver;
  readonly rules: ContextRules;
  readonly guard: Guard;
  readonly clock: Clock;
}

/** Gives the template of the route that took the request; undefined when none did. Asked when the request is over. */
export type RouteOf = (request: SeenRequest) => string | undefined;

export class RequestWatch {
  private readonly parts: RequestWatchParts;
  private inFlightCount = 0;

  constructor(parts: RequestWatchParts) {
    this.parts = parts;
  }

  /** Requests that are being worked on. */
  get inFlight(): number {
    return this.inFlightCount;
  }

  /** Watches a request and runs `next` in its context. `next` runs exactly once, whatever fails in here. */
  handle(request: SeenRequest, response: ServerResponse, routeOf: RouteOf, next: () => void): void {
    const context = this.begin(request, response, routeOf);
    if (context === undefined) next();
    else runInContext(context, next);
  }

  private begin(request: SeenRequest, response: ServerResponse, routeOf: RouteOf): RequestContext | undefined {
    const { tenants, rules, guard, clock, metrics, hooks } = this.parts;
    try {
      const startMs = clock.monotonicMs();
      const context = new RequestContext(rules, request);
      const tenant = tenants.atStart(request, (later) => context.foundTenant(later));
      if (tenant !== undefined) context.foundTenant(tenant);
      metrics.connections.watchServerOf(request);
      this.inFlightCount += 1;
      // One listener: "close" comes after "finish", alone when the client went away, and once in either case.
      response.on("close", () => this.end(context, request, response, routeOf, startMs));
      if (hooks.has("requestStarted"))
        runInContext(context, () =>
          hooks.emit("requestStarted", { context, request, response, routeNow: () => routeOf(request) }),
        );
      return context;
    } catch (error) {
      guard.failed("context", error);
      return undefined;
    }
  }

  private end(
    context: RequestContext,
    request: SeenRequest,
    response: ServerResponse,
    routeOf: RouteOf,
    startMs: number,
  ): void {
    const { metrics, slow, hooks, guard, clock } = this.parts;
    this.inFlightCount -= 1;
    try {
      const durationMs = clock.monotonicMs() - startMs;
      const method = request.method ?? "GET";
      const route = routeOf(request) ?? UNMATCHED_ROUTE;
      const statusCode = response.writableEnded ? response.statusCode : CLIENT_GONE;
      metrics.http.done(method, route, context.tenantId, statusCode, durationMs / 1000);
      slow.request(method, route, context.tenantId, durationMs);
      if (hooks.has("requestDone")) {
        const done = { context, request, response, routeNow: () => route, method, route, statusCode, durationMs };
        runInContext(context, () => hooks.emit("requestDone", done));
      }
      context.release();
    } catch (error) {
      guard.failed("metrics", error);
    }
  }
}
