// Rows in memory for tests and benchmarks: the RowWriter contract without a disk.
import { bitsOf, type Labels, setStaleAt } from "@storewatch/model";
import type { RowWriter } from "@storewatch/tsdb";

export interface WrittenRow {
  readonly timeMs: number;
  /** Label sets in PromQL form; series without a sample are left out. */
  readonly values: ReadonlyMap<string, number>;
}

export class FakeRows implements RowWriter {
  readonly sourceId = 1;
  readonly epoch = 0;
  row = new Float64Array(16);
  base = 0;
  readonly rows: WrittenRow[] = [];
  closedAtMs: number | undefined;
  private readonly all: Labels[] = [];
  private readonly byKey = new Map<string, number>();
  private lastMs = Number.NEGATIVE_INFINITY;

  get columns(): number {
    return this.all.length;
  }

  labels(column: number): Labels {
    return this.all[column];
  }

  column(labels: Labels): number {
    const known = this.byKey.get(labels.key);
    if (known !== undefined) return known;
    const column = this.all.length;
    this.all.push(labels);
    this.byKey.set(labels.key, column);
    if (column >= this.row.length) {
      const wider = new Float64Array(this.row.length * 2);
      wider.set(this.row);
      this.row = wider;
    }
    setStaleAt(bitsOf(this.row), column);
    return column;
  }

  /** Keeps all columns. */
  compact(): void {}

  begin(): void {
    const bits = bitsOf(this.row);
    for (let i = 0; i < this.row.length; i++) setStaleAt(bits, i);
  }

  commit(timeMs: number): boolean {
    if (timeMs <= this.lastMs) return false;
    this.lastMs = timeMs;
    const bits = bitsOf(this.row);
    const values = new Map<string, number>();
    for (const [i, labels] of this.all.entries()) {
      const stale = bits[2 * i] === 2 && bits[2 * i + 1] === 0x7ff00000;
      if (!stale) values.set(labels.toString(), this.row[i]);
    }
    this.rows.push({ timeMs, values });
    return true;
  }

  close(timeMs: number): void {
    this.closedAtMs = timeMs;
  }

  /** The last row's value of a series named in PromQL form. */
  last(series: string): number | undefined {
    return this.rows.at(-1)?.values.get(series);
  }
}
