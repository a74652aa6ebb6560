// Rules decide what is true now. They get closures for what they need and never import the notification side.
import type { AlertSink, LabelRecord, Matcher, Sample, SeriesSamples, TenantScope } from "@storewatch/model";
import type { SharedResults, VectorSample } from "@storewatch/promql/engine";
import type { Arrival, RowWriter } from "@storewatch/tsdb";

export interface RuleDependencies {
  /** Instant query; a scalar result comes as one sample without labels. Throws QueryError. */
  readonly query: (
    scope: TenantScope,
    expression: string,
    timeMs: number,
    shared?: SharedResults,
  ) => Promise<readonly VectorSample[]>;
  /** Raw samples, staleness markers included: how the state of alerts is found again after a restart. */
  readonly select: (
    scope: TenantScope,
    matchers: readonly Matcher[],
    fromMs: number,
    toMs: number,
  ) => readonly SeriesSamples[];
  readonly append: (scope: TenantScope, samples: readonly Sample[]) => Promise<unknown>;
  readonly alerts: AlertSink;
  /** Data arrived from a source; returns the way to stop listening. */
  readonly onArrival: (listener: (arrival: Arrival) => void) => () => void;
  /** Alerts that fire although their cause may be gone, over a restart. Without it keep_firing_for ends with the process. */
  readonly held?: HeldAlertFile;
  /** Label sets of a source's series: `labels(column)` for column < `columns`. Undefined for the generic path. */
  readonly source: (sourceId: number) => Pick<RowWriter, "columns" | "epoch" | "labels"> | undefined;
}

/** A firing alert of a rule with keep_firing_for. */
export interface HeldAlert {
  readonly labels: LabelRecord;
  readonly annotations: LabelRecord;
  readonly value: number;
  readonly activeAtMs: number;
  readonly firedAtMs: number;
  /** 0: its expression held when this was written. */
  readonly keepFiringSinceMs: number;
}

/** Held alerts by rule (`RuleGroup.identityOf`). */
export type HeldAlerts = ReadonlyMap<string, readonly HeldAlert[]>;

export interface HeldAlertFile {
  load(): HeldAlerts;
  /** Replaces what is kept. Resolves when this or something newer is durable; never rejects. */
  save(alerts: HeldAlerts): Promise<void>;
}

export type AlertState = "inactive" | "pending" | "firing";

export interface ActiveAlertView {
  readonly labels: LabelRecord;
  readonly annotations: LabelRecord;
  readonly state: "pending" | "firing";
  readonly activeAtMs: number;
  readonly value: number;
  readonly keepFiringSinceMs?: number;
}

export type RuleView = RecordingRuleView | AlertingRuleView;

interface RuleViewBase {
  readonly name: string;
  readonly query: string;
  readonly labels: LabelRecord;
  readonly health: "unknown" | "ok" | "err";
  readonly lastError: string;
  readonly evaluationSeconds: number;
  readonly lastEvaluationMs: number;
}

export interface RecordingRuleView extends RuleViewBase {
  readonly type: "recording";
}

export interface AlertingRuleView extends RuleViewBase {
  readonly type: "alerting";
  readonly state: AlertState;
  readonly forMs: number;
  readonly keepFiringForMs: number;
  /** As written, templates not expanded. */
  readonly annotations: LabelRecord;
  readonly alerts: readonly ActiveAlertView[];
}

export interface RuleGroupView {
  readonly name: string;
  readonly file: string;
  readonly intervalMs: number;
  readonly limit: number;
  readonly evaluationSeconds: number;
  readonly lastEvaluationMs: number;
  readonly rules: readonly RuleView[];
}

/** What the HTTP API and the pages read. */
export interface RuleBoard {
  groups(): readonly RuleGroupView[];
}
