// Brings the head back from the newest checkpoint and the segments from its number on.
import { join } from "node:path";
import { bitsOf, STALE_HIGH, STALE_LOW } from "@storewatch/model";
import { type ByteReader, FormatError } from "../codec/bytes.ts";
import { decodeRow } from "../codec/row-delta.ts";
import { decodeTimes } from "../codec/times.ts";
import type { Disk } from "../disk/disk.ts";
import type { Head } from "../head/head.ts";
import { NO_SERIES, type RowTarget } from "../head/row-target.ts";
import { windowOf } from "../head/window.ts";
import type { TsdbProblem } from "../interface.ts";
import { defineSeries } from "../labels/series-codec.ts";
import { readHistogramChunks, readHistograms } from "./histogram-records.ts";
import { COLUMN_HAS_MARKERS, COLUMN_IS_AFTER_SAMPLE, markersFor } from "./payloads.ts";
import { KIND, scanRecords } from "./record.ts";
import { applyRemoval, readRemoval, readTombstone } from "./removal-records.ts";
import { readExemplars, readMetadata } from "./side-records.ts";

export interface ReplayResult {
  /** The number for the next segment: above every file found. */
  readonly nextSegment: number;
  readonly segments: ReadonlyArray<{ readonly segment: number; readonly bytes: number }>;
  readonly checkpointBytes: number;
}

/** The last row of a target as the segment's deltas have it. */
interface RowState {
  segment: number;
  timeMs: number;
  cells: Float64Array;
  bits: Uint32Array;
}

export class Replay {
  private readonly rows = new Map<number, RowState>();
  /** Ids of the log that stand for a series which already has another id. */
  private readonly aliases = new Map<number, number>();
  private segment = 0;

  constructor(
    private readonly head: Head,
    private readonly disk: Disk,
    private readonly folder: string,
    private readonly onProblem: (problem: TsdbProblem) => void,
  ) {}

  async run(): Promise<ReplayResult> {
    const names = await this.disk.list(this.folder);
    for (const name of names.filter((n) => n.endsWith(".tmp"))) await this.disk.remove(join(this.folder, name));
    const numbers = (suffix: string) =>
      names
        .filter((name) => name.endsWith(suffix) && /^\d{10}\./.test(name))
        .map((name) => Number(name.slice(0, 10)))
        .sort((a, b) => a - b);
    const checkpoints = numbers(".checkpoint");
    const all = numbers(".wal");
    const newest = checkpoints[checkpoints.length - 1] ?? 0;
    const checkpointBytes =
      newest > 0 ? await this.readCheckpoint(`${String(newest).padStart(10, "0")}.checkpoint`) : 0;
    const segments: { segment: number; bytes: number }[] = [];
    for (const segment of all) {
      const name = `${String(segment).padStart(10, "0")}.wal`;
      if (segment < newest) await this.disk.remove(join(this.folder, name));
      else segments.push({ segment, bytes: await this.readSegment(name, segment, segment === all[all.length - 1]) });
    }
    for (const old of checkpoints) {
      if (old < newest) await this.disk.remove(join(this.folder, `${String(old).padStart(10, "0")}.checkpoint`));
    }
    return { nextSegment: Math.max(newest, all[all.length - 1] ?? 0) + 1, segments, checkpointBytes };
  }

  /** Targets refer to series that the file defines later: definitions are read first. */
  private async readCheckpoint(name: string): Promise<number> {
    const data = await this.disk.read(join(this.folder, name));
    let ended = false;
    const later: (() => void)[] = [];
    // What the block store has defined is the same here: an id is used again only after it has gone from there.
    const known = (id: number) => this.head.index.has(id);
    const scanned = scanRecords(data, (kind, payload) => {
      if (kind === KIND.series) this.guard(name, () => this.readSeries(payload, known));
      else later.push(() => this.readCheckpointRecord(kind, payload));
      if (kind === KIND.end) ended = true;
    });
    if (scanned.fault !== "" || !ended) this.damaged(name, scanned.goodBytes, scanned.fault || "no end record");
    for (const read of later) this.guard(name, read);
    return data.length;
  }

  private readCheckpointRecord(kind: number, payload: ByteReader): void {
    if (kind === KIND.targetState) this.readTargetState(payload);
    else if (kind === KIND.rowChunk) this.readRowChunk(payload);
    else if (kind === KIND.genericChunks) this.readGeneric(payload);
    else if (kind === KIND.tombstone) this.head.tombstones.add(readTombstone(payload, this.seriesId));
    else if (kind === KIND.exemplars) readExemplars(payload, this.head.exemplars);
    else if (kind === KIND.metadata) readMetadata(payload, this.head.metadata);
    else if (kind === KIND.histogramChunks) readHistogramChunks(payload, this.head, this.seriesId);
    else if (kind === KIND.end) this.head.index.idLimit = Math.max(this.head.index.idLimit, payload.varint());
  }

  private async readSegment(name: string, segment: number, last: boolean): Promise<number> {
    const path = join(this.folder, name);
    const data = await this.disk.read(path);
    this.segment = segment;
    const result = scanRecords(data, (kind, payload) => this.guard(name, () => this.readRecord(kind, payload)));
    if (result.fault === "") return data.length;
    // A record cut off at the very end is what a kill leaves; the rest is damage.
    if (!last || !result.fault.endsWith("cut off")) this.damaged(name, result.goodBytes, result.fault);
    if (last) await this.disk.truncate(path, result.goodBytes);
    return result.goodBytes;
  }

  private readRecord(kind: number, payload: ByteReader): void {
    if (kind === KIND.row) this.readRow(payload);
    else if (kind === KIND.samples) this.readSamples(payload);
    else if (kind === KIND.series) this.readSeries(payload);
    else if (kind === KIND.columns) this.readColumns(payload);
    else if (kind === KIND.target) this.readTarget(payload);
    else if (kind === KIND.closeTarget) this.readClose(payload);
    else if (kind === KIND.targetState) this.readRolled(payload);
    else if (kind === KIND.exemplars) readExemplars(payload, this.head.exemplars);
    else if (kind === KIND.metadata) readMetadata(payload, this.head.metadata);
    else if (kind === KIND.removal) applyRemoval(this.head, readRemoval(payload, this.seriesId));
    else if (kind === KIND.bindColumn) this.readBinding(payload);
    else if (kind === KIND.histograms) readHistograms(payload, this.head, this.seriesId);
  }

  /** A record with a good checksum that says impossible things is skipped, and told. */
  private guard(name: string, read: () => void): void {
    try {
      read();
    } catch (error) {
      if (!(error instanceof FormatError)) throw error;
      this.onProblem({ kind: "corrupt-wal", message: `${name}: a record was skipped: ${error.message}` });
    }
  }

  private damaged(name: string, goodBytes: number, fault: string): void {
    this.onProblem({ kind: "corrupt-wal", message: `${name}: what follows byte ${goodBytes} was left out: ${fault}` });
  }

  private readSeries(payload: ByteReader, skip: (id: number) => boolean = () => false): void {
    defineSeries(payload, this.head.index, {
      skip,
      defined: (id) => this.aliases.delete(id),
      taken: (id, pairs) => this.redefine(id, pairs),
    });
  }

  private redefine(id: number, pairs: readonly string[]): void {
    const { index } = this.head;
    const known = index.findPairs(pairs);
    if (known >= 0) {
      this.aliases.set(id, known);
      return;
    }
    // The id was given out again after its first series had gone.
    index.remove([id]);
    index.define(id, pairs);
  }

  private readonly seriesId = (id: number): number => {
    const known = this.aliases.size > 0 ? (this.aliases.get(id) ?? id) : id;
    if (!this.head.index.has(known)) throw new FormatError(`series ${id} is not defined`);
    return known;
  };

  private readTarget(payload: ByteReader): void {
    const sourceId = payload.varint();
    const key = payload.text();
    if (!this.head.targets.has(sourceId)) this.head.addTarget(key, sourceId);
  }

  private readBinding(payload: ByteReader): void {
    const target = this.head.targets.get(payload.varint());
    const column = payload.varint();
    const id = this.seriesId(payload.varint());
    if (target && target.ids[column] === NO_SERIES) this.head.bindColumn(target, column, id);
  }

  /** Of a column: its series may have been erased. */
  private readonly columnSeriesId = (id: number): number => (id === NO_SERIES ? NO_SERIES : this.seriesId(id));

  private readIds(payload: ByteReader, visit: (id: number, i: number) => void): void {
    const count = payload.count();
    let id = 0;
    for (let i = 0; i < count; i++) {
      id += payload.zigzag();
      visit(id, i);
    }
  }

  private readColumns(payload: ByteReader): void {
    const target = this.head.targets.get(payload.varint());
    const first = payload.varint();
    if (!target) return;
    if (first > target.columns) throw new FormatError("columns are missing");
    this.readIds(payload, (id, i) => {
      if (first + i === target.columns) this.head.addColumn(target, this.columnSeriesId(id));
    });
    target.loggedColumns = target.columns;
  }

  private readRow(payload: ByteReader): void {
    const sourceId = payload.varint();
    const absolute = payload.u8() === 1;
    const timeMs = payload.varint();
    const columns = payload.varint();
    const target = this.head.targets.get(sourceId);
    if (!target || columns > target.columns) return;
    const state = this.rowState(target, absolute);
    // A record that stands there twice must not be added twice.
    if (!state || (!absolute && timeMs <= state.timeMs)) return;
    state.timeMs = timeMs;
    const good = decodeRow(payload.data, payload.at, payload.end, state.cells, state.bits, 0, columns);
    if (!good) {
      this.rows.delete(sourceId);
      throw new FormatError("a row does not decode");
    }
    if (timeMs <= target.lastTimeMs) return;
    if (!this.head.accepts(timeMs)) {
      target.restoreSkippedRow(state.cells, timeMs);
      return;
    }
    target.beginWith(state.cells, columns);
    this.head.commitRow(target, timeMs);
  }

  /** The cells of the target's row before, with markers in new columns; undefined when the log does not have it. */
  private rowState(target: RowTarget, absolute: boolean): RowState | undefined {
    let state = this.rows.get(target.sourceId);
    if (!absolute && state?.segment !== this.segment) return undefined;
    const capacity = state?.cells.length ?? 0;
    if (!state || capacity < target.columns) {
      const cells = new Float64Array(target.columns + (target.columns >>> 3));
      const bits = bitsOf(cells);
      bits.set(bitsOf(markersFor(cells.length)).subarray(0, bits.length));
      if (state) bits.set(state.bits);
      state = { segment: this.segment, timeMs: state?.timeMs ?? -1, cells, bits };
      this.rows.set(target.sourceId, state);
    }
    if (absolute) {
      state.segment = this.segment;
      state.bits.set(bitsOf(markersFor(state.cells.length)).subarray(0, state.bits.length));
    }
    return state;
  }

  private readSamples(payload: ByteReader): void {
    const count = payload.count(10);
    let id = 0;
    let timeMs = 0;
    for (let i = 0; i < count; i++) {
      id += payload.zigzag();
      timeMs += payload.zigzag();
      this.takeSample(this.seriesId(id), timeMs, payload);
    }
  }

  private takeSample(id: number, timeMs: number, payload: ByteReader): void {
    const at = payload.skip(8);
    if (!this.head.accepts(timeMs)) return;
    const stale = payload.data.readUInt32LE(at) === STALE_LOW && payload.data.readUInt32LE(at + 4) === STALE_HIGH;
    this.head.generic.restore(id, timeMs, stale ? 0 : payload.data.readDoubleLE(at), stale);
    this.head.sawSample(id, timeMs);
  }

  private readClose(payload: ByteReader): void {
    const target = this.head.targets.get(payload.varint());
    if (target) target.closed = true;
  }

  /** A target that began with the series of another one; the checkpoint may know it already. */
  private readRolled(payload: ByteReader): void {
    const start = payload.at;
    if (this.head.targets.has(payload.varint())) return;
    payload.at = start;
    this.readTargetState(payload);
  }

  private readTargetState(payload: ByteReader): void {
    const sourceId = payload.varint();
    const key = payload.text();
    const target = this.head.addTarget(key, sourceId);
    target.closed = payload.u8() === 1;
    const lastTimeMs = payload.varint() - 1;
    this.readIds(payload, (id) => this.head.addColumn(target, this.columnSeriesId(id)));
    target.loggedColumns = target.columns;
    const bitmap = payload.bytes((target.columns + 7) >>> 3);
    target.restoreLastRow((column) => (bitmap[column >>> 3] & (1 << (column & 7))) !== 0);
    target.lastTimeMs = lastTimeMs;
    this.head.maxTimeMs = Math.max(this.head.maxTimeMs, lastTimeMs);
  }

  private readRowChunk(payload: ByteReader): void {
    const target = this.head.targets.get(payload.varint());
    const rows = payload.varint();
    if (!target || rows < 1 || rows > 4096) throw new FormatError("a chunk without a target");
    const timesMs = new Float64Array(rows);
    decodeTimes(payload, rows, timesMs, 0);
    const columns = payload.count();
    if (columns > target.columns) throw new FormatError("columns are missing");
    const entries = new Uint32Array(columns);
    for (let column = 0; column < columns; column++) entries[column] = payload.varint();
    const data = Uint8Array.from(payload.bytes(payload.end - payload.at));
    // The window may have been sealed after this checkpoint.
    if (!this.head.accepts(timesMs[0])) return;
    this.head.addChunk(target, {
      window: windowOf(timesMs[0]),
      rows,
      timesMs,
      columns,
      data,
      ...chunkEnds(entries, data),
    });
  }

  private readGeneric(payload: ByteReader): void {
    const { generic } = this.head;
    const series = payload.count();
    for (let i = 0; i < series; i++) {
      const id = this.seriesId(payload.varint());
      for (let chunks = payload.count(); chunks > 0; chunks--) {
        const n = payload.varint();
        const minMs = payload.varint();
        const maxMs = minMs + payload.varint();
        const chunk = payload.bytes(payload.count());
        if (!this.head.accepts(minMs)) continue;
        generic.windowFor(windowOf(minMs)).addEncoded(id, n, minMs, maxMs, chunk);
        generic.restoreNewest(id, maxMs);
        this.head.sawSample(id, maxMs);
      }
      for (let open = payload.count(9); open > 0; open--) this.takeSample(id, payload.varint(), payload);
    }
  }
}

function chunkEnds(entries: Uint32Array, data: Uint8Array): { ends: Uint32Array } {
  let at = 0;
  const ends = new Uint32Array(entries.length);
  for (let column = 0; column < entries.length; column++) {
    at += entries[column] >>> 2;
    if (at > data.length) throw new FormatError("a column beyond its chunk");
    const flags =
      (entries[column] & COLUMN_HAS_MARKERS ? 0x80000000 : 0) |
      (entries[column] & COLUMN_IS_AFTER_SAMPLE ? 0x40000000 : 0);
    ends[column] = at | flags;
  }
  return { ends };
}
