// Exemplars: single observations kept beside a series, mostly to lead to a trace.
import type { Labels } from "./labels.ts";

export interface Exemplar {
  /** Of the exemplar itself, for example `trace_id`. */
  readonly labels: Labels;
  readonly value: number;
  readonly timeMs: number;
}

/** One exemplar to append to a series. */
export interface SeriesExemplar {
  readonly series: Labels;
  readonly exemplar: Exemplar;
}

/** The exemplars of one series within a range, by time. */
export interface SeriesExemplars {
  readonly series: Labels;
  readonly exemplars: readonly Exemplar[];
}
