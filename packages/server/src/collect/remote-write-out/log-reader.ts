// Reads the log of samples from a place on, file by file, as it grows.
import { type FileHandle, open } from "node:fs/promises";
import { bitsOf, Labels, type Sample, type SeriesExemplar, STALE_HIGH, STALE_LOW } from "@storewatch/model";
import { WriteRequestDecoder } from "../remote-write/decode-v1.ts";
import { SeriesCache } from "../remote-write/series-cache.ts";
import { forEachSeries, HEADER_BYTES, isFileHeader, KIND, readRecord } from "./log-format.ts";
import type { LogPlace, SampleLog } from "./sample-log.ts";

/** What a receiver gets: the labels that a series has there; undefined: it is not sent. */
export type Relabel = (labels: Labels) => Labels | undefined;

export interface ReadBatch {
  /** Samples of a series stand in the order of their arrival. */
  readonly samples: Sample[];
  readonly exemplars: SeriesExemplar[];
  /** Samples that relabelling left out. */
  dropped: number;
}

const CHUNK_BYTES = 2 ** 20;

const FLOAT = new Float64Array(1);
const FLOAT_BITS = bitsOf(FLOAT);

export class LogReader {
  private file: FileHandle | undefined;
  private series = new Map<number, Labels | undefined>();
  private readonly cache = new SeriesCache();
  private buffer = Buffer.alloc(0);
  /** Where the buffer starts in its file. */
  private bufferAt = 0;

  /** `place`: the first record to read. */
  constructor(
    private readonly log: SampleLog,
    private place: LogPlace,
    private readonly relabel: Relabel,
  ) {}

  /** Everything before it has been given out. */
  get position(): LogPlace {
    return this.place;
  }

  /** Reads on until there are about this many samples, or no more for now. */
  async read(into: ReadBatch, samplesMax: number): Promise<void> {
    while (into.samples.length + into.exemplars.length < samplesMax) {
      if (!this.file && !(await this.openFile())) return;
      const done = this.parse(into, samplesMax);
      if (done) continue;
      if (!(await this.fill())) {
        if (!this.isOld()) return;
        await this.nextFile();
      }
    }
  }

  /** Whether nothing is left to read. */
  get isAtEnd(): boolean {
    const { end } = this.log;
    return this.place.segment >= end.segment && this.place.offset >= end.offset;
  }

  async close(): Promise<void> {
    await this.file?.close().catch(() => {});
    this.file = undefined;
  }

  /** Reads what the buffer holds; true when it gave something. */
  private parse(into: ReadBatch, samplesMax: number): boolean {
    const startAt = this.place.offset;
    let at = this.place.offset - this.bufferAt;
    while (into.samples.length + into.exemplars.length < samplesMax) {
      const record = readRecord(this.buffer, at);
      if (record === "more") break;
      if (record === "damaged") {
        // Nothing behind it can be trusted: go to the end of the file.
        at = Math.max(at, (this.log.segments.get(this.place.segment) ?? 0) - this.bufferAt);
        break;
      }
      this.take(record.kind, record.body, into);
      at = record.next;
    }
    this.place = { segment: this.place.segment, offset: this.bufferAt + at };
    return this.place.offset > startAt;
  }

  private take(kind: number, body: Buffer, into: ReadBatch): void {
    if (kind === KIND.series) this.define(body);
    else if (kind === KIND.row) this.takeRow(body, into);
    else if (kind === KIND.samples) this.takeSamples(body, into);
    else if (kind === KIND.message) this.takeMessage(body, into);
  }

  private define(body: Buffer): void {
    forEachSeries(body, (ref, pairs) => {
      this.series.set(ref, this.relabel(Labels.fromSortedPairs(pairs.map((text) => this.cache.shared(text)))));
    });
  }

  private takeRow(body: Buffer, into: ReadBatch): void {
    const timeMs = body.readDoubleLE(0);
    const count = body.readUInt32LE(8);
    for (let i = 0, at = 12; i < count; i++, at += 12) this.add(body, at, timeMs, at + 4, into);
  }

  private takeSamples(body: Buffer, into: ReadBatch): void {
    const count = body.readUInt32LE(0);
    for (let i = 0, at = 4; i < count; i++, at += 20) this.add(body, at, body.readDoubleLE(at + 4), at + 12, into);
  }

  private add(body: Buffer, refAt: number, timeMs: number, valueAt: number, into: ReadBatch): void {
    const labels = this.series.get(body.readUInt32LE(refAt));
    if (!labels) {
      into.dropped++;
      return;
    }
    FLOAT_BITS[0] = body.readUInt32LE(valueAt);
    FLOAT_BITS[1] = body.readUInt32LE(valueAt + 4);
    if (FLOAT_BITS[0] === STALE_LOW && FLOAT_BITS[1] === STALE_HIGH) {
      into.samples.push({ labels, timeMs, value: Number.NaN, stale: true });
    } else into.samples.push({ labels, timeMs, value: FLOAT[0] });
  }

  private takeMessage(body: Buffer, into: ReadBatch): void {
    const decoder = new WriteRequestDecoder(body, this.cache);
    while (decoder.step(10_000));
    const { samples, exemplars } = decoder.result();
    for (const sample of samples) {
      const labels = this.relabel(sample.labels);
      if (labels) into.samples.push({ ...sample, labels });
      else into.dropped++;
    }
    for (const { series, exemplar } of exemplars) {
      const labels = this.relabel(series);
      if (labels) into.exemplars.push({ series: labels, exemplar });
    }
  }

  /** False while there is no file at the place yet. Goes to the oldest file when its own has been removed. */
  private async openFile(): Promise<boolean> {
    const { segments } = this.log;
    if (!segments.has(this.place.segment)) {
      const later = [...segments.keys()].filter((known) => known > this.place.segment);
      if (later.length === 0) return false;
      this.place = { segment: Math.min(...later), offset: HEADER_BYTES };
    }
    const { segment, offset } = this.place;
    this.file = await open(this.log.fileOf(segment), "r");
    this.series = new Map();
    this.buffer = Buffer.alloc(0);
    this.bufferAt = HEADER_BYTES;
    const header = Buffer.alloc(HEADER_BYTES);
    await this.file.read(header, 0, HEADER_BYTES, 0);
    if (!isFileHeader(header)) {
      await this.nextFile();
      return segments.has(this.place.segment);
    }
    if (offset > HEADER_BYTES) await this.skipTo(offset);
    return true;
  }

  /** Reads definitions only, up to the place where reading goes on. */
  private async skipTo(offset: number): Promise<void> {
    this.place = { segment: this.place.segment, offset: HEADER_BYTES };
    while (this.place.offset < offset) {
      const record = readRecord(this.buffer, this.place.offset - this.bufferAt);
      if (record === "damaged") return;
      if (record === "more") {
        if (!(await this.fill())) return;
        continue;
      }
      if (record.kind === KIND.series) this.define(record.body);
      this.place = { segment: this.place.segment, offset: this.bufferAt + record.next };
    }
  }

  /** Gets more of the file; false when there is none. */
  private async fill(): Promise<boolean> {
    const { segment, offset } = this.place;
    const size = this.log.segments.get(segment) ?? 0;
    // Damage is passed over without being read.
    const end = Math.max(this.bufferAt + this.buffer.length, offset);
    if (end >= size || !this.file) return false;
    const rest = this.buffer.subarray(Math.min(this.buffer.length, offset - this.bufferAt));
    const more = Buffer.allocUnsafeSlow(Math.min(size - end, Math.max(CHUNK_BYTES, rest.length)));
    const { bytesRead } = await this.file.read(more, 0, more.length, end);
    if (bytesRead === 0) return false;
    this.buffer = Buffer.concat([rest, more.subarray(0, bytesRead)]);
    this.bufferAt = offset;
    return true;
  }

  /** Whether the file grows no more. */
  private isOld(): boolean {
    return this.place.segment < this.log.end.segment;
  }

  private async nextFile(): Promise<void> {
    await this.close();
    this.place = { segment: this.place.segment + 1, offset: HEADER_BYTES };
  }
}
