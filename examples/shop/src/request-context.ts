// What every request passes through: its shop, its id, its measurement, its log line.
import { randomUUID } from "node:crypto";
import type { NextFunction, Request, RequestHandler, Response } from "express";
import type { FaultSwitches } from "./faults.ts";
import type { ShopLogger } from "./logging.ts";
import type { ShopMetrics } from "./metrics.ts";
import { type ShopTenant, tenantById } from "./tenants.ts";

declare global {
  namespace Express {
    interface Locals {
      requestId: string;
      sessionId: string;
      tenant?: ShopTenant;
    }
  }
}

/** An error that the client is told about with this status. */
export class HttpProblem extends Error {
  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message);
  }
}

const TENANT_PATH = /^\/t\/([^/?]+)(\/[^?]*)?(\?.*)?$/;
/** Requests that take longer are logged as slow (the platform's standard). */
const SLOW_REQUEST_SECONDS = 2;
const METHODS: ReadonlySet<string> = new Set(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]);

/** The shop is named by the header x-tenant-id or by a path /t/ID/…; the routes below see the rest of the path. */
export const resolveTenant: RequestHandler = (request, response, next) => {
  const match = TENANT_PATH.exec(request.url);
  const named = match ? decodeURIComponent(match[1]) : request.header("x-tenant-id");
  if (match) request.url = `${match[2] ?? "/"}${match[3] ?? ""}`;
  response.locals.requestId = printable(request.header("x-request-id")) ?? randomUUID();
  response.locals.sessionId = printable(request.header("x-session-id")) ?? response.locals.requestId;
  response.setHeader("x-request-id", response.locals.requestId);
  if (named === undefined) return next();
  response.locals.tenant = tenantById(named);
  next(response.locals.tenant ? undefined : new HttpProblem(404, "no such shop"));
};

/** Counts and times every request by its route template, whatever becomes of it. */
export function measure(metrics: ShopMetrics, logger: ShopLogger): RequestHandler {
  return (request, response, next) => {
    const startedMs = performance.now();
    response.once("close", () => {
      const seconds = (performance.now() - startedMs) / 1000;
      const tenant = response.locals.tenant?.id;
      // 499: the client went away before the answer was complete.
      const status = response.writableFinished ? response.statusCode : 499;
      const route = routeTemplate(request);
      metrics.requestDone({ method: methodLabel(request.method), route, tenant: tenant ?? "unknown" }, status, seconds);
      const line = {
        requestId: response.locals.requestId,
        method: request.method,
        route,
        statusCode: status,
        durationMs: Math.round(seconds * 1000),
        tenantId: tenant,
      };
      if (seconds > SLOW_REQUEST_SECONDS) logger.warn("Slow API endpoint", line);
      else if (route !== "/metrics" && !route.startsWith("/health")) logger.info("HTTP Response", line);
    });
    next();
  };
}

/** `/products/:id`, never the path itself: without a match it is always `unmatched`, so series stay bounded. */
export function routeTemplate(request: Request): string {
  const route: unknown = request.route?.path;
  return typeof route === "string" ? `${request.baseUrl}${route}` : "unmatched";
}

/** The door of every shop: handlers enter through it, so that what fails here has its route in the metrics. */
export class ShopDoor {
  constructor(
    private readonly metrics: ShopMetrics,
    private readonly faults: FaultSwitches,
    private readonly random: () => number,
  ) {}

  /** The shop that the request names. Marks the visit; fails half of them while the fault `error-burst` is on. */
  enter(response: Response): ShopTenant {
    const tenant = response.locals.tenant;
    if (!tenant) throw new HttpProblem(400, "name the shop: header x-tenant-id, or a path /t/ID/…");
    this.metrics.kpis.get(tenant.id)?.visit(response.locals.sessionId, performance.now());
    if (this.faults.isOn("error-burst", tenant.id) && this.random() < 0.5) {
      throw new TypeError("Cannot read properties of undefined (reading 'priceList')");
    }
    return tenant;
  }
}

/** The last handler: problems as JSON, anything else as a logged 500. Four parameters make it Express' error handler. */
export function answerErrors(logger: ShopLogger) {
  return (error: unknown, request: Request, response: Response, _next: NextFunction): void => {
    const status = error instanceof HttpProblem ? error.status : clientErrorStatus(error);
    if (status >= 500) {
      logger.error(error instanceof Error ? error.message : String(error), {
        stack: error instanceof Error ? error.stack : undefined,
        requestId: response.locals.requestId,
        tenantId: response.locals.tenant?.id,
        route: routeTemplate(request),
      });
    }
    if (response.headersSent) return void response.destroy();
    const message = status === 500 || !(error instanceof Error) ? "internal error" : error.message;
    response.status(status).json({ error: message, requestId: response.locals.requestId });
  };
}

function methodLabel(method: string): string {
  return METHODS.has(method) ? method : "OTHER";
}

/** body-parser's errors carry their status. */
function clientErrorStatus(error: unknown): number {
  const status = typeof error === "object" && error !== null && "status" in error ? error.status : undefined;
  return typeof status === "number" && status >= 400 && status < 500 ? status : 500;
}

/** Ids of clients go into logs and headers: short and printable, or not at all. */
function printable(text: string | undefined): string | undefined {
  return text !== undefined && /^[\w.:-]{1,64}$/.test(text) ? text : undefined;
}
