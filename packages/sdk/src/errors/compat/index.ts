// The names of Sentry's old API (7.x), so that a file written for it goes on working: change its imports to
// `@storewatch/sdk/sentry-compat`. Old → new in docs/sdk-errors.md. Everything is a no-op while error tracking is off.
import type { ServerResponse } from "node:http";
import type { SentryClientOptions, SentryModule } from "../client.ts";
import { startedSentry } from "../client.ts";
import { isAnswer } from "../connect.ts";
import { initSentry } from "../init.ts";

type Next = (error?: unknown) => void;
type Scope = ReturnType<SentryModule["getCurrentScope"]>;

interface OldOptions extends Omit<SentryClientOptions, "integrations" | "dsn"> {
  readonly dsn?: string | undefined;
  readonly integrations?: readonly unknown[];
  readonly autoSessionTracking?: boolean;
}

/** What `new Integrations.Http(…)` gives: a name, for these probes are part of the client now. */
class OldIntegration {
  readonly name: string;
  constructor(_options?: unknown) {
    this.name = new.target.name;
  }
}

export const Integrations = {
  Http: class Http extends OldIntegration {},
  Express: class Express extends OldIntegration {},
  Postgres: class Postgres extends OldIntegration {},
  Mysql: class Mysql extends OldIntegration {},
  Mongo: class Mongo extends OldIntegration {},
  GraphQL: class GraphQL extends OldIntegration {},
  Prisma: class Prisma extends OldIntegration {},
  Apollo: class Apollo extends OldIntegration {},
};

/** `Sentry.init` of 7.x. The old integrations are understood, and left out because the client has their like. */
export function init(options: OldOptions): void {
  const { dsn, release, environment, tracesSampleRate, integrations, autoSessionTracking: _, ...client } = options;
  const kept = (integrations ?? []).filter((one) => !(one instanceof OldIntegration));
  initSentry({
    dsn,
    service: "node",
    version: release,
    environment,
    ...(tracesSampleRate !== undefined && { tracesSampleRate }),
    client: { ...client, ...(kept.length > 0 && { integrations: kept as never[] }) },
  });
}

/** Express middleware of 7.x. The client isolates and traces requests by itself; the error handler still captures. */
export const Handlers = {
  requestHandler: (_options?: unknown) => passOn,
  tracingHandler: () => passOn,
  errorHandler(options: { readonly shouldHandleError?: (error: never) => boolean } = {}) {
    const should = options.shouldHandleError ?? ((error: unknown) => !isAnswer(error));
    return (error: unknown, _request: unknown, response: ServerResponse, next: Next): void => {
      if (should(error as never)) {
        const id = captureException(error, { mechanism: { type: "middleware", handled: false } });
        Object.assign(response, { sentry: id });
      }
      next(error);
    };
  },
};

function passOn(_request: unknown, _response: unknown, next: Next): void {
  next();
}

interface OldSpanContext {
  readonly name?: string;
  readonly op?: string;
  readonly description?: string;
  readonly data?: Readonly<Record<string, string | number | boolean>>;
}

type Span = NonNullable<ReturnType<SentryModule["getActiveSpan"]>>;

/** A transaction or span of 7.x: begun and ended by hand. */
export class OldSpan {
  private readonly span: Span | undefined;

  constructor(span: Span | undefined) {
    this.span = span;
  }

  get traceId(): string | undefined {
    return this.span?.spanContext().traceId;
  }

  startChild(context: OldSpanContext): OldSpan {
    const sentry = startedSentry();
    if (sentry === undefined || this.span === undefined) return new OldSpan(undefined);
    return new OldSpan(sentry.startInactiveSpan({ ...spanOptions(context), parentSpan: this.span }));
  }

  setTag(name: string, value: string | number | boolean): this {
    this.span?.setAttribute(name, value);
    return this;
  }

  setData(name: string, value: string | number | boolean): this {
    return this.setTag(name, value);
  }

  setStatus(status: string): this {
    this.span?.setStatus(status === "ok" ? { code: 1 } : { code: 2, message: status });
    return this;
  }

  setHttpStatus(code: number): this {
    if (this.span !== undefined) startedSentry()?.setHttpStatus(this.span, code);
    return this;
  }

  finish(): void {
    this.span?.end();
  }
}

/** `Sentry.startTransaction` of 7.x: a span that is nobody's child. */
export function startTransaction(context: OldSpanContext): OldSpan {
  const options = { ...spanOptions(context), forceTransaction: true };
  return new OldSpan(startedSentry()?.startInactiveSpan({ ...options, parentSpan: null }));
}

function spanOptions({ name, op, description, data }: OldSpanContext) {
  return {
    name: name ?? description ?? op ?? "span",
    ...(op !== undefined && { op }),
    ...(data !== undefined && { attributes: { ...data } }),
  };
}

export function startSpan<T>(context: OldSpanContext, work: (span: Span | undefined) => T): T {
  const sentry = startedSentry();
  return sentry === undefined ? work(undefined) : sentry.startSpan(spanOptions(context), (span) => work(span));
}

export function captureException(error: unknown, hint?: Parameters<SentryModule["captureException"]>[1]): string {
  return startedSentry()?.captureException(error, hint) ?? "";
}

export function captureMessage(message: string, how?: Parameters<SentryModule["captureMessage"]>[1]): string {
  return startedSentry()?.captureMessage(message, how) ?? "";
}

export function addBreadcrumb(crumb: Parameters<SentryModule["addBreadcrumb"]>[0]): void {
  startedSentry()?.addBreadcrumb(crumb);
}

export function setUser(user: Parameters<SentryModule["setUser"]>[0]): void {
  startedSentry()?.setUser(user);
}

export function setTag(name: string, value: string | number | boolean): void {
  startedSentry()?.setTag(name, value);
}

export function setContext(name: string, context: Record<string, unknown> | null): void {
  startedSentry()?.setContext(name, context);
}

/** Runs `work` with a scope of its own; not at all while error tracking is off, for there is no scope to give. */
export function withScope(work: (scope: Scope) => void): void {
  startedSentry()?.withScope(work);
}

/** `Sentry.configureScope` of 7.x. */
export function configureScope(change: (scope: Scope) => void): void {
  const sentry = startedSentry();
  if (sentry !== undefined) change(sentry.getCurrentScope());
}

export async function flush(timeoutMs?: number): Promise<boolean> {
  return (await startedSentry()?.flush(timeoutMs)) ?? true;
}

export async function close(timeoutMs?: number): Promise<boolean> {
  return (await startedSentry()?.close(timeoutMs)) ?? true;
}
