import { bitsOf } from "@storewatch/model";
import { ByteReader, ByteWriter } from "../codec/bytes.ts";
import { columnBytesMax, decodeColumn, encodeColumn } from "../codec/sv.ts";
import { decodeTimes, encodeTimes } from "../codec/times.ts";
import type { SampleSink } from "../read/sample-sink.ts";

// A node is four words and two doubles: one encoded chunk of one series, linked to the one before it.
const NODE_WORDS = 4;
const NEXT = 0;
const OFFSET = 1;
const BYTES = 2;
const COUNT = 3;

/** The encoded chunks of the generic path in one window: dropped as a whole when the window is sealed. */
export class GenericWindow {
  /** Series id → its newest node + 1. */
  private readonly heads = new Map<number, number>();
  private words = new Uint32Array(64 * NODE_WORDS);
  private bounds = new Float64Array(64 * 2);
  private nodes = 0;
  private readonly data = new ByteWriter(4096);
  minTimeMs = Infinity;

  constructor(readonly window: number) {}

  get seriesIds(): IterableIterator<number> {
    return this.heads.keys();
  }

  get bytes(): number {
    return this.data.length;
  }

  has(id: number): boolean {
    return this.heads.has(id);
  }

  /** Encodes n samples that stand at times[start] …, ascending and all in this window. */
  add(id: number, times: Float64Array, values: Float64Array, bits: Uint32Array, start: number, n: number): void {
    const offset = this.data.length;
    encodeTimes(times, start, n, this.data);
    const at = this.data.reserve(columnBytesMax(n));
    this.data.length = encodeColumn(values, bits, start, 1, n, this.data.buffer, at);
    this.link(id, offset, this.data.length - offset, n, times[start], times[start + n - 1]);
  }

  /** Takes a chunk as it stood in another window object: see forEachChunk. */
  addEncoded(id: number, n: number, minTimeMs: number, maxTimeMs: number, chunk: Uint8Array): void {
    const offset = this.data.length;
    this.data.bytes(chunk);
    this.link(id, offset, chunk.length, n, minTimeMs, maxTimeMs);
  }

  private link(id: number, offset: number, bytes: number, n: number, minTimeMs: number, maxTimeMs: number): void {
    const node = this.nodes;
    if ((node + 1) * NODE_WORDS > this.words.length) {
      const words = new Uint32Array(this.words.length * 2);
      words.set(this.words);
      this.words = words;
      const bounds = new Float64Array(this.bounds.length * 2);
      bounds.set(this.bounds);
      this.bounds = bounds;
    }
    const at = node * NODE_WORDS;
    this.words[at + NEXT] = this.heads.get(id) ?? 0;
    this.words[at + OFFSET] = offset;
    this.words[at + BYTES] = bytes;
    this.words[at + COUNT] = n;
    this.bounds[2 * node] = minTimeMs;
    this.bounds[2 * node + 1] = maxTimeMs;
    if (minTimeMs < this.minTimeMs) this.minTimeMs = minTimeMs;
    this.heads.set(id, node + 1);
    this.nodes = node + 1;
  }

  /** Oldest first, so that who links them again keeps the order. The chunk's bytes are a view. */
  forEachChunk(id: number, visit: (n: number, minMs: number, maxMs: number, chunk: Uint8Array) => void): void {
    const nodes = this.nodesOf(id);
    for (let i = nodes.length - 1; i >= 0; i--) {
      const node = nodes[i];
      const at = node * NODE_WORDS;
      const offset = this.words[at + OFFSET];
      const chunk = this.data.buffer.subarray(offset, offset + this.words[at + BYTES]);
      visit(this.words[at + COUNT], this.bounds[2 * node], this.bounds[2 * node + 1], chunk);
    }
  }

  /** Newest first. */
  private nodesOf(id: number): number[] {
    const nodes: number[] = [];
    for (let node = this.heads.get(id) ?? 0; node !== 0; node = this.words[(node - 1) * NODE_WORDS + NEXT]) {
      nodes.push(node - 1);
    }
    return nodes;
  }

  /** Decodes the chunks that touch [fromMs, toMs] to the sink, oldest node first; whole chunks, so more may come. */
  read(id: number, fromMs: number, toMs: number, sink: SampleSink): void {
    const found: number[] = [];
    for (let node = this.heads.get(id) ?? 0; node !== 0; node = this.words[(node - 1) * NODE_WORDS + NEXT]) {
      if (this.bounds[2 * node - 2] <= toMs && this.bounds[2 * node - 1] >= fromMs) found.push(node - 1);
    }
    for (let i = found.length - 1; i >= 0; i--) this.decode(found[i], sink);
  }

  private decode(node: number, sink: SampleSink): void {
    const at = node * NODE_WORDS;
    const n = this.words[at + COUNT];
    const end = this.words[at + OFFSET] + this.words[at + BYTES];
    const place = sink.reserve(n);
    const reader = new ByteReader(this.data.buffer, this.words[at + OFFSET], end);
    decodeTimes(reader, n, sink.times, place);
    if (!decodeColumn(this.data.buffer, reader.at, end, n, sink.values, sink.bits, place)) {
      throw new Error("BUG: a chunk in memory does not decode");
    }
    sink.length = place + n;
  }

  /** Takes samples of the series in the range away; the room they took stays until the window goes. */
  remove(id: number, fromMs: number, toMs: number): void {
    if (!this.has(id)) return;
    const kept: { times: Float64Array; values: Float64Array }[] = [];
    let gone = 0;
    this.forEachChunk(id, (n, _minMs, _maxMs, chunk) => {
      const times = new Float64Array(n);
      const values = new Float64Array(n);
      const bits = bitsOf(values);
      const reader = new ByteReader(asBuffer(chunk));
      decodeTimes(reader, n, times, 0);
      decodeColumn(reader.data, reader.at, reader.end, n, values, bits, 0);
      let left = 0;
      for (let i = 0; i < n; i++) {
        if (times[i] >= fromMs && times[i] <= toMs) continue;
        times[left] = times[i];
        bits.copyWithin(2 * left, 2 * i, 2 * i + 2);
        left++;
      }
      gone += n - left;
      if (left > 0) kept.push({ times: times.subarray(0, left), values: values.subarray(0, left) });
    });
    if (gone === 0) return;
    this.heads.delete(id);
    for (const { times, values } of kept) this.add(id, times, values, bitsOf(values), 0, times.length);
  }

  /** The two halves of the series' sample at exactly this time. */
  sampleAt(id: number, timeMs: number): [number, number] | undefined {
    let found: [number, number] | undefined;
    this.forEachChunk(id, (n, minMs, maxMs, chunk) => {
      if (found || timeMs < minMs || timeMs > maxMs) return;
      const times = new Float64Array(n);
      const reader = new ByteReader(asBuffer(chunk));
      decodeTimes(reader, n, times, 0);
      const place = times.indexOf(timeMs);
      if (place < 0) return;
      const values = new Float64Array(n);
      const bits = bitsOf(values);
      decodeColumn(reader.data, reader.at, reader.end, n, values, bits, 0);
      found = [bits[2 * place], bits[2 * place + 1]];
    });
    return found;
  }
}

function asBuffer(data: Uint8Array): Buffer {
  return Buffer.from(data.buffer, data.byteOffset, data.length);
}
