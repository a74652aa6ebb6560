// What is in memory: the series index, the row targets and the generic path. Knows neither WAL nor disk.
import type { Labels } from "@storewatch/model";
import { METRIC_NAME } from "@storewatch/model";
import { ExemplarRing } from "../exemplars.ts";
import { MetadataTable } from "../family-metadata.ts";
import { SeriesMatcher } from "../labels/matching.ts";
import { postingsView } from "../labels/postings.ts";
import { SeriesIndex } from "../labels/series-index.ts";
import { GenericStore } from "./generic-store.ts";
import { GrowableUint32 } from "./growable.ts";
import { HistogramStore } from "./histogram-store.ts";
import { LateWrites } from "./late-writes.ts";
import { chunkColumnStart, chunkHasMarkers, NO_SERIES, OFFSET_MASK, type RowChunk, RowTarget } from "./row-target.ts";
import { type Tombstone, Tombstones } from "./tombstones.ts";
import { windowOf } from "./window.ts";

/** A series counts as active for this long after its last sample. */
export const ACTIVE_MS = 3_600_000;

/** What the names of a family's series may have behind the family's. */
const FAMILY_SUFFIXES = ["", "_total", "_bucket", "_sum", "_count", "_created", "_info"];

// A column reference is three words: source id, column, the series' next reference (+ 1).
const REF_WORDS = 3;

export class Head {
  readonly index = new SeriesIndex();
  readonly matcher = new SeriesMatcher(this.index);
  readonly targets = new Map<number, RowTarget>();
  private readonly byKey = new Map<string, RowTarget>();
  readonly generic: GenericStore;
  readonly histograms = new HistogramStore();
  readonly exemplars: ExemplarRing;
  readonly metadata = new MetadataTable();
  readonly tombstones = new Tombstones();
  /** Series id → its first column reference + 1. */
  private readonly firstRef = new GrowableUint32();
  private refs = new Uint32Array(256 * REF_WORDS);
  private refCount = 0;
  private readonly freeRefs: number[] = [];
  /** Series id → second of its last sample, as of the last encoded chunk or append. */
  private readonly lastSeenS = new GrowableUint32();
  /** Bit per series id: its definition is in the block store. */
  private readonly persisted = new GrowableUint32();
  private nextSourceId = 1;
  readonly lateWrites = new LateWrites();
  /** Samples before it are refused: their window is sealed or being sealed. */
  writableFromMs = 0;
  maxTimeMs = -1;

  /** `outOfOrderMs`: how much older than its series' newest one a sample with its own time may be. */
  constructor(
    readonly outOfOrderMs: number,
    exemplarsMax?: number,
  ) {
    this.exemplars = new ExemplarRing(exemplarsMax);
    this.generic = new GenericStore(outOfOrderMs);
  }

  targetByKey(key: string): RowTarget | undefined {
    return this.byKey.get(key);
  }

  /** A new target under this key; one that had the key keeps its data and loses the key. */
  addTarget(key: string, sourceId = this.nextSourceId): RowTarget {
    const target = new RowTarget(sourceId, key);
    this.nextSourceId = Math.max(this.nextSourceId, sourceId + 1);
    this.targets.set(sourceId, target);
    this.byKey.set(key, target);
    return target;
  }

  /** The column of the series in this target, or -1. */
  columnOf(target: RowTarget, id: number): number {
    for (let ref = this.firstRef.get(id); ref !== 0; ref = this.refs[(ref - 1) * REF_WORDS + 2]) {
      if (this.refs[(ref - 1) * REF_WORDS] === target.sourceId) return this.refs[(ref - 1) * REF_WORDS + 1];
    }
    return -1;
  }

  addColumn(target: RowTarget, id: number): number {
    const column = target.addColumn(id);
    if (id !== NO_SERIES) this.addRef(target, column, id);
    return column;
  }

  private addRef(target: RowTarget, column: number, id: number): void {
    const ref = this.freeRefs.pop() ?? this.refCount++;
    if ((ref + 1) * REF_WORDS > this.refs.length) {
      const grown = new Uint32Array(this.refs.length + (this.refs.length >>> 1));
      grown.set(this.refs);
      this.refs = grown;
    }
    // Behind the ones that exist: where two sources have a value for one time, the older source wins.
    const at = ref * REF_WORDS;
    this.refs[at] = target.sourceId;
    this.refs[at + 1] = column;
    this.refs[at + 2] = 0;
    let last = this.firstRef.get(id);
    if (last === 0) this.firstRef.set(id, ref + 1);
    else {
      while (this.refs[(last - 1) * REF_WORDS + 2] !== 0) last = this.refs[(last - 1) * REF_WORDS + 2];
      this.refs[(last - 1) * REF_WORDS + 2] = ref + 1;
    }
  }

  /** Gives an erased column to a series. */
  bindColumn(target: RowTarget, column: number, id: number): void {
    target.ids[column] = id;
    target.erased.delete(column);
    this.addRef(target, column, id);
  }

  /** What can be hidden of these series now: see Tombstone. */
  tombstoneOf(ids: readonly number[], fromMs: number, toMs: number, blockLimit: number): Tombstone {
    let newestRowMs = -1;
    for (const target of this.targets.values()) newestRowMs = Math.max(newestRowMs, target.lastTimeMs);
    return {
      ids: Uint32Array.from(ids).sort(),
      fromMs,
      blockToMs: Math.min(toMs, this.writableFromMs - 1),
      rowToMs: Math.min(toMs, newestRowMs),
      blockLimit,
    };
  }

  /** Hides samples of series in [fromMs, toMs]: what can be taken out of memory is, the tombstone hides the rest. */
  remove(tombstone: Tombstone, toMs: number): void {
    for (const id of tombstone.ids) {
      this.generic.remove(id, tombstone.fromMs, toMs);
      this.histograms.remove(id, tombstone.fromMs, toMs);
    }
    this.tombstones.add(tombstone);
  }

  /** Takes all samples of these series out of the rows. A writer that still has their columns may go on with them. */
  eraseRows(ids: ReadonlySet<number>): void {
    for (const target of this.targets.values()) {
      const columns = new Set<number>();
      for (let column = 0; column < target.columns; column++) {
        const id = target.ids[column];
        if (!ids.has(id)) continue;
        columns.add(column);
        if (target.owner) target.erased.set(column, this.index.labels(id));
        this.unlink(id, target.sourceId);
      }
      if (columns.size > 0) target.eraseColumns(columns);
    }
  }

  /** Calls for each target that has a column of the series. */
  forEachColumn(id: number, visit: (target: RowTarget, column: number) => void): void {
    for (let ref = this.firstRef.get(id); ref !== 0; ref = this.refs[(ref - 1) * REF_WORDS + 2]) {
      const target = this.targets.get(this.refs[(ref - 1) * REF_WORDS]);
      if (target) visit(target, this.refs[(ref - 1) * REF_WORDS + 1]);
    }
  }

  hasColumn(id: number): boolean {
    return this.firstRef.get(id) !== 0;
  }

  /** Have the encoded rows surely a sample of the series in the range? False says nothing. */
  hasRowSample(id: number, fromMs: number, toMs: number): boolean {
    let found = false;
    this.forEachColumn(id, (target, column) => {
      for (let i = target.chunks.length - 1; i >= 0 && !found; i--) {
        const chunk = target.chunks[i];
        if (column >= chunk.columns || (chunk.ends[column] & OFFSET_MASK) === chunkColumnStart(chunk, column)) continue;
        const first = chunk.timesMs[0];
        const last = chunk.timesMs[chunk.rows - 1];
        if (chunkHasMarkers(chunk, column)) found = first >= fromMs && last <= toMs;
        else found = (first >= fromMs && first <= toMs) || (last >= fromMs && last <= toMs);
      }
    });
    return found;
  }

  /** Is anything of the series in memory? */
  holds(id: number): boolean {
    return this.hasColumn(id) || this.generic.hasData(id) || this.histograms.hasData(id);
  }

  isPersisted(id: number): boolean {
    return (this.persisted.get(id >>> 5) & (1 << (id & 31))) !== 0;
  }

  setPersisted(id: number, is: boolean): void {
    const word = this.persisted.get(id >>> 5);
    this.persisted.set(id >>> 5, is ? word | (1 << (id & 31)) : word & ~(1 << (id & 31)));
  }

  /** Must a checkpoint define the series? What is sealed and idle is known from the block store. */
  needsDefinition(id: number): boolean {
    return this.index.has(id) && (!this.isPersisted(id) || this.holds(id));
  }

  /** Forgets metadata of metric families of which there is no series. */
  forgetUnusedMetadata(): void {
    const names = this.index.table(METRIC_NAME);
    this.metadata.removeWhere((family) => FAMILY_SUFFIXES.every((suffix) => (names?.find(family + suffix) ?? -1) < 0));
  }

  removeTarget(target: RowTarget): void {
    for (let column = 0; column < target.columns; column++) this.unlink(target.ids[column], target.sourceId);
    this.targets.delete(target.sourceId);
    if (this.byKey.get(target.key) === target) this.byKey.delete(target.key);
  }

  /** Ends the target and begins another under its key, with the columns that had a sample in the last row. */
  rollTarget(target: RowTarget): RowTarget {
    this.cut(target);
    const next = this.addTarget(target.key);
    for (let column = 0; column < target.columns; column++) {
      if (target.lastIsSample(column)) this.addColumn(next, target.ids[column]);
    }
    next.restoreLastRow(() => true);
    next.lastTimeMs = target.lastTimeMs;
    next.loggedColumns = next.columns;
    next.arrivalId = target.arrivalId;
    next.owner = target.owner;
    target.owner = undefined;
    target.closed = true;
    target.shrink();
    return next;
  }

  private unlink(id: number, sourceId: number): void {
    let before = 0;
    for (let ref = this.firstRef.get(id); ref !== 0; ref = this.refs[(ref - 1) * REF_WORDS + 2]) {
      const next = this.refs[(ref - 1) * REF_WORDS + 2];
      if (this.refs[(ref - 1) * REF_WORDS] !== sourceId) {
        before = ref;
        continue;
      }
      if (before === 0) this.firstRef.set(id, next);
      else this.refs[(before - 1) * REF_WORDS + 2] = next;
      this.freeRefs.push(ref - 1);
      return;
    }
  }

  /** Encodes the target's open rows, noting when its series were seen last. */
  cut(target: RowTarget): void {
    if (target.k === 0) return;
    target.cut();
    this.noteSeen(target, target.chunks[target.chunks.length - 1]);
  }

  /** Takes a chunk from a checkpoint. */
  addChunk(target: RowTarget, chunk: RowChunk): void {
    target.chunks.push(chunk);
    this.noteSeen(target, chunk);
  }

  private noteSeen(target: RowTarget, chunk: RowChunk): void {
    const second = Math.floor(chunk.timesMs[chunk.rows - 1] / 1000);
    for (let column = 0; column < chunk.columns; column++) {
      if ((chunk.ends[column] & OFFSET_MASK) !== chunkColumnStart(chunk, column)) {
        this.lastSeenS.set(target.ids[column], second);
      }
    }
  }

  sawSample(id: number, timeMs: number): void {
    const second = Math.floor(timeMs / 1000);
    if (second > this.lastSeenS.get(id)) this.lastSeenS.set(id, second);
    if (timeMs > this.maxTimeMs) this.maxTimeMs = timeMs;
  }

  /** The number of series with a sample since `sinceMs`. */
  activeSeries(sinceMs: number): number {
    for (const target of this.targets.values()) {
      if (target.lastTimeMs < sinceMs) continue;
      const second = Math.floor(target.lastTimeMs / 1000);
      for (let column = 0; column < target.columns; column++) {
        if (target.lastIsSample(column)) this.lastSeenS.set(target.ids[column], second);
      }
    }
    const since = Math.floor(Math.max(0, sinceMs) / 1000);
    const { words } = this.lastSeenS;
    let active = 0;
    for (let id = 0; id < this.index.idLimit && id < words.length; id++)
      if (words[id] !== 0 && words[id] >= since) active++;
    return active;
  }

  /** The number of series with a sample since `sinceMs`, by the value of a label; series without it are left out. */
  activeByValue(name: string, sinceMs: number): Map<string, number> {
    // This brings the times of open rows up to date.
    this.activeSeries(sinceMs);
    const found = new Map<string, number>();
    const table = this.index.table(name);
    if (!table) return found;
    for (let ordinal = 0; ordinal < table.ordinalLimit; ordinal++) {
      let active = 0;
      for (const id of postingsView(table.postings[ordinal])) if (this.seenSince(id, sinceMs)) active++;
      if (active > 0) found.set(table.values[ordinal], active);
    }
    return found;
  }

  /** Whether the series is written to: it has a column, or had a sample since `sinceMs`. */
  isActive(labels: Labels, sinceMs: number): boolean {
    const id = this.index.find(labels);
    return id >= 0 && (this.hasColumn(id) || this.seenSince(id, sinceMs));
  }

  private seenSince(id: number, sinceMs: number): boolean {
    const second = this.lastSeenS.get(id);
    return second !== 0 && second >= Math.floor(Math.max(0, sinceMs) / 1000);
  }

  /** The oldest window with data in memory, or Infinity. */
  get oldestWindow(): number {
    let oldest = Math.min(this.generic.oldestWindow, this.histograms.oldestWindow);
    for (const target of this.targets.values()) {
      if (target.chunks.length > 0) oldest = Math.min(oldest, target.chunks[0].window);
      else if (target.k > 0) oldest = Math.min(oldest, target.openWindow);
    }
    return oldest;
  }

  /** The oldest sample in memory, ms, or Infinity. */
  get minTimeMs(): number {
    let oldest = Math.min(this.generic.minTimeMs, this.histograms.minTimeMs);
    for (const target of this.targets.values()) {
      if (target.chunks.length > 0) oldest = Math.min(oldest, target.chunks[0].timesMs[0]);
      else if (target.k > 0) oldest = Math.min(oldest, target.timesMs[0]);
    }
    return oldest;
  }

  /** Makes the window's data immutable: open rows and buffers that belong to it are encoded. */
  async closeWindow(window: number, pause: () => Promise<void>): Promise<void> {
    for (const target of [...this.targets.values()]) {
      if (target.k === 0 || target.openWindow > window) continue;
      this.cut(target);
      await pause();
    }
    this.generic.flushThrough(window);
  }

  /** Frees what lies in windows up to this one; they are sealed. */
  dropThrough(window: number, idleSinceMs: number): void {
    for (const target of this.targets.values()) {
      target.chunks = target.chunks.filter((chunk) => chunk.window > window);
      if (target.owner || target.k > 0 || target.chunks.length > 0) continue;
      if (target.closed || target.lastTimeMs < idleSinceMs) this.removeTarget(target);
      else target.shrink();
    }
    this.generic.dropThrough(window, idleSinceMs);
    this.lateWrites.forgetThrough(window);
    this.histograms.dropThrough(window, idleSinceMs);
  }

  /** Forgets series that have no data anywhere. */
  removeSeries(ids: readonly number[]): void {
    this.index.remove(ids);
    for (const id of ids) {
      this.histograms.forget(id);
      this.generic.forget(id);
      this.lastSeenS.set(id, 0);
      this.setPersisted(id, false);
    }
  }

  /** May a sample of this time be taken? */
  accepts(timeMs: number): boolean {
    return timeMs >= this.writableFromMs;
  }

  /** Takes the target's open row in. Encodes the block before when the row begins another window, after when full. */
  commitRow(target: RowTarget, timeMs: number): void {
    if (target.k > 0 && target.openWindow !== windowOf(timeMs)) this.cut(target);
    target.commit(timeMs);
    if (timeMs > this.maxTimeMs) this.maxTimeMs = timeMs;
    if (target.full) this.cut(target);
  }
}
