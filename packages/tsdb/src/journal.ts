// What goes into the head goes into the WAL: this is the one place that does both.
import type { Labels, Sample, SeriesExemplar } from "@storewatch/model";
import { takeSample } from "./admission.ts";
import type { ChangeLog } from "./changes.ts";
import { isStorable } from "./codec/histogram.ts";
import { TIME_MS_LIMIT } from "./codec/times.ts";
import type { FamilyMetadata } from "./family-metadata.ts";
import type { Head } from "./head/head.ts";
import type { RowTarget } from "./head/row-target.ts";
import { windowOf } from "./head/window.ts";
import type { AppendResult, Arrival, ExemplarResult } from "./interface.ts";
import { encodeSeries } from "./labels/series-codec.ts";
import { putHistograms } from "./wal/histogram-records.ts";
import type { WriteAheadLog } from "./wal/log.ts";
import { putColumns, putRow, putSamples, putTarget, putTargetState } from "./wal/payloads.ts";
import { KIND } from "./wal/record.ts";
import { applyRemoval, putRemoval, type Removal } from "./wal/removal-records.ts";
import { EXEMPLARS_PER_RECORD, FAMILIES_PER_RECORD, putExemplars, putMetadata } from "./wal/side-records.ts";

/** Both inclusive, ms. */
export interface TimeBounds {
  readonly oldestMs: number;
  readonly newestMs: number;
  /** Older ones go to windows that are due for sealing: these are held open. */
  readonly lateBeforeMs: number;
  readonly monotonicMs: number;
}

/** Samples of one kind that were taken: places in what was given, and their series. */
class Taking {
  readonly places: number[] = [];
  readonly ids: number[] = [];

  add(place: number, id: number): void {
    this.places.push(place);
    this.ids.push(id);
  }
}

export class Journal {
  /** Series whose definitions the WAL does not have yet. */
  private newSeries: number[] = [];
  private readonly noteNew = (id: number) => {
    this.newSeries.push(id);
  };
  private readonly listeners = new Set<(arrival: Arrival) => void>();
  samplesAppended = 0;
  rowsRefused = 0;
  closed = false;

  constructor(
    private readonly head: Head,
    private readonly wal: WriteAheadLog,
    readonly changes: ChangeLog,
  ) {}

  internSeries(labels: Labels): number {
    return this.head.index.intern(labels, this.noteNew);
  }

  onArrival(listener: (arrival: Arrival) => void): () => void {
    this.listeners.add(listener);
    return () => {
      this.listeners.delete(listener);
    };
  }

  openTarget(key: string): RowTarget {
    const known = this.head.targetByKey(key);
    if (known && !known.closed) return known;
    const target = this.head.addTarget(key);
    this.wal.put(KIND.target, (out) => putTarget(out, target));
    return target;
  }

  /** The target goes on as a new one that has the series of the last row only. */
  rollTarget(target: RowTarget): RowTarget {
    // The log must have what the new one begins with.
    this.logSeries();
    const next = this.head.rollTarget(target);
    this.closeTarget(target);
    if (!this.closed) this.wal.put(KIND.targetState, (out) => putTargetState(out, next));
    return next;
  }

  closeTarget(target: RowTarget): void {
    if (!this.closed) this.wal.put(KIND.closeTarget, (out) => out.varint(target.sourceId));
  }

  /** False while nothing can be written and the queue is full: the row is counted as refused. */
  takesRows(): boolean {
    if (!this.closed && !this.wal.full) return true;
    this.rowsRefused++;
    return false;
  }

  /** Takes the target's open row in; the caller has checked its time. */
  commitRow(target: RowTarget, timeMs: number): void {
    const bound = target.erased.size > 0 ? this.reviveColumns(target) : [];
    this.logSeries();
    for (const column of bound) {
      this.wal.put(KIND.bindColumn, (out) => {
        for (const value of [target.sourceId, column, target.ids[column]]) out.varint(value);
      });
    }
    if (target.loggedColumns < target.columns) {
      const first = target.loggedColumns;
      this.wal.put(KIND.columns, (out) => putColumns(out, target, first));
      target.loggedColumns = target.columns;
    }
    // Each segment can be read without the ones before it: its first row of a target is absolute.
    const absolute = target.walSegment !== this.wal.segment;
    this.wal.put(KIND.row, (out) => {
      this.samplesAppended += putRow(out, target, timeMs, absolute);
    });
    target.walSegment = this.wal.segment;
    this.head.commitRow(target, timeMs);
    this.changes.note(timeMs);
    this.arrived(target.arrivalId, timeMs);
  }

  /** Erased columns that the open row has samples in become series again. Returns those that the log must know of. */
  private reviveColumns(target: RowTarget): number[] {
    const bound: number[] = [];
    for (const [column, labels] of target.erased) {
      if (!target.openIsSample(column)) continue;
      const id = this.internSeries(labels);
      if (this.head.columnOf(target, id) >= 0) continue;
      this.head.bindColumn(target, column, id);
      if (column < target.loggedColumns) bound.push(column);
    }
    return bound;
  }

  /** Hides samples, for good once the log is written. */
  async remove(removal: Removal): Promise<void> {
    if (this.closed) throw new Error("the store is closed");
    if (this.wal.full) throw new Error("the write-ahead log cannot be written, and its queue is full");
    this.logSeries();
    this.wal.put(KIND.removal, (out) => putRemoval(out, removal));
    applyRemoval(this.head, removal);
    this.changes.noteRange(removal.tombstone.fromMs, removal.toMs);
    await this.wal.flush();
  }

  async append(samples: readonly Sample[], times: TimeBounds): Promise<AppendResult> {
    if (this.closed) throw new Error("the store is closed");
    if (this.wal.full) throw new Error("the write-ahead log cannot be written, and its queue is full");
    const floats = new Taking();
    const histograms = new Taking();
    const result = { appended: 0, duplicates: 0, tooOld: 0, tooFarInFuture: 0, invalid: 0 };
    let newestMs = -1;
    for (let i = 0; i < samples.length; i++) {
      const sample = samples[i];
      const timeMs = Math.trunc(sample.timeMs);
      const refusal = this.refusal(sample, timeMs, times);
      if (refusal) {
        result[refusal]++;
        continue;
      }
      const id = this.internSeries(sample.labels);
      const taken = takeSample(this.head, id, timeMs, sample);
      if (taken === "duplicate") result.duplicates++;
      else if (taken === "too-old") result.tooOld++;
      else result.appended++;
      if (taken !== "appended") continue;
      (sample.histogram === undefined || sample.stale ? floats : histograms).add(i, id);
      this.head.sawSample(id, timeMs);
      this.changes.note(timeMs);
      if (timeMs > newestMs) newestMs = timeMs;
      if (timeMs < times.lateBeforeMs) this.head.lateWrites.note(windowOf(timeMs), times.monotonicMs);
    }
    this.samplesAppended += floats.ids.length + histograms.ids.length;
    this.logSeries();
    if (floats.ids.length > 0) {
      this.wal.put(KIND.samples, (out) => putSamples(out, samples, floats.places, floats.ids));
    }
    if (histograms.ids.length > 0) {
      this.wal.put(KIND.histograms, (out) => putHistograms(out, samples, histograms.places, histograms.ids));
    }
    if (newestMs >= 0) this.arrived(0, newestMs);
    // Also when all were duplicates: their first copy may still be in the queue.
    await this.wal.flush();
    return result;
  }

  appendExemplars(items: readonly SeriesExemplar[]): ExemplarResult {
    if (this.closed) throw new Error("the store is closed");
    const taken: SeriesExemplar[] = [];
    const result = { appended: 0, outOfOrder: 0, tooLong: 0 };
    for (const item of items) {
      const became = this.wal.full ? "out-of-order" : this.head.exemplars.append(item);
      if (became === "out-of-order") result.outOfOrder++;
      else if (became === "too-long") result.tooLong++;
      else result.appended++;
      if (became === "appended") taken.push(item);
    }
    for (let at = 0; at < taken.length; at += EXEMPLARS_PER_RECORD) {
      this.wal.put(KIND.exemplars, (out) => putExemplars(out, taken.slice(at, at + EXEMPLARS_PER_RECORD)));
    }
    return result;
  }

  putMetadata(entries: Iterable<FamilyMetadata>): void {
    if (this.closed || this.wal.full) return;
    const fresh: FamilyMetadata[] = [];
    for (const [family, told] of entries) {
      if (this.head.metadata.put(family, told)) fresh.push([family, this.head.metadata.all.get(family) ?? told]);
    }
    for (let at = 0; at < fresh.length; at += FAMILIES_PER_RECORD) {
      this.wal.put(KIND.metadata, (out) => putMetadata(out, fresh.slice(at, at + FAMILIES_PER_RECORD)));
    }
  }

  private refusal(
    { histogram }: Sample,
    timeMs: number,
    { oldestMs, newestMs }: TimeBounds,
  ): "tooOld" | "tooFarInFuture" | "invalid" | undefined {
    if (timeMs > newestMs || timeMs >= TIME_MS_LIMIT) return "tooFarInFuture";
    if (!(timeMs >= oldestMs) || timeMs < 0 || !this.head.accepts(timeMs)) return "tooOld";
    return histogram !== undefined && !isStorable(histogram) ? "invalid" : undefined;
  }

  private logSeries(): void {
    if (this.newSeries.length === 0) return;
    const ids = this.newSeries;
    this.newSeries = [];
    this.wal.put(KIND.series, (out) => encodeSeries(out, this.head.index, ids));
  }

  private arrived(sourceId: number, timeMs: number): void {
    for (const listener of this.listeners) listener({ sourceId, timeMs });
  }
}
