/** What an exposition says of a metric family. `type`: counter, gauge, histogram, gaugehistogram, summary, info, stateset or unknown. */
export interface MetricMetadata {
  readonly type: string;
  readonly help: string;
  readonly unit: string;
}
