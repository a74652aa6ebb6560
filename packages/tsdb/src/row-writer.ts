import { Labels } from "@storewatch/model";
import { TIME_MS_LIMIT } from "./codec/times.ts";
import type { Head } from "./head/head.ts";
import { NO_SERIES, type RowTarget } from "./head/row-target.ts";
import type { RowWriter } from "./interface.ts";
import type { Journal } from "./journal.ts";

/** The writer of one scrape target. When the same key is opened again, the writer before loses its rights. */
export class TargetWriter implements RowWriter {
  readonly sourceId: number;
  epoch = 0;

  constructor(
    private readonly head: Head,
    private readonly journal: Journal,
    private target: RowTarget,
  ) {
    target.owner = this;
    target.rowOpen = false;
    target.erased.clear();
    target.arrivalId = target.sourceId;
    this.sourceId = target.sourceId;
  }

  get columns(): number {
    return this.target.columns;
  }

  get row(): Float64Array {
    return this.target.rows;
  }

  get base(): number {
    return this.target.base;
  }

  labels(column: number): Labels {
    if (!(column >= 0 && column < this.target.columns)) throw new RangeError(`no column ${column}`);
    const { ids, erased } = this.target;
    return ids[column] === NO_SERIES ? (erased.get(column) ?? Labels.empty) : this.head.index.labels(ids[column]);
  }

  column(labels: Labels): number {
    const id = this.journal.internSeries(labels);
    const known = this.head.columnOf(this.target, id);
    return known >= 0 ? known : this.head.addColumn(this.target, id);
  }

  begin(): void {
    this.target.begin();
  }

  commit(timeMs: number): boolean {
    const { target } = this;
    const time = Math.trunc(timeMs);
    const fits = time > target.lastTimeMs && time < TIME_MS_LIMIT && this.head.accepts(time);
    if (!target.rowOpen || target.owner !== this || !fits || !this.journal.takesRows()) {
      if (target.owner === this) target.rowOpen = false;
      return false;
    }
    this.journal.commitRow(target, time);
    return true;
  }

  compact(): void {
    const { target } = this;
    if (target.owner !== this || target.rowOpen || target.lastTimeMs < 0) return;
    this.target = this.journal.rollTarget(target);
    this.epoch++;
  }

  close(timeMs: number): void {
    const { target } = this;
    if (target.owner !== this) return;
    if (target.lastTimeMs >= 0) {
      this.begin();
      this.commit(Math.max(timeMs, target.lastTimeMs + 1));
    }
    target.rowOpen = false;
    target.owner = undefined;
    target.closed = true;
    this.journal.closeTarget(target);
  }
}
