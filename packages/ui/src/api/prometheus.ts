// Prometheus' HTTP API as the pages use it. The reply of our own server is trusted in shape; values come as text.
import { request } from "./http.ts";

export type LabelSet = Readonly<Record<string, string>>;

export interface InstantSample {
  readonly labels: LabelSet;
  readonly timeMs: number;
  readonly value: number;
}

export interface RangeSeries {
  readonly labels: LabelSet;
  readonly timesMs: readonly number[];
  readonly values: readonly number[];
}

export interface RangeResult {
  readonly fromMs: number;
  readonly toMs: number;
  readonly stepMs: number;
  readonly series: readonly RangeSeries[];
  readonly warnings: readonly string[];
}

export interface InstantResult {
  readonly atMs: number;
  readonly samples: readonly InstantSample[];
  readonly warnings: readonly string[];
}

interface Envelope<T> {
  readonly data: T;
  readonly warnings?: readonly string[];
  readonly infos?: readonly string[];
}
type Pair = readonly [number, string];
/** A native histogram in the place of a value; the pages have nothing to draw one with but its totals. */
type HistogramPair = readonly [number, { readonly count: string; readonly sum: string }];
interface VectorItem {
  readonly metric: LabelSet;
  readonly value?: Pair;
  readonly histogram?: HistogramPair;
}
interface MatrixItem {
  readonly metric: LabelSet;
  readonly values?: readonly Pair[];
  readonly histograms?: readonly HistogramPair[];
}
type QueryData =
  | { readonly resultType: "vector"; readonly result: readonly VectorItem[] }
  | { readonly resultType: "matrix"; readonly result: readonly MatrixItem[] }
  | { readonly resultType: "scalar" | "string"; readonly result: Pair };

async function call<T>(path: string, form?: URLSearchParams, signal?: AbortSignal): Promise<Envelope<T>> {
  return (await request(path, form ? { method: "POST", form, signal } : { signal })) as Envelope<T>;
}

export function parseValue(text: string): number {
  if (text === "+Inf" || text === "Inf") return Number.POSITIVE_INFINITY;
  return text === "-Inf" ? Number.NEGATIVE_INFINITY : Number(text);
}

/** The points of a series; of a histogram the number of observations, which is what a line can show. */
function pointsOf({ values = [], histograms }: MatrixItem): readonly Pair[] {
  if (!histograms) return values;
  const counts = histograms.map(([time, { count }]): Pair => [time, count]);
  return [...values, ...counts].sort(([a], [b]) => a - b);
}

const notes = (reply: Envelope<unknown>): readonly string[] => [...(reply.warnings ?? []), ...(reply.infos ?? [])];

export async function queryInstant(expression: string, atMs: number, signal?: AbortSignal): Promise<InstantResult> {
  const form = new URLSearchParams({ query: expression, time: String(atMs / 1000) });
  const reply = await call<QueryData>("/api/v1/query", form, signal);
  const { data } = reply;
  const sample = (labels: LabelSet, [time, value]: Pair): InstantSample => ({
    labels,
    timeMs: time * 1000,
    value: parseValue(value),
  });
  let samples: InstantSample[];
  if (data.resultType === "vector") {
    samples = data.result.flatMap(({ metric, value, histogram }) => {
      const pair: Pair | undefined = value ?? (histogram && [histogram[0], histogram[1].count]);
      return pair ? [sample(metric, pair)] : [];
    });
  } else if (data.resultType === "matrix") {
    samples = data.result.flatMap((one) =>
      pointsOf(one)
        .slice(-1)
        .map((pair) => sample(one.metric, pair)),
    );
  } else samples = [sample({}, data.result)];
  return { atMs, samples, warnings: notes(reply) };
}

export async function queryRange(
  expression: string,
  fromMs: number,
  toMs: number,
  stepMs: number,
  signal?: AbortSignal,
): Promise<RangeResult> {
  // On multiples of the step, so that points keep their places from one refresh to the next.
  const start = Math.floor(fromMs / stepMs) * stepMs;
  const end = Math.floor(toMs / stepMs) * stepMs;
  const form = new URLSearchParams({
    query: expression,
    start: String(start / 1000),
    end: String(end / 1000),
    step: String(stepMs / 1000),
  });
  const reply = await call<QueryData>("/api/v1/query_range", form, signal);
  const matrix = reply.data.resultType === "matrix" ? reply.data.result : [];
  const series = matrix.map((one) => {
    const points = pointsOf(one);
    return {
      labels: one.metric,
      timesMs: points.map((pair) => Math.round(pair[0] * 1000)),
      values: points.map((pair) => parseValue(pair[1])),
    };
  });
  return { fromMs: start, toMs: end, stepMs, series, warnings: notes(reply) };
}

function spanParams(fromMs: number, toMs: number, selector?: string): string {
  const params = new URLSearchParams({ start: String(fromMs / 1000), end: String(toMs / 1000) });
  if (selector) params.append("match[]", selector);
  return params.toString();
}

export async function labelValues(
  label: string,
  selector: string | undefined,
  fromMs: number,
  toMs: number,
): Promise<readonly string[]> {
  const path = `/api/v1/label/${encodeURIComponent(label)}/values?${spanParams(fromMs, toMs, selector)}`;
  return (await call<readonly string[]>(path)).data;
}

export async function labelNames(fromMs: number, toMs: number): Promise<readonly string[]> {
  return (await call<readonly string[]>(`/api/v1/labels?${spanParams(fromMs, toMs)}`)).data;
}

export async function seriesOf(selector: string, fromMs: number, toMs: number): Promise<readonly LabelSet[]> {
  return (await call<readonly LabelSet[]>(`/api/v1/series?${spanParams(fromMs, toMs, selector)}`)).data;
}

export interface RuleAlert {
  readonly labels: LabelSet;
  readonly annotations: LabelSet;
  readonly state: "pending" | "firing";
  readonly activeAt: string;
  readonly value: string;
}

export interface AlertingRule extends RuleBase {
  readonly type: "alerting";
  readonly state: "inactive" | "pending" | "firing";
  /** Seconds. */
  readonly duration: number;
  /** Seconds. */
  readonly keepFiringFor?: number;
  /** As written, templates not expanded. */
  readonly annotations?: LabelSet;
  readonly alerts: readonly RuleAlert[];
}
export interface RecordingRule extends RuleBase {
  readonly type: "recording";
}

interface RuleBase {
  readonly name: string;
  readonly query: string;
  readonly labels?: LabelSet;
  readonly health?: "unknown" | "ok" | "err";
  readonly lastError?: string;
  /** Seconds that the last evaluation took. */
  readonly evaluationTime?: number;
  /** Year 1 before the first one. */
  readonly lastEvaluation?: string;
}

export interface RuleGroup {
  readonly name: string;
  readonly file: string;
  /** Seconds. */
  readonly interval?: number;
  /** Seconds that the last round took. */
  readonly evaluationTime?: number;
  readonly lastEvaluation?: string;
  readonly rules: ReadonlyArray<AlertingRule | RecordingRule>;
}

export async function ruleGroups(): Promise<readonly RuleGroup[]> {
  return (await call<{ groups: readonly RuleGroup[] }>("/api/v1/rules")).data.groups;
}

export interface Target {
  readonly labels: LabelSet;
  readonly discoveredLabels: LabelSet;
  readonly scrapePool: string;
  readonly scrapeUrl: string;
  readonly lastError: string;
  readonly lastScrape: string;
  /** Seconds. */
  readonly lastScrapeDuration: number;
  readonly health: "up" | "down" | "unknown";
  readonly scrapeInterval?: string;
}

export async function activeTargets(): Promise<readonly Target[]> {
  return (await call<{ activeTargets: readonly Target[] }>("/api/v1/targets?state=active")).data.activeTargets;
}
