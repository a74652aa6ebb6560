// OTLP metrics as they come, protobuf or JSON: what both readers give and the translation takes. Times in ms.
import type { Exemplar } from "@storewatch/model";

/** Attribute values as text: what is no text, number or truth value stands as JSON. */
export type Attributes = ReadonlyMap<string, string>;

export type Temporality = "unspecified" | "delta" | "cumulative";

interface Point {
  readonly attributes: Attributes;
  readonly startMs: number;
  readonly timeMs: number;
  /** The sender says that there is no value any more. */
  readonly noValue: boolean;
}

export interface NumberPoint extends Point {
  readonly value: number;
  readonly exemplars: readonly Exemplar[];
}

export interface HistogramPoint extends Point {
  readonly count: number;
  /** Absent where values may be negative. */
  readonly sum: number | undefined;
  /** One more than bounds; both empty when only count and sum are known. */
  readonly bucketCounts: readonly number[];
  readonly bounds: readonly number[];
  readonly exemplars: readonly Exemplar[];
}

export interface ExponentialBuckets {
  readonly offset: number;
  readonly counts: readonly number[];
}

export interface ExponentialPoint extends Point {
  readonly count: number;
  readonly sum: number | undefined;
  readonly scale: number;
  readonly zeroCount: number;
  readonly zeroThreshold: number;
  readonly positive: ExponentialBuckets;
  readonly negative: ExponentialBuckets;
  readonly exemplars: readonly Exemplar[];
}

export interface SummaryPoint extends Point {
  readonly count: number;
  readonly sum: number;
  readonly quantiles: ReadonlyArray<{ readonly quantile: number; readonly value: number }>;
}

export type OtlpData =
  | { readonly kind: "gauge"; readonly points: readonly NumberPoint[] }
  | {
      readonly kind: "sum";
      readonly temporality: Temporality;
      readonly monotonic: boolean;
      readonly points: readonly NumberPoint[];
    }
  | { readonly kind: "histogram"; readonly temporality: Temporality; readonly points: readonly HistogramPoint[] }
  | { readonly kind: "exponential"; readonly temporality: Temporality; readonly points: readonly ExponentialPoint[] }
  | { readonly kind: "summary"; readonly points: readonly SummaryPoint[] };

export interface OtlpMetric {
  readonly name: string;
  readonly description: string;
  readonly unit: string;
  /** Absent: a kind of data that is not known. */
  readonly data: OtlpData | undefined;
}

export interface ResourceMetrics {
  readonly resource: Attributes;
  readonly scopes: ReadonlyArray<{
    readonly name: string;
    readonly version: string;
    readonly attributes: Attributes;
    readonly metrics: readonly OtlpMetric[];
  }>;
}

export const TEMPORALITIES: readonly Temporality[] = ["unspecified", "delta", "cumulative"];
/** Bit of a point's flags. */
export const NO_RECORDED_VALUE = 1;
/** Data points in one request. */
export const POINTS_MAX = 200_000;
/** Attributes of one point, resource or scope; of a request's nesting of values. */
export const ATTRIBUTES_MAX = 256;
export const DEPTH_MAX = 16;
