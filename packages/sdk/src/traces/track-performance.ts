// The document's free function, and the same as a decorator.
import type { Performance } from "../performance.ts";

// One for the process, whatever the copies: an application may load the ESM and the CommonJS form of this package.
const KEY = Symbol.for("@storewatch/sdk.performance.v1");
type Holder = { [KEY]?: Performance };
const holder = globalThis as Holder;

/** The monitoring that `trackPerformance` reports to: the one that was set up last. */
export function performanceInUse(performance: Performance): void {
  holder[KEY] = performance;
}

/**
 * Runs `work` as a span of the tracer in use, and measures it (`operation_duration_seconds`, slow operations). The result
 * is the work's own. `operation` is a label: a name out of a few. Before `storewatch()` the work just runs.
 */
export function trackPerformance<T>(operation: string, work: () => T): T {
  const performance = holder[KEY];
  return performance === undefined ? work() : performance.trackPerformance(operation, work);
}

type Method = (this: unknown, ...parameters: never[]) => unknown;
type StandardContext = { readonly kind: "method"; readonly name: string | symbol };

interface TrackedDecorator {
  <M extends Method>(method: M, context: ClassMethodDecoratorContext): M;
  (prototype: object, name: string | symbol, descriptor: PropertyDescriptor): PropertyDescriptor;
}

/** `@Tracked("checkout.pay")` on a method is `trackPerformance` around it; with standard and with older decorators. */
export function Tracked(operation?: string): TrackedDecorator {
  const decorate = (target: object, key: string | symbol | StandardContext, descriptor?: PropertyDescriptor) => {
    if (descriptor === undefined) return around(target as Method, operation ?? String((key as StandardContext).name));
    const owner = target.constructor.name;
    return { ...descriptor, value: around(descriptor.value as Method, operation ?? `${owner}.${String(key)}`) };
  };
  return decorate as TrackedDecorator;
}

function around(method: Method, operation: string): Method {
  return function tracked(this: unknown, ...parameters) {
    return trackPerformance(operation, () => method.apply(this, parameters));
  };
}
