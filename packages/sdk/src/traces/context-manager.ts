// OpenTelemetry's context over Node's AsyncLocalStorage, and the standard's header: its own tracing package has neither.
import { AsyncLocalStorage } from "node:async_hooks";
import type { Context, ContextManager, TextMapPropagator } from "@opentelemetry/api";

type Api = typeof import("@opentelemetry/api");

export class AsyncContextManager implements ContextManager {
  private readonly storage = new AsyncLocalStorage<Context>();
  private readonly root: Context;

  constructor(root: Context) {
    this.root = root;
  }

  active(): Context {
    return this.storage.getStore() ?? this.root;
  }

  with<A extends unknown[], F extends (...parameters: A) => ReturnType<F>>(
    context: Context,
    work: F,
    self?: ThisParameterType<F>,
    ...parameters: A
  ): ReturnType<F> {
    return this.storage.run(context, () => work.apply(self, parameters));
  }

  /** Functions run in the context they were bound to. Emitters' listeners are in the context of who emits already. */
  bind<T>(context: Context, target: T): T {
    if (typeof target !== "function") return target;
    const manager = this;
    const work = target as unknown as (this: unknown, ...parameters: unknown[]) => unknown;
    const bound = function (this: unknown, ...parameters: unknown[]) {
      return manager.storage.run(context, () => work.apply(this, parameters));
    };
    Object.defineProperty(bound, "length", { value: target.length, configurable: true });
    return bound as unknown as T;
  }

  enable(): this {
    return this;
  }

  disable(): this {
    this.storage.disable();
    return this;
  }
}

const TRACEPARENT = /^(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})(?:-|$)/;
const TRACESTATE_MAX = 512;

/** `traceparent` and `tracestate` in and out (W3C Trace Context). */
export function traceparentPropagator(api: Api): TextMapPropagator {
  return {
    inject(context, carrier, setter) {
      const span = api.trace.getSpanContext(context);
      if (span === undefined || !api.isSpanContextValid(span)) return;
      const flags = (span.traceFlags & 1) === 1 ? "01" : "00";
      setter.set(carrier, "traceparent", `00-${span.traceId}-${span.spanId}-${flags}`);
      const state = span.traceState?.serialize();
      if (state) setter.set(carrier, "tracestate", state);
    },
    extract(context, carrier, getter) {
      const header = first(getter.get(carrier, "traceparent"));
      const [, traceId, spanId, flags] = TRACEPARENT.exec(header ?? "") ?? [];
      if (traceId === undefined || spanId === undefined) return context;
      const state = first(getter.get(carrier, "tracestate"));
      return api.trace.setSpanContext(context, {
        traceId,
        spanId,
        traceFlags: Number.parseInt(flags ?? "0", 16) & 1,
        isRemote: true,
        ...(state && state.length <= TRACESTATE_MAX && { traceState: api.createTraceState(state) }),
      });
    },
    fields: () => ["traceparent", "tracestate"],
  };
}

function first(value: string | string[] | undefined): string | undefined {
  return Array.isArray(value) ? value[0] : value;
}
