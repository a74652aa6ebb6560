import { type ArgumentsHost, Catch, Inject } from "@nestjs/common";
import { BaseExceptionFilter } from "@nestjs/core";
import type { Storewatch } from "../storewatch.ts";
import { isServerError } from "./interceptor.ts";
import { STOREWATCH } from "./tokens.ts";

/**
 * Tells listeners also of what guards, pipes and middleware throw: Nest asks them before any interceptor. Answers as Nest
 * does. The module does not install it, because it would stand in the way of an application's own catch-all filter:
 * `{ provide: APP_FILTER, useClass: StorewatchExceptionFilter }`, or extend it.
 */
export class StorewatchExceptionFilter extends BaseExceptionFilter {
  private readonly sw: Storewatch;

  constructor(sw: Storewatch) {
    super();
    this.sw = sw;
  }

  override catch(exception: unknown, host: ArgumentsHost): void {
    if (host.getType() !== "http") {
      // Messages: Nest answers them as it does without a filter when one gives nothing; an HTTP answer would fit nowhere.
      this.sw.requestFailed(exception, undefined);
      return;
    }
    if (isServerError(exception)) {
      const request = host.switchToHttp().getRequest<{ raw?: unknown }>();
      this.sw.requestFailed(exception, (request.raw ?? request) as never);
    }
    super.catch(exception, host);
  }
}

Catch()(StorewatchExceptionFilter);
Inject(STOREWATCH)(StorewatchExceptionFilter, undefined, 0);
