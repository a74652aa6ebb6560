// From a page's bytes to the cells of a row. A line that stood in the same place last time costs one comparison and one
// number; anything else goes through the strict parser, which alone decides what is in the format.
import type { Labels } from "@storewatch/model";
import { ClassicHistogram, histogramPart } from "./classic-histograms.ts";
import {
  type Entry,
  type EntryParser,
  type ExposedSeries,
  type ExpositionError,
  ExpositionParser,
  type MetricType,
} from "./exposition.ts";
import { numberEnd, parseNumber } from "./fast-number.ts";
import { COMMENT, DROPPED, LineCache, OWN_FIRST, PART_FIRST, sameBytes, TYPE_FIRST } from "./line-cache.ts";
import { OpenMetricsParser } from "./openmetrics.ts";
import type { PageBuffer } from "./page-buffer.ts";
import { type MetadataSink, type PageTargets, SeriesRefused } from "./page-targets.ts";

/** A page of one format on its way to its targets. */
export interface PageReader {
  /** Starts on a sealed page; `targets.startPage` must have been called. */
  start(page: PageBuffer): void;
  /**
   * Reads on until about `budget` known lines' worth of work is done; true when the page is at its end. Throws
   * ExpositionError or ProtobufError.
   */
  step(budget: number): boolean;
  /** The page was good and its row is written. */
  accept(): void;
}

/** What becomes of classic histograms. */
export interface HistogramOptions {
  /** Classic histograms as native ones with custom buckets. */
  readonly convertClassic: boolean;
  /** Classic series too, where there is a native form. */
  readonly keepClassic: boolean;
  /** Native histograms are taken, where a format has them. */
  readonly native: boolean;
}

export interface PageParserOptions {
  readonly targets: PageTargets;
  readonly metadata: MetadataSink;
  readonly format: "text" | "openmetrics";
  readonly histograms: HistogramOptions;
}

/** A line that is part of a classic histogram, and where the line itself goes when it is kept. */
interface Part {
  readonly histogram: ClassicHistogram;
  readonly kind: "bucket" | "sum" | "count";
  readonly bound: number;
  /** A target as in the line cache. */
  classic: number;
}

const TYPES: readonly MetricType[] = [
  "counter",
  "gauge",
  "histogram",
  "summary",
  "untyped",
  "unknown",
  "gaugehistogram",
  "stateset",
  "info",
];
const NEWLINE = 10;
const SPACE = 32;
/** More digits than a time in ms ever has; what is longer goes to the strict parser. */
const TIME_DIGITS_MAX = 15;
/** What a line that needs the strict parser costs, in lines that do not. */
const MISS_COST = 60;

export class PageParser implements PageReader {
  private readonly cache = new LineCache();
  private readonly strict: EntryParser;
  private readonly isOpen: boolean;
  private readonly targets: PageTargets;
  private page!: PageBuffer;
  private position = 0;
  private previous = 0;
  private lines = 0;
  /** Where the last line without an entry of its own goes. */
  private lastTarget = DROPPED;
  private readonly parts: Part[] = [];
  /** By key of the converted series; false for one that relabelling drops. */
  private readonly converted = new Map<string, ClassicHistogram | false>();
  private atEnd = false;

  constructor(private readonly options: PageParserOptions) {
    this.isOpen = options.format === "openmetrics";
    this.strict = this.isOpen ? new OpenMetricsParser() : new ExpositionParser();
    this.targets = options.targets;
  }

  start(page: PageBuffer): void {
    this.page = page;
    this.position = 0;
    this.previous = 0;
    this.lines = 0;
    this.atEnd = false;
    this.strict.reset(page.bytes, page.length);
  }

  step(budget: number): boolean {
    let left = budget;
    while (left > 0) {
      left -= this.predictedLines(left);
      // An OpenMetrics page ends with its own word only, so that its strict parser has to have seen it.
      if (!this.isOpen && this.position >= this.page.length) return this.finish();
      if (!this.otherLine()) return this.finish();
      left -= MISS_COST;
    }
    return !this.isOpen && this.position >= this.page.length && this.finish();
  }

  accept(): void {
    // Names that come and go would fill the cache for ever: start afresh, columns stay with the writer.
    if (this.cache.size > 2 * this.lines + 1000) this.forget();
  }

  get cacheBytes(): number {
    return this.cache.bytesUsed;
  }

  private forget(): void {
    this.cache.clear();
    this.parts.length = 0;
    this.converted.clear();
    this.targets.forget();
  }

  /** The hot loop: lines where the cache expects them. Stops at the first that needs more; gives the lines done. */
  private predictedLines(budget: number): number {
    const { cache, page, isOpen } = this;
    const { attempt, lastGood, seen, sampleLimit, counts } = this.targets;
    const { offset, length, target, next, view: cached } = cache;
    const { bytes, view, length: pageLength } = page;
    const { row, base } = this.targets.writer;
    let p = this.position;
    let previous = this.previous;
    let done = 0;
    let samples = 0;
    let added = 0;
    let duplicates = 0;
    while (done < budget && p < pageLength) {
      const entry = next[previous];
      const size = length[entry];
      if (entry === 0 || p + size > pageLength || !sameBytes(cached, offset[entry], view, p, size)) {
        if (bytes[p] !== NEWLINE || isOpen) break;
        p++;
        continue;
      }
      const to = target[entry];
      if (to >= 0) {
        const value = parseNumber(bytes, p + size);
        if (numberEnd < 0 || bytes[numberEnd] !== NEWLINE || samples + counts.kept >= sampleLimit) break;
        if (isOpen && numberEnd >= pageLength) break;
        if (seen[to] === attempt) duplicates++;
        else {
          if (seen[to] < lastGood) added++;
          seen[to] = attempt;
          row[base + to] = value;
        }
        samples++;
        p = numberEnd + 1;
      } else {
        const end = this.cellLess(to, p + size);
        if (end < 0) break;
        p = end;
      }
      previous = entry;
      done++;
    }
    this.position = p;
    this.previous = previous;
    this.lines += done;
    counts.scraped += samples;
    counts.kept += samples;
    counts.added += added;
    counts.duplicates += duplicates;
    return done;
  }

  /** A predicted line without a cell: where the next line starts, or -1 when the strict parser must look at it. */
  private cellLess(target: number, valueAt: number): number {
    const { bytes } = this.page;
    if (target <= COMMENT && target > OWN_FIRST) {
      if (bytes[valueAt] !== NEWLINE || (this.isOpen && valueAt >= this.page.length)) return -1;
      if (target <= TYPE_FIRST) this.strict.setType(TYPES[TYPE_FIRST - target]);
      return valueAt + 1;
    }
    const value = parseNumber(bytes, valueAt);
    if (numberEnd < 0) return -1;
    let p = numberEnd;
    let timeMs = -1;
    // Times of OpenMetrics are seconds with a fraction: not for here.
    if (bytes[p] === SPACE && !this.isOpen) {
      timeMs = 0;
      const first = ++p;
      for (let c = bytes[p]; c >= 48 && c <= 57; c = bytes[++p]) timeMs = timeMs * 10 + (c - 48);
      if (p === first || p - first > TIME_DIGITS_MAX) return -1;
    }
    if (bytes[p] !== NEWLINE || (this.isOpen && p >= this.page.length)) return -1;
    if (target <= PART_FIRST) {
      if (timeMs >= 0) return -1;
      const part = this.parts[PART_FIRST - target];
      if (part.classic !== DROPPED && !this.takeClassic(part, value)) return -1;
      this.takePart(part, value, undefined);
      return p + 1;
    }
    if (target !== DROPPED) {
      if (timeMs < 0 || this.targets.isFull) return -1;
      this.targets.counts.kept += 1;
      this.targets.takeTimed(OWN_FIRST - target, timeMs, value);
    }
    this.targets.counts.scraped += 1;
    return p + 1;
  }

  /** One line that is new, moved or odd. False at the page's end. */
  private otherLine(): boolean {
    const { length } = this.page;
    const start = this.position;
    const entry = this.findMoved(start);
    if (entry > 0 && this.cache.next[this.previous] !== entry) {
      // Repaired prediction: the hot loop takes the line from here, if it can.
      this.cache.next[this.previous] = entry;
      return true;
    }
    this.strict.seek(start);
    const parsed = this.strict.next();
    this.position = this.strict.position;
    if (parsed.kind === "end") {
      // A zero byte where a line should start ends the page, as it does for the peers.
      this.position = length;
      return false;
    }
    this.lines += 1;
    const known = this.entryOf(parsed);
    if (known > 0) {
      this.cache.next[this.previous] = known;
      this.previous = known;
    }
    if (parsed.kind === "series") this.take(parsed, known);
    return true;
  }

  /** The entry of the line at `start`, when it is known; found by a quick scan that need not understand the line. */
  private findMoved(start: number): number {
    const { bytes, length } = this.page;
    const end = bytes[start] === 35 ? bytes.indexOf(NEWLINE, start) : endOfPrefix(bytes, start, length);
    return end > start && end <= length ? this.cache.find(bytes, start, end) : 0;
  }

  /** The entry of a line that the strict parser understood, made when new; 0 when its bytes do not tell it apart. */
  private entryOf(parsed: Exclude<Entry, { kind: "end" }>): number {
    const { bytes } = this.page;
    const start = this.strict.entryAt;
    const end = parsed.kind === "series" ? parsed.valueAt : this.position - 1;
    const known = this.cache.find(bytes, start, end);
    if (known > 0) return known;
    if (parsed.kind !== "series") return this.cache.add(bytes, start, end, this.noteMetadata(parsed));
    this.lastTarget = this.newTarget(parsed);
    const last = bytes[end - 1];
    // `a+1` is in the format too: its prefix "a" would match the start of another name.
    if (last !== SPACE && last !== 9 && last !== 125) return 0;
    return this.cache.add(bytes, start, end, this.lastTarget);
  }

  private noteMetadata(parsed: Exclude<Entry, { kind: "end" | "series" }>): number {
    const { metadata } = this.options;
    if (parsed.kind === "help") metadata.help(parsed.family, parsed.text);
    if (parsed.kind === "unit") metadata.unit(parsed.family, parsed.unit);
    if (parsed.kind !== "type") return COMMENT;
    metadata.type(parsed.family, parsed.type);
    return TYPE_FIRST - TYPES.indexOf(parsed.type);
  }

  private newTarget(parsed: Extract<Entry, { kind: "series" }>): number {
    const part = this.options.histograms.convertClassic ? this.newPart(parsed) : undefined;
    if (part === undefined) return this.plainTarget(parsed);
    if (this.options.histograms.keepClassic) part.classic = this.plainTarget(parsed);
    this.parts.push(part);
    return PART_FIRST - (this.parts.length - 1);
  }

  private plainTarget(parsed: Extract<Entry, { kind: "series" }>): number {
    const labels = this.resolve(parsed.series);
    if (labels === undefined) return DROPPED;
    // Before a column is made: a page over its limit leaves nothing behind.
    if (this.targets.isFull) throw this.limitError();
    return this.isTimed(parsed) ? this.timedPlace(labels) : this.targets.column(labels);
  }

  /** Undefined for a line that is of no classic histogram. */
  private newPart(parsed: Extract<Entry, { kind: "series" }>): Part | undefined {
    const found = histogramPart(parsed.series);
    if (!found || this.options.metadata.typeOf(found.family) !== "histogram") return undefined;
    const labels = this.resolve(found.series);
    const key = labels?.key ?? "";
    let histogram = this.converted.get(key);
    if (histogram === undefined) {
      histogram = labels ? new ClassicHistogram(this.targets.place(labels)) : false;
      this.converted.set(key, histogram);
    }
    // Dropped: its parts go nowhere, as series of the name that was dropped.
    return {
      histogram: histogram || new ClassicHistogram(-1),
      kind: found.kind,
      bound: found.bound,
      classic: DROPPED,
    };
  }

  private limitError(): ExpositionError {
    return this.strict.errorAtEntry(this.targets.limitReason());
  }

  private resolve(series: ExposedSeries): Labels | undefined {
    return this.orRefused(() => this.targets.resolve(series));
  }

  /** What makes the whole page bad, with its place on the page. */
  private orRefused<T>(run: () => T): T {
    try {
      return run();
    } catch (error) {
      if (error instanceof SeriesRefused) throw this.strict.errorAtEntry(error.message);
      throw error;
    }
  }

  private take(parsed: Extract<Entry, { kind: "series" }>, entry: number): void {
    const target = entry > 0 ? this.cache.target[entry] : this.lastTarget;
    if (target <= PART_FIRST) {
      this.takeHistogramLine(parsed, this.parts[PART_FIRST - target]);
      // A line that cannot be cached is a new part each time.
      if (entry === 0) this.parts.pop();
      return;
    }
    const moved = this.takeLine(parsed, target);
    if (moved !== target && entry > 0) this.cache.target[entry] = moved;
  }

  /** Gives the target that the line has from now on. */
  private takeLine(parsed: Extract<Entry, { kind: "series" }>, known: number): number {
    const { targets } = this;
    targets.counts.scraped += 1;
    if (known === DROPPED) return known;
    if (targets.isFull) throw this.limitError();
    targets.counts.kept += 1;
    const timed = this.isTimed(parsed);
    const target = timed === known <= OWN_FIRST ? known : this.moveTarget(known, timed);
    if (timed) targets.takeTimed(OWN_FIRST - target, parsed.timeMs!, parsed.value);
    else targets.takeCell(target, parsed.value);
    if (parsed.exemplar) targets.takeExemplar(this.labelsOf(target), parsed.exemplar);
    return target;
  }

  private takeHistogramLine(parsed: Extract<Entry, { kind: "series" }>, part: Part): void {
    if (part.classic !== DROPPED) part.classic = this.takeLine(parsed, part.classic);
    this.takePart(part, parsed.value, this.targets.timeOf(parsed.timeMs));
    if (parsed.exemplar && part.histogram.place >= 0) {
      this.targets.takeExemplar(this.targets.labelsAt(part.histogram.place), parsed.exemplar);
    }
  }

  private takePart({ histogram, kind, bound }: Part, value: number, timeMs: number | undefined): void {
    if (histogram.place < 0) return;
    const { attempt } = this.targets;
    if (histogram.attempt !== attempt) histogram.start(attempt);
    if (timeMs !== undefined) histogram.timeMs = timeMs;
    histogram.take(kind, bound, value);
  }

  /** The line of a histogram as a series of its own; false when the strict parser must look at it. */
  private takeClassic(part: Part, value: number): boolean {
    const { targets } = this;
    if (part.classic < 0 || targets.isFull) return false;
    targets.counts.scraped += 1;
    targets.counts.kept += 1;
    targets.takeCell(part.classic, value);
    return true;
  }

  /** The page is read: what was collected from several lines is complete. */
  private finish(): true {
    if (this.atEnd) return true;
    this.atEnd = true;
    const { targets } = this;
    for (const histogram of this.converted.values()) {
      if (!histogram || histogram.attempt !== targets.attempt) continue;
      const native = histogram.convert();
      if (!native) {
        targets.counts.broken += 1;
        continue;
      }
      if (targets.isFull) throw this.limitError();
      targets.counts.scraped += 1;
      targets.counts.kept += 1;
      this.orRefused(() => targets.takeHistogram(histogram.place, histogram.timeMs, native));
    }
    return true;
  }

  /** A series that had times of its own and has none now, or the other way round. */
  private moveTarget(target: number, timed: boolean): number {
    const labels = this.labelsOf(target);
    return timed ? this.timedPlace(labels) : this.targets.column(labels);
  }

  private labelsOf(target: number): Labels {
    return target >= 0 ? this.targets.writer.labels(target) : this.targets.labelsAt(OWN_FIRST - target);
  }

  private isTimed(parsed: Extract<Entry, { kind: "series" }>): boolean {
    return this.targets.timeOf(parsed.timeMs) !== undefined;
  }

  private timedPlace(labels: Labels): number {
    return OWN_FIRST - this.targets.place(labels);
  }
}

/** Where the value of the line at `start` would begin; -1 when the line is odd. Quotes and escapes are respected. */
function endOfPrefix(bytes: Buffer, start: number, length: number): number {
  let quoted = false;
  let inBraces = false;
  let p = start;
  for (; p < length; p++) {
    const c = bytes[p];
    if (quoted) {
      if (c === 92) p++;
      else if (c === 34) quoted = false;
    } else if (c === 34) quoted = true;
    else if (c === 123) inBraces = true;
    else if (c === 125) {
      p++;
      break;
    } else if (c === NEWLINE) return -1;
    else if ((c === 32 || c === 9) && !inBraces) break;
  }
  while (p < length && (bytes[p] === 32 || bytes[p] === 9)) p++;
  return p;
}
