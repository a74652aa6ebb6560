// Connects a service's monitoring with the Sentry client: errors, breadcrumbs, tenant and user, trace ids, shutdown.
import type { WorkContext } from "../context/request-context.ts";
import { currentContext } from "../context/store.ts";
import type { RequestFailed } from "../hooks.ts";
import type { Storewatch } from "../storewatch.ts";
import { type SentryModule, startedSentry } from "./client.ts";

type Span = NonNullable<ReturnType<SentryModule["getActiveSpan"]>>;
type Client = NonNullable<ReturnType<SentryModule["getClient"]>>;

/** Under this name the context travels with the client's own record of a request, beyond our own storage's reach. */
const CONTEXT = "storewatchContext";
/** On a request whose error the client has captured by its own probe in Express. */
const CAPTURED = "__sentry_express_error_handled__";
/** What is left to send when the service stops gets this long: within one closing step. */
const FLUSH_MS = 2000;

export interface ConnectOptions {
  /** The client's module when the service starts it by itself. Default: the one that `initSentry` started. */
  readonly sentry?: SentryModule;
}

/**
 * Errors of requests, breadcrumbs of slow work, tenant, user and request id on everything that is sent. Does nothing when
 * error tracking is off. Returns the function that disconnects.
 */
export function connectSentry(sw: Storewatch, options: ConnectOptions = {}): () => void {
  const sentry = options.sentry ?? startedSentry();
  const client = sentry?.getClient();
  if (sentry === undefined || client === undefined) return () => undefined;
  const spans = new SpanContexts(sentry);
  let connected = true;
  client.addEventProcessor((event) => {
    if (!connected) return event;
    const context = currentContext() ?? (event.sdkProcessingMetadata?.[CONTEXT] as WorkContext | undefined);
    if (context === undefined) return event;
    return sw.guard.run("hooks", () => withContext(event, context), event);
  });
  const detach = [
    sw.hooks.on("requestStarted", ({ context }) => {
      sentry.getIsolationScope().setSDKProcessingMetadata({ [CONTEXT]: context });
      spans.requestStarted(context);
      // Now that the request's span runs; asked later, another one might.
      void context.traceId;
    }),
    sw.hooks.on("requestFailed", (failed) => capture(sentry, failed)),
    sw.hooks.on("breadcrumb", (crumb) => sentry.addBreadcrumb({ ...crumb, data: { ...crumb.data } })),
    ...spans.attach(client, sw),
  ];
  sw.useTracer({
    activeTraceId(inRequest) {
      const traceId = sentry.getActiveSpan()?.spanContext().traceId;
      // Without a span the request has its trace still: the one of the event's that it may cause.
      return traceId ?? (inRequest ? sentry.getCurrentScope().getPropagationContext().traceId : undefined);
    },
    span: (operation, work) => sentry.startSpan({ name: operation, op: operation }, () => work()),
  });
  sw.stopping.step("error tracking", () => (connected ? client.flush(FLUSH_MS) : undefined));
  return () => {
    connected = false;
    for (const off of detach.splice(0)) off();
    sw.useTracer(undefined);
  };
}

/** Once for each error: the client knows the ones that its own probes in the framework have captured. */
function capture(sentry: SentryModule, failed: RequestFailed): void {
  const { error, request, context } = failed;
  if (isAnswer(error)) return;
  if (request !== undefined) {
    if (CAPTURED in request) return;
    Object.defineProperty(request, CAPTURED, { value: true, configurable: true, writable: true });
  }
  sentry.withScope((scope) => {
    if (context !== undefined) scope.setSDKProcessingMetadata({ [CONTEXT]: context });
    sentry.captureException(error, { mechanism: { type: "storewatch", handled: false } });
  });
}

/** A status below 500 says that the error is an answer (not found, invalid), not a failure of the service. */
export function isAnswer(error: unknown): boolean {
  if (typeof error !== "object" || error === null) return false;
  const { status, statusCode } = error as { status?: unknown; statusCode?: unknown };
  const code = Number(status ?? statusCode ?? 500);
  return code >= 100 && code < 500;
}

interface EventFields {
  tags?: Record<string, unknown>;
  user?: Record<string, unknown>;
}

function withContext<E extends object>(event: E, context: WorkContext): E {
  const { tags, user } = event as EventFields;
  const { tenantId, userId, requestId } = context;
  const own = { ...(tenantId !== undefined && { tenant_id: tenantId }), request_id: requestId };
  return {
    ...event,
    tags: { ...own, ...tags },
    ...(userId !== undefined && { user: { id: userId, ...user } }),
  };
}

/** Tenant, user and request id on spans: at their start for what runs within, and at their end for what was known late. */
class SpanContexts {
  private readonly sentry: SentryModule;
  private readonly contexts = new WeakMap<object, WorkContext>();

  constructor(sentry: SentryModule) {
    this.sentry = sentry;
  }

  /** The request's own span is older than its context. */
  requestStarted(context: WorkContext): void {
    const span = this.sentry.getActiveSpan();
    if (span === undefined) return;
    const root = this.sentry.getRootSpan(span);
    this.contexts.set(root, context);
    mark(root, context);
  }

  attach(client: Client, sw: Storewatch): (() => void)[] {
    return [
      client.on("spanStart", (span) => {
        const context = currentContext();
        if (context === undefined) return;
        this.contexts.set(span, context);
        sw.guard.run("hooks", () => mark(span, context), undefined);
      }),
      client.on("spanEnd", (span) => {
        const context = this.contexts.get(span) ?? this.contexts.get(this.sentry.getRootSpan(span));
        if (context !== undefined) sw.guard.run("hooks", () => mark(span, context), undefined);
      }),
    ];
  }
}

function mark(span: Span, context: WorkContext): void {
  const { tenantId, userId, requestId } = context;
  if (tenantId !== undefined) span.setAttribute("tenant_id", tenantId);
  if (userId !== undefined) span.setAttribute("user.id", userId);
  span.setAttribute("request_id", requestId);
}
