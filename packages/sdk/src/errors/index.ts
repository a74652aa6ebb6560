// Errors and traces to Sentry, or to whatever speaks its protocol. See docs/sdk-errors.md.
import type { Storewatch } from "../storewatch.ts";
import { connectSentry } from "./connect.ts";
import { initSentry, type SentryOptions } from "./init.ts";

export type { SentryModule } from "./client.ts";
export type { ConnectOptions } from "./connect.ts";
export { connectSentry } from "./connect.ts";
export type { SentryOptions } from "./init.ts";
export { initSentry } from "./init.ts";

/**
 * Both steps in one, for a service without an instrument file. What is loaded before this (pg, ioredis, Express) gives no
 * spans of its own: errors, incoming and outgoing HTTP are there all the same.
 */
export function startSentry(
  sw: Storewatch,
  options: Omit<SentryOptions, "service" | "version" | "environment">,
): () => void {
  initSentry({ service: sw.service, version: sw.version, environment: sw.environment, ...options });
  return connectSentry(sw);
}
