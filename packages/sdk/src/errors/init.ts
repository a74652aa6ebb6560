// Starts the Sentry client, first of all in the process: it puts its probes into modules as these are loaded.
import { subscribe } from "node:diagnostics_channel";
import type { IncomingMessage } from "node:http";
import { loadSentry, type SentryClientOptions, type SentryModule, sentryStarted, startedSentry } from "./client.ts";
import { scrubEvent, scrubSpan } from "./scrub.ts";

export interface SentryOptions {
  /** Where errors and spans go. Without it nothing is loaded and nothing is sent. */
  readonly dsn: string | undefined;
  readonly service: string;
  /** The release, such as `1.4.0`. */
  readonly version?: string | undefined;
  /** Such as `production`. */
  readonly environment?: string | undefined;
  /**
   * Share of the requests that are traced, 0 to 1. Default 0.1. A caller's decision, when it sends one, is kept. False:
   * errors alone, because another tracer makes the spans.
   */
  readonly tracesSampleRate?: number | false;
  /** Any option of `Sentry.init`; these win. `beforeSend…` run before secrets are taken out. */
  readonly client?: SentryClientOptions;
}

/**
 * For the instrument file (`node --import ./instrument.mjs`). Returns the client's module, or undefined when there is no
 * DSN, no `@sentry/node`, or a DSN that cannot be one; the reason is on the console. Never throws. Once for a process.
 */
export function initSentry(options: SentryOptions): SentryModule | undefined {
  const { dsn } = options;
  if (dsn === undefined || dsn === "") return undefined;
  const started = startedSentry();
  if (started !== undefined) return started;
  try {
    const sentry = loadSentry();
    continueTraceparent();
    const client = sentry.init(clientOptions({ ...options, dsn }, sentry));
    if (client?.getDsn() === undefined) throw new Error("the DSN is not one");
    sentry.getGlobalScope().setTag("service", options.service);
    sentry.setAttribute("service.name", options.service);
    sentryStarted(sentry);
    return sentry;
  } catch (error) {
    // Before there is a logger. The text names no DSN: it may be a secret.
    console.warn(`storewatch: error tracking is off: ${reason(error)}`);
    return undefined;
  }
}

function clientOptions(options: SentryOptions & { dsn: string }, sentry: SentryModule): SentryClientOptions {
  const { client = {} } = options;
  const { beforeSend, beforeSendTransaction, beforeSendSpan } = client;
  const all: SentryClientOptions = {
    dsn: options.dsn,
    environment: options.environment ?? "development",
    ...(options.tracesSampleRate !== false && { tracesSampleRate: options.tracesSampleRate ?? 0.1 }),
    propagateTraceparent: true,
    dataCollection: {
      userInfo: false,
      cookies: false,
      httpHeaders: { request: { allow: ["host", "user-agent", "accept", "content-type"] }, response: false },
      httpBodies: [],
      urlQueryParams: false,
      databaseQueryData: false,
      queues: false,
      stackFrameVariables: false,
      graphQL: { document: true, variables: false },
      genAI: { inputs: false, outputs: false },
      mcp: { inputs: false, outputs: false },
    },
    ...client,
    beforeSend: async (event, hint) => {
      const kept = beforeSend ? await beforeSend(event, hint) : event;
      return kept && scrubEvent(kept);
    },
  };
  if (options.version !== undefined) all.release ??= options.version;
  if (client.traceLifecycle === "static") {
    all.beforeSendTransaction = async (event, hint) => {
      const kept = beforeSendTransaction ? await beforeSendTransaction(event, hint) : event;
      return kept && scrubEvent(kept);
    };
  } else {
    all.beforeSendSpan = sentry.withStreamedSpan((span) => {
      const own = beforeSendSpan as ((of: typeof span) => typeof span) | undefined;
      return scrubSpan(own?.(span) ?? span);
    });
  }
  return all;
}

const TRACEPARENT = /^[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})/;

/**
 * The client continues traces of its own header only; callers that speak the standard's get it translated, so that their
 * trace goes on as well. Attached before the client is, because the first listener is told first.
 */
function continueTraceparent(): void {
  subscribe("http.server.request.start", (message) => {
    const { request } = message as { request?: IncomingMessage };
    const header = request?.headers.traceparent;
    if (request === undefined || typeof header !== "string" || request.headers["sentry-trace"] !== undefined) return;
    const [, traceId, spanId, flags] = TRACEPARENT.exec(header) ?? [];
    if (traceId === undefined) return;
    request.headers["sentry-trace"] = `${traceId}-${spanId}-${Number.parseInt(flags ?? "0", 16) & 1}`;
  });
}

function reason(error: unknown): string {
  if (error instanceof Error && "code" in error && error.code === "MODULE_NOT_FOUND")
    return "@sentry/node is not installed";
  return error instanceof Error ? (error.name === "Error" ? error.message.split("\n")[0]! : error.name) : "unknown";
}
