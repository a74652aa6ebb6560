// What the SDK needs of a tracer, whichever it is: Sentry's client or OpenTelemetry. Without one nothing is traced.

export interface Tracer {
  /**
   * 32 hex digits of the trace that the running work belongs to. `inRequest` is false for jobs and messages: these have a
   * trace only when a span runs.
   */
  activeTraceId(inRequest: boolean): string | undefined;
  /** Runs `work` once as a span. The result, or the failure, is the work's own. */
  span<T>(operation: string, work: () => T): T;
}

/** Which tracer is in use; it comes after the SDK's parts are made, or never. */
export interface TracerHolder {
  current: Tracer | undefined;
}
