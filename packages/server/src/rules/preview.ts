// What a rule would have done: its expression over a range by one range query, then the alert states step by step with
// the very code that evaluates rules.
import type { Clock, Finding, Labels, SeriesSamples, TenantScope } from "@storewatch/model";
import type { PreviewInterval, RulePreview } from "@storewatch/model/api";
import { type MatrixSeries, QueryError, type QueryResult, type VectorSample } from "@storewatch/promql/engine";
import type { QueryOptions, QueryService } from "../query/interface.ts";
import { AlertingRule } from "./alerting-rule.ts";
import { TemplateExpander } from "./expand.ts";
import type { PreviewedRule } from "./preview-input.ts";
import { neededRecordings, recordedSeries } from "./preview-recordings.ts";
import { chartSeries, jsonNumber, valueExpression } from "./preview-series.ts";
import type { RuleSettings } from "./rule-engine.ts";
import type { AlertingRuleConfig, RuleFileOptions } from "./rule-file.ts";
import { type EvaluationContext, RuleError } from "./rule-status.ts";

export interface PreviewDependencies {
  readonly query: QueryService;
  readonly clock: Clock;
  readonly settings: () => Required<RuleSettings>;
  readonly externalUrl: string;
  /** What a previewed rule may hold. */
  readonly format?: RuleFileOptions;
}

/** Evaluations of a preview: over a long range they lie further apart than the rule's own. */
const STEPS_MAX = 2000;
/** Values of an expression that are stepped through. */
const SAMPLES_MAX = 2_000_000;
/** Values that are asked for a chart of 50 series. */
const CHART_VALUES_MAX = 1_000_000;
const TIMEOUT_MS = 30_000;
const ALERTS_MAX = 200;
const SLICE_MS = 10;
/** Up to here what is recorded has the group's own interval, whatever the steps of the preview: a query's limit. */
const RECORDED_STEPS_MAX = 10_000;

export interface PreviewRange {
  readonly endMs: number;
  readonly rangeMs: number;
  /** Ends the preview: nobody waits for it any more. */
  readonly signal?: AbortSignal;
}

/** Throws QueryError. `scope`: only the data of these shops. */
export async function previewRule(
  deps: PreviewDependencies,
  scope: TenantScope,
  previewed: PreviewedRule,
  range: PreviewRange,
): Promise<RulePreview> {
  return new Preview(deps, scope, previewed, range).run();
}

/** One alert's history. */
interface Track {
  readonly labels: Labels;
  readonly intervals: PreviewInterval[];
  open: { readonly state: "pending" | "firing"; readonly fromMs: number } | undefined;
  /** When its expression held last, and with what value. */
  heldAtMs: number;
  value: number;
  step: number;
}

class Preview {
  private readonly intervalMs: number;
  private readonly stepMs: number;
  private readonly fromMs: number;
  private readonly toMs: number;
  private readonly offsetMs: number;
  private readonly startedMs: number;
  private readonly expander: TemplateExpander;
  private readonly tracks = new Map<string, Track>();
  private readonly problems: Finding[] = [];
  private evaluations = 0;
  /** Of the recording rules above this one. */
  private added: readonly SeriesSamples[] = [];

  constructor(
    private readonly deps: PreviewDependencies,
    private readonly scope: TenantScope,
    private readonly previewed: PreviewedRule,
    private readonly asked: PreviewRange,
  ) {
    const settings = deps.settings();
    const { group } = previewed;
    this.intervalMs = group.intervalMs ?? settings.evaluationIntervalMs;
    this.offsetMs = group.queryOffsetMs ?? settings.queryOffsetMs;
    const { endMs, rangeMs } = asked;
    const runs = Math.ceil(rangeMs / (this.intervalMs * STEPS_MAX));
    this.stepMs = this.intervalMs * Math.max(1, runs);
    this.toMs = Math.floor(endMs / this.stepMs) * this.stepMs;
    this.fromMs = this.toMs - Math.floor(rangeMs / this.stepMs) * this.stepMs;
    this.startedMs = deps.clock.monotonicMs();
    this.expander = new TemplateExpander(deps.externalUrl);
  }

  async run(): Promise<RulePreview> {
    const { rule } = this.previewed;
    const forMs = rule.type === "alerting" ? rule.forMs : 0;
    // Before the range, so that an alert that was pending already is seen to fire in it.
    const warmUpMs = Math.min(Math.ceil(forMs / this.stepMs) * this.stepMs, this.toMs - this.fromMs);
    await this.record(warmUpMs);
    const result = await this.range(rule.expression, this.fromMs - warmUpMs);
    const durationMs = this.deps.clock.monotonicMs() - this.startedMs;
    const series = seriesOf(result);
    const lastFiring = rule.type === "alerting" ? await this.alertHistory(rule, series, warmUpMs) : null;
    const chart = valueExpression(rule.parsed);
    const values = chart.threshold ? await this.chartValues(chart.expression) : series;
    const evaluationMs = await this.timeOne(rule.expression);
    return {
      type: rule.type,
      name: rule.type === "alerting" ? rule.alert : rule.record,
      fromMs: this.fromMs,
      toMs: this.toMs,
      stepMs: this.stepMs,
      intervalMs: this.intervalMs,
      forMs,
      keepFiringForMs: rule.type === "alerting" ? rule.keepFiringForMs : 0,
      series: chartSeries(
        values.flatMap((one) => from(one, this.fromMs)),
        chart.threshold,
      ),
      seriesTotal: values.length,
      threshold: chart.threshold,
      expression: rule.expression,
      ...this.alertSummary(),
      lastFiring,
      findings: [...this.previewed.findings, ...remarks(result), ...this.problems],
      cost: { durationMs, samples: result.stats.samplesRead, evaluations: this.evaluations, evaluationMs },
    };
  }

  /** Without its condition an expression can have any number of series: the more, the wider the steps. */
  private async chartValues(expression: string): Promise<readonly MatrixSeries[]> {
    const value = await this.instant(expression, this.toMs);
    const count = value.type === "vector" ? value.samples.length : 1;
    const steps = (this.toMs - this.fromMs) / this.stepMs + 1;
    const widen = Math.max(1, Math.ceil((count * steps) / CHART_VALUES_MAX));
    return seriesOf(await this.range(expression, this.fromMs, this.stepMs * widen));
  }

  private range(expression: string, fromMs: number, stepMs = this.stepMs): Promise<QueryResult> {
    const { offsetMs, toMs, scope } = this;
    return this.deps.query.range(scope, expression, fromMs - offsetMs, toMs - offsetMs, stepMs, this.options());
  }

  private async instant(expression: string, timeMs: number): Promise<QueryResult["value"]> {
    return (await this.deps.query.instant(this.scope, expression, timeMs - this.offsetMs, this.options())).value;
  }

  private options(): QueryOptions {
    return { timeoutMs: TIMEOUT_MS, signal: this.asked.signal, added: this.added };
  }

  /** Runs the recording rules that the rule reads, over as much of the past as is looked at. */
  private async record(warmUpMs: number): Promise<void> {
    for (const { rule, backMs } of neededRecordings(this.previewed)) {
      const spanMs = this.toMs - this.fromMs + warmUpMs + backMs;
      const stepMs = spanMs / this.intervalMs <= RECORDED_STEPS_MAX ? this.intervalMs : this.stepMs;
      const fromMs = this.toMs - Math.ceil(spanMs / stepMs) * stepMs;
      const found = seriesOf(await this.range(rule.expression, fromMs, stepMs));
      const samples = found.reduce((sum, one) => sum + one.timesMs.length, 0);
      if (samples > SAMPLES_MAX)
        throw new QueryError("limit", `${rule.record} gives ${samples} values: choose a shorter range`);
      const recorded = recordedSeries(rule, found, stepMs, this.toMs - this.offsetMs);
      if (new Set(recorded.map(({ labels }) => labels.key)).size === recorded.length) {
        this.added = [...this.added, ...recorded];
        continue;
      }
      const message = `${rule.record} fails: vector contains metrics with the same labelset after applying rule labels`;
      this.problems.push({ ...REMARK, severity: "error", message });
    }
  }

  /** How long the engine would take for it, once. */
  private async timeOne(expression: string): Promise<number> {
    const startedMs = this.deps.clock.monotonicMs();
    await this.instant(expression, this.toMs);
    return this.deps.clock.monotonicMs() - startedMs;
  }

  /** Steps through the range; answers with the newest alert's texts. */
  private async alertHistory(
    config: AlertingRuleConfig,
    series: readonly MatrixSeries[],
    warmUpMs: number,
  ): Promise<RulePreview["lastFiring"]> {
    const samples = series.reduce((sum, one) => sum + one.timesMs.length, 0);
    if (samples > SAMPLES_MAX)
      throw new QueryError("limit", `the expression gives ${samples} values in this range: choose a shorter one`);
    // Texts are made once at the end: they do not change what fires.
    const rule = new AlertingRule({ ...config, annotations: {} });
    const cursors = new Uint32Array(series.length);
    let sliceMs = this.deps.clock.monotonicMs();
    for (let timeMs = this.fromMs - warmUpMs; timeMs <= this.toMs; timeMs += this.stepMs) {
      await this.step(rule, vectorAt(series, cursors, timeMs - this.offsetMs), timeMs);
      if (this.asked.signal?.aborted) throw this.asked.signal.reason;
      const nowMs = this.deps.clock.monotonicMs();
      if (nowMs - this.startedMs > TIMEOUT_MS) throw new QueryError("timeout", "the preview took too long");
      if (nowMs - sliceMs < SLICE_MS) continue;
      await new Promise<void>((resolve) => setImmediate(resolve));
      sliceMs = this.deps.clock.monotonicMs();
    }
    return this.newest(config, series);
  }

  private async step(rule: AlertingRule, vector: readonly VectorSample[], timeMs: number): Promise<void> {
    const step = this.evaluations++;
    try {
      await rule.evaluate(this.context(timeMs, vector));
    } catch (error) {
      if (!(error instanceof RuleError)) throw error;
      this.fail(error.message, timeMs);
    }
    for (const alert of rule.alerts()) {
      const track = this.trackOf(alert.labels);
      const state = alert.state === "firing" ? "firing" : "pending";
      track.step = step;
      if (alert.keepFiringSinceMs === 0) {
        track.heldAtMs = timeMs;
        track.value = alert.value;
      }
      if (track.open?.state === state) continue;
      this.close(track, timeMs, false);
      track.open = { state, fromMs: timeMs };
    }
    for (const track of this.tracks.values()) if (track.open && track.step !== step) this.close(track, timeMs, false);
  }

  private context(timeMs: number, vector: readonly VectorSample[]): EvaluationContext {
    const ask = async (expression: string) => {
      const value = await this.instant(expression, timeMs);
      const samples = value.type === "vector" ? value.samples : [];
      return samples.map((sample) => ({ labels: sample.labels.toJSON(), value: sample.value }));
    };
    return {
      timeMs,
      queryOffsetMs: this.offsetMs,
      limit: this.previewed.group.limit,
      query: async () => vector,
      expand: this.expander.at(timeMs, ask),
      externalLabels: this.deps.settings().externalLabels,
      arrivedAtMs: undefined,
    };
  }

  private fail(message: string, timeMs: number): void {
    // The first one tells enough: the same rule fails the same way.
    if (this.problems.length > 0) return;
    const at = new Date(timeMs).toISOString();
    this.problems.push({ ...REMARK, severity: "error", message: `at ${at} the rule fails: ${message}` });
  }

  private trackOf(labels: Labels): Track {
    let track = this.tracks.get(labels.key);
    if (!track) {
      track = { labels, intervals: [], open: undefined, heldAtMs: 0, value: Number.NaN, step: -1 };
      this.tracks.set(labels.key, track);
    }
    return track;
  }

  private close(track: Track, timeMs: number, open: boolean): void {
    const { open: current } = track;
    track.open = undefined;
    if (!current || (timeMs <= this.fromMs && !open)) return;
    track.intervals.push({ state: current.state, fromMs: Math.max(current.fromMs, this.fromMs), toMs: timeMs, open });
  }

  private alertSummary(): Pick<RulePreview, "alerts" | "alertsTotal" | "firings" | "firingNow" | "pendingNow"> {
    for (const track of this.tracks.values()) this.close(track, this.toMs, true);
    const tracks = [...this.tracks.values()].filter((track) => track.intervals.length > 0);
    const intervals = tracks.flatMap((track) => track.intervals);
    const firing = intervals.filter((interval) => interval.state === "firing");
    const ranked = tracks.map((track) => ({ track, weight: weightOf(track) })).sort((a, b) => b.weight - a.weight);
    return {
      alerts: ranked
        .slice(0, ALERTS_MAX)
        .map(({ track }) => ({ labels: track.labels.toJSON(), intervals: track.intervals })),
      alertsTotal: tracks.length,
      firings: firing.length,
      firingNow: firing.filter((interval) => interval.open).length,
      pendingNow: intervals.filter((interval) => interval.open && interval.state === "pending").length,
    };
  }

  /** The alert that fired last (or was pending last), as it would have been told. */
  private async newest(
    config: AlertingRuleConfig,
    series: readonly MatrixSeries[],
  ): Promise<RulePreview["lastFiring"]> {
    const { track, state } = this.newestTrack();
    if (!track || !state) return null;
    const timeMs = track.heldAtMs;
    const vector = vectorAt(series, new Uint32Array(series.length), timeMs - this.offsetMs);
    const context = this.context(timeMs, vector);
    const bare = new AlertingRule({ ...config, annotations: {} });
    for (const sample of vector) {
      const { labels } = await bare.expand(sample, context);
      if (labels.key !== track.labels.key) continue;
      const { annotations } = await new AlertingRule(config).expand(sample, context);
      return { state, atMs: timeMs, value: jsonNumber(sample.value), labels: labels.toJSON(), annotations };
    }
    return null;
  }

  private newestTrack(): { readonly track?: Track; readonly state?: "pending" | "firing" } {
    for (const state of ["firing", "pending"] as const) {
      let best: Track | undefined;
      let bestMs = Number.NEGATIVE_INFINITY;
      for (const track of this.tracks.values()) {
        const last = track.open?.state === state ? this.toMs : lastEnd(track, state);
        // Among those that lasted as long, the one that held last.
        if (last < bestMs || (last === bestMs && best && track.heldAtMs <= best.heldAtMs)) continue;
        if (last === Number.NEGATIVE_INFINITY) continue;
        best = track;
        bestMs = last;
      }
      if (best) return { track: best, state };
    }
    return {};
  }
}

const REMARK = { code: "RULE_PREVIEW", file: "", line: 1, column: 1 } as const;

function remarks({ warnings, infos }: QueryResult): Finding[] {
  return [
    ...warnings.map((message): Finding => ({ ...REMARK, severity: "warning", message })),
    ...infos.map((message): Finding => ({ ...REMARK, severity: "info", message })),
  ];
}

function seriesOf({ value }: QueryResult): readonly MatrixSeries[] {
  if (value.type === "matrix") return value.series;
  throw new QueryError("execution", `a rule needs a vector or a scalar, and this expression gives a ${value.type}`);
}

/** The samples at one step; `cursors` moves on with each call. */
function vectorAt(series: readonly MatrixSeries[], cursors: Uint32Array, timeMs: number): VectorSample[] {
  const vector: VectorSample[] = [];
  for (let i = 0; i < series.length; i++) {
    const { labels, timesMs, values, histograms } = series[i];
    let at = cursors[i];
    while (at < timesMs.length && timesMs[at] < timeMs) at++;
    cursors[i] = at;
    if (timesMs[at] === timeMs) vector.push({ labels, timeMs, value: values[at], histogram: histograms?.[at] });
  }
  return vector;
}

/** The part of a series that lies within the range shown; nothing when there is none. */
function from({ labels, timesMs, values, histograms }: MatrixSeries, fromMs: number): MatrixSeries[] {
  let first = 0;
  while (first < timesMs.length && timesMs[first] < fromMs) first++;
  if (first === timesMs.length) return [];
  const rest = { labels, timesMs: timesMs.subarray(first), values: values.subarray(first) };
  return [histograms ? { ...rest, histograms: histograms.slice(first) } : rest];
}

function lastEnd(track: Track, state: string): number {
  const ends = track.intervals.filter((interval) => interval.state === state).map((interval) => interval.toMs);
  return Math.max(Number.NEGATIVE_INFINITY, ...ends);
}

/** Firing counts for all, pending only among those that never fired. */
function weightOf(track: Track): number {
  return track.intervals.reduce(
    (sum, { state, fromMs, toMs }) => sum + (toMs - fromMs + 1) * (state === "firing" ? 1 : 1e-6),
    0,
  );
}
