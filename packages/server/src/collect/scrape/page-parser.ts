// From a page's bytes to the cells of a row. A line that stood in the same place last time costs one comparison and one
// number; anything else goes through the strict parser, which alone decides what is in the format.
import type { Labels, Sample } from "@storewatch/model";
import type { RowWriter } from "@storewatch/tsdb";
import {
  type Entry,
  type ExposedSeries,
  type ExpositionError,
  ExpositionParser,
  type MetricType,
} from "./exposition.ts";
import { numberEnd, parseNumber } from "./fast-number.ts";
import { COMMENT, DROPPED, LineCache, sameBytes, TIMED_FIRST, TYPE_FIRST } from "./line-cache.ts";
import type { PageBuffer } from "./page-buffer.ts";

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
}

export interface PageParserOptions {
  readonly writer: RowWriter;
  readonly resolver: SeriesResolver;
  readonly metadata: MetadataSink;
  /** Samples after relabelling; Infinity for no limit. */
  readonly sampleLimit: number;
  /** False: times on lines are ignored. */
  readonly honorTimestamps: boolean;
}

const TYPES: readonly MetricType[] = ["counter", "gauge", "histogram", "summary", "untyped"];
const NEWLINE = 10;
const SPACE = 32;
/** More digits than a time in ms ever has; what is longer goes to the strict parser. */
const TIME_DIGITS_MAX = 15;
/** What a line that needs the strict parser costs, in lines that do not. */
const MISS_COST = 60;

export class PageParser {
  private readonly cache = new LineCache();
  private readonly strict = new ExpositionParser();
  /** Labels of series with times of their own, by place. */
  private timed: Labels[] = [];
  /** For each column the attempt that saw it last. */
  private seen = new Uint32Array(64);
  private timedSeen: number[] = [];
  /** Attempts count from 2, so that 0 means "never". */
  private attempt = 1;
  private lastGood = 1;
  private page!: PageBuffer;
  private position = 0;
  private previous = 0;
  private lines = 0;
  private samples: Sample[] = [];
  /** Where the last line without an entry of its own goes. */
  private lastTarget = DROPPED;
  counts: PageCounts = { scraped: 0, kept: 0, added: 0, duplicates: 0 };

  constructor(private readonly options: PageParserOptions) {}

  /** Starts on a sealed page. The writer's row must have been begun. */
  start(page: PageBuffer): void {
    this.page = page;
    this.position = 0;
    this.previous = 0;
    this.lines = 0;
    this.samples = [];
    this.attempt += 1;
    this.counts = { scraped: 0, kept: 0, added: 0, duplicates: 0 };
    this.strict.reset(page.bytes, page.length);
  }

  /**
   * Parses on until about `budget` predicted lines' worth of work is done; true when the page is at its end. Throws
   * ExpositionError.
   */
  step(budget: number): boolean {
    let left = budget;
    while (left > 0) {
      left -= this.predictedLines(left);
      if (this.position >= this.page.length) return true;
      if (!this.otherLine()) return true;
      left -= MISS_COST;
    }
    return this.position >= this.page.length;
  }

  /** Samples with times of their own, for the generic path. */
  takeTimedSamples(): readonly Sample[] {
    const samples = this.samples;
    this.samples = [];
    return samples;
  }

  /** Series with times of their own that the last good page had and this one has not. */
  vanishedTimed(): readonly Labels[] {
    return this.timed.filter((_, i) => this.timedSeen[i] === this.lastGood && this.lastGood !== this.attempt);
  }

  /** Series with times of their own that the last good page had. */
  liveTimed(): readonly Labels[] {
    return this.timed.filter((_, i) => this.timedSeen[i] === this.lastGood);
  }

  /** The page was good and its row is written: it is what the next one is compared with. */
  accept(): void {
    this.lastGood = this.attempt;
    // Names that come and go would fill the cache for ever: start afresh, columns stay with the writer.
    if (this.cache.size > 2 * this.lines + 1000) this.forget();
  }

  get cacheBytes(): number {
    return this.cache.bytesUsed;
  }

  private forget(): void {
    this.cache.clear();
    this.timed = [];
    this.timedSeen = [];
  }

  /** The hot loop: lines where the cache expects them. Stops at the first that needs more; gives the lines done. */
  private predictedLines(budget: number): number {
    const { cache, page, attempt, lastGood, seen } = this;
    const { offset, length, target, next, view: cached } = cache;
    const { bytes, view, length: pageLength } = page;
    const { row, base } = this.options.writer;
    const { sampleLimit } = this.options;
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
        if (bytes[p] !== NEWLINE) break;
        p++;
        continue;
      }
      const to = target[entry];
      if (to >= 0) {
        const value = parseNumber(bytes, p + size);
        if (numberEnd < 0 || bytes[numberEnd] !== NEWLINE || samples + this.counts.kept >= sampleLimit) break;
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
    this.counts.scraped += samples;
    this.counts.kept += samples;
    this.counts.added += added;
    this.counts.duplicates += duplicates;
    return done;
  }

  /** A predicted line without a cell: where the next line starts, or -1 when the strict parser must look at it. */
  private cellLess(target: number, valueAt: number): number {
    const { bytes } = this.page;
    if (target <= COMMENT && target > TIMED_FIRST) {
      if (bytes[valueAt] !== NEWLINE) return -1;
      if (target <= TYPE_FIRST) this.strict.setType(TYPES[TYPE_FIRST - target]);
      return valueAt + 1;
    }
    const value = parseNumber(bytes, valueAt);
    if (numberEnd < 0) return -1;
    let p = numberEnd;
    let timeMs = -1;
    if (bytes[p] === SPACE) {
      timeMs = 0;
      const first = ++p;
      for (let c = bytes[p]; c >= 48 && c <= 57; c = bytes[++p]) timeMs = timeMs * 10 + (c - 48);
      if (p === first || p - first > TIME_DIGITS_MAX) return -1;
    }
    if (bytes[p] !== NEWLINE) return -1;
    if (target !== DROPPED) {
      if (timeMs < 0 || this.counts.kept >= this.options.sampleLimit) return -1;
      this.counts.kept += 1;
      this.takeTimed(TIMED_FIRST - target, timeMs, value);
    }
    this.counts.scraped += 1;
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
    if (parsed.kind !== "series") {
      if (parsed.kind === "help") this.options.metadata.help(parsed.family, parsed.text);
      if (parsed.kind === "type") this.options.metadata.type(parsed.family, parsed.type);
      const target = parsed.kind === "type" ? TYPE_FIRST - TYPES.indexOf(parsed.type) : COMMENT;
      return this.cache.add(bytes, start, end, target);
    }
    this.lastTarget = this.newTarget(parsed);
    const last = bytes[end - 1];
    // `a+1` is in the format too: its prefix "a" would match the start of another name.
    if (last !== SPACE && last !== 9 && last !== 125) return 0;
    return this.cache.add(bytes, start, end, this.lastTarget);
  }

  private newTarget(parsed: Extract<Entry, { kind: "series" }>): number {
    const labels = this.resolve(parsed.series);
    if (labels === undefined) return DROPPED;
    // Before a column is made: a page over its limit leaves nothing behind.
    if (this.counts.kept >= this.options.sampleLimit) throw this.limitError();
    return this.isTimed(parsed) ? this.timedPlace(labels) : this.column(labels);
  }

  private limitError(): ExpositionError {
    return this.strict.errorAtEntry(`sample limit exceeded: more than ${this.options.sampleLimit} samples`);
  }

  private resolve(series: ExposedSeries): Labels | undefined {
    try {
      return this.options.resolver.resolve(series);
    } catch (error) {
      if (error instanceof SeriesRefused) throw this.strict.errorAtEntry(error.message);
      throw error;
    }
  }

  private take(parsed: Extract<Entry, { kind: "series" }>, entry: number): void {
    this.counts.scraped += 1;
    let target = entry > 0 ? this.cache.target[entry] : this.lastTarget;
    if (target === DROPPED) return;
    if (this.counts.kept >= this.options.sampleLimit) throw this.limitError();
    this.counts.kept += 1;
    const timed = this.isTimed(parsed);
    if (timed !== target <= TIMED_FIRST) {
      target = this.moveTarget(target, entry, timed);
    }
    if (timed) this.takeTimed(TIMED_FIRST - target, parsed.timeMs!, parsed.value);
    else this.takeCell(target, parsed.value);
  }

  /** A series that had times of its own and has none now, or the other way round. */
  private moveTarget(target: number, entry: number, timed: boolean): number {
    const labels = target >= 0 ? this.options.writer.labels(target) : this.timed[TIMED_FIRST - target];
    const moved = timed ? this.timedPlace(labels) : this.column(labels);
    if (entry > 0) this.cache.target[entry] = moved;
    return moved;
  }

  private takeCell(column: number, value: number): void {
    if (this.seen[column] === this.attempt) {
      this.counts.duplicates += 1;
      return;
    }
    if (this.seen[column] < this.lastGood) this.counts.added += 1;
    this.seen[column] = this.attempt;
    const { writer } = this.options;
    writer.row[writer.base + column] = value;
  }

  private takeTimed(place: number, timeMs: number, value: number): void {
    if (this.timedSeen[place] < this.lastGood) this.counts.added += 1;
    this.timedSeen[place] = this.attempt;
    this.samples.push({ labels: this.timed[place], timeMs, value });
  }

  private isTimed(parsed: Extract<Entry, { kind: "series" }>): boolean {
    return parsed.timeMs !== undefined && this.options.honorTimestamps;
  }

  private timedPlace(labels: Labels): number {
    this.timed.push(labels);
    this.timedSeen.push(0);
    return TIMED_FIRST - (this.timed.length - 1);
  }

  private column(labels: Labels): number {
    const column = this.options.writer.column(labels);
    if (column >= this.seen.length) {
      const wider = new Uint32Array(Math.max(2 * this.seen.length, column + 1));
      wider.set(this.seen);
      this.seen = wider;
    }
    return column;
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
