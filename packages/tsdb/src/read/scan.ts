// The store's answers, in slices: a selection of 100,000 series takes hundreds of ms, and others must have their turn.
//
// Everything that refers to the head or the blocks is made anew for each slice, because both may change in between; the
// list of series is checked again when ids were taken away, since an id may be given to another series later.
import {
  type Clock,
  compareStrings,
  Labels,
  type Matcher,
  type NativeHistogram,
  type SeriesSamples,
} from "@storewatch/model";
import type { BlockReader } from "../blocks/block-reader.ts";
import type { Head } from "../head/head.ts";
import { type SelectOptions, type Slices, TooManySamples } from "../interface.ts";
import type { NameTable } from "../labels/name-table.ts";
import { postingsView } from "../labels/postings.ts";
import { Gatherer } from "./gather.ts";
import { planRead, type ReadPlan } from "./hints.ts";
import { SampleSink } from "./sample-sink.ts";
import { WeightedGatherer } from "./weighted.ts";

export interface ScanSource {
  readonly head: Head;
  /** Measures the slices; without it there is only one. */
  readonly clock?: Pick<Clock, "monotonicMs">;
  readonly blocks: (fromMs: number, toMs: number, resolutionMs?: number) => BlockReader | undefined;
}

export interface ScanRange {
  readonly matchers: readonly Matcher[];
  readonly fromMs: number;
  readonly toMs: number;
}

/** Runs all slices at once. */
export function drain<T>(slices: Slices<T>): T {
  for (;;) {
    const { done, value } = slices.next();
    if (done) return value as T;
  }
}

const SLICE_MS = 5;
/** Series between two looks at the clock. */
const SERIES_PER_CHECK = 64;

/** The series to look at, ascending, across slices. */
class Walk {
  ids: Uint32Array;
  private next = 0;
  private removals: number;
  private sliceEndMs: number;

  constructor(
    private readonly source: ScanSource,
    private readonly match: () => Uint32Array,
  ) {
    this.removals = source.head.index.removals;
    this.ids = match();
    this.sliceEndMs = (source.clock?.monotonicMs() ?? 0) + SLICE_MS;
  }

  /** The next series; -1 after the last one. */
  take(): number {
    return this.next < this.ids.length ? this.ids[this.next++] : -1;
  }

  get left(): number {
    return this.ids.length - this.next;
  }

  /** True when the slice has lasted long enough. */
  due(): boolean {
    const { clock } = this.source;
    return (
      clock !== undefined &&
      this.next % SERIES_PER_CHECK === 0 &&
      this.left > 0 &&
      clock.monotonicMs() >= this.sliceEndMs
    );
  }

  /** After a pause. */
  resume(): void {
    this.sliceEndMs = (this.source.clock?.monotonicMs() ?? 0) + SLICE_MS;
    const { index } = this.source.head;
    if (index.removals === this.removals) return;
    this.removals = index.removals;
    const last = this.ids[this.next - 1] ?? -1;
    this.ids = this.match();
    this.next = this.ids.findIndex((id) => id > last);
    if (this.next < 0) this.next = this.ids.length;
  }
}

/** What comes after the first slice is not part of the answer, as far as its times tell. */
function lastMs(source: ScanSource, toMs: number): number {
  return !source.clock || source.head.maxTimeMs < 0 ? toMs : Math.min(toMs, source.head.maxTimeMs);
}

export function* scanSamples(
  source: ScanSource,
  { matchers, fromMs, toMs }: ScanRange,
  options: SelectOptions,
): Slices<SeriesSamples[]> {
  const { head } = source;
  const maxSamples = options.maxSamples ?? Infinity;
  const untilMs = lastMs(source, toMs);
  const plan = planRead(options.hints, toMs);
  if (plan.column !== "kept" && source.blocks(fromMs, untilMs, plan.resolutionMs)?.hasIntervals) {
    return yield* scanWeighted(source, { matchers, fromMs, toMs: untilMs }, plan, options);
  }
  const walk = new Walk(source, () => head.matcher.match(matchers));
  let gatherer = gathererOf(source, fromMs, untilMs, plan.resolutionMs);
  const found: SeriesSamples[] = [];
  let samples = 0;
  for (let id = walk.take(); id >= 0; id = walk.take()) {
    const gathered = gatherer.gather(id);
    if (gathered) {
      // The first series tells about how much memory the others will need.
      if (found.length === 0) gatherer.sink.expect(gathered.timesMs.length * walk.ids.length);
      const { timesMs, values, histograms } = gathered;
      samples += histograms ? weight(timesMs.length, histograms) : timesMs.length;
      if (samples > maxSamples) throw new TooManySamples(`the selection has more than ${maxSamples} samples`);
      const labels = head.index.labels(id);
      found.push(histograms ? { labels, timesMs, values, histograms } : { labels, timesMs, values });
    }
    if (!walk.due()) continue;
    yield;
    walk.resume();
    gatherer = gathererOf(source, fromMs, untilMs, plan.resolutionMs, gatherer.sink);
  }
  if (options.sorted) found.sort((a, b) => Labels.compare(a.labels, b.labels));
  return found;
}

/** As scanSamples, where some blocks hold intervals and what they stand for is needed. */
function* scanWeighted(
  source: ScanSource,
  { matchers, fromMs, toMs }: ScanRange,
  { resolutionMs, column }: ReadPlan,
  { maxSamples = Infinity, sorted }: SelectOptions,
): Slices<SeriesSamples[]> {
  const { head } = source;
  const walk = new Walk(source, () => head.matcher.match(matchers));
  const found: SeriesSamples[] = [];
  let samples = 0;
  // Of histograms intervals have the first, the last and those around resets: enough for rates, not for sums.
  const histogramsMs = column === "weights" ? resolutionMs : 0;
  let gatherer: WeightedGatherer | undefined;
  let plain: Gatherer | undefined;
  for (let id = walk.take(); id >= 0; id = walk.take()) {
    gatherer ??= new WeightedGatherer({
      head: new Gatherer(head, fromMs, toMs, undefined, new SampleSink(512)),
      blocks: source.blocks(fromMs, toMs, resolutionMs),
      ofHistograms: gathererOf(source, fromMs, toMs, histogramsMs),
      column,
    });
    // Intervals do not know what was deleted within them.
    if (head.tombstones.has(id)) plain ??= gathererOf(source, fromMs, toMs, 0);
    const gathered = head.tombstones.has(id) ? plain?.gather(id) : gatherer.gather(id, fromMs, toMs);
    if (gathered) {
      const { timesMs, histograms } = gathered;
      samples += histograms ? weight(timesMs.length, histograms) : timesMs.length;
      if (samples > maxSamples) throw new TooManySamples(`the selection has more than ${maxSamples} samples`);
      found.push({ labels: head.index.labels(id), ...gathered });
    }
    if (!walk.due()) continue;
    yield;
    walk.resume();
    plain = undefined;
    gatherer = undefined;
  }
  if (sorted) found.sort((a, b) => Labels.compare(a.labels, b.labels));
  return found;
}

/** What the samples count towards a limit on memory: a histogram as many as it has buckets, and one more. */
function weight(samples: number, histograms: readonly (NativeHistogram | undefined)[]): number {
  let all = samples;
  for (const one of histograms) if (one) all += one.positiveBuckets.length + one.negativeBuckets.length;
  return all;
}

export function* scanSeries(source: ScanSource, { matchers, fromMs, toMs }: ScanRange): Slices<Labels[]> {
  const { head } = source;
  const walk = new Walk(source, () => head.matcher.match(matchers));
  let has = presence(source, fromMs, toMs);
  const found: Labels[] = [];
  for (let id = walk.take(); id >= 0; id = walk.take()) {
    if (has(id)) found.push(head.index.labels(id));
    if (!walk.due()) continue;
    yield;
    walk.resume();
    has = presence(source, fromMs, toMs);
  }
  return found;
}

export function* scanLabelNames(source: ScanSource, { matchers, fromMs, toMs }: ScanRange): Slices<string[]> {
  const { head } = source;
  const { index } = head;
  const walk = new Walk(source, () => head.matcher.match(matchers));
  let has = presence(source, fromMs, toMs);
  const seen = new Set<number>();
  for (let id = walk.take(); id >= 0; id = walk.take()) {
    let fresh = false;
    index.forEachLabel(id, (nameId) => {
      if (!seen.has(nameId)) fresh = true;
    });
    // Series that add no name need not be looked at.
    if (fresh && has(id)) index.forEachLabel(id, (nameId) => seen.add(nameId));
    if (!walk.due()) continue;
    yield;
    walk.resume();
    has = presence(source, fromMs, toMs);
  }
  return [...seen].map((nameId) => index.names[nameId].name).sort(compareStrings);
}

export function* scanLabelValues(
  source: ScanSource,
  name: string,
  { matchers, fromMs, toMs }: ScanRange,
): Slices<string[]> {
  const { head } = source;
  const { index } = head;
  const nameId = index.nameIdOf(name);
  if (nameId < 0) return [];
  const table = index.names[nameId];
  if (matchers.length === 0) return yield* scanAllValues(source, table, fromMs, toMs);
  const walk = new Walk(source, () => head.matcher.match(matchers));
  let has = presence(source, fromMs, toMs);
  // Values, not their places: a place may be given to another value between two slices.
  const seen = new Set<string>();
  for (let id = walk.take(); id >= 0; id = walk.take()) {
    const ordinal = index.ordinalOf(id, nameId);
    if (ordinal >= 0 && !seen.has(table.values[ordinal]) && has(id)) seen.add(table.values[ordinal]);
    if (!walk.due()) continue;
    yield;
    walk.resume();
    has = presence(source, fromMs, toMs);
  }
  return [...seen].sort(compareStrings);
}

/** Of each value the first series that has samples in the range is enough. */
function* scanAllValues(source: ScanSource, table: NameTable, fromMs: number, toMs: number): Slices<string[]> {
  const { clock } = source;
  const sliceEnd = () => (clock?.monotonicMs() ?? 0) + SLICE_MS;
  let has = presence(source, fromMs, toMs);
  let endMs = sliceEnd();
  let looked = 0;
  const found: string[] = [];
  for (const value of new Set(table.values)) {
    const idsOfValue = () => postingsView(table.postings[table.find(value)]);
    let ids = idsOfValue();
    for (let i = 0; i < ids.length; i++) {
      const id = ids[i];
      if (has(id)) {
        found.push(value);
        break;
      }
      if (++looked % SERIES_PER_CHECK !== 0 || clock === undefined || clock.monotonicMs() < endMs) continue;
      yield;
      has = presence(source, fromMs, toMs);
      endMs = sliceEnd();
      // Meanwhile series may have come and gone.
      ids = idsOfValue();
      i = ids.findIndex((other) => other > id) - 1;
      if (i < -1) break;
    }
  }
  return found.sort(compareStrings);
}

function gathererOf(
  { head, blocks }: ScanSource,
  fromMs: number,
  toMs: number,
  resolutionMs: number,
  into = new SampleSink(512),
): Gatherer {
  const reader = blocks(fromMs, toMs, resolutionMs);
  const read = reader && ((id: number, from: number, to: number, sink: SampleSink) => reader.read(id, from, to, sink));
  return new Gatherer(head, fromMs, toMs, read, into);
}

/** Tells whether a series has samples in the range; exact, and lazy about blocks. */
function presence({ head, blocks }: ScanSource, fromMs: number, toMs: number): (id: number) => boolean {
  const reader = blocks(fromMs, toMs);
  const gatherer = new Gatherer(head, fromMs, toMs, undefined);
  const sink = new SampleSink(1024);
  return (id) => {
    gatherer.sink.reset();
    if ((!head.tombstones.has(id) && head.hasRowSample(id, fromMs, toMs)) || gatherer.gather(id)) return true;
    return reader?.has(id, fromMs, toMs, sink) ?? false;
  };
}
