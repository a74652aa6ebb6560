// A group: its rules in order, one evaluation time for all, and the series that each rule wrote last.
import { ALL_TENANTS, type LabelRecord, Labels, Matcher, METRIC_NAME, type Sample } from "@storewatch/model";
import { SharedResults } from "@storewatch/promql/engine";
import { ALERTS, ALERTS_FOR_STATE, AlertingRule, type RememberedAlert } from "./alerting-rule.ts";
import { EvaluationJournal } from "./evaluation-journal.ts";
import type { TemplateExpander } from "./expand.ts";
import type { HeldAlerts, RuleDependencies, RuleGroupView } from "./interface.ts";
import { RecordingRule } from "./recording-rule.ts";
import type { RuleGroupConfig } from "./rule-file.ts";
import type { EvaluationContext, RuleOutcome } from "./rule-status.ts";

export type Rule = AlertingRule | RecordingRule;

/** How far back the state of an alert is looked for after a restart. */
const OUTAGE_TOLERANCE_MS = 3_600_000;

export interface GroupOptions {
  readonly dependencies: Pick<RuleDependencies, "query" | "append" | "alerts" | "select">;
  readonly expander: TemplateExpander;
  readonly externalLabels: LabelRecord;
  readonly defaultIntervalMs: number;
  /** Default 0. */
  readonly defaultQueryOffsetMs?: number;
  readonly monotonicMs: () => number;
  /** Told of each rule that failed. */
  readonly onRuleError?: (group: RuleGroup, rule: Rule, message: string) => void;
}

/** Why a group is evaluated: at its interval (all rules), or because data arrived (alerting rules). */
export type Occasion = "tick" | "arrival";

export class RuleGroup {
  readonly key: string;
  readonly intervalMs: number;
  readonly queryOffsetMs: number;
  readonly rules: readonly Rule[];
  journal: EvaluationJournal;
  lastEvaluationMs = 0;
  evaluationSeconds = 0;
  /** Series that the rule at the same place wrote last, by label set. */
  private written: Map<string, Labels>[];

  constructor(
    readonly config: RuleGroupConfig,
    private readonly options: GroupOptions,
  ) {
    this.key = `${config.file};${config.name}`;
    this.intervalMs = config.intervalMs ?? options.defaultIntervalMs;
    this.queryOffsetMs = config.queryOffsetMs ?? options.defaultQueryOffsetMs ?? 0;
    this.rules = config.rules.map((rule) =>
      rule.type === "alerting" ? new AlertingRule(rule) : new RecordingRule(rule),
    );
    this.written = this.rules.map(() => new Map());
    this.journal = new EvaluationJournal();
  }

  get alertingRules(): AlertingRule[] {
    return this.rules.filter((rule) => rule instanceof AlertingRule);
  }

  /** Evaluates at `timeMs`, which must lie after the evaluation before. Never throws. */
  async evaluate(timeMs: number, occasion: Occasion = "tick", arrivedAtMs?: number): Promise<void> {
    const started = this.options.monotonicMs();
    this.journal.add(timeMs, occasion);
    const shared = new SharedResults();
    const context = this.context(timeMs, arrivedAtMs, shared);
    for (let i = 0; i < this.rules.length; i++) {
      const rule = this.rules[i];
      if (occasion === "arrival" && rule instanceof RecordingRule) continue;
      await this.evaluateRule(i, rule, context, occasion);
      for (const metric of rule instanceof RecordingRule ? [rule.name] : [ALERTS, ALERTS_FOR_STATE])
        shared.forget(metric);
    }
    this.lastEvaluationMs = timeMs;
    this.evaluationSeconds = (this.options.monotonicMs() - started) / 1000;
  }

  private context(timeMs: number, arrivedAtMs: number | undefined, shared: SharedResults): EvaluationContext {
    const { queryOffsetMs } = this;
    const { limit } = this.config;
    const atMs = timeMs - queryOffsetMs;
    const query = (expression: string) => this.options.dependencies.query(ALL_TENANTS, expression, atMs, shared);
    const forTemplates = async (expression: string) =>
      (await query(expression)).map((sample) => ({ labels: sample.labels.toJSON(), value: sample.value }));
    return {
      timeMs,
      queryOffsetMs,
      limit,
      query,
      expand: this.options.expander.at(timeMs, forTemplates),
      externalLabels: this.options.externalLabels,
      arrivedAtMs,
    };
  }

  private async evaluateRule(index: number, rule: Rule, context: EvaluationContext, occasion: Occasion): Promise<void> {
    const started = this.options.monotonicMs();
    let problem = "";
    const attempt = async (step: () => Promise<void>) => {
      try {
        await step();
      } catch (error) {
        problem = error instanceof Error ? error.message : String(error);
        this.options.onRuleError?.(this, rule, problem);
      }
    };
    await attempt(async () => {
      const outcome = await rule.evaluate(context);
      // The series are written even when the alerts could not be handed over; they are due again next time.
      if (rule instanceof AlertingRule) await attempt(() => this.send(rule, context));
      await this.write(index, outcome, context, occasion);
    });
    rule.status.evaluated(context.timeMs, this.options.monotonicMs() - started, problem);
  }

  private async send(rule: AlertingRule, context: EvaluationContext): Promise<void> {
    const { alerts, sent } = rule.toSend(context, this.intervalMs, this.options.expander.externalUrl);
    if (alerts.length === 0) return;
    await this.options.dependencies.alerts(alerts);
    sent();
  }

  /** Writes the series, and staleness markers for those that the rule wrote before and has no more. */
  private async write(
    index: number,
    outcome: RuleOutcome,
    context: EvaluationContext,
    occasion: Occasion,
  ): Promise<void> {
    // Between ticks only changes are written: a series keeps its value for the lookback anyway.
    if (occasion === "arrival" && !outcome.changed && outcome.series.length === this.written[index].size) return;
    const now = new Map(outcome.series.map((series) => [series.labels.key, series.labels]));
    const samples: Sample[] = [...outcome.series];
    const timeMs = context.timeMs - context.queryOffsetMs;
    for (const [key, labels] of this.written[index]) {
      if (!now.has(key)) samples.push({ labels, timeMs, value: 0, stale: true });
    }
    if (samples.length > 0) await this.options.dependencies.append(ALL_TENANTS, samples);
    this.written[index] = now;
  }

  /** Takes over alerts and series of the same rules in the group that this one replaces. */
  adopt(before: RuleGroup): void {
    const left = new Map<string, number[]>();
    before.rules.forEach((rule, i) => {
      const key = identity(rule);
      left.set(key, [...(left.get(key) ?? []), i]);
    });
    this.rules.forEach((rule, i) => {
      const match = left.get(identity(rule))?.shift();
      if (match === undefined) return;
      const old = before.rules[match];
      if (rule instanceof AlertingRule && old instanceof AlertingRule) rule.adopt(old);
      else rule.status.adopt(old.status);
      this.written[i] = before.written[match];
      before.written[match] = new Map();
    });
    this.journal = before.journal;
    this.lastEvaluationMs = before.lastEvaluationMs;
    this.evaluationSeconds = before.evaluationSeconds;
  }

  /** Ends the series that no rule writes any more. */
  async retire(timeMs: number): Promise<void> {
    const samples = this.written.flatMap((series) =>
      [...series.values()].map((labels) => ({ labels, timeMs, value: 0, stale: true })),
    );
    this.written = this.rules.map(() => new Map());
    if (samples.length > 0) await this.options.dependencies.append(ALL_TENANTS, samples);
  }

  /**
   * Finds the alerts that were pending or firing when the process ended. `owners` counts the rules of all groups that a
   * series can be of: one that several share is not ended by any of them, it ages out.
   */
  restore(timeMs: number, owners: (labels: Labels) => number, held: HeldAlerts): void {
    this.rules.forEach((rule, i) => {
      if (!(rule instanceof AlertingRule)) return;
      const firing = new Set<string>();
      // What was written before the restart and does not come back is ended by a marker.
      for (const { labels } of this.lastAlive(ALERTS, rule, timeMs)) {
        if (owners(labels) === 1) this.written[i].set(labels.key, labels);
        if (labels.get("alertstate") === "firing") firing.add(labels.without([METRIC_NAME, "alertstate"]).key);
      }
      const remembered = new Map<string, RememberedAlert>();
      for (const { labels, value, lastSeenMs } of this.lastAlive(ALERTS_FOR_STATE, rule, timeMs)) {
        if (owners(labels) === 1) this.written[i].set(labels.key, labels);
        const { key } = labels.without([METRIC_NAME]);
        remembered.set(key, { activeAtMs: value * 1000, lastSeenMs, firing: firing.has(key) });
      }
      if (remembered.size > 0) rule.restore(remembered, held.get(this.identityOf(rule)) ?? [], timeMs);
    });
  }

  /** Names a rule over restarts. */
  identityOf(rule: Rule): string {
    return `${this.key}\0${identity(rule)}`;
  }

  /** Series of a rule whose last sample is no staleness marker: they lived until the process ended. */
  private lastAlive(metric: string, rule: AlertingRule, timeMs: number) {
    const matchers = [new Matcher("=", METRIC_NAME, metric), new Matcher("=", "alertname", rule.name)];
    const { select } = this.options.dependencies;
    return select(ALL_TENANTS, matchers, timeMs - OUTAGE_TOLERANCE_MS, timeMs).flatMap((series) => {
      const last = series.timesMs.length - 1;
      if (!rule.mayOwn(series.labels)) return [];
      if (last < 0 || Number.isNaN(series.values[last])) return [];
      return [{ labels: series.labels, value: series.values[last], lastSeenMs: series.timesMs[last] }];
    });
  }

  view(): RuleGroupView {
    return {
      name: this.config.name,
      file: this.config.file,
      intervalMs: this.intervalMs,
      limit: this.config.limit,
      evaluationSeconds: this.evaluationSeconds,
      lastEvaluationMs: this.lastEvaluationMs,
      rules: this.rules.map((rule) => rule.view()),
    };
  }
}

/** Rules with the same identity before and after a reload are the same rule. */
function identity(rule: Rule): string {
  const { config } = rule;
  const labels = Labels.from(config.labels).key;
  if (config.type === "recording") return `record\0${config.record}\0${labels}`;
  return `alert\0${config.alert}\0${labels}`;
}
