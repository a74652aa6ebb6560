// What others attach to: the request logger, the error tracker, the tracer. A listener that throws harms nobody.
import type { ServerResponse } from "node:http";
import type { WorkContext } from "./context/request-context.ts";
import type { Guard } from "./guard.ts";
import type { SeenRequest } from "./tenant/sources.ts";

/** A step that led to an error, in the words of error trackers. */
export interface Breadcrumb {
  readonly message: string;
  readonly level: "info" | "warning" | "error";
  readonly category: string;
  readonly data: Readonly<Record<string, unknown>>;
}

export interface RequestStarted {
  readonly context: WorkContext;
  readonly request: SeenRequest;
  /** At the start its headers can still be set. */
  readonly response: ServerResponse;
  /** The template of the route that has the request, as far as it is known by now. */
  readonly routeNow: () => string | undefined;
}

export interface RequestDone extends RequestStarted {
  readonly method: string;
  /** The template, or `unmatched`. */
  readonly route: string;
  /** 499 when the client went away before the answer was out. */
  readonly statusCode: number;
  readonly durationMs: number;
}

export interface RequestFailed {
  readonly error: unknown;
  readonly context: WorkContext | undefined;
  readonly request: SeenRequest | undefined;
}

interface HookEvents {
  readonly requestStarted: RequestStarted;
  readonly requestDone: RequestDone;
  readonly requestFailed: RequestFailed;
  readonly breadcrumb: Breadcrumb;
}

export type HookName = keyof HookEvents;

/** Told in the order of attachment, within the request's context. */
export class Hooks {
  private readonly guard: Guard;
  private readonly listeners: { [N in HookName]: ((event: HookEvents[N]) => void)[] } = {
    requestStarted: [],
    requestDone: [],
    requestFailed: [],
    breadcrumb: [],
  };

  constructor(guard: Guard) {
    this.guard = guard;
  }

  /** Returns the function that detaches. */
  on<N extends HookName>(name: N, listener: (event: HookEvents[N]) => void): () => void {
    const list = this.listeners[name] as ((event: HookEvents[N]) => void)[];
    list.push(listener);
    return () => {
      const at = list.indexOf(listener);
      if (at >= 0) list.splice(at, 1);
    };
  }

  has(name: HookName): boolean {
    return this.listeners[name].length > 0;
  }

  emit<N extends HookName>(name: N, event: HookEvents[N]): void {
    for (const listener of this.listeners[name] as ((event: HookEvents[N]) => void)[]) {
      this.guard.run("hooks", () => listener(event), undefined);
    }
  }

  breadcrumb(crumb: Breadcrumb): void {
    this.emit("breadcrumb", crumb);
  }
}
