import { Registry } from "prom-client";

/** Storewatch's own metrics, `storewatch_*`. Each feature makes its metrics on the registry it is given. */
export type SelfMetrics = Registry;

export function createSelfMetrics(): SelfMetrics {
  return new Registry();
}
