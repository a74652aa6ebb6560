import type { WorkContext } from "../context/request-context.ts";
import type { SeenRequest } from "../tenant/sources.ts";

/**
 * Several places see the same error on its way out of one request (an interceptor, a filter, the framework's error path),
 * and some of them know the context only, some the request only: for either, each error is news once.
 */
export class ToldErrors {
  private readonly told = new WeakMap<WorkContext | SeenRequest, WeakSet<object>>();

  /** True the first time. What is thrown without being an object has no identity: it is always news. */
  isNews(error: unknown, context: WorkContext | undefined, request: SeenRequest | undefined): boolean {
    if (typeof error !== "object" || error === null) return true;
    let news = true;
    for (const scope of [context, request]) {
      if (scope === undefined) continue;
      const errors = this.told.get(scope) ?? new WeakSet();
      if (errors.has(error)) news = false;
      this.told.set(scope, errors.add(error));
    }
    return news;
  }
}
