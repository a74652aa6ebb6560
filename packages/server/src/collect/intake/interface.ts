// Where everything that clients push (remote write, OTLP, DogStatsD, Datadog, New Relic, Pushgateway) enters the store: one
// way in, with the tenant's scope and limits enforced once. A protocol decodes, calls write(), and words the answer.
import type { MetricMetadata, Sample, SeriesExemplar, TenantScope } from "@storewatch/model";

export interface Batch {
  readonly samples: readonly Sample[];
  readonly exemplars?: readonly SeriesExemplar[];
  /** By metric family name. */
  readonly metadata?: ReadonlyMap<string, MetricMetadata>;
  /** The same Labels objects come again in later batches: what was found out about them is remembered. Default false. */
  readonly reusesLabels?: boolean;
  /** Nobody misses what is not taken of it: it is not counted as refused. Default false. */
  readonly isOptional?: boolean;
}

export type RefusalReason =
  | "too-old"
  | "too-far-in-future"
  | "duplicate"
  | "out-of-scope"
  | "invalid"
  | "labels-limit"
  | "label-length-limit"
  | "series-limit"
  | "rate-limit";

export interface Refusal {
  readonly reason: RefusalReason;
  readonly count: number;
  /** The first one refused, in words that its sender understands. */
  readonly example: string;
}

/**
 * What was taken: it survives kill -9. New series over a tenant's limit count as taken: they are rolled up. What cannot be
 * added up (quantiles, native histograms) is refused with `series-limit`.
 */
export interface IntakeResult {
  readonly samples: number;
  readonly histograms: number;
  readonly exemplars: number;
  readonly refusals: readonly Refusal[];
}

export interface Intake {
  /**
   * A scope of one tenant gives that tenant to series that name none. Throws StorewatchError `LIMIT` (429 with seconds) when
   * the tenant's rate is used up and nothing was taken, and `UNAVAILABLE` (503) when the disk takes no writes.
   */
  write(scope: TenantScope, batch: Batch): Promise<IntakeResult>;
}
