// One way in for what clients push: tenant, names, times, limits; then the store, whose answer means "in the log".
import {
  type Clock,
  type Labels,
  METRIC_NAME,
  type Sample,
  type SeriesExemplar,
  scopeAllows,
  TENANT_LABEL,
  type TenantScope,
} from "@storewatch/model";
import type { AppendResult } from "@storewatch/tsdb";
import { Counter, type Registry } from "prom-client";
import { StorewatchError } from "../../kernel/errors.ts";
import type { MetadataBook } from "../metadata/metadata-book.ts";
import { isLabelName, isMetricName } from "../relabel.ts";
import type { Batch, Intake, IntakeResult, RefusalReason } from "./interface.ts";
import { Refusals } from "./refusals.ts";

export interface IntakeStore {
  append(scope: TenantScope, samples: readonly Sample[]): Promise<AppendResult>;
  appendExemplars?(
    scope: TenantScope,
    items: readonly SeriesExemplar[],
  ): { readonly appended: number; readonly outOfOrder: number; readonly tooLong: number };
}

export interface IntakeDependencies {
  readonly store: IntakeStore;
  readonly clock: Clock;
  readonly metrics: Registry;
  readonly metadata: MetadataBook;
}

/** Samples further ahead of the clock than this are refused, as the peers do. */
const AHEAD_MS_MAX = 10 * 60_000;
/** A series is kept whole in the index and in the log: the sum of its names and values has a bound, in characters. */
const LABELS_LENGTH_MAX = 65_536;
/** Samples that enter the store in one go: some 20 ms. */
const SLICE_SAMPLES = 10_000;
/** Series whose labels are remembered as checked, for senders that come back with the same ones. */
const REMEMBERED_MAX = 100_000;

/** What became of a series' labels. */
type Verdict =
  | { readonly labels: Labels }
  | { readonly labels: undefined; readonly reason: RefusalReason; readonly why: string };

interface Metrics {
  readonly ingested: Counter;
  readonly refused: Counter;
  readonly exemplars: Counter;
}

export function createIntake(deps: IntakeDependencies): Intake {
  const metrics = createMetrics(deps.metrics);
  const verdicts = new VerdictCache();
  return {
    async write(scope, batch) {
      const refusals = new Refusals();
      const samples = admit(deps.clock, verdicts.of(scope, batch), batch.samples, refusals);
      const taken = await append(deps.store, scope, samples, refusals);
      const exemplars = appendExemplars(deps.store, scope, batch.exemplars ?? [], refusals);
      for (const [family, told] of batch.metadata ?? []) deps.metadata.note(family, told);
      metrics.ingested.inc(taken.samples + taken.histograms);
      metrics.exemplars.inc(exemplars);
      const result: IntakeResult = { ...taken, exemplars, refusals: refusals.list() };
      if (!batch.isOptional) for (const { reason, count } of result.refusals) metrics.refused.inc({ reason }, count);
      return result;
    },
  };
}

function createMetrics(registry: Registry): Metrics {
  const counter = (name: string, help: string, labelNames: readonly string[] = []): Counter => {
    // Scrapes count into the same metric.
    const known = registry.getSingleMetric(name);
    if (known instanceof Counter) return known;
    return new Counter({ name, help, labelNames: [...labelNames], registers: [registry] });
  };
  return {
    ingested: counter("storewatch_samples_ingested_total", "Samples taken in."),
    exemplars: counter("storewatch_exemplars_ingested_total", "Exemplars taken in by push."),
    refused: counter("storewatch_push_samples_refused_total", "Pushed samples that were not taken, by reason.", [
      "reason",
    ]),
  };
}

/** The samples that may enter, with the labels that they get. */
function admit(
  clock: Clock,
  verdictOf: (labels: Labels) => Verdict,
  samples: readonly Sample[],
  refusals: Refusals,
): Sample[] {
  const newestMs = clock.nowMs() + AHEAD_MS_MAX;
  const admitted: Sample[] = [];
  let last: Labels | undefined;
  let verdict: Verdict | undefined;
  for (const sample of samples) {
    if (sample.labels !== last || verdict === undefined) {
      last = sample.labels;
      verdict = verdictOf(last);
    }
    if (verdict.labels === undefined) {
      const { reason, why } = verdict;
      refusals.add(reason, 1, () => why);
      continue;
    }
    if (!(sample.timeMs <= newestMs)) {
      refusals.add("too-far-in-future", 1, () => `${sample.labels}: ${timeText(sample.timeMs)} lies in the future`);
      continue;
    }
    admitted.push(verdict.labels === sample.labels ? sample : { ...sample, labels: verdict.labels });
  }
  return admitted;
}

async function append(
  store: IntakeStore,
  scope: TenantScope,
  samples: readonly Sample[],
  refusals: Refusals,
): Promise<{ readonly samples: number; readonly histograms: number }> {
  // Apart, because the store's answer does not tell them apart.
  const isHistogram = (sample: Sample) => sample.histogram !== undefined;
  const histograms = samples.some(isHistogram) ? samples.filter(isHistogram) : [];
  const floats = histograms.length > 0 ? samples.filter((sample) => !isHistogram(sample)) : samples;
  return {
    samples: await appendSlices(store, scope, floats, refusals),
    histograms: await appendSlices(store, scope, histograms, refusals),
  };
}

async function appendSlices(
  store: IntakeStore,
  scope: TenantScope,
  samples: readonly Sample[],
  refusals: Refusals,
): Promise<number> {
  let appended = 0;
  for (let at = 0; at < samples.length; at += SLICE_SAMPLES) {
    const slice = samples.length <= SLICE_SAMPLES ? samples : samples.slice(at, at + SLICE_SAMPLES);
    const result = await appendOne(store, scope, slice);
    appended += result.appended;
    if (result.duplicates > 0) {
      refusals.add("duplicate", result.duplicates, () => "the series has a sample for this time already");
    }
    if (result.tooOld > 0) refusals.add("too-old", result.tooOld, () => oldestText(slice));
  }
  return appended;
}

/** Throws UNAVAILABLE when the log cannot be written. What the head took before stays, and a repetition is harmless. */
async function appendOne(store: IntakeStore, scope: TenantScope, samples: readonly Sample[]): Promise<AppendResult> {
  try {
    return await store.append(scope, samples);
  } catch (error) {
    if (error instanceof StorewatchError) throw error;
    const reason = `samples cannot be written: ${error instanceof Error ? error.message : String(error)}`;
    throw new StorewatchError("UNAVAILABLE", { reason }, { cause: error });
  }
}

function appendExemplars(
  store: IntakeStore,
  scope: TenantScope,
  items: readonly SeriesExemplar[],
  refusals: Refusals,
): number {
  if (items.length === 0 || !store.appendExemplars) return 0;
  const verdicts = items.map(({ series, exemplar }) => {
    const { labels } = judge(scope, series);
    return labels && { series: labels, exemplar };
  });
  const admitted = verdicts.filter((item) => item !== undefined);
  const foreign = items.length - admitted.length;
  if (foreign > 0) refusals.add("invalid", foreign, () => "an exemplar of a series that may not be written");
  return store.appendExemplars(scope, admitted).appended;
}

/** Verdicts of senders that reuse their label objects, by scope; two generations, so that what is gone is forgotten. */
class VerdictCache {
  private readonly scopes = new Map<string, { young: Map<Labels, Verdict>; old: Map<Labels, Verdict> }>();

  of(scope: TenantScope, batch: Batch): (labels: Labels) => Verdict {
    if (!batch.reusesLabels) return (labels) => judge(scope, labels);
    const key = scope.kind === "all" ? "" : [...scope.ids].sort().join(",");
    let known = this.scopes.get(key);
    if (!known) {
      if (this.scopes.size >= 1000) this.scopes.clear();
      known = { young: new Map(), old: new Map() };
      this.scopes.set(key, known);
    }
    const generations = known;
    return (labels) => {
      const hit = generations.young.get(labels);
      if (hit) return hit;
      const verdict = generations.old.get(labels) ?? judge(scope, labels);
      if (generations.young.size >= REMEMBERED_MAX) {
        generations.old = generations.young;
        generations.young = new Map();
      }
      generations.young.set(labels, verdict);
      return verdict;
    };
  }
}

function judge(scope: TenantScope, labels: Labels): Verdict {
  const refuse = (reason: RefusalReason, why: string): Verdict => ({ labels: undefined, reason, why });
  const bad = invalidity(labels);
  if (bad !== undefined) return refuse("invalid", `${shortText(labels)}: ${bad}`);
  if (scope.kind === "all") return { labels };
  const id = labels.get(TENANT_LABEL);
  if (id !== "") {
    if (scopeAllows(scope, id)) return { labels };
    return refuse("out-of-scope", `${shortText(labels)}: the credential is not valid for shop ${id}`);
  }
  const [only, ...others] = scope.ids;
  if (only === undefined || others.length > 0) {
    return refuse("out-of-scope", `${shortText(labels)}: names no ${TENANT_LABEL}, and the credential is for several`);
  }
  return { labels: labels.with(TENANT_LABEL, only) };
}

function invalidity(labels: Labels): string | undefined {
  const { pairs } = labels;
  let length = 0;
  let hasName = false;
  for (let i = 0; i < pairs.length; i += 2) {
    const name = pairs[i];
    length += name.length + pairs[i + 1].length;
    if (name === METRIC_NAME) {
      hasName = true;
      if (!isMetricName(pairs[i + 1], "utf8")) return "invalid metric name";
    } else if (!isLabelName(name, "utf8")) return "invalid label name";
  }
  if (!hasName) return "missing metric name (__name__ label)";
  if (length > LABELS_LENGTH_MAX) return `its labels have ${length} characters, at most ${LABELS_LENGTH_MAX} are taken`;
  return undefined;
}

function oldestText(samples: readonly Sample[]): string {
  let oldest = samples[0];
  for (const sample of samples) if (sample.timeMs < oldest.timeMs) oldest = sample;
  return `too old: older than the out-of-order window of its series or than the retention; the oldest was ${shortText(oldest.labels)} at ${timeText(oldest.timeMs)}`;
}

function timeText(timeMs: number): string {
  return Math.abs(timeMs) <= 8.64e15 ? new Date(timeMs).toISOString() : String(timeMs);
}

function shortText(labels: Labels): string {
  const text = labels.toString();
  return text.length > 200 ? `${text.slice(0, 200)}…` : text;
}
