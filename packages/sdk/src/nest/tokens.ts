/** Injection token of the Storewatch object itself. */
export const STOREWATCH = Symbol.for("@storewatch/sdk.nest");
/** Injection token of the prom-client registry, under the name that the platform's services ask for. */
export const PROMETHEUS_REGISTRY = "PROMETHEUS_REGISTRY";
