// The newest exemplars of all series: a ring, so that their number has a bound whoever sends them.
import {
  type Exemplar,
  Labels,
  type Matcher,
  matchesAll,
  type SeriesExemplar,
  type SeriesExemplars,
} from "@storewatch/model";
import { TIME_MS_LIMIT } from "./codec/times.ts";

const EXEMPLARS_MAX = 100_000;
/** Of all its label names and values together, as OpenMetrics has it. */
const LABEL_CHARACTERS_MAX = 128;

export type ExemplarTaken = "appended" | "same" | "out-of-order" | "too-long";

interface Entry {
  readonly labels: Labels;
  /** By time; those before `first` have left the ring. */
  exemplars: Exemplar[];
  first: number;
}

interface Slot {
  readonly entry: Entry;
  readonly exemplar: Exemplar;
}

export class ExemplarRing {
  private slots: Slot[] = [];
  /** The place of the oldest one once the ring is full. */
  private next = 0;
  private readonly entries = new Map<string, Entry>();

  constructor(private readonly max = EXEMPLARS_MAX) {}

  get size(): number {
    return this.slots.length;
  }

  append({ series, exemplar }: SeriesExemplar): ExemplarTaken {
    if (this.max === 0) return "out-of-order";
    if (isTooLong(exemplar.labels)) return "too-long";
    const timeMs = Math.trunc(exemplar.timeMs);
    if (!(timeMs >= 0 && timeMs < TIME_MS_LIMIT)) return "out-of-order";
    const known = this.entries.get(series.key);
    const last = known?.exemplars[known.exemplars.length - 1];
    if (last) {
      const order = compare(last, exemplar, timeMs);
      if (order !== "later") return order;
    }
    this.add(known ?? this.entryFor(series), { labels: exemplar.labels, value: exemplar.value, timeMs });
    return "appended";
  }

  private entryFor(series: Labels): Entry {
    const entry: Entry = { labels: series, exemplars: [], first: 0 };
    this.entries.set(series.key, entry);
    return entry;
  }

  private add(entry: Entry, exemplar: Exemplar): void {
    // Before the oldest one goes: it may be the only one of this series.
    entry.exemplars.push(exemplar);
    if (this.slots.length < this.max) {
      this.slots.push({ entry, exemplar });
      return;
    }
    this.forgetOldestOf(this.slots[this.next].entry);
    this.slots[this.next] = { entry, exemplar };
    this.next = (this.next + 1) % this.max;
  }

  private forgetOldestOf(entry: Entry): void {
    entry.first++;
    if (entry.first === entry.exemplars.length) this.entries.delete(entry.labels.key);
    else if (entry.first > 32 && entry.first * 2 > entry.exemplars.length) {
      entry.exemplars = entry.exemplars.slice(entry.first);
      entry.first = 0;
    }
  }

  /** Of series that match, with exemplars in the range (inclusive); sorted by labels. */
  select(matchers: readonly Matcher[], fromMs: number, toMs: number): SeriesExemplars[] {
    const found: SeriesExemplars[] = [];
    for (const { labels, exemplars, first } of this.entries.values()) {
      if (!matchesAll(matchers, labels)) continue;
      const inRange = exemplars.slice(first).filter(({ timeMs }) => timeMs >= fromMs && timeMs <= toMs);
      if (inRange.length > 0) found.push({ series: labels, exemplars: inRange });
    }
    return found.sort((a, b) => Labels.compare(a.series, b.series));
  }

  /** All of them, the oldest first: a list of its own. */
  items(): SeriesExemplar[] {
    const { slots, next } = this;
    return [...slots.slice(next), ...slots.slice(0, next)].map(({ entry, exemplar }) => ({
      series: entry.labels,
      exemplar,
    }));
  }

  /** Forgets what matches, in the range (inclusive). */
  remove(matchers: readonly Matcher[], fromMs: number, toMs: number): void {
    if (this.select(matchers, fromMs, toMs).length === 0) return;
    const isGone = ({ series, exemplar: { timeMs } }: SeriesExemplar) =>
      timeMs >= fromMs && timeMs <= toMs && matchesAll(matchers, series);
    const kept = this.items().filter((item) => !isGone(item));
    this.slots = [];
    this.next = 0;
    this.entries.clear();
    for (const { series, exemplar } of kept) this.add(this.entries.get(series.key) ?? this.entryFor(series), exemplar);
  }
}

function isTooLong(labels: Labels): boolean {
  let units = 0;
  for (const text of labels.pairs) units += text.length;
  if (units <= LABEL_CHARACTERS_MAX) return false;
  let characters = 0;
  for (const text of labels.pairs) for (const _ of text) characters++;
  return characters > LABEL_CHARACTERS_MAX;
}

/** Exemplars of one time are ordered by value, as upstream orders them: what comes with each scrape anew is known. */
function compare(last: Exemplar, next: Exemplar, timeMs: number): ExemplarTaken | "later" {
  if (timeMs !== last.timeMs) return timeMs < last.timeMs ? "out-of-order" : "later";
  if (Object.is(next.value, last.value)) return next.labels.equals(last.labels) ? "same" : "later";
  return next.value < last.value ? "out-of-order" : "later";
}
