// OpenTelemetry, first of all in the process: it puts its probes into modules as these are loaded.
import type { IncomingMessage } from "node:http";
import { createRequire, register } from "node:module";
import { pathToFileURL } from "node:url";
import type { Span } from "@opentelemetry/api";
import { withoutValues } from "../metrics/slow.ts";
import { AsyncContextManager, traceparentPropagator } from "./context-manager.ts";
import { traceRedis } from "./redis-spans.ts";
import { scrubbing } from "./scrubbing-exporter.ts";
import { SpanContexts } from "./span-contexts.ts";

export interface TracingOptions {
  /** An OTLP/HTTP receiver, such as `http://collector:4318`. Without it nothing is loaded and nothing is sent. */
  readonly endpoint: string | undefined;
  readonly service: string;
  readonly version?: string | undefined;
  readonly environment?: string | undefined;
  /** Share of the traces that begin here and are recorded, 0 to 1. Default 0.1. A caller's decision is kept. */
  readonly sampleRate?: number;
  /** Sent with every batch, such as a token. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Spans that wait to be sent; further ones are dropped. Default 2048. */
  readonly queueMax?: number;
  /** Milliseconds between batches. Default 5000. */
  readonly everyMs?: number;
  /** A batch that takes longer is given up. Default 10,000 ms. */
  readonly timeoutMs?: number;
}

export interface Tracing {
  readonly api: typeof import("@opentelemetry/api");
  readonly contexts: SpanContexts;
  /** Sends what waits. Rejects when the receiver does not take it. */
  flush(): Promise<void>;
  /** Sends what waits, and ends. Never rejects. */
  stop(): Promise<void>;
}

// One for the process, whatever the copies: an application may load the ESM and the CommonJS form of this package.
const KEY = Symbol.for("@storewatch/sdk.tracing.v1");
type Holder = { [KEY]?: Tracing };
const holder = globalThis as Holder;

export function startedTracing(): Tracing | undefined {
  return holder[KEY];
}

/**
 * For the instrument file (`node --import ./instrument.mjs`). Returns undefined when there is no endpoint or a package of
 * OpenTelemetry's is not installed; the reason is on the console. Never throws. Once for a process.
 */
export function startTracing(options: TracingOptions): Tracing | undefined {
  const { endpoint } = options;
  if (endpoint === undefined || endpoint === "") return undefined;
  if (holder[KEY] !== undefined) return holder[KEY];
  try {
    holder[KEY] = start(options, tracesUrl(endpoint));
    return holder[KEY];
  } catch (error) {
    // Before there is a logger. The text names no endpoint: it may hold a secret.
    const text = error instanceof Error ? error.message.split("\n")[0] : "unknown";
    console.warn(`storewatch: tracing is off: ${error instanceof TypeError ? "the endpoint is not a URL" : text}`);
    return undefined;
  }
}

function tracesUrl(endpoint: string): string {
  const url = new URL(endpoint);
  if (!url.pathname.endsWith("/v1/traces")) url.pathname = `${url.pathname.replace(/\/+$/, "")}/v1/traces`;
  return url.href;
}

function start(options: TracingOptions, url: string): Tracing {
  const load = createRequire(import.meta.url);
  const api = load("@opentelemetry/api") as typeof import("@opentelemetry/api");
  const sdk = load("@opentelemetry/sdk-trace") as typeof import("@opentelemetry/sdk-trace");
  const { resourceFromAttributes } = load("@opentelemetry/resources") as typeof import("@opentelemetry/resources");
  const { OTLPTraceExporter } = load(
    "@opentelemetry/exporter-trace-otlp-http",
  ) as typeof import("@opentelemetry/exporter-trace-otlp-http");
  const contexts = new SpanContexts(api);
  const timeoutMs = options.timeoutMs ?? 10_000;
  const exporter = new OTLPTraceExporter({ url, headers: { ...options.headers }, timeoutMillis: timeoutMs });
  const batches = new sdk.BatchSpanProcessor({
    exporter: scrubbing(exporter),
    maxQueueSize: options.queueMax ?? 2048,
    maxExportBatchSize: Math.min(512, options.queueMax ?? 512),
    scheduledDelayMillis: options.everyMs ?? 5000,
    exportTimeoutMillis: timeoutMs,
  });
  const provider = new sdk.TracerProvider({
    resource: resourceFromAttributes({
      "service.name": options.service,
      ...(options.version !== undefined && { "service.version": options.version }),
      "deployment.environment.name": options.environment ?? "development",
    }),
    sampler: new sdk.ParentBasedSampler({ root: new sdk.TraceIdRatioBasedSampler(options.sampleRate ?? 0.1) }),
    spanLimits: { attributeValueLengthLimit: 4096, attributeCountLimit: 64 },
    spanProcessors: [contexts, batches],
  });
  api.context.setGlobalContextManager(new AsyncContextManager(api.ROOT_CONTEXT).enable());
  api.propagation.setGlobalPropagator(traceparentPropagator(api));
  api.trace.setGlobalTracerProvider(provider);
  instrument(load, contexts);
  traceRedis(api);
  return {
    api,
    contexts,
    flush: () => provider.forceFlush(),
    stop: () => provider.shutdown().catch(() => undefined),
  };
}

/** Probes for what is installed; ES modules are reached through a loader, CommonJS ones directly. */
function instrument(load: NodeJS.Require, contexts: SpanContexts): void {
  const { registerInstrumentations } = load(
    "@opentelemetry/instrumentation",
  ) as typeof import("@opentelemetry/instrumentation");
  const { HttpInstrumentation } = load(
    "@opentelemetry/instrumentation-http",
  ) as typeof import("@opentelemetry/instrumentation-http");
  register("@opentelemetry/instrumentation/hook.mjs", pathToFileURL(load.resolve("@opentelemetry/instrumentation")));
  const http = new HttpInstrumentation({
    ignoreIncomingRequestHook: (request) => isProbe(request.url),
    applyCustomAttributesOnSpan: (span, request) => {
      if ("httpVersion" in request) contexts.nameByRoute(span, request as IncomingMessage);
    },
  });
  const instrumentations: import("@opentelemetry/instrumentation").Instrumentation[] = [http];
  const pg = optional<typeof import("@opentelemetry/instrumentation-pg")>(load, "@opentelemetry/instrumentation-pg");
  if (pg) {
    const requestHook = (span: Span, { query }: { query: { text: string } }) => {
      const text = withoutValues(query.text);
      span.setAttribute("db.statement", text);
      span.setAttribute("db.query.text", text);
    };
    instrumentations.push(new pg.PgInstrumentation({ requestHook, ignoreConnectSpans: true }));
  }
  registerInstrumentations({ instrumentations });
}

function optional<M>(load: NodeJS.Require, name: string): M | undefined {
  try {
    return load(name) as M;
  } catch {
    return undefined;
  }
}

/** Probes of the orchestrator and scrapes are no traces that anybody wants. */
function isProbe(url: string | undefined): boolean {
  return url !== undefined && /^\/(?:health|metrics)(?:[/?]|$)/.test(url);
}
