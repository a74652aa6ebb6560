// What recording and alerting rules share: what an evaluation gets and gives, and the health that the pages show.
import type { LabelRecord, Labels, NativeHistogram } from "@storewatch/model";
import type { VectorSample } from "@storewatch/promql/engine";
import type { Expand } from "./expand.ts";

/** A rule could not be evaluated; its series and alerts stay as they are. */
export class RuleError extends Error {}

export interface EvaluationContext {
  /** The time of the evaluation, ms. */
  readonly timeMs: number;
  /** How far before it the data is looked at, and results are written. */
  readonly queryOffsetMs: number;
  readonly limit: number;
  /** Instant query at the evaluation's time less the offset. */
  readonly query: (expression: string) => Promise<readonly VectorSample[]>;
  readonly expand: Expand;
  readonly externalLabels: LabelRecord;
  /** When the data arrived that caused the evaluation. */
  readonly arrivedAtMs: number | undefined;
}

export interface SeriesWrite {
  readonly labels: Labels;
  readonly timeMs: number;
  readonly value: number;
  readonly histogram?: NativeHistogram;
}

export interface RuleOutcome {
  readonly series: readonly SeriesWrite[];
  /** The set of series or the state of an alert differs from the evaluation before. */
  readonly changed: boolean;
}

export class RuleStatus {
  health: "unknown" | "ok" | "err" = "unknown";
  lastError = "";
  evaluationSeconds = 0;
  lastEvaluationMs = 0;

  adopt(before: RuleStatus): void {
    this.health = before.health;
    this.lastError = before.lastError;
    this.evaluationSeconds = before.evaluationSeconds;
    this.lastEvaluationMs = before.lastEvaluationMs;
  }

  evaluated(timeMs: number, tookMs: number, error: string): void {
    this.health = error === "" ? "ok" : "err";
    this.lastError = error;
    this.evaluationSeconds = tookMs / 1000;
    this.lastEvaluationMs = timeMs;
  }

  view() {
    const { health, lastError, evaluationSeconds, lastEvaluationMs } = this;
    return { health, lastError, evaluationSeconds, lastEvaluationMs };
  }
}
