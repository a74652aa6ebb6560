// Writes the log of samples for remote receivers. It is written beside the store's own log, at the end of each turn of the
// event loop; when it cannot be written, samples miss the receivers, and the store goes on.

import type { FileHandle } from "node:fs/promises";
import { mkdir, open, readdir, rm, stat } from "node:fs/promises";
import path from "node:path";
import type { Labels, Sample, SeriesExemplar } from "@storewatch/model";
import { STALE_HIGH, STALE_LOW } from "@storewatch/model";
import { ProtoWriter } from "../protobuf/writer.ts";
import { encodeWriteRequest } from "../remote-write/encode-v1.ts";
import { fileHeader, HEADER_BYTES, KIND, RecordBuffer } from "./log-format.ts";

export interface LogPlace {
  readonly segment: number;
  /** Bytes from the start of its file. */
  readonly offset: number;
}

export interface SampleLogOptions {
  readonly dir: string;
  readonly segmentBytes?: number;
  /** Of all files: the oldest ones go. */
  readonly bytesMax?: number;
  readonly onProblem: (error: unknown) => void;
  readonly onDropped: (segment: number) => void;
}

const SEGMENT_BYTES = 32 * 2 ** 20;
const BYTES_MAX = 2 * 2 ** 30;
/** What may wait in memory while a write hangs. */
const QUEUE_BYTES_MAX = 64 * 2 ** 20;

export class SampleLog {
  /** Written files by number, with their sizes; the last one grows. */
  readonly segments = new Map<number, number>();
  /** The newest time of a sample, ms. */
  newestMs = 0;
  /** Samples that are in no file because it could not be written. */
  lost = 0;
  private segment = 0;
  private file: FileHandle | undefined;
  /** Bytes put to the segment, written or not. */
  private putBytes = 0;
  private nextRef = 0;
  private refs = new Map<string, number>();
  private queue = new RecordBuffer();
  private spare = new RecordBuffer();
  private queuedSamples = 0;
  private writing: Promise<void> | undefined;
  private scheduled = false;
  private closed = false;
  private readonly listeners = new Set<() => void>();

  private constructor(private readonly options: SampleLogOptions) {}

  static async open(options: SampleLogOptions): Promise<SampleLog> {
    const log = new SampleLog(options);
    await mkdir(options.dir, { recursive: true });
    const numbers: number[] = [];
    for (const name of await readdir(options.dir)) {
      const number = /^(\d{8})\.log$/.exec(name)?.[1];
      if (number !== undefined) numbers.push(Number(number));
    }
    for (const number of numbers.sort((a, b) => a - b)) {
      log.segments.set(number, (await stat(log.fileOf(number))).size);
    }
    // A file that a dead process left may end in half a record: what follows goes to the next one.
    await log.begin(Math.max(0, ...numbers) + 1);
    return log;
  }

  fileOf(segment: number): string {
    return path.join(this.options.dir, `${String(segment).padStart(8, "0")}.log`);
  }

  /** Where the next sample will be. */
  get end(): LogPlace {
    return { segment: this.segment, offset: this.segments.get(this.segment) ?? HEADER_BYTES };
  }

  get bytes(): number {
    let bytes = 0;
    for (const size of this.segments.values()) bytes += size;
    return bytes;
  }

  /** Changes when numbers of series begin anew. */
  get generation(): number {
    return this.segment;
  }

  /** The number of this series in the file at hand, for `putRow`. */
  define(labels: Labels): number {
    const ref = this.nextRef++;
    const texts = labels.pairs.map((text) => Buffer.from(text, "utf8"));
    let size = 10;
    for (const text of texts) size += 4 + text.length;
    const at = this.queue.open(KIND.series, size);
    const { bytes } = this.queue;
    bytes.writeUInt32LE(1, at);
    bytes.writeUInt32LE(ref, at + 4);
    bytes.writeUInt16LE(texts.length / 2, at + 8);
    let to = at + 10;
    for (const text of texts) {
      bytes.writeUInt32LE(text.length, to);
      text.copy(bytes, to + 4);
      to += 4 + text.length;
    }
    this.queue.seal(at);
    return ref;
  }

  /** One row: `refs[i]` has the value whose bits stand at `2 i` and `2 i + 1`. */
  putRow(timeMs: number, refs: Uint32Array, bits: Uint32Array, count: number): void {
    if (count === 0 || !this.hasRoom(count)) return;
    const at = this.queue.open(KIND.row, 12 + 12 * count);
    const { bytes } = this.queue;
    bytes.writeDoubleLE(timeMs, at);
    bytes.writeUInt32LE(count, at + 8);
    let to = at + 12;
    for (let i = 0; i < count; i++) {
      bytes.writeUInt32LE(refs[i], to);
      bytes.writeUInt32LE(bits[2 * i], to + 4);
      bytes.writeUInt32LE(bits[2 * i + 1], to + 8);
      to += 12;
    }
    this.queue.seal(at);
    this.noted(count, timeMs);
  }

  putSamples(samples: readonly Sample[]): void {
    const floats = samples.filter((sample) => !sample.histogram);
    const histograms = samples.filter((sample) => sample.histogram);
    if (floats.length > 0 && this.hasRoom(floats.length)) this.putFloats(floats);
    if (histograms.length > 0) this.putMessage(histograms, []);
  }

  putExemplars(exemplars: readonly SeriesExemplar[]): void {
    if (exemplars.length > 0) this.putMessage([], exemplars);
  }

  /** Resolves when everything put so far is in a file, or lost: then it has been counted. */
  async flush(): Promise<void> {
    while (this.queue.length > 0 || this.writing) {
      this.start();
      await this.writing;
    }
  }

  /** Called when more can be read. */
  onData(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => {
      this.listeners.delete(listener);
    };
  }

  /** Removes files below this one: nobody needs them any more. */
  async forgetBefore(segment: number): Promise<void> {
    for (const known of [...this.segments.keys()]) {
      if (known >= segment || known === this.segment) continue;
      this.segments.delete(known);
      await rm(this.fileOf(known), { force: true }).catch(this.options.onProblem);
    }
  }

  async close(): Promise<void> {
    await this.flush();
    this.closed = true;
    await this.file?.sync().catch(this.options.onProblem);
    await this.file?.close().catch(this.options.onProblem);
    this.file = undefined;
  }

  private putFloats(samples: readonly Sample[]): void {
    const refs = samples.map(({ labels }) => this.refOf(labels));
    const at = this.queue.open(KIND.samples, 4 + 20 * samples.length);
    const { bytes } = this.queue;
    bytes.writeUInt32LE(samples.length, at);
    let to = at + 4;
    let newestMs = 0;
    for (const [i, { timeMs, value, stale }] of samples.entries()) {
      bytes.writeUInt32LE(refs[i], to);
      bytes.writeDoubleLE(timeMs, to + 4);
      if (stale) {
        bytes.writeUInt32LE(STALE_LOW, to + 12);
        bytes.writeUInt32LE(STALE_HIGH, to + 16);
      } else bytes.writeDoubleLE(value, to + 12);
      to += 20;
      if (timeMs > newestMs) newestMs = timeMs;
    }
    this.queue.seal(at);
    this.noted(samples.length, newestMs);
  }

  private putMessage(samples: readonly Sample[], exemplars: readonly SeriesExemplar[]): void {
    const count = samples.length + exemplars.length;
    if (!this.hasRoom(count)) return;
    const out = new ProtoWriter();
    encodeWriteRequest(out, { samples, exemplars });
    const encoded = out.view();
    const at = this.queue.open(KIND.message, encoded.length);
    this.queue.bytes.set(encoded, at);
    this.queue.seal(at);
    this.noted(
      count,
      samples.reduce((newest, { timeMs }) => Math.max(newest, timeMs), 0),
    );
  }

  private refOf(labels: Labels): number {
    const known = this.refs.get(labels.key);
    if (known !== undefined) return known;
    const ref = this.define(labels);
    this.refs.set(labels.key, ref);
    return ref;
  }

  private hasRoom(samples: number): boolean {
    if (!this.closed && this.queue.length < QUEUE_BYTES_MAX) return true;
    this.lost += samples;
    return false;
  }

  private noted(samples: number, timeMs: number): void {
    this.queuedSamples += samples;
    if (timeMs > this.newestMs) this.newestMs = timeMs;
    if (this.scheduled || this.writing) return;
    this.scheduled = true;
    setImmediate(() => {
      this.scheduled = false;
      this.start();
    });
  }

  private start(): void {
    if (this.writing || this.queue.length === 0 || this.closed) return;
    this.writing = this.write().finally(() => {
      this.writing = undefined;
      this.start();
    });
  }

  private async write(): Promise<void> {
    const batch = this.queue;
    const samples = this.queuedSamples;
    this.queue = this.spare;
    this.queue.length = 0;
    this.queuedSamples = 0;
    const segment = this.segment;
    try {
      const { file } = this;
      if (!file) throw new Error("there is no file to write to");
      const at = this.segments.get(segment) ?? HEADER_BYTES;
      await writeFully(file, batch.view(), at);
      this.segments.set(segment, at + batch.length);
      this.putBytes = at + batch.length;
    } catch (error) {
      this.lost += samples;
      this.options.onProblem(error);
      // Half a record may be there, and definitions are missing: the file ends here.
      this.putBytes = Number.POSITIVE_INFINITY;
    }
    this.spare = batch.bytes.length <= 2 ** 22 ? batch : new RecordBuffer();
    // Numbers of series that wait in the queue belong to this file: only an empty queue lets the next one begin.
    if (this.putBytes >= (this.options.segmentBytes ?? SEGMENT_BYTES) && this.queue.length === 0) await this.rotate();
    for (const listener of this.listeners) listener();
  }

  private async rotate(): Promise<void> {
    // What comes while the file is made must not use the old numbers.
    const next = this.segment + 1;
    const old = this.file;
    this.segment = next;
    this.nextRef = 0;
    this.refs = new Map();
    this.file = undefined;
    await old?.close().catch(this.options.onProblem);
    try {
      await this.begin(next);
      await this.dropOldest();
    } catch (error) {
      this.options.onProblem(error);
    }
  }

  private async begin(segment: number): Promise<void> {
    this.segment = segment;
    this.putBytes = HEADER_BYTES;
    const file = await open(this.fileOf(segment), "w", 0o640);
    try {
      await writeFully(file, fileHeader(), 0);
    } catch (error) {
      await file.close().catch(() => {});
      throw error;
    }
    this.file = file;
    this.segments.set(segment, HEADER_BYTES);
  }

  private async dropOldest(): Promise<void> {
    const bytesMax = this.options.bytesMax ?? BYTES_MAX;
    while (this.bytes > bytesMax && this.segments.size > 2) {
      const oldest = Math.min(...this.segments.keys());
      await this.forgetBefore(oldest + 1);
      this.options.onDropped(oldest);
    }
  }
}

async function writeFully(file: FileHandle, bytes: Buffer, position: number): Promise<void> {
  let done = 0;
  while (done < bytes.length) {
    const { bytesWritten } = await file.write(bytes, done, bytes.length - done, position + done);
    if (bytesWritten === 0) throw new Error("nothing was written");
    done += bytesWritten;
  }
}
