// The samples of 16 neighbouring series in one block. docs/format/blocks.md has the picture.
//
//   time columns: count, (n, minMs, maxMs - minMs, bytes)*   parts: count, (series 0…15, time column, bytes)*
//   then the time columns' bytes, then the parts' value columns (SV). Integers are varints.
// Series of one target share a time column. A series with many samples has several parts, ascending. A part whose place
// is 128 + the series' place holds native histograms (codec/histogram.ts) instead of a value column.
import { ByteReader, ByteWriter, FormatError } from "../codec/bytes.ts";
import { decodeHistograms, HistogramColumnWriter } from "../codec/histogram.ts";
import { columnBytesMax, decodeColumn, encodeColumn } from "../codec/sv.ts";
import { decodeTimes, encodeTimes } from "../codec/times.ts";
import type { HistogramRun } from "../read/histogram-run.ts";
import type { SampleSink } from "../read/sample-sink.ts";

/** Samples per part: the ratio gains little beyond, and a reader decodes whole parts. */
export const SAMPLES_PER_PART = 480;

/** Added to a series' place in the group: the part holds histograms. */
export const HISTOGRAM_PLACE = 128;
const HISTOGRAMS_PER_PART = 120;
const HISTOGRAM_PART_BYTES = 65_536;

interface TimeColumn {
  readonly times: Float64Array;
  readonly from: number;
  readonly to: number;
}

export class GroupEncoder {
  private readonly times = new ByteWriter(1024);
  private readonly values = new ByteWriter(16_384);
  private readonly partHeads = new ByteWriter(256);
  private readonly columns: TimeColumn[] = [];
  private parts = 0;
  samples = 0;

  /** `place`: the series' place in the group. Times ascend. */
  add(place: number, times: Float64Array, values: Float64Array, bits: Uint32Array): void {
    for (let at = 0; at < times.length; at += SAMPLES_PER_PART) {
      const n = Math.min(SAMPLES_PER_PART, times.length - at);
      const start = this.values.reserve(columnBytesMax(n));
      this.values.length = encodeColumn(values, bits, at, 1, n, this.values.buffer, start);
      this.partHeads.u8(place);
      this.partHeads.varint(this.timeColumn(times, at, n));
      this.partHeads.varint(this.values.length - start);
      this.parts++;
    }
    this.samples += times.length;
  }

  /** Times ascend. */
  addHistograms(place: number, run: HistogramRun): void {
    const times = Float64Array.from(run.timesMs);
    for (let at = 0; at < run.length; ) {
      const column = new HistogramColumnWriter();
      while (
        at + column.count < run.length &&
        column.count < HISTOGRAMS_PER_PART &&
        column.bytes < HISTOGRAM_PART_BYTES
      )
        column.add(run.histograms[at + column.count]);
      this.values.bytes(column.view());
      this.partHeads.u8(HISTOGRAM_PLACE + place);
      this.partHeads.varint(this.timeColumn(times, at, column.count));
      this.partHeads.varint(column.bytes);
      this.parts++;
      at += column.count;
    }
    this.samples += run.length;
  }

  get empty(): boolean {
    return this.parts === 0;
  }

  /** Writes the group and begins the next. */
  finish(out: ByteWriter): void {
    out.varint(this.columns.length);
    for (const { times, from, to } of this.columns) {
      out.varint(times.length);
      out.varint(times[0]);
      out.varint(times[times.length - 1] - times[0]);
      out.varint(to - from);
    }
    out.varint(this.parts);
    out.bytes(this.partHeads.view());
    out.bytes(this.times.view());
    out.bytes(this.values.view());
    this.times.clear();
    this.values.clear();
    this.partHeads.clear();
    this.columns.length = 0;
    this.parts = 0;
    this.samples = 0;
  }

  private timeColumn(times: Float64Array, at: number, n: number): number {
    for (let i = this.columns.length - 1; i >= 0; i--) if (sameTimes(this.columns[i].times, times, at, n)) return i;
    const from = this.times.length;
    encodeTimes(times, at, n, this.times);
    this.columns.push({ times: times.slice(at, at + n), from, to: this.times.length });
    return this.columns.length - 1;
  }
}

function sameTimes(known: Float64Array, times: Float64Array, at: number, n: number): boolean {
  if (known.length !== n) return false;
  for (let i = 0; i < n; i++) if (known[i] !== times[at + i]) return false;
  return true;
}

/** A group as read: its table, and time columns decoded when first asked for. */
export class Group {
  private readonly columnAt: number[] = [];
  private readonly columnEnd: number[] = [];
  private readonly counts: number[] = [];
  private readonly mins: number[] = [];
  private readonly maxes: number[] = [];
  private readonly decoded: (Float64Array | undefined)[] = [];
  private readonly partPlace: number[] = [];
  private readonly partColumn: number[] = [];
  private readonly partAt: number[] = [];
  private readonly partEnd: number[] = [];
  private hasHistograms = false;

  /** Throws FormatError on what is no group. `data` stays in use. */
  constructor(private readonly data: Buffer) {
    const reader = new ByteReader(data);
    const columns = reader.count(4);
    const columnBytes: number[] = [];
    for (let i = 0; i < columns; i++) {
      this.counts.push(reader.varint());
      this.mins.push(reader.varint());
      this.maxes.push(this.mins[i] + reader.varint());
      columnBytes.push(reader.count());
    }
    const parts = reader.count(3);
    const partBytes: number[] = [];
    for (let i = 0; i < parts; i++) {
      this.partPlace.push(reader.u8());
      if (this.partPlace[i] >= HISTOGRAM_PLACE) this.hasHistograms = true;
      this.partColumn.push(reader.varint());
      if (this.partColumn[i] >= columns) throw new FormatError("time column out of range");
      partBytes.push(reader.count());
    }
    for (const bytes of columnBytes) {
      this.columnAt.push(reader.skip(bytes));
      this.columnEnd.push(reader.at);
    }
    for (const bytes of partBytes) {
      this.partAt.push(reader.skip(bytes));
      this.partEnd.push(reader.at);
    }
    if (!reader.done) throw new FormatError("bytes left over");
  }

  /** The places that have samples, each as often as it has parts. */
  get places(): readonly number[] {
    return this.partPlace;
  }

  /** Has the series histograms here? */
  holdsHistograms(place: number): boolean {
    return this.hasHistograms && this.partPlace.includes(HISTOGRAM_PLACE + place);
  }

  /** Appends the series' histograms in the range to the sink's. Throws FormatError on damage. */
  readHistograms(place: number, fromMs: number, toMs: number, sink: SampleSink): void {
    if (!this.hasHistograms) return;
    for (let part = 0; part < this.partPlace.length; part++) {
      const column = this.partColumn[part];
      if (this.partPlace[part] !== HISTOGRAM_PLACE + place) continue;
      if (this.mins[column] > toMs || this.maxes[column] < fromMs) continue;
      const times = this.timesOf(column);
      const input = new ByteReader(this.data, this.partAt[part], this.partEnd[part]);
      const run = sink.histogramRun();
      decodeHistograms(input, times.length).forEach((histogram, i) => {
        if (times[i] >= fromMs && times[i] <= toMs) run.add(times[i], histogram);
      });
    }
  }

  /** Appends the series' samples in the range to the sink, without histograms. Throws FormatError on damage. */
  read(place: number, fromMs: number, toMs: number, sink: SampleSink): void {
    for (let part = 0; part < this.partPlace.length; part++) {
      const column = this.partColumn[part];
      if (this.partPlace[part] !== place || this.mins[column] > toMs || this.maxes[column] < fromMs) continue;
      const times = this.timesOf(column);
      const n = times.length;
      const at = sink.reserve(n);
      if (!decodeColumn(this.data, this.partAt[part], this.partEnd[part], n, sink.values, sink.bits, at)) {
        throw new FormatError("a value column does not decode");
      }
      let start = 0;
      let end = n;
      while (start < end && times[start] < fromMs) start++;
      while (end > start && times[end - 1] > toMs) end--;
      if (start > 0) sink.bits.copyWithin(2 * at, 2 * (at + start), 2 * (at + end));
      sink.times.set(start === 0 && end === n ? times : times.subarray(start, end), at);
      sink.length = at + end - start;
    }
  }

  private timesOf(column: number): Float64Array {
    const known = this.decoded[column];
    if (known) return known;
    const n = this.counts[column];
    // A count beyond what the bytes can say is damage: never allocate for it.
    if (n < 1 || n > SAMPLES_PER_PART) throw new FormatError("bad count of times");
    const times = new Float64Array(n);
    decodeTimes(new ByteReader(this.data, this.columnAt[column], this.columnEnd[column]), n, times, 0);
    this.decoded[column] = times;
    return times;
  }
}
