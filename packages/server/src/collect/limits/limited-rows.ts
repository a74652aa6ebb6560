// A scrape target's rows with its tenants' limits: series within them are cells of the store's row, those over them are
// cells of a row of our own, added up when the row is committed. A target without such series writes straight to the store.
//
//   our columns:  0 … identity − 1     the store's columns, same numbers
//                 identity …           `places`: the store's column (≥ 0), or −1 − number of the share
import { bitsOf, type Labels, STALE_HIGH, STALE_LOW, TENANT_LABEL } from "@storewatch/model";
import type { RowWriter } from "@storewatch/tsdb";
import { type RollupKind, rollupKind, rollupLabels, type TypeOf } from "./rollup.ts";
import type { Admission, TenantLimits } from "./tenant-limits.ts";

export interface LimitedRowsOptions {
  readonly rows: RowWriter;
  readonly limits: TenantLimits;
  /** Time between two rows, ms. */
  readonly intervalMs: number;
  readonly typeOf: TypeOf;
  /** The newest value of the series in the store, when it is younger than an hour. */
  readonly lastValue: (labels: Labels) => number | undefined;
}

/** A series that is not stored on its own. */
interface Share {
  readonly labels: Labels;
  /** Undefined: it is left out. */
  readonly sum: Sum | undefined;
  /** Of a counter, when it has been seen. */
  last: number;
  /** The row that had it last. */
  seenRow: number;
}

interface Sum {
  readonly labels: Labels;
  /** Undefined after columns were numbered anew, until a share asks. */
  column: number | undefined;
  readonly kind: Exclude<RollupKind, "none">;
  /** Of a counter: what all shares have added, from the first row on. */
  total: number;
  /** In the store before this process began; its first row must not fall below it, which would look like a reset. */
  before: number | undefined;
  value: number;
  present: number;
}

/** A target's scraped series keep where they come from. */
const KEPT = ["job", "instance"];
/** Different sums of one target: a metric name each, mostly. */
const SUMS_MAX = 1000;
/** A share that so many rows had not is forgotten when columns are numbered anew. */
const ABSENT_ROWS_MAX = 20;
/** Whether there is room again is asked so often, in rows. */
const ASK_AGAIN_ROWS = 16;
const MARKER = (BigInt(STALE_HIGH) << 32n) | BigInt(STALE_LOW);

export class LimitedRows implements RowWriter {
  private readonly inner: RowWriter;
  private readonly perSecond: number;
  /** Columns below it are the store's own; -1 while all are. */
  private identity = -1;
  private places = new Int32Array(0);
  private count = 0;
  private scratch = new Float64Array(0);
  private bits = bitsOf(this.scratch);
  private shares: Share[] = [];
  /** Shares that wait for their column, since columns were numbered anew. */
  private waiting = new Map<string, Share>();
  private rows = 0;
  private readonly shareColumns = new Map<string, number>();
  /** The store's column → ours, for those that came after the first share. */
  private readonly ours = new Map<number, number>();
  private readonly sums = new Map<string, Sum>();
  /** Admitted series by tenant: they stop counting when the target goes. */
  private readonly admitted = new Map<string, number>();
  private readonly known = new Set<number>();
  private rowsSinceAsked = 0;
  /** Of the limits, as of the last answers. */
  private answersOf: number;

  constructor(private readonly options: LimitedRowsOptions) {
    this.inner = options.rows;
    this.perSecond = 1000 / options.intervalMs;
    this.answersOf = options.limits.epoch;
  }

  get sourceId(): number {
    return this.inner.sourceId;
  }

  get columns(): number {
    return this.identity < 0 ? this.inner.columns : this.count;
  }

  get row(): Float64Array {
    return this.identity < 0 ? this.inner.row : this.scratch;
  }

  get base(): number {
    return this.identity < 0 ? this.inner.base : 0;
  }

  labels(column: number): Labels {
    if (this.identity < 0 || column < this.identity) return this.inner.labels(column);
    const place = this.places[column - this.identity];
    return place >= 0 ? this.inner.labels(place) : this.shares[-1 - place].labels;
  }

  column(labels: Labels): number {
    const share = this.shareColumns.size > 0 ? this.shareColumns.get(labels.key) : undefined;
    if (share !== undefined) return share;
    const admission = this.options.limits.admit(labels, this.perSecond);
    const waiting = this.waiting.get(labels.key);
    this.waiting.delete(labels.key);
    if (admission.kind === "admitted") return this.admittedColumn(labels);
    return this.addShare(labels, waiting ? this.withColumn(waiting) : this.shareOf(labels, admission));
  }

  get epoch(): number {
    return this.inner.epoch;
  }

  compact(): void {
    const { epoch } = this.inner;
    this.inner.compact();
    if (this.inner.epoch === epoch) return;
    // Every column is asked for anew, and counted then.
    this.forgetAdmitted();
    if (this.identity >= 0) this.forgetColumns();
  }

  /** Shares go on where they are, as long as they come; a shop that makes new ones with every scrape costs no more memory. */
  private forgetColumns(): void {
    const kept = [...this.shares, ...this.waiting.values()].filter(
      (share) => this.rows - share.seenRow <= ABSENT_ROWS_MAX,
    );
    this.waiting = new Map(kept.map((share) => [share.labels.key, share]));
    const inUse = new Set(kept.map((share) => share.sum));
    for (const [key, sum] of this.sums) {
      if (inUse.has(sum)) sum.column = undefined;
      else this.sums.delete(key);
    }
    this.identity = -1;
    this.count = 0;
    this.shares = [];
    this.shareColumns.clear();
    this.ours.clear();
    this.places = new Int32Array(0);
    this.scratch = new Float64Array(0);
    this.bits = bitsOf(this.scratch);
  }

  private withColumn(share: Share): Share {
    if (share.sum) share.sum.column ??= this.inner.column(share.sum.labels);
    return share;
  }

  begin(): void {
    this.inner.begin();
    if (this.identity >= 0) this.clear();
  }

  commit(timeMs: number): boolean {
    this.rows++;
    if (this.identity >= 0) {
      this.addUp();
      this.copy();
      this.askAgain();
    }
    return this.inner.commit(timeMs);
  }

  close(timeMs: number): void {
    this.forgetAdmitted();
    this.inner.close(timeMs);
  }

  private forgetAdmitted(): void {
    for (const [tenant, series] of this.admitted) this.options.limits.noteScraped(tenant, -series * this.perSecond);
    this.admitted.clear();
    this.known.clear();
  }

  private admittedColumn(labels: Labels): number {
    const column = this.inner.column(labels);
    this.noteAdmitted(column, labels);
    if (this.identity < 0 || column < this.identity) return column;
    const known = this.ours.get(column);
    if (known !== undefined) return known;
    const own = this.addPlace(column);
    this.ours.set(column, own);
    return own;
  }

  /** A column that is asked for again (a line that moved) was counted twice: it gives the second count back. */
  private noteAdmitted(column: number, labels: Labels): void {
    const tenant = labels.get(TENANT_LABEL);
    if (tenant === "" || !this.options.limits.limitsScrapes(tenant)) return;
    if (this.known.has(column)) this.options.limits.noteScraped(tenant, -this.perSecond);
    else {
      this.known.add(column);
      this.admitted.set(tenant, (this.admitted.get(tenant) ?? 0) + 1);
    }
  }

  private shareOf(labels: Labels, admission: Exclude<Admission, { kind: "admitted" }>): Share {
    const { limits, typeOf } = this.options;
    if (admission.kind === "refused") {
      limits.noteRefused(admission.limit, labels, 1, 0);
      return { labels, sum: undefined, last: Number.NaN, seenRow: this.rows };
    }
    const kind = rollupKind(labels, typeOf);
    const sum = kind === "none" ? undefined : this.sumFor(rollupLabels(labels, KEPT), kind);
    if (sum) limits.noteRolledUp(admission, labels);
    else limits.noteRefused(admission.limit, labels, 1, 0);
    return { labels, sum, last: Number.NaN, seenRow: this.rows };
  }

  private sumFor(labels: Labels, kind: Exclude<RollupKind, "none">): Sum | undefined {
    const known = this.sums.get(labels.key);
    if (known) {
      known.column ??= this.inner.column(labels);
      return known;
    }
    if (this.sums.size >= SUMS_MAX) return undefined;
    const before = kind === "counter" ? this.options.lastValue(labels) : undefined;
    const sum: Sum = { labels, column: this.inner.column(labels), kind, total: 0, before, value: 0, present: 0 };
    this.sums.set(labels.key, sum);
    return sum;
  }

  private addShare(labels: Labels, share: Share): number {
    if (this.identity < 0) this.separate();
    const column = this.addPlace(-1 - this.shares.length);
    this.shares.push(share);
    this.shareColumns.set(labels.key, column);
    return column;
  }

  /** From now on rows are ours; the one that is open is taken over. */
  private separate(): void {
    // The first sum has its column in the store already: below `identity`, and of no use to the parser.
    const columns = this.inner.columns;
    this.identity = columns;
    this.count = columns;
    this.scratch = new Float64Array(Math.max(64, columns + (columns >>> 1) + 64));
    this.bits = bitsOf(this.scratch);
    this.clear();
    this.scratch.set(this.inner.row.subarray(this.inner.base, this.inner.base + columns));
  }

  private addPlace(place: number): number {
    const column = this.count++;
    const at = column - this.identity;
    if (at >= this.places.length) {
      const wider = new Int32Array(Math.max(64, 2 * this.places.length));
      wider.set(this.places);
      this.places = wider;
    }
    this.places[at] = place;
    if (column >= this.scratch.length) {
      const { scratch } = this;
      this.scratch = new Float64Array(2 * scratch.length);
      this.bits = bitsOf(this.scratch);
      this.clear();
      this.scratch.set(scratch);
    }
    return column;
  }

  private clear(): void {
    const { buffer, byteOffset, length } = this.scratch;
    new BigUint64Array(buffer, byteOffset, length).fill(MARKER);
  }

  private isPresent(column: number): boolean {
    return this.bits[2 * column] !== STALE_LOW || this.bits[2 * column + 1] !== STALE_HIGH;
  }

  /** The row's values of what is rolled up, into the columns of their sums. */
  private addUp(): void {
    for (const sum of this.sums.values()) {
      sum.value = 0;
      sum.present = 0;
    }
    const { places, identity, shares, scratch } = this;
    for (let column = identity; column < this.count; column++) {
      const place = places[column - identity];
      if (place >= 0 || !this.isPresent(column)) continue;
      const share = shares[-1 - place];
      share.seenRow = this.rows;
      const value = scratch[column];
      if (!share.sum || Number.isNaN(value)) continue;
      share.sum.present++;
      if (share.sum.kind === "gauge") share.sum.value += value;
      else {
        // A smaller value: the counter began anew, and counted this much since. A first one: it began meanwhile.
        share.sum.total += value >= share.last ? value - share.last : value;
        share.last = value;
      }
    }
  }

  private copy(): void {
    const { inner, identity, places, scratch, bits } = this;
    inner.row.set(scratch.subarray(0, identity), inner.base);
    const { row, base } = inner;
    const rowBits = bitsOf(row);
    for (let column = identity; column < this.count; column++) {
      const place = places[column - identity];
      if (place < 0) continue;
      rowBits[2 * (base + place)] = bits[2 * column];
      rowBits[2 * (base + place) + 1] = bits[2 * column + 1];
    }
    for (const sum of this.sums.values()) {
      if (sum.present === 0 || sum.column === undefined) continue;
      if (sum.before !== undefined) {
        sum.total = Math.max(sum.total, sum.before);
        sum.before = undefined;
      }
      row[base + sum.column] = sum.kind === "gauge" ? sum.value : sum.total;
    }
  }

  /** Series go their own way when their tenant has room again, or another limit. */
  private askAgain(): void {
    const { limits } = this.options;
    if (++this.rowsSinceAsked >= ASK_AGAIN_ROWS) {
      this.rowsSinceAsked = 0;
      limits.refresh();
    }
    if (limits.epoch === this.answersOf) return;
    this.answersOf = limits.epoch;
    for (let column = this.identity; column < this.count; column++) {
      const place = this.places[column - this.identity];
      if (place >= 0) continue;
      const { labels } = this.shares[-1 - place];
      if (limits.admit(labels, this.perSecond).kind !== "admitted") continue;
      const own = this.inner.column(labels);
      this.noteAdmitted(own, labels);
      this.places[column - this.identity] = own;
      this.ours.set(own, column);
      this.shareColumns.delete(labels.key);
    }
  }
}
