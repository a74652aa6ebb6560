import type { CallHandler, ExecutionContext, NestInterceptor } from "@nestjs/common";
import { Observable, tap } from "rxjs";
import { currentContext } from "../context/store.ts";
import type { Storewatch } from "../storewatch.ts";

/**
 * Tells listeners (an error tracker) of what handlers throw, before a filter turns it into an answer; and gives handlers
 * that no HTTP request starts (messages, events) the context, duration and slow-endpoint watch that requests have.
 * The module installs it for the whole application.
 */
export class StorewatchInterceptor implements NestInterceptor {
  private readonly sw: Storewatch;

  constructor(sw: Storewatch) {
    this.sw = sw;
  }

  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    if (context.getType() === "http") return this.http(context, next);
    return this.message(context, next);
  }

  private http(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    const request = context.switchToHttp().getRequest<{ raw?: unknown }>();
    // Nest turns errors into answers itself, so that neither Express' nor Fastify's error path sees them.
    const error = (failure: unknown) => {
      if (isServerError(failure)) this.sw.requestFailed(failure, (request.raw ?? request) as never);
    };
    return next.handle().pipe(tap({ error }));
  }

  private message(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    const startMs = performance.now();
    const name = `${context.getClass().name}.${context.getHandler().name}`;
    const done = (statusCode: number) =>
      this.sw.performance.trackApiPerformance(name, performance.now() - startMs, { method: "MESSAGE", statusCode });
    const watched = () =>
      next.handle().pipe(
        tap({
          complete: () => done(200),
          error: (failure: unknown) => {
            done(500);
            this.sw.requestFailed(failure, undefined);
          },
        }),
      );
    // A transport that has made a context already (`sw.context.run`) keeps it.
    if (currentContext() !== undefined) return watched();
    return new Observable((subscriber) => this.sw.context.run({}, () => watched().subscribe(subscriber)));
  }
}

/** What an HttpException below 500 says is an answer (not found, forbidden), not a failure of the service. */
export function isServerError(failure: unknown): boolean {
  const status =
    typeof failure === "object" && failure !== null && "getStatus" in failure && typeof failure.getStatus === "function"
      ? Number(failure.getStatus())
      : 500;
  return status >= 500;
}
