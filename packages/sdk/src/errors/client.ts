// Where the Sentry client is kept between the instrument file, which starts it, and the service, which connects to it.
import { createRequire } from "node:module";

export type SentryModule = typeof import("@sentry/node");
export type SentryClientOptions = import("@sentry/node").NodeOptions;

// One for the process, whatever the copies: an application may load the ESM and the CommonJS form of this package.
const KEY = Symbol.for("@storewatch/sdk.sentry.v1");
type Holder = { [KEY]?: SentryModule };
const holder = globalThis as Holder;

/** The client that `initSentry` started; undefined when error tracking is off. */
export function startedSentry(): SentryModule | undefined {
  return holder[KEY];
}

/** Loads `@sentry/node`: at once, because an instrument file must be done before the service's first import. */
export function loadSentry(): SentryModule {
  return createRequire(import.meta.url)("@sentry/node") as SentryModule;
}

export function sentryStarted(sentry: SentryModule): void {
  holder[KEY] = sentry;
}
