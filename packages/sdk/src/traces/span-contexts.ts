// Tenant, user and request id on OpenTelemetry's spans.
import type { IncomingMessage } from "node:http";
import type { Context, Span } from "@opentelemetry/api";
import type { SpanProcessor } from "@opentelemetry/sdk-trace";
import type { WorkContext } from "../context/request-context.ts";
import { currentContext } from "../context/store.ts";
import type { RequestStarted } from "../hooks.ts";

type Api = typeof import("@opentelemetry/api");

/** At a span's start for what is known then, and at its end for what was found out later (the user signs in). */
export class SpanContexts implements SpanProcessor {
  private readonly api: Api;
  private readonly contexts = new WeakMap<object, WorkContext>();
  private readonly requests = new WeakMap<object, RequestStarted>();

  constructor(api: Api) {
    this.api = api;
  }

  /** The request's own span is older than its context. */
  requestStarted(started: RequestStarted): void {
    const span = this.api.trace.getActiveSpan();
    if (span === undefined) return;
    this.contexts.set(span, started.context);
    this.requests.set(started.request, started);
    mark(span, started.context);
  }

  /** `GET /products/:id`: the route is known when the request ends. */
  nameByRoute(span: Span, request: IncomingMessage): void {
    const route = this.requests.get(request)?.routeNow();
    if (route === undefined) return;
    span.setAttribute("http.route", route);
    span.updateName(`${request.method ?? "GET"} ${route}`);
  }

  onStart(span: Span, _parent: Context): void {
    const context = currentContext();
    if (context === undefined) return;
    this.contexts.set(span, context);
    mark(span, context);
  }

  onEnding(span: Span): void {
    const context = this.contexts.get(span);
    if (context !== undefined) mark(span, context);
  }

  onEnd(): void {
    // All has been said in onEnding, while the span could still be written.
  }

  async forceFlush(): Promise<void> {
    // Nothing waits here.
  }

  async shutdown(): Promise<void> {
    // Nothing is held here.
  }
}

function mark(span: Span, context: WorkContext): void {
  const { tenantId, userId, requestId } = context;
  if (tenantId !== undefined) span.setAttribute("tenant_id", tenantId);
  if (userId !== undefined) span.setAttribute("user.id", userId);
  span.setAttribute("request_id", requestId);
}
