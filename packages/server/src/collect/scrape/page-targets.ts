// Where what stands on a target's pages goes: cells of its row, or samples that go the generic way because they have a
// time of their own or are native histograms. Which format a page is in makes no difference here, and a target may
// change it from one scrape to the next.
import { Labels, type NativeHistogram, type Sample, type SeriesExemplar } from "@storewatch/model";
import type { RowWriter } from "@storewatch/tsdb";
import type { ExposedExemplar, ExposedSeries, MetricType } from "./exposition.ts";
import { type HistogramLimits, limitHistogram } from "./histogram-limits.ts";

/** Turns what is exposed into what is stored: target labels, metric relabelling, limits, tenants. */
export interface SeriesResolver {
  /** Undefined when the series is dropped. Throws SeriesRefused when it makes the whole page bad. */
  resolve(series: ExposedSeries): Labels | undefined;
}

/** A series that fails its page, with the reason. */
export class SeriesRefused extends Error {}

export interface MetadataSink {
  help(family: string, text: string): void;
  type(family: string, type: MetricType): void;
  unit(family: string, unit: string): void;
  typeOf(family: string): string | undefined;
}

export interface PageCounts {
  /** Samples on the page. */
  scraped: number;
  /** Of them, what metric relabelling left. */
  kept: number;
  /** Series that the last good page did not have. */
  added: number;
  /** Samples of a series that the page had already: the first one counts. */
  duplicates: number;
  /** Of the kept ones, those that go the generic way. */
  own: number;
  /** Classic histograms that could not be converted. */
  broken: number;
}

export const NO_COUNTS: PageCounts = { scraped: 0, kept: 0, added: 0, duplicates: 0, own: 0, broken: 0 };

export interface PageTargetsOptions {
  readonly writer: RowWriter;
  readonly resolver: SeriesResolver;
  /** Samples after relabelling; Infinity for no limit. */
  readonly sampleLimit: number;
  /** False: times on lines are ignored. */
  readonly honorTimestamps: boolean;
  readonly histogramLimits: HistogramLimits;
}

interface OwnSample {
  readonly place: number;
  /** Undefined: the row's. */
  readonly timeMs: number | undefined;
  readonly value: number;
  readonly histogram: NativeHistogram | undefined;
}

/** Of series without exemplar times: what they said last, so that it is not taken again with each scrape. */
const UNTIMED_MAX = 10_000;

export class PageTargets {
  readonly writer: RowWriter;
  readonly sampleLimit: number;
  /** The writer's, whose columns these are. */
  readonly epoch: number;
  /** For each column the attempt that saw it last. */
  seen = new Uint32Array(64);
  /** Attempts count from 2, so that 0 means "never". */
  attempt = 1;
  lastGood = 1;
  counts: PageCounts = { ...NO_COUNTS };
  /** Series that go the generic way, by place. */
  private own: Labels[] = [];
  private ownSeen: number[] = [];
  /** Whether the last good page had it. */
  private ownLive: boolean[] = [];
  /** Whether such a series ends with a staleness marker as one of the row does: its last sample had the row's time. */
  private ownEnds: boolean[] = [];
  private readonly placeByKey = new Map<string, number>();
  private samples: OwnSample[] = [];
  private exemplars: Array<{ readonly series: Labels; readonly exposed: ExposedExemplar }> = [];
  private readonly untimed = new Map<string, string>();

  /** `before`: of the same target under other settings; what it had and the next page has not ends then. */
  constructor(
    private readonly options: PageTargetsOptions,
    before?: PageTargets,
  ) {
    this.writer = options.writer;
    this.sampleLimit = options.sampleLimit;
    this.epoch = options.writer.epoch;
    // After a compaction the writer has the series of the last row only: none of them is new on the next page.
    if (before && before.epoch !== this.epoch) {
      this.seen = new Uint32Array(Math.max(64, this.writer.columns)).fill(this.lastGood, 0, this.writer.columns);
    }
    for (const labels of before?.live(false) ?? []) {
      const place = this.place(labels);
      this.ownLive[place] = true;
      this.ownEnds[place] = true;
    }
  }

  /** The writer's row must have been begun. */
  startPage(): void {
    this.attempt += 1;
    this.counts = { ...NO_COUNTS };
    this.samples = [];
    this.exemplars = [];
  }

  /** The page was good and its row is written: it is what the next one is compared with. */
  accept(): void {
    this.lastGood = this.attempt;
    for (const [place, seen] of this.ownSeen.entries()) this.ownLive[place] = seen === this.attempt;
  }

  /** Forgets the places of series that the last good page did not have; the places of the others change. */
  forget(): void {
    const kept = [...this.own.keys()].filter((place) => this.ownLive[place]);
    this.own = kept.map((place) => this.own[place]);
    this.ownSeen = kept.map((place) => this.ownSeen[place]);
    this.ownEnds = kept.map((place) => this.ownEnds[place]);
    this.ownLive = kept.map(() => true);
    this.placeByKey.clear();
    for (const [place, labels] of this.own.entries()) this.placeByKey.set(labels.key, place);
  }

  /** Undefined when the series is dropped. Throws SeriesRefused. */
  resolve(series: ExposedSeries): Labels | undefined {
    return this.options.resolver.resolve(series);
  }

  /** Whether one more sample would be too many. */
  get isFull(): boolean {
    return this.counts.kept >= this.sampleLimit;
  }

  limitReason(): string {
    return `sample limit exceeded: more than ${this.sampleLimit} samples`;
  }

  /** The time of a sample, where it has one that counts. */
  timeOf(timeMs: number | undefined): number | undefined {
    return this.options.honorTimestamps ? timeMs : undefined;
  }

  column(labels: Labels): number {
    const column = this.writer.column(labels);
    if (column >= this.seen.length) {
      const wider = new Uint32Array(Math.max(2 * this.seen.length, column + 1));
      wider.set(this.seen);
      this.seen = wider;
    }
    return column;
  }

  place(labels: Labels): number {
    const known = this.placeByKey.get(labels.key);
    if (known !== undefined) return known;
    const place = this.own.length;
    this.own.push(labels);
    this.ownSeen.push(0);
    this.ownLive.push(false);
    this.ownEnds.push(false);
    this.placeByKey.set(labels.key, place);
    return place;
  }

  labelsAt(place: number): Labels {
    return this.own[place];
  }

  takeCell(column: number, value: number): void {
    if (this.seen[column] === this.attempt) {
      this.counts.duplicates += 1;
      return;
    }
    if (this.seen[column] < this.lastGood) this.counts.added += 1;
    this.seen[column] = this.attempt;
    const { writer } = this;
    writer.row[writer.base + column] = value;
  }

  takeTimed(place: number, timeMs: number, value: number): void {
    this.takeOwn({ place, timeMs, value, histogram: undefined });
  }

  /** Without a time it gets the row's. Throws SeriesRefused when it cannot be brought within the limits. */
  takeHistogram(place: number, timeMs: number | undefined, histogram: NativeHistogram): void {
    if (this.ownSeen[place] === this.attempt && timeMs === undefined) {
      this.counts.duplicates += 1;
      return;
    }
    const limited = limitHistogram(histogram, this.options.histogramLimits);
    if (!limited) {
      const limit = this.options.histogramLimits.buckets;
      throw new SeriesRefused(`histogram bucket limit exceeded: ${this.own[place]} has more than ${limit} buckets`);
    }
    this.takeOwn({ place, timeMs, value: Number.NaN, histogram: limited });
  }

  takeExemplar(series: Labels, exposed: ExposedExemplar): void {
    if (exposed.timeMs === undefined && this.isRepeated(series, exposed)) return;
    this.exemplars.push({ series, exposed });
  }

  /** What goes the generic way; `rowTimeMs` for what has no time of its own. */
  takeSamples(rowTimeMs: number): Sample[] {
    const samples = this.samples.map(({ place, timeMs = rowTimeMs, value, histogram }) => ({
      labels: this.own[place],
      timeMs,
      value,
      ...(histogram && { histogram }),
    }));
    this.samples = [];
    return samples;
  }

  takeExemplars(rowTimeMs: number): SeriesExemplar[] {
    const exemplars = this.exemplars.map(({ series, exposed: { labels, value, timeMs = rowTimeMs } }) => ({
      series,
      exemplar: { labels: Labels.fromEntries(labels), value, timeMs },
    }));
    this.exemplars = [];
    return exemplars;
  }

  /** Series that go the generic way, that the last good page had and this one has not. `timed`: those with times too. */
  vanished(timed: boolean): readonly Labels[] {
    return this.ending(timed, (place) => this.ownSeen[place] !== this.attempt);
  }

  /** Series that go the generic way and that the last good page had. */
  live(timed: boolean): readonly Labels[] {
    return this.ending(timed, () => true);
  }

  /** All of them got their markers: they have ended. */
  ended(): void {
    this.ownLive.fill(false);
  }

  private ending(timed: boolean, isMeant: (place: number) => boolean): readonly Labels[] {
    return this.own.filter((_, place) => this.ownLive[place] && isMeant(place) && (timed || this.ownEnds[place]));
  }

  private takeOwn(sample: OwnSample): void {
    const { place } = sample;
    if (this.ownSeen[place] < this.lastGood) this.counts.added += 1;
    this.ownSeen[place] = this.attempt;
    this.ownEnds[place] = sample.timeMs === undefined;
    this.counts.own += 1;
    this.samples.push(sample);
  }

  private isRepeated(series: Labels, { labels, value }: ExposedExemplar): boolean {
    const said = `${value} ${labels.flat().join("\u0000")}`;
    if (this.untimed.get(series.key) === said) return true;
    if (this.untimed.size >= UNTIMED_MAX) this.untimed.clear();
    this.untimed.set(series.key, said);
    return false;
  }
}
