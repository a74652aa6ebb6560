// Native histograms in memory: for each series that has any, encoded chunks of one window each. The newest chunk grows.
import type { NativeHistogram } from "@storewatch/model";
import { ByteReader } from "../codec/bytes.ts";
import { decodeHistograms, HistogramColumnWriter } from "../codec/histogram.ts";
import type { HistogramRun } from "../read/histogram-run.ts";
import { windowOf } from "./window.ts";

/** A reader decodes whole chunks. */
const HISTOGRAMS_PER_CHUNK = 120;
const CHUNK_BYTES_MAX = 65_536;

export interface HistogramChunk {
  readonly window: number;
  /** Ascending. */
  readonly timesMs: readonly number[];
  readonly column: Buffer;
}

interface OpenChunk {
  readonly window: number;
  readonly timesMs: number[];
  readonly writer: HistogramColumnWriter;
}

interface SeriesHistograms {
  newestMs: number;
  open: OpenChunk | undefined;
  closed: HistogramChunk[];
}

export class HistogramStore {
  private readonly series = new Map<number, SeriesHistograms>();

  get isEmpty(): boolean {
    return this.series.size === 0;
  }

  /** Has the series ever had a histogram here, as far as that is still known? */
  has(id: number): boolean {
    return this.series.has(id);
  }

  get seriesIds(): IterableIterator<number> {
    return this.series.keys();
  }

  /** The newest time of the series here, or -1. */
  newestMs(id: number): number {
    return this.series.get(id)?.newestMs ?? -1;
  }

  /** The caller has made sure that the time is new to the series. */
  append(id: number, timeMs: number, histogram: NativeHistogram): void {
    const of = this.of(id);
    const window = windowOf(timeMs);
    if (timeMs <= of.newestMs) {
      const writer = new HistogramColumnWriter();
      writer.add(histogram);
      of.closed.push({ window, timesMs: [timeMs], column: Buffer.from(writer.view()) });
      return;
    }
    of.newestMs = timeMs;
    if (of.open && of.open.window !== window) close(of);
    of.open ??= { window, timesMs: [], writer: new HistogramColumnWriter() };
    of.open.timesMs.push(timeMs);
    of.open.writer.add(histogram);
    if (of.open.writer.count >= HISTOGRAMS_PER_CHUNK || of.open.writer.bytes >= CHUNK_BYTES_MAX) close(of);
  }

  /** Takes a sample back from the log: known times are passed over. */
  restore(id: number, timeMs: number, histogram: NativeHistogram): void {
    if (timeMs <= this.newestMs(id) && this.hasTime(id, timeMs)) return;
    this.append(id, timeMs, histogram);
  }

  /** Takes a chunk from a checkpoint. */
  restoreChunk(id: number, chunk: HistogramChunk): void {
    const of = this.of(id);
    of.closed.push(chunk);
    of.newestMs = Math.max(of.newestMs, chunk.timesMs[chunk.timesMs.length - 1]);
  }

  private of(id: number): SeriesHistograms {
    let of = this.series.get(id);
    if (!of) {
      of = { newestMs: -1, open: undefined, closed: [] };
      this.series.set(id, of);
    }
    return of;
  }

  private hasTime(id: number, timeMs: number): boolean {
    let found = false;
    this.forEachChunk(id, ({ timesMs }) => {
      found ||= timesMs.includes(timeMs);
    });
    return found;
  }

  hasData(id: number): boolean {
    const of = this.series.get(id);
    return of !== undefined && (of.open !== undefined || of.closed.length > 0);
  }

  /** Adds the series' samples in the range to the run, in any order. */
  read(id: number, fromMs: number, toMs: number, run: HistogramRun): void {
    this.forEachChunk(id, ({ timesMs, column }) => {
      if (timesMs[0] > toMs || timesMs[timesMs.length - 1] < fromMs) return;
      decodeHistograms(new ByteReader(column), timesMs.length).forEach((histogram, i) => {
        if (timesMs[i] >= fromMs && timesMs[i] <= toMs) run.add(timesMs[i], histogram);
      });
    });
  }

  /** The chunks' columns may be views that the next append spoils. */
  forEachChunk(id: number, visit: (chunk: HistogramChunk) => void): void {
    const of = this.series.get(id);
    if (!of) return;
    for (const chunk of of.closed) visit(chunk);
    if (of.open) visit({ window: of.open.window, timesMs: of.open.timesMs, column: of.open.writer.view() });
  }

  /** Takes samples of the series in the range away, for good. */
  remove(id: number, fromMs: number, toMs: number): void {
    const of = this.series.get(id);
    if (!of) return;
    if (of.open) close(of);
    of.closed = of.closed.flatMap((chunk) => without(chunk, (time) => time >= fromMs && time <= toMs));
  }

  get oldestWindow(): number {
    return this.oldest((chunk) => chunk.window);
  }

  /** The oldest sample here, ms, or Infinity. */
  get minTimeMs(): number {
    return this.oldest((chunk) => chunk.timesMs[0]);
  }

  private oldest(of: (chunk: Pick<HistogramChunk, "window" | "timesMs">) => number): number {
    let oldest = Infinity;
    for (const { open, closed } of this.series.values()) {
      for (const chunk of closed) oldest = Math.min(oldest, of(chunk));
      if (open) oldest = Math.min(oldest, of(open));
    }
    return oldest;
  }

  /** Drops what lies in windows up to this one, and series with nothing left that were not written since `idleSinceMs`. */
  dropThrough(window: number, idleSinceMs: number): void {
    for (const [id, of] of this.series) {
      of.closed = of.closed.filter((chunk) => chunk.window > window);
      if (of.open && of.open.window <= window) of.open = undefined;
      if (of.closed.length === 0 && !of.open && of.newestMs < idleSinceMs) this.series.delete(id);
    }
  }

  forget(id: number): void {
    this.series.delete(id);
  }
}

function close(of: SeriesHistograms): void {
  if (!of.open) return;
  const { window, timesMs, writer } = of.open;
  of.closed.push({ window, timesMs, column: Buffer.from(writer.view()) });
  of.open = undefined;
}

function without(chunk: HistogramChunk, isGone: (timeMs: number) => boolean): HistogramChunk[] {
  if (!chunk.timesMs.some(isGone)) return [chunk];
  const timesMs: number[] = [];
  const writer = new HistogramColumnWriter();
  decodeHistograms(new ByteReader(chunk.column), chunk.timesMs.length).forEach((histogram, i) => {
    if (isGone(chunk.timesMs[i])) return;
    timesMs.push(chunk.timesMs[i]);
    writer.add(histogram);
  });
  return timesMs.length === 0 ? [] : [{ window: chunk.window, timesMs, column: Buffer.from(writer.view()) }];
}
