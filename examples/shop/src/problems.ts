// What goes wrong in a request, and what its client is told of it.
import type { NextFunction, Request, Response } from "express";
import type { ShopLogger } from "./logging.ts";

/** An error that the client is told about with this status. */
export class HttpProblem extends Error {
  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message);
  }
}

/** The last handler: problems as JSON, anything else as a logged 500. Four parameters make it Express' error handler. */
export function answerErrors(logger: ShopLogger, errorPage: (response: Response, message: string) => string) {
  return (error: unknown, request: Request, response: Response, _next: NextFunction): void => {
    const status = error instanceof HttpProblem ? error.status : clientErrorStatus(error);
    const { requestId } = response.locals;
    // Tenant, request and user are added by the logger itself: it runs in the request's context.
    if (status >= 500)
      logger.error(error instanceof Error ? error.message : String(error), {
        ...(error instanceof Error ? { stack: error.stack } : {}),
        method: request.method,
      });
    if (response.headersSent) return void response.destroy();
    const message = status === 500 || !(error instanceof Error) ? "internal error" : error.message;
    response.status(status);
    const wantsPage = response.locals.isPage || request.accepts(["json", "html"]) === "html";
    if (wantsPage) response.type("html").send(errorPage(response, message));
    else response.json({ error: message, requestId });
  };
}

/** body-parser's errors carry their status. */
function clientErrorStatus(error: unknown): number {
  const status = typeof error === "object" && error !== null && "status" in error ? error.status : undefined;
  return typeof status === "number" && status >= 400 && status < 500 ? status : 500;
}
