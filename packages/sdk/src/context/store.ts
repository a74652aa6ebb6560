import { AsyncLocalStorage } from "node:async_hooks";
import type { WorkContext } from "./request-context.ts";

// One for the process, whatever the copies: an application may load the ESM and the CommonJS form of this package.
const KEY = Symbol.for("@storewatch/sdk.context.v1");
type Holder = { [KEY]?: AsyncLocalStorage<WorkContext> };
const holder = globalThis as Holder;
holder[KEY] ??= new AsyncLocalStorage<WorkContext>();
const storage = holder[KEY];

/** The context of the work that runs now; undefined outside of requests and jobs. */
export function currentContext(): WorkContext | undefined {
  return storage.getStore();
}

export function runInContext<T>(context: WorkContext, work: () => T): T {
  return storage.run(context, work);
}
