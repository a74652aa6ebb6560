// One way in for what clients push: tenant, names, times, limits; then the store, whose answer means "in the log".
import type { Clock, Sample, SeriesExemplar, TenantScope } from "@storewatch/model";
import type { AppendResult } from "@storewatch/tsdb";
import { Counter, type Registry } from "prom-client";
import { StorewatchError } from "../../kernel/errors.ts";
import type { ChangedSums, PushedRollups, Share } from "../limits/pushed-rollups.ts";
import type { TenantLimits } from "../limits/tenant-limits.ts";
import type { MetadataBook } from "../metadata/metadata-book.ts";
import type { Batch, Intake, IntakeResult, RefusalReason } from "./interface.ts";
import { Refusals } from "./refusals.ts";
import { Judge, place, shortText, type Verdict } from "./verdicts.ts";

interface IntakeStore {
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
  readonly limits: TenantLimits;
  readonly rollups: PushedRollups;
}

/** Samples further ahead of the clock than this are refused, as the peers do. */
const AHEAD_MS_MAX = 10 * 60_000;
/** Samples that enter the store in one go: some 20 ms. */
const SLICE_SAMPLES = 10_000;

export interface ScrapeIntake extends Intake {
  /** Samples of scrapes that have times of their own: the limits hold, but for rates, and nothing is counted. */
  readonly append: (scope: TenantScope, samples: readonly Sample[]) => Promise<AppendResult>;
}

export function createIntake(deps: IntakeDependencies): ScrapeIntake {
  return new LimitedIntake(deps);
}

class LimitedIntake implements ScrapeIntake {
  private readonly judge: Judge;
  private readonly ingested: Counter;
  private readonly exemplars: Counter;
  private readonly refused: Counter;

  constructor(private readonly deps: IntakeDependencies) {
    this.judge = new Judge(deps.limits, deps.rollups);
    this.ingested = counter(deps.metrics, "storewatch_samples_ingested_total", "Samples taken in.");
    this.exemplars = counter(deps.metrics, "storewatch_push_exemplars_total", "Exemplars taken in by push.");
    this.refused = counter(
      deps.metrics,
      "storewatch_push_samples_refused_total",
      "Pushed samples that were not taken, by reason.",
      ["reason"],
    );
  }

  async write(scope: TenantScope, batch: Batch): Promise<IntakeResult> {
    const { metadata } = this.deps;
    // Before the samples: a sum over series needs to know what they are.
    for (const [family, told] of batch.metadata ?? []) metadata.note(family, told);
    const refusals = new Refusals();
    const written = await this.writeSamples(scope, batch, refusals, this.deps.limits.hasRates);
    const exemplars = this.appendExemplars(scope, batch.exemplars ?? [], refusals);
    this.ingested.inc(written.samples + written.histograms);
    this.exemplars.inc(exemplars);
    const result: IntakeResult = { ...written, exemplars, refusals: refusals.list() };
    if (!batch.isOptional) for (const { reason, count } of result.refusals) this.refused.inc({ reason }, count);
    return result;
  }

  readonly append = async (scope: TenantScope, samples: readonly Sample[]): Promise<AppendResult> => {
    const refusals = new Refusals();
    const written = await this.writeSamples(scope, { samples, reusesLabels: true }, refusals, false);
    const count = (reason: RefusalReason) => refusals.list().find((one) => one.reason === reason)?.count ?? 0;
    const appended = written.samples + written.histograms;
    return { appended, duplicates: count("duplicate"), tooOld: count("too-old") };
  };

  private async writeSamples(
    scope: TenantScope,
    batch: Batch,
    refusals: Refusals,
    hasRates: boolean,
  ): Promise<Written> {
    const { limits, rollups, store } = this.deps;
    const verdicts = this.verdicts(scope, batch);
    const rates = hasRates ? this.takeRates(verdicts) : NO_RATES;
    const floats: Sample[] = [];
    // Apart, because the store's answer does not tell them apart.
    const histograms: Sample[] = [];
    const sums: ChangedSums = new Map();
    let shared = 0;
    let refused = 0;
    const newestMs = this.deps.clock.nowMs() + AHEAD_MS_MAX;
    for (const [i, sample] of batch.samples.entries()) {
      const verdict = verdicts[i];
      if (verdict.labels === undefined || rates.waiting.has(verdict.tenant) || !(sample.timeMs <= newestMs)) {
        this.refuse(verdict, sample, refusals);
        refused++;
      } else if (verdict.share) {
        if (this.addToSum(verdict.share, sample, sums, refusals)) shared++;
      } else {
        const one = verdict.labels === sample.labels ? sample : { ...sample, labels: verdict.labels };
        if (sample.histogram) histograms.push(one);
        else floats.push(one);
      }
    }
    if (refused > 0 && refused === batch.samples.length) throwWhenOnlyRates(rates);
    const ofSums = rollups.tell(sums);
    floats.push(...ofSums);
    try {
      const samples = await appendSlices(store, scope, floats, refusals);
      return {
        samples: Math.max(0, samples - ofSums.length) + shared,
        histograms: await appendSlices(store, scope, histograms, refusals),
      };
    } catch (error) {
      for (const [tenant, count] of rates.taken) limits.giveBack(tenant, count);
      throw error;
    }
  }

  private verdicts(scope: TenantScope, { samples, reusesLabels }: Batch): Verdict[] {
    const verdictOf = this.judge.of(scope, reusesLabels === true);
    const verdicts: Verdict[] = [];
    for (let i = 0; i < samples.length; i++) {
      const isSame = i > 0 && samples[i].labels === samples[i - 1].labels;
      verdicts.push(isSame ? verdicts[i - 1] : verdictOf(samples[i].labels));
    }
    return verdicts;
  }

  /** Each tenant's samples come out of its own rate: all of them, or none. */
  private takeRates(verdicts: readonly Verdict[]): Rates {
    const counts = new Map<string, number>();
    for (const verdict of verdicts) {
      if (verdict.labels !== undefined) counts.set(verdict.tenant, (counts.get(verdict.tenant) ?? 0) + 1);
    }
    const taken = new Map<string, number>();
    const waiting = new Map<string, number>();
    for (const [tenant, count] of counts) {
      const seconds = this.deps.limits.take(tenant, count);
      if (seconds === 0) taken.set(tenant, count);
      else waiting.set(tenant, seconds);
    }
    return { taken, waiting };
  }

  private refuse(verdict: Verdict, sample: Sample, refusals: Refusals): void {
    const { limits } = this.deps;
    if (verdict.labels === undefined) {
      if (verdict.limit) limits.noteRefused(verdict.limit, verdict.refused, 0, 1);
      refusals.add(verdict.reason, 1, () => verdict.why);
    } else if (!(sample.timeMs <= this.deps.clock.nowMs() + AHEAD_MS_MAX)) {
      const why = () => `${shortText(sample.labels)}: ${timeText(sample.timeMs)} lies in the future`;
      refusals.add("too-far-in-future", 1, why);
    } else {
      limits.noteRefused("samples_per_second", verdict.labels, 0, 1);
      refusals.add("rate-limit", 1, () => `shop ${verdict.tenant} sends more samples per second than it may`);
    }
  }

  private addToSum(share: Share, sample: Sample, sums: ChangedSums, refusals: Refusals): boolean {
    if (sample.histogram) {
      refusals.add("series-limit", 1, () => `${shortText(sample.labels)}: a native histogram over its shop's limit`);
      return false;
    }
    this.deps.rollups.add(share, sample);
    const known = sums.get(share.sum);
    if (known === undefined || sample.timeMs > known) sums.set(share.sum, sample.timeMs);
    return true;
  }

  private appendExemplars(scope: TenantScope, items: readonly SeriesExemplar[], refusals: Refusals): number {
    const { store } = this.deps;
    if (items.length === 0 || !store.appendExemplars) return 0;
    const admitted: SeriesExemplar[] = [];
    for (const { series, exemplar } of items) {
      const placed = place(scope, series);
      if ("labels" in placed) admitted.push({ series: placed.labels, exemplar });
      else refusals.add(placed.reason, 1, () => `an exemplar: ${placed.why}`);
    }
    return store.appendExemplars(scope, admitted).appended;
  }
}

interface Written {
  readonly samples: number;
  readonly histograms: number;
}

/** By tenant: the samples taken from its rate, and the seconds until there is room for those that were not. */
interface Rates {
  readonly taken: ReadonlyMap<string, number>;
  readonly waiting: ReadonlyMap<string, number>;
}

const NO_RATES: Rates = { taken: new Map(), waiting: new Map() };

/** Throws LIMIT when every tenant of a batch that was refused as a whole has to wait. */
function throwWhenOnlyRates({ taken, waiting }: Rates): void {
  if (waiting.size === 0 || taken.size > 0) return;
  const seconds = Math.max(...waiting.values());
  const reason = `more samples per second than ${[...waiting.keys()].slice(0, 3).join(", ")} may send`;
  throw new StorewatchError("LIMIT", { reason, seconds: Math.ceil(seconds) });
}

function counter(registry: Registry, name: string, help: string, labelNames: readonly string[] = []): Counter {
  // Scrapes count into the first one too.
  const known = registry.getSingleMetric(name);
  if (known instanceof Counter) return known;
  return new Counter({ name, help, labelNames: [...labelNames], registers: [registry] });
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

function oldestText(samples: readonly Sample[]): string {
  let oldest = samples[0];
  for (const sample of samples) if (sample.timeMs < oldest.timeMs) oldest = sample;
  return `older than the out-of-order window of its series or than the retention; the oldest was ${shortText(oldest.labels)} at ${timeText(oldest.timeMs)}`;
}

function timeText(timeMs: number): string {
  return Math.abs(timeMs) <= 8.64e15 ? new Date(timeMs).toISOString() : String(timeMs);
}
