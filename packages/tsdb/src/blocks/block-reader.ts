import { FormatError } from "../codec/bytes.ts";
import { placeOf, SINK_START, Tombstones } from "../head/tombstones.ts";
import type { TsdbProblem } from "../interface.ts";
import { sortTail } from "../read/gather.ts";
import { SampleSink } from "../read/sample-sink.ts";
import type { WeightedSink } from "../read/weighted-sink.ts";
import { type BlockStore, SERIES_PER_GROUP } from "./block-store.ts";
import { type BlockPart, chooseBlocks } from "./choose.ts";
import { Group } from "./group-codec.ts";
import { type IntervalColumn, IntervalReader } from "./intervals.ts";

/** Reads sealed blocks for one select: keeps the last group of each block, since neighbours follow each other. */
export class BlockReader {
  private readonly blocks: readonly BlockPart[];
  /** Some of the blocks hold intervals. */
  readonly hasIntervals: boolean;
  private readonly groupOf: number[];
  private readonly groups: (Group | undefined)[];
  private readonly intervals = new IntervalReader(() => new SampleSink(256));

  constructor(
    private readonly store: BlockStore,
    fromMs: number,
    toMs: number,
    private readonly onProblem: (problem: TsdbProblem) => void,
    resolutionMs = 0,
    private readonly tombstones = new Tombstones(),
  ) {
    this.blocks = chooseBlocks(store.blocks, fromMs, toMs, resolutionMs);
    this.hasIntervals = this.blocks.some((part) => part.resolutionMs > 0);
    this.groupOf = this.blocks.map(() => -1);
    this.groups = this.blocks.map(() => undefined);
  }

  get empty(): boolean {
    return this.blocks.length === 0;
  }

  read(id: number, fromMs: number, toMs: number, sink: SampleSink): void {
    let sorted = true;
    for (let i = 0; i < this.blocks.length; i++) {
      const had = sink.length - sink.start;
      const group = this.groupAt(i, Math.floor(id / SERIES_PER_GROUP));
      if (!group) continue;
      try {
        const part = this.blocks[i];
        const place = placeOf(sink);
        const [from, to] = [Math.max(fromMs, part.fromMs), Math.min(toMs, part.toMs)];
        group.read(id % SERIES_PER_GROUP, from, to, sink);
        group.readHistograms(id % SERIES_PER_GROUP, from, to, sink);
        if (this.tombstones.has(id)) this.tombstones.hideBlock(id, sink, place, part);
      } catch (error) {
        this.damaged(this.blocks[i].block, error);
        sink.length = sink.start + had;
      }
      // Blocks may lie over each other: see backfill.ts. A page may have been turned: `start` moves with the samples.
      const at = sink.start + had;
      if (had > 0 && sink.length > at && sink.times[at] <= sink.times[at - 1]) sorted = false;
    }
    if (!sorted) sortTail(sink, sink.start);
  }

  hasHistograms(id: number): boolean {
    for (let i = 0; i < this.blocks.length; i++) {
      if (this.groupAt(i, Math.floor(id / SERIES_PER_GROUP))?.holdsHistograms(id % SERIES_PER_GROUP)) return true;
    }
    return false;
  }

  /** As read, of blocks of intervals the column. Not for series of which something was deleted. */
  readWeighted(id: number, fromMs: number, toMs: number, column: IntervalColumn | "kept", out: WeightedSink): void {
    const place = id % SERIES_PER_GROUP;
    for (let i = 0; i < this.blocks.length; i++) {
      const group = this.groupAt(i, Math.floor(id / SERIES_PER_GROUP));
      if (!group) continue;
      const part = this.blocks[i];
      const from = Math.max(fromMs, part.fromMs);
      const to = Math.min(toMs, part.toMs);
      const had = out.samples.length;
      try {
        if (part.resolutionMs > 0) {
          const readColumn = (which: number, sink: SampleSink) =>
            group.read(which * SERIES_PER_GROUP + place, 0, Number.MAX_SAFE_INTEGER, sink);
          this.intervals.read(column, from, to, readColumn, out);
        } else {
          group.read(place, from, to, out.samples);
          out.addedDirectly(had);
        }
      } catch (error) {
        this.damaged(part.block, error);
        out.samples.length = had;
      }
    }
  }

  /** Has a block samples of the series in the range? Exact at the range's edges too. */
  has(id: number, fromMs: number, toMs: number, sink: SampleSink): boolean {
    for (let i = this.blocks.length - 1; i >= 0; i--) {
      const part = this.blocks[i];
      const { block } = part;
      const series = this.store.readSeriesOf(block);
      if (series && !series.has(id)) continue;
      if (series && part.isWhole && !this.tombstones.has(id) && part.fromMs >= fromMs && part.toMs <= toMs) return true;
      sink.reset();
      try {
        const group = this.groupAt(i, Math.floor(id / SERIES_PER_GROUP));
        const [from, to] = [Math.max(fromMs, part.fromMs), Math.min(toMs, part.toMs)];
        group?.read(id % SERIES_PER_GROUP, from, to, sink);
        group?.readHistograms(id % SERIES_PER_GROUP, from, to, sink);
        if (this.tombstones.has(id)) this.tombstones.hideBlock(id, sink, SINK_START, part);
      } catch (error) {
        this.damaged(block, error);
        sink.reset();
      }
      if (sink.length > 0 || (sink.histograms?.length ?? 0) > 0) return true;
    }
    return false;
  }

  private groupAt(i: number, group: number): Group | undefined {
    if (this.groupOf[i] === group) return this.groups[i];
    this.groupOf[i] = group;
    this.groups[i] = undefined;
    const data = this.store.readGroup(this.blocks[i].block, group);
    if (!data) return undefined;
    try {
      this.groups[i] = new Group(data);
    } catch (error) {
      this.damaged(this.blocks[i].block, error);
    }
    return this.groups[i];
  }

  private damaged(block: number, error: unknown): void {
    if (!(error instanceof FormatError)) throw error;
    this.onProblem({ kind: "corrupt-block", message: `block ${block}: a group was left out: ${error.message}` });
  }
}
