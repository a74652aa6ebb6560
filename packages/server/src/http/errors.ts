// Errors in the form of the protocol that was asked.
import { QueryError } from "@storewatch/promql/engine";
import type { FastifyReply, FastifyRequest } from "fastify";
import { hasZodFastifySchemaValidationErrors } from "fastify-type-provider-zod";
import { StorewatchError } from "../kernel/errors.ts";
import type { Logger } from "../kernel/logger.ts";

/** What is shown of an error, whatever the form. */
interface Shown {
  readonly status: number;
  readonly code: string;
  readonly message: string;
  readonly hint?: string;
  readonly retryAfterSeconds?: number;
  /** Prometheus' errorType, where the status alone does not tell. */
  readonly errorType?: string;
}

export function createErrorHandler(logger: Logger) {
  return (error: unknown, request: FastifyRequest, reply: FastifyReply): void => {
    const shown = shownOf(error, request);
    if (shown.code === "INTERNAL") {
      logger.error(
        { err: error, requestId: request.id, method: request.method, path: pathOf(request) },
        "a request failed",
      );
    }
    sendError(request, reply, shown);
  };
}

export function notFound(request: FastifyRequest, reply: FastifyReply): void {
  sendError(
    request,
    reply,
    shownOf(new StorewatchError("NOT_FOUND", { what: `${request.method} ${pathOf(request)}` }), request),
  );
}

function sendError(request: FastifyRequest, reply: FastifyReply, shown: Shown): void {
  if (shown.status === 401) reply.header("www-authenticate", 'Bearer realm="storewatch"');
  if (shown.retryAfterSeconds !== undefined) reply.header("retry-after", shown.retryAfterSeconds);
  const { type, body } = render(pathOf(request), shown);
  reply.code(shown.status).header("content-type", type).header("cache-control", "no-store").send(body);
}

function pathOf(request: FastifyRequest): string {
  const { url } = request;
  const end = url.indexOf("?");
  return end < 0 ? url : url.slice(0, end);
}

function shownOf(error: unknown, request: FastifyRequest): Shown {
  if (error instanceof StorewatchError) return error;
  if (error instanceof QueryError) return ofQuery(error);
  if (hasZodFastifySchemaValidationErrors(error)) {
    const issues = error.validation.map(({ instancePath, message }) =>
      `${instancePath.slice(1)} ${message ?? ""}`.trim(),
    );
    return new StorewatchError("BAD_REQUEST", { reason: issues.join("; ") });
  }
  return ofFramework(error) ?? new StorewatchError("INTERNAL", { requestId: request.id });
}

const QUERY_STATUS: Readonly<Record<QueryError["kind"], readonly [number, string]>> = {
  parse: [400, "bad_data"],
  execution: [422, "execution"],
  limit: [422, "execution"],
  timeout: [503, "timeout"],
  canceled: [503, "canceled"],
};

function ofQuery(error: QueryError): Shown {
  const [status, errorType] = QUERY_STATUS[error.kind];
  return { status, code: `QUERY_${error.kind.toUpperCase()}`, message: error.message, errorType };
}

/** Errors that Fastify itself makes of bad requests; undefined for anything that may be our bug. */
function ofFramework(error: unknown): Shown | undefined {
  if (!(error instanceof Error) || !("statusCode" in error) || typeof error.statusCode !== "number") return undefined;
  const status = error.statusCode;
  if (status < 400 || status > 499) return undefined;
  if (status === 413) return { status, code: "BODY_TOO_LARGE", message: "the body is too large" };
  if (status === 415) return new StorewatchError("MEDIA_TYPE", {});
  return { status, code: "BAD_REQUEST", message: error.message };
}

const ERROR_TYPES: Readonly<Record<number, string>> = {
  400: "bad_data",
  401: "unauthorized",
  403: "forbidden",
  404: "not_found",
  413: "bad_data",
  415: "bad_data",
  422: "execution",
  429: "too_many_requests",
  503: "unavailable",
};

function render(path: string, shown: Shown): { readonly type: string; readonly body: string } {
  const { code, message, hint, status } = shown;
  const text = hint === undefined ? message : `${message}: ${hint}`;
  const json = (data: unknown) => ({ type: "application/json; charset=utf-8", body: JSON.stringify(data) });
  if (path.startsWith("/api/storewatch/")) return json({ error: { code, message, hint } });
  if (path.startsWith("/api/v1/")) {
    const errorType = shown.errorType ?? ERROR_TYPES[status] ?? "internal";
    return json({ status: "error", errorType, error: text });
  }
  if (path.startsWith("/api/v2/")) return json(text);
  if (/^\/api\/(dashboards|search|folders|annotations)(\/|$)/.test(path)) return json({ message: text });
  if (/^\/(-|metrics|federate)(\/|$)/.test(path)) return { type: "text/plain; charset=utf-8", body: `${text}\n` };
  return json({ error: { code, message, hint } });
}
