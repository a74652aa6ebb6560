// One line when a request comes, one when it is answered, and the request's id in the answer.

import type { RequestDone, RequestStarted } from "../hooks.ts";
import type { Storewatch } from "../storewatch.ts";
import type { SeenRequest } from "../tenant/sources.ts";

/** What the request logger needs of a logger; winston's has it, and `sdkLogger(pino)`. */
export interface LineLogger {
  info(message: string, fields?: Record<string, unknown>): unknown;
  warn(message: string, fields?: Record<string, unknown>): unknown;
  error(message: string, fields?: Record<string, unknown>): unknown;
}

type LineLevel = "info" | "warn" | "error";

export interface RequestLoggerOptions {
  /** False: only the line of the answer. Default true. */
  readonly requests?: boolean;
  /** Requests that are not logged; they get their id all the same. */
  readonly skip?: (request: SeenRequest) => boolean;
  /** The client's address. Default: the connection's; who stands behind a proxy of his own reads its header here. */
  readonly ip?: (request: SeenRequest) => string | undefined;
  /** The level of an answer. Default: error from 500, warn from 400, else info. */
  readonly level?: (statusCode: number) => LineLevel;
}

/** Returns what takes it back. Lines take tenant, user and request id from the context, and are redacted by the logger. */
export function requestLogger(sw: Storewatch, logger: LineLogger, options: RequestLoggerOptions = {}): () => void {
  const { requests = true, skip, ip = addressOf, level = levelOf } = options;
  const skipped = new WeakSet<SeenRequest>();
  const started = ({ context, request, response }: RequestStarted) => {
    if (!response.headersSent) response.setHeader("x-request-id", context.requestId);
    if (skip?.(request) === true) skipped.add(request);
    else if (requests)
      logger.info("HTTP Request", {
        method: request.method,
        url: urlOf(request),
        userAgent: request.headers["user-agent"],
        ip: ip(request),
      });
  };
  const done = ({ request, method, route, statusCode, durationMs }: RequestDone) => {
    if (skipped.has(request)) return;
    const duration = Math.round(durationMs * 100) / 100;
    logger[level(statusCode)]("HTTP Response", { method, url: urlOf(request), route, statusCode, duration });
  };
  const detach = [sw.hooks.on("requestStarted", started), sw.hooks.on("requestDone", done)];
  return () => {
    for (const off of detach) off();
  };
}

const URL_CHARS_MAX = 2048;

/** Express and Nest shorten `url` within routers. */
function urlOf(request: SeenRequest): string {
  return (request.originalUrl ?? request.url ?? "").slice(0, URL_CHARS_MAX);
}

function addressOf(request: SeenRequest): string | undefined {
  return request.socket.remoteAddress;
}

function levelOf(statusCode: number): LineLevel {
  if (statusCode >= 500) return "error";
  return statusCode >= 400 ? "warn" : "info";
}
