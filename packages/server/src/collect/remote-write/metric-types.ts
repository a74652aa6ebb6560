/** Metric types by their number in remote write, in both of its versions. */
const METRIC_TYPES = [
  "unknown",
  "counter",
  "gauge",
  "histogram",
  "gaugehistogram",
  "summary",
  "info",
  "stateset",
] as const;

export function metricTypeName(type: number): string {
  return METRIC_TYPES[type] ?? "unknown";
}

/** What is not known is 0. */
export function metricTypeNumber(name: string): number {
  return Math.max(0, (METRIC_TYPES as readonly string[]).indexOf(name));
}
