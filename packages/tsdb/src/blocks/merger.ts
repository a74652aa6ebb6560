// Several blocks put together to one, or one written anew without what was deleted of it.
import { ByteWriter, FormatError } from "../codec/bytes.ts";
import { placeOf, type SinkPlace, type Tombstones } from "../head/tombstones.ts";
import type { TsdbProblem } from "../interface.ts";
import { Bitmap } from "../labels/postings.ts";
import { sortTail } from "../read/gather.ts";
import { SampleSink } from "../read/sample-sink.ts";
import {
  type BlockSpan,
  type BlockStore,
  type BlockSummary,
  type BlockTotals,
  SERIES_PER_GROUP,
} from "./block-store.ts";
import { Group, GroupEncoder, HISTOGRAM_PLACE } from "./group-codec.ts";

/** 128 series of 480 samples are about 5 ms of decoding, encoding and compressing. */
const GROUPS_PER_SLICE = 8;

interface GroupPart {
  readonly block: BlockSummary;
  readonly part: Group;
}

export function leftOut(block: number, group: number, error: Error): TsdbProblem {
  return { kind: "corrupt-block", message: `block ${block}, group ${group} was left out: ${error.message}` };
}

/** Puts the samples of several blocks together, group by group. */
export class Merger {
  readonly groups: readonly number[];
  readonly present: Bitmap;
  readonly totals: BlockTotals = { minTimeMs: Infinity, maxTimeMs: -Infinity, samples: 0 };
  private readonly encoder = new GroupEncoder();
  private readonly out = new ByteWriter(65_536);
  private readonly sink = new SampleSink(2 ** 14);
  /** Samples that were left out because they are deleted. */
  removed = 0;

  constructor(
    private readonly store: BlockStore,
    private readonly blocks: readonly BlockSummary[],
    private readonly tombstones: Tombstones,
    private readonly onProblem: (problem: TsdbProblem) => void,
  ) {
    const groups = new Set<number>();
    let idLimit = 0;
    for (const { block, minTimeMs, maxTimeMs, samples } of blocks) {
      for (const group of store.groupsOf(block)) groups.add(group);
      idLimit = Math.max(idLimit, store.readSeriesOf(block)?.idLimit ?? 0);
      this.totals.minTimeMs = Math.min(this.totals.minTimeMs, minTimeMs);
      this.totals.maxTimeMs = Math.max(this.totals.maxTimeMs, maxTimeMs);
      this.totals.samples += samples;
    }
    this.groups = [...groups].sort((a, b) => a - b);
    this.present = new Bitmap(idLimit);
  }

  /**
   * Writes the merged block in the place of those it is made of. Returns it, unless nothing is left or one of them has gone
   * meanwhile: then nothing was done. `keepsDamaged`: nor when one of them turns out to be damaged.
   */
  async write(span: BlockSpan, pause: () => Promise<void>, keepsDamaged = false): Promise<BlockSummary | undefined> {
    const writer = await this.store.create(span);
    try {
      let written = 0;
      for (let i = 0; i < this.groups.length; i++) {
        const bytes = this.encode(this.groups[i]);
        if (bytes) await writer.add(this.groups[i], bytes);
        if (bytes) written++;
        if (i % GROUPS_PER_SLICE === GROUPS_PER_SLICE - 1) await pause();
      }
      if (keepsDamaged && this.blocks.some(({ block: number }) => this.store.isDamaged(number))) {
        await writer.abandon();
        return undefined;
      }
      const block = written > 0 ? await writer.finish(this.present, this.totals) : undefined;
      const add = block ? [block] : [];
      const isDone = await this.store.commit({ add, remove: this.blocks.map(({ block: number }) => number) });
      if (isDone && block) return block;
      await writer.abandon();
      return undefined;
    } catch (error) {
      await writer.abandon();
      throw error;
    }
  }

  private mergeHistograms(group: number, place: number, parts: readonly GroupPart[]): void {
    const { sink } = this;
    const id = group * SERIES_PER_GROUP + place;
    for (const { block, part } of parts) {
      const from = placeOf(sink);
      this.guarded(block.block, group, () => part.readHistograms(place, 0, Number.MAX_SAFE_INTEGER, sink));
      this.hide(id, from, block);
    }
    const run = sink.histograms?.sort();
    if (!run || run.length === 0) return;
    this.present.add(group * SERIES_PER_GROUP + place);
    this.encoder.addHistograms(place, run);
  }

  /** A view, valid until the next call; undefined when no block has the group in a readable form. */
  encode(group: number): Uint8Array | undefined {
    const parts: GroupPart[] = [];
    for (const block of this.blocks) {
      const data = this.store.readGroup(block.block, group);
      if (data) this.guarded(block.block, group, () => parts.push({ block, part: new Group(data) }));
    }
    const places = new Set(parts.flatMap(({ part }) => part.places));
    for (const place of [...places].sort((a, b) => a - b)) {
      const { sink } = this;
      sink.reset();
      if (place >= HISTOGRAM_PLACE) {
        this.mergeHistograms(group, place - HISTOGRAM_PLACE, parts);
        continue;
      }
      for (const { block, part } of parts) {
        const from = placeOf(sink);
        if (!this.guarded(block.block, group, () => part.read(place, 0, Number.MAX_SAFE_INTEGER, sink)))
          sink.length = from.samples;
        this.hide(group * SERIES_PER_GROUP + (place % SERIES_PER_GROUP), from, block);
      }
      if (sink.length === 0) continue;
      // Blocks may lie over each other: see backfill.ts.
      if (parts.length > 1) sortTail(sink, 0);
      this.present.add(group * SERIES_PER_GROUP + (place % SERIES_PER_GROUP));
      this.encoder.add(
        place,
        sink.times.subarray(0, sink.length),
        sink.values.subarray(0, sink.length),
        sink.bits.subarray(0, 2 * sink.length),
      );
    }
    if (this.encoder.empty) return undefined;
    this.out.clear();
    this.encoder.finish(this.out);
    return this.out.view();
  }

  private hide(id: number, from: SinkPlace, block: BlockSummary): void {
    if (!this.tombstones.has(id)) return;
    const gone = this.tombstones.hideBlock(id, this.sink, from, block);
    this.removed += gone;
    // What an interval stands for is not known here.
    if (block.resolutionMs === 0) this.totals.samples -= gone;
  }

  private guarded(block: number, group: number, step: () => void): boolean {
    try {
      step();
      return true;
    } catch (error) {
      if (!(error instanceof FormatError)) throw error;
      this.onProblem(leftOut(block, group, error));
      return false;
    }
  }
}
