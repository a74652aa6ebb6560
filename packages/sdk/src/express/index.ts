// Express 4 and 5. `app.use(storewatchExpress(sw))` first of all, `app.use(storewatchErrors(sw))` last of all.
import type { ServerResponse } from "node:http";
import type { Storewatch } from "../storewatch.ts";
import { type ExpressRequest, routeTemplate, traceMounts } from "./route-template.ts";

export type ExpressMiddleware = (
  request: ExpressRequest,
  response: ServerResponse,
  next: (error?: unknown) => void,
) => void;
export type ExpressErrorMiddleware = (
  error: unknown,
  request: ExpressRequest,
  response: ServerResponse,
  next: (error?: unknown) => void,
) => void;

/**
 * Watches every request: context (tenant, user, request id, trace id), metrics, slow endpoints. Answers the health
 * endpoints by itself. Belongs before everything else, so that what comes after is within its time and context.
 */
export function storewatchExpress(sw: Storewatch): ExpressMiddleware {
  return (request, response, next) => {
    if (sw.health.handle(request, response)) return;
    sw.guard.run("context", () => traceMounts(request), undefined);
    sw.requests.handle(request, response, routeTemplate, next);
  };
}

/** Tells those who listen (an error tracker) of errors, and passes them on to the application's own handler. */
export function storewatchErrors(sw: Storewatch): ExpressErrorMiddleware {
  return (error, request, _response, next) => {
    sw.requestFailed(error, request);
    next(error);
  };
}
