// One line when a request comes, one when it is answered, and the request's id in the answer.

import type { WorkContext } from "../context/request-context.ts";
import type { RequestDone, RequestStarted } from "../hooks.ts";
import type { Storewatch } from "../storewatch.ts";
import type { SeenRequest } from "../tenant/sources.ts";
import { type RedactionOptions, Redactor } from "./redaction/redactor.ts";
import { shownUrl } from "./request-url.ts";

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
  /** What is masked in addresses; `false`: nothing. The lines as a whole are the logger's to redact. */
  readonly redact?: RedactionOptions | false;
}

/**
 * Returns what takes it back. Each line names request, tenant and user, so that any logger will do: also one that knows
 * nothing of the context.
 */
export function requestLogger(sw: Storewatch, logger: LineLogger, options: RequestLoggerOptions = {}): () => void {
  const { requests = true, skip, ip = addressOf, level = levelOf } = options;
  const redactor = new Redactor(options.redact);
  const skipped = new WeakSet<SeenRequest>();
  const started = ({ context, request, response }: RequestStarted) => {
    if (!response.headersSent) response.setHeader("x-request-id", context.requestId);
    if (skip?.(request) === true) skipped.add(request);
    else if (requests)
      logger.info("HTTP Request", {
        ...whose(context),
        method: request.method,
        url: urlOf(request, redactor),
        userAgent: request.headers["user-agent"],
        ip: ip(request),
      });
  };
  const done = ({ context, request, method, route, statusCode, durationMs }: RequestDone) => {
    if (skipped.has(request)) return;
    const duration = Math.round(durationMs * 100) / 100;
    const url = urlOf(request, redactor);
    logger[level(statusCode)]("HTTP Response", { ...whose(context), method, url, route, statusCode, duration });
  };
  const detach = [sw.hooks.on("requestStarted", started), sw.hooks.on("requestDone", done)];
  return () => {
    for (const off of detach) off();
  };
}

function whose({ requestId, tenantId, userId }: WorkContext): Record<string, unknown> {
  return {
    requestId,
    ...(tenantId === undefined ? {} : { tenantId }),
    ...(userId === undefined ? {} : { userId }),
  };
}

/** Express and Nest shorten `url` within routers. */
function urlOf(request: SeenRequest, redactor: Redactor): string {
  return shownUrl(request.originalUrl ?? request.url ?? "", redactor);
}

function addressOf(request: SeenRequest): string | undefined {
  return request.socket.remoteAddress;
}

function levelOf(statusCode: number): LineLevel {
  if (statusCode >= 500) return "error";
  return statusCode >= 400 ? "warn" : "info";
}
