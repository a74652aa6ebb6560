import type { Clock } from "@storewatch/model";
import type { FastifyInstance } from "fastify";
import { Histogram } from "prom-client";
import type { Logger } from "../kernel/logger.ts";
import type { SelfMetrics } from "../kernel/self-metrics.ts";

/** Counts and times requests by route pattern, so that the number of series is bounded; a line for each at `debug`. */
export function measureRequests(app: FastifyInstance, metrics: SelfMetrics, clock: Clock, logger: Logger): void {
  const seconds = new Histogram({
    name: "storewatch_http_request_duration_seconds",
    help: "Time from the request's headers to the end of the answer.",
    labelNames: ["method", "route", "status_code"],
    buckets: [0.005, 0.025, 0.1, 0.5, 2.5, 10],
    registers: [metrics],
  });
  const startedMs = new WeakMap<object, number>();
  app.addHook("onRequest", (request, _, done) => {
    startedMs.set(request.raw, clock.monotonicMs());
    done();
  });
  app.addHook("onResponse", (request, reply, done) => {
    const ms = clock.monotonicMs() - (startedMs.get(request.raw) ?? clock.monotonicMs());
    const route = request.is404 ? "unmatched" : (request.routeOptions.url ?? "unmatched");
    const method = KNOWN_METHODS.has(request.method) ? request.method : "other";
    seconds.observe({ method, route, status_code: reply.statusCode }, ms / 1000);
    // Never the query: it may hold a sign-in token.
    if (logger.isLevelEnabled("debug"))
      logger.debug({ requestId: request.id, method, route, status: reply.statusCode, ms }, "request");
    done();
  });
}

const KNOWN_METHODS = new Set(["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"]);
