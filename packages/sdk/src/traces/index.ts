// Traces over OTLP/HTTP with OpenTelemetry: the alternative to Sentry's spans. See docs/sdk-errors.md.
import type { Span } from "@opentelemetry/api";
import type { Storewatch } from "../storewatch.ts";
import { startedTracing, type Tracing } from "./start.ts";

export type { Tracing, TracingOptions } from "./start.ts";
export { startTracing } from "./start.ts";

/**
 * Tenant, user and request id on spans, trace ids in contexts and log lines, spans for `trackPerformance`, the last batch at
 * shutdown. Does nothing when tracing is off. Returns the function that disconnects.
 */
export function connectTracing(sw: Storewatch): () => void {
  const tracing = startedTracing();
  if (tracing === undefined) return () => undefined;
  const { api, contexts } = tracing;
  const tracer = api.trace.getTracer("@storewatch/sdk");
  const detach = [
    sw.hooks.on("requestStarted", (started) => {
      contexts.requestStarted(started);
      // Now that the request's span runs; asked later, another one might.
      void started.context.traceId;
    }),
    sw.hooks.on("requestFailed", ({ error }) => {
      const span = api.trace.getActiveSpan();
      if (span !== undefined) failed(tracing, span, error);
    }),
  ];
  sw.useTracer({
    activeTraceId: () => api.trace.getActiveSpan()?.spanContext().traceId,
    span: (operation, work) => tracer.startActiveSpan(operation, (span) => ended(tracing, span, work)),
  });
  sw.stopping.step("tracing", () => tracing.stop());
  return () => {
    for (const off of detach.splice(0)) off();
    sw.useTracer(undefined);
  };
}

function ended<T>(tracing: Tracing, span: Span, work: () => T): T {
  let result: T;
  try {
    result = work();
  } catch (error) {
    failed(tracing, span, error);
    span.end();
    throw error;
  }
  if (!(result instanceof Promise)) {
    span.end();
    return result;
  }
  const fail = (error: unknown) => failed(tracing, span, error);
  void result.then(undefined, fail).then(() => span.end());
  return result;
}

function failed({ api }: Tracing, span: Span, error: unknown): void {
  const name = error instanceof Error ? error.name : typeof error;
  span.setStatus({ code: api.SpanStatusCode.ERROR });
  // The type alone: messages carry customers' data, and the error tracker is the place for them.
  span.setAttribute("error.type", name);
}
