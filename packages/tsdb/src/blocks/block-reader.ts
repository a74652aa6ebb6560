import { FormatError } from "../codec/bytes.ts";
import { windowEndMs, windowStartMs } from "../head/window.ts";
import type { TsdbProblem } from "../interface.ts";
import type { SampleSink } from "../read/sample-sink.ts";
import { type BlockStore, SERIES_PER_GROUP } from "./block-store.ts";
import { Group } from "./group-codec.ts";

/** Reads sealed blocks for one select: keeps the last group of each block, since neighbours follow each other. */
export class BlockReader {
  private readonly blocks: readonly number[];
  private readonly groupOf: number[];
  private readonly groups: (Group | undefined)[];

  constructor(
    private readonly store: BlockStore,
    fromMs: number,
    toMs: number,
    private readonly onProblem: (problem: TsdbProblem) => void,
  ) {
    this.blocks = store.blocks
      .filter((block) => block.minTimeMs <= toMs && block.maxTimeMs >= fromMs)
      .map(({ block }) => block);
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
        group.read(id % SERIES_PER_GROUP, fromMs, toMs, sink);
      } catch (error) {
        this.damaged(this.blocks[i], error);
        sink.length = sink.start + had;
      }
    }
  }

  /** Has a block samples of the series in the range? Exact at the range's edges too. */
  has(id: number, fromMs: number, toMs: number, sink: SampleSink): boolean {
    for (let i = this.blocks.length - 1; i >= 0; i--) {
      const block = this.blocks[i];
      const series = this.store.readSeriesOf(block);
      if (series && !series.has(id)) continue;
      if (series && windowStartMs(block) >= fromMs && windowEndMs(block) - 1 <= toMs) return true;
      sink.reset();
      try {
        this.groupAt(i, Math.floor(id / SERIES_PER_GROUP))?.read(id % SERIES_PER_GROUP, fromMs, toMs, sink);
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
    const data = this.store.readGroup(this.blocks[i], group);
    if (!data) return undefined;
    try {
      this.groups[i] = new Group(data);
    } catch (error) {
      this.damaged(this.blocks[i], error);
    }
    return this.groups[i];
  }

  private damaged(block: number, error: unknown): void {
    if (!(error instanceof FormatError)) throw error;
    this.onProblem({ kind: "corrupt-block", message: `block ${block}: a group was left out: ${error.message}` });
  }
}
