// Brings the samples of one series together: sealed blocks first, then rows and generic samples in memory, merged by
// time where a series has several sources (the first source wins).
import { bitsOf, isStaleAt, type NativeHistogram, STALE_HIGH, STALE_LOW } from "@storewatch/model";
import { decodeColumn } from "../codec/sv.ts";
import type { Head } from "../head/head.ts";
import {
  chunkColumnStart,
  chunkHasMarkers,
  chunkIsAfterSample,
  OFFSET_MASK,
  type RowChunk,
  type RowTarget,
} from "../head/row-target.ts";
import type { HistogramRun } from "./histogram-run.ts";
import { SampleSink } from "./sample-sink.ts";

/** What sealed blocks have of a series: appends its samples in the range to the sink, ascending. */
export type ReadBlocks = (id: number, fromMs: number, toMs: number, sink: SampleSink) => void;

export interface GatheredSamples {
  readonly timesMs: Float64Array;
  readonly values: Float64Array;
  /** See SeriesSamples. */
  readonly histograms?: readonly (NativeHistogram | undefined)[];
}

/** The same with histograms apart from the other samples. */
export interface GatheredParts {
  readonly floats: GatheredSamples | undefined;
  /** By time; undefined: none. */
  readonly histograms: HistogramRun | undefined;
}

/** The rows of one target that touch the range: whole chunks, so the range is places [start, end) of them. */
interface TargetRange {
  readonly chunks: readonly RowChunk[];
  readonly withOpenRows: boolean;
  readonly times: Float64Array;
  readonly start: number;
  readonly end: number;
  /** times[start, end): the same array for every series that has all these rows. */
  readonly shared: Float64Array;
}

/** For one select: caches what its series share. Use within one turn. */
export class Gatherer {
  private readonly ranges = new Map<RowTarget, TargetRange>();
  /** One source of a series that has several. */
  private readonly part = new SampleSink(0);

  constructor(
    private readonly head: Head,
    private readonly fromMs: number,
    private readonly toMs: number,
    private readonly readBlocks: ReadBlocks | undefined,
    /** Where results go: one sink may serve several gatherers after each other. */
    readonly sink = new SampleSink(4096),
  ) {}

  /** The series' samples in the range, or undefined when there are none. */
  gather(id: number): GatheredSamples | undefined {
    const floats = this.gatherFloats(id);
    const histograms = this.takeHistograms(id);
    return histograms ? withHistograms(floats, histograms) : floats;
  }

  /** For who stores them apart. */
  gatherParts(id: number): GatheredParts {
    const floats = this.gatherFloats(id);
    return { floats, histograms: this.takeHistograms(id) };
  }

  /** Has the series histograms in memory? */
  hasHistograms(id: number): boolean {
    return this.head.histograms.has(id);
  }

  private takeHistograms(id: number): HistogramRun | undefined {
    const { sink } = this;
    if (this.head.histograms.has(id)) this.head.histograms.read(id, this.fromMs, this.toMs, sink.histogramRun());
    const run = sink.histograms?.sort();
    return run && run.length > 0 ? run : undefined;
  }

  private gatherFloats(id: number): GatheredSamples | undefined {
    const { sink } = this;
    sink.begin();
    this.readBlocks?.(id, this.fromMs, this.toMs, sink);
    let sources = this.head.generic.has(id) || this.head.generic.hasData(id) ? 1 : 0;
    let target: RowTarget | undefined;
    let column = 0;
    this.head.forEachColumn(id, (found, itsColumn) => {
      sources++;
      target = found;
      column = itsColumn;
    });
    if (target && sources === 1) {
      const shared = this.readShownRows(id, target, column, sink);
      // Every row has a sample and nothing stands before: no times of its own.
      if (shared) return { timesMs: shared, values: this.takeValues() };
    } else if (sources === 1) {
      this.readGeneric(id, sink);
    } else if (sources > 1) this.mergeSources(id);
    if (sink.length === sink.start) return undefined;
    return { timesMs: sink.times.subarray(sink.start, sink.length), values: this.takeValues() };
  }

  private takeValues(): Float64Array {
    return this.sink.values.subarray(this.sink.start, this.sink.length);
  }

  private rangeOf(target: RowTarget): TargetRange {
    const known = this.ranges.get(target);
    if (known) return known;
    const chunks = target.chunks.filter(
      (chunk) => chunk.timesMs[0] <= this.toMs && chunk.timesMs[chunk.rows - 1] >= this.fromMs,
    );
    const withOpenRows = target.k > 0 && target.timesMs[0] <= this.toMs && target.lastTimeMs >= this.fromMs;
    let total = withOpenRows ? target.k : 0;
    for (const chunk of chunks) total += chunk.rows;
    const times = new Float64Array(total);
    let at = 0;
    for (const chunk of chunks) {
      times.set(chunk.timesMs, at);
      at += chunk.rows;
    }
    if (withOpenRows) times.set(target.timesMs.subarray(0, target.k), at);
    let start = 0;
    let end = total;
    while (start < end && times[start] < this.fromMs) start++;
    while (end > start && times[end - 1] > this.toMs) end--;
    const range = { chunks, withOpenRows, times, start, end, shared: times.subarray(start, end) };
    this.ranges.set(target, range);
    return range;
  }

  /** As readRows, without what was deleted. */
  private readShownRows(id: number, target: RowTarget, column: number, sink: SampleSink): Float64Array | undefined {
    const { tombstones } = this.head;
    if (!tombstones.has(id)) return this.readRows(target, column, sink);
    const had = sink.length - sink.start;
    const shared = this.readRows(target, column, sink);
    if (shared) sink.times.set(shared, sink.start);
    tombstones.hideRows(id, sink, had);
    return undefined;
  }

  /**
   * Appends the column's samples in the range to the sink. When the sink had none of the series before and no row of
   * the range lacks it, returns the shared times instead of writing times.
   */
  private readRows(target: RowTarget, column: number, sink: SampleSink): Float64Array | undefined {
    const range = this.rangeOf(target);
    if (range.start === range.end) return undefined;
    const first = sink.reserve(range.times.length);
    let at = first;
    let gaps = false;
    for (const chunk of range.chunks) {
      if (!readChunk(chunk, column, sink, at)) gaps = true;
      at += chunk.rows;
    }
    if (range.withOpenRows && readOpenRows(target, column, sink, at)) gaps = true;
    if (gaps) {
      compact(target, column, range, sink, first);
      return undefined;
    }
    if (first === sink.start) {
      sink.start = first + range.start;
      sink.length = first + range.end;
      return range.shared;
    }
    const n = range.end - range.start;
    if (range.start > 0) sink.bits.copyWithin(2 * first, 2 * (first + range.start), 2 * (first + range.end));
    sink.times.set(range.shared, first);
    sink.length = first + n;
    return undefined;
  }

  private readGeneric(id: number, sink: SampleSink): void {
    const before = sink.length - sink.start;
    this.head.generic.read(id, this.fromMs, this.toMs, sink);
    // Reading may have moved the series to another page.
    const first = sink.start + before;
    sortTail(sink, first);
    clipTail(sink, first, this.fromMs, this.toMs);
  }

  /** The order of the sources decides which one wins for a time that several have. */
  private mergeSources(id: number): void {
    this.head.forEachColumn(id, (target, column) => {
      this.part.reset();
      const shared = this.readShownRows(id, target, column, this.part);
      if (shared) this.part.times.set(shared, this.part.start);
      mergeInto(this.sink, this.part);
    });
    this.part.reset();
    this.readGeneric(id, this.part);
    mergeInto(this.sink, this.part);
  }
}

/** One series of both kinds; where both have a sample for a time, the other one stays. */
function withHistograms(floats: GatheredSamples | undefined, run: HistogramRun): GatheredSamples {
  const known = floats?.timesMs ?? new Float64Array(0);
  const times = new Float64Array(known.length + run.length);
  const values = new Float64Array(times.length);
  const bits = bitsOf(values);
  const knownBits = floats && bitsOf(floats.values);
  const histograms: (NativeHistogram | undefined)[] = [];
  let n = 0;
  for (let f = 0, h = 0; f < known.length || h < run.length; n++) {
    if (knownBits && f < known.length && (h === run.length || known[f] <= run.timesMs[h])) {
      if (h < run.length && known[f] === run.timesMs[h]) h++;
      times[n] = known[f];
      bits[2 * n] = knownBits[2 * f];
      bits[2 * n + 1] = knownBits[2 * f + 1];
      histograms.push(undefined);
      f++;
    } else {
      times[n] = run.timesMs[h];
      values[n] = Number.NaN;
      histograms.push(run.histograms[h]);
      h++;
    }
  }
  return { timesMs: times.subarray(0, n), values: values.subarray(0, n), histograms };
}

/** Decodes the chunk's column to the sink's cells from `at` on; false when cells in it are markers. */
function readChunk(chunk: RowChunk, column: number, sink: SampleSink, at: number): boolean {
  const start = column < chunk.columns ? chunkColumnStart(chunk, column) : 0;
  const end = column < chunk.columns ? chunk.ends[column] & OFFSET_MASK : 0;
  if (start === end) {
    for (let i = at; i < at + chunk.rows; i++) {
      sink.bits[2 * i] = STALE_LOW;
      sink.bits[2 * i + 1] = STALE_HIGH;
    }
    return false;
  }
  if (!decodeColumn(chunk.data, start, end, chunk.rows, sink.values, sink.bits, at)) {
    throw new Error("BUG: a column in memory does not decode");
  }
  return !chunkHasMarkers(chunk, column);
}

/** Copies the column's cells in the open rows to the sink from `at` on; true when one of them is a marker. */
function readOpenRows(target: RowTarget, column: number, sink: SampleSink, at: number): boolean {
  let markers = false;
  let cell = target.stride + column;
  for (let row = 0; row < target.k; row++, cell += target.stride) {
    const low = target.bits[2 * cell];
    const high = target.bits[2 * cell + 1];
    sink.bits[2 * (at + row)] = low;
    sink.bits[2 * (at + row) + 1] = high;
    if (high === STALE_HIGH && low === STALE_LOW) markers = true;
  }
  return markers;
}

/** Leaves of the cells from `first` on the samples in the range, and of each run of markers the first after a sample. */
function compact(target: RowTarget, column: number, range: TargetRange, sink: SampleSink, first: number): void {
  const { times, bits } = sink;
  let present =
    range.chunks.length > 0
      ? column < range.chunks[0].columns && chunkIsAfterSample(range.chunks[0], column)
      : !isStaleAt(target.bits, column);
  let n = first;
  for (let i = 0; i < range.times.length; i++) {
    const cell = first + i;
    const stale = isStaleAt(bits, cell);
    if ((!stale || present) && i >= range.start && i < range.end) {
      bits[2 * n] = bits[2 * cell];
      bits[2 * n + 1] = bits[2 * cell + 1];
      times[n++] = range.times[i];
    }
    present = !stale;
  }
  sink.length = n;
}

/** Sorts the samples from `first` on by time when they are not, and drops repeated times. */
export function sortTail(sink: SampleSink, first: number): void {
  let sorted = true;
  for (let i = first + 1; i < sink.length && sorted; i++) sorted = sink.times[i] > sink.times[i - 1];
  if (sorted) return;
  const times = sink.times.slice(first, sink.length);
  const bits = sink.bits.slice(2 * first, 2 * sink.length);
  const order = Array.from(times, (_, i) => i).sort((a, b) => times[a] - times[b] || a - b);
  let n = first;
  for (const i of order) {
    if (n > first && sink.times[n - 1] === times[i]) continue;
    sink.times[n] = times[i];
    sink.bits[2 * n] = bits[2 * i];
    sink.bits[2 * n + 1] = bits[2 * i + 1];
    n++;
  }
  sink.length = n;
}

/** Keeps of the sorted samples from `first` on those in the range. */
function clipTail(sink: SampleSink, first: number, fromMs: number, toMs: number): void {
  let start = first;
  while (start < sink.length && sink.times[start] < fromMs) start++;
  while (sink.length > start && sink.times[sink.length - 1] > toMs) sink.length--;
  if (start === first) return;
  sink.times.copyWithin(first, start, sink.length);
  sink.bits.copyWithin(2 * first, 2 * start, 2 * sink.length);
  sink.length -= start - first;
}

/** Merges the part's samples into the sink's current series; for equal times the sink's stays. */
function mergeInto(sink: SampleSink, part: SampleSink): void {
  const n = part.length - part.start;
  if (n === 0) return;
  const place = sink.reserve(n);
  sink.times.set(part.times.subarray(part.start, part.length), place);
  sink.bits.set(part.bits.subarray(2 * part.start, 2 * part.length), 2 * place);
  sink.length = place + n;
  sortTail(sink, sink.start);
}
