import { FormatError } from "../codec/bytes.ts";
import type { TsdbProblem } from "../interface.ts";
import type { SampleSink } from "../read/sample-sink.ts";
import { type BlockStore, SERIES_PER_GROUP } from "./block-store.ts";
import { type BlockPart, chooseBlocks } from "./choose.ts";
import { Group } from "./group-codec.ts";

/** Reads sealed blocks for one select: keeps the last group of each block, since neighbours follow each other. */
export class BlockReader {
  private readonly blocks: readonly BlockPart[];
  private readonly groupOf: number[];
  private readonly groups: (Group | undefined)[];

  constructor(
    private readonly store: BlockStore,
    fromMs: number,
    toMs: number,
    private readonly onProblem: (problem: TsdbProblem) => void,
  ) {
    this.blocks = chooseBlocks(store.blocks, fromMs, toMs, 0);
    this.groupOf = this.blocks.map(() => -1);
    this.groups = this.blocks.map(() => undefined);
  }

  get empty(): boolean {
    return this.blocks.length === 0;
  }

  read(id: number, fromMs: number, toMs: number, sink: SampleSink): void {
    for (let i = 0; i < this.blocks.length; i++) {
      const had = sink.length - sink.start;
      const group = this.groupAt(i, Math.floor(id / SERIES_PER_GROUP));
      if (!group) continue;
      try {
        const part = this.blocks[i];
        group.read(id % SERIES_PER_GROUP, Math.max(fromMs, part.fromMs), Math.min(toMs, part.toMs), sink);
      } catch (error) {
        this.damaged(this.blocks[i].block, error);
        sink.length = sink.start + had;
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
      if (series && part.isWhole && part.fromMs >= fromMs && part.toMs <= toMs) return true;
      sink.reset();
      try {
        const group = this.groupAt(i, Math.floor(id / SERIES_PER_GROUP));
        group?.read(id % SERIES_PER_GROUP, Math.max(fromMs, part.fromMs), Math.min(toMs, part.toMs), sink);
      } catch (error) {
        this.damaged(block, error);
        sink.reset();
      }
      if (sink.length > 0) return true;
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
