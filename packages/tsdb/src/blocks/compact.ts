// What is done with sealed blocks in the background: neighbours are merged to longer blocks, re-encoded and compressed.
import type { Clock } from "@storewatch/model";
import { ByteWriter, FormatError } from "../codec/bytes.ts";
import type { Head } from "../head/head.ts";
import { SINK_START, type Tombstones } from "../head/tombstones.ts";
import { WINDOW_MS } from "../head/window.ts";
import type { TsdbProblem } from "../interface.ts";
import { Bitmap } from "../labels/postings.ts";
import { Pacer, Stopped } from "../pacer.ts";
import { SampleSink } from "../read/sample-sink.ts";
import { FIVE_MINUTES_MS, HOUR_MS, type RetentionPolicy } from "../retention.ts";
import type { BlockSpan, BlockStore, BlockSummary, BlockWriter } from "./block-store.ts";
import { SERIES_PER_GROUP } from "./block-store.ts";
import { cleanBlocks } from "./clean.ts";
import { Group, GroupEncoder } from "./group-codec.ts";
import { IntervalWriter, keptHistograms } from "./intervals.ts";
import { leftOut, Merger } from "./merger.ts";

/** How long blocks become, step by step. A step is left out where it is more than a tenth of the time that is kept. */
const SPANS_MS = new Map([
  [0, [4 * WINDOW_MS, 12 * HOUR_MS]],
  [FIVE_MINUTES_MS, [24 * HOUR_MS, 240 * HOUR_MS]],
  [HOUR_MS, [24 * HOUR_MS, 960 * HOUR_MS]],
]);
/** Intervals are made of blocks of at least this length: of whole hours, read once for all lengths. */
const DOWNSAMPLED_FROM_MS = 4 * WINDOW_MS;
/** 128 series of 480 samples are about 5 ms of decoding, encoding and compressing. */
const GROUPS_PER_SLICE = 8;

export interface CompactorOptions {
  readonly clock: Clock;
  readonly retention: RetentionPolicy;
  readonly backgroundShare: number;
  readonly onProblem: (problem: TsdbProblem) => void;
  readonly head: Pick<Head, "tombstones">;
}

export class Compactor {
  private readonly pacer: Pacer;
  private stopped = false;

  constructor(private readonly options: CompactorOptions) {
    this.pacer = new Pacer(options.clock, options.backgroundShare);
  }

  /** Ends the work at its next pause; what is half done is removed. */
  stop(): void {
    this.stopped = true;
    this.pacer.stop();
  }

  /** Does what is due. `before` is called before each new block; what it throws ends the work. */
  async run(store: BlockStore, before: () => Promise<void>): Promise<void> {
    if (this.stopped) return;
    this.pacer.begin();
    try {
      while (!this.stopped) {
        // Intervals are made before blocks grow further: then what has them is clear from the blocks' times.
        const first = dueOverlap(store) ?? this.dueMerge(store, true);
        const block = first ? undefined : this.dueDownsampling(store);
        const merge = block ? undefined : (first ?? this.dueMerge(store, false));
        if (!merge && !block) return;
        await before();
        if (block) await this.downsample(store, block);
        else if (merge) await this.merge(store, merge.span, merge.blocks);
      }
    } catch (error) {
      if (!(error instanceof Stopped)) throw error;
    }
  }

  /** Ends what is under way at its next pause; the next run begins anew. */
  interrupt(): void {
    this.pacer.stop();
  }

  /** Takes what was deleted out of the blocks. */
  async clean(store: BlockStore, before: () => Promise<void>): Promise<void> {
    const { head, onProblem } = this.options;
    if (this.stopped || head.tombstones.isEmpty) return;
    this.pacer.begin();
    try {
      await cleanBlocks({ store, tombstones: head.tombstones, onProblem, before, pause: () => this.pacer.pause() });
    } catch (error) {
      if (!(error instanceof Stopped)) throw error;
    }
  }

  /** The first merge that can be made: of the shortest blocks. */
  private dueMerge(store: BlockStore, isFirst: boolean): { span: BlockSpan; blocks: BlockSummary[] } | undefined {
    for (const [resolutionMs, spans] of SPANS_MS) {
      for (const spanMs of isFirst ? spans.slice(0, 1) : spans) {
        const small = store.blocks.filter(
          (block) =>
            block.resolutionMs === resolutionMs &&
            block.untilMs - block.fromMs < spanMs &&
            !store.isDamaged(block.block),
        );
        for (const block of small) {
          const isNeeded = resolutionMs === 0 && spanMs === spans[0];
          if (!isNeeded && spanMs * 10 > this.options.retention.keptMs(block)) continue;
          const fromMs = Math.floor(block.fromMs / spanMs) * spanMs;
          const span = { fromMs, untilMs: fromMs + spanMs, resolutionMs, retentionClass: block.retentionClass };
          if (span.untilMs > store.sealedUntilMs) continue;
          if (resolutionMs > 0 && this.lacksIntervals(store, span)) continue;
          return { span, blocks: store.blocks.filter((one) => isWithin(one, span) && !store.isDamaged(one.block)) };
        }
      }
    }
    return undefined;
  }

  /**
   * A block of intervals stands for all of its time, for readers and for what is still to be made: before blocks are merged
   * to it, all samples of that time must be in them.
   */
  private lacksIntervals(store: BlockStore, span: BlockSpan): boolean {
    const nowMs = this.options.clock.nowMs();
    const isDue = (block: BlockSummary) => block.untilMs > nowMs - this.options.retention.keptMs(span);
    return store.blocks.some(
      (block) =>
        overlaps(block, { ...span, resolutionMs: 0 }) &&
        isDue(block) &&
        !store.blocks.some((other) => overlaps(other, { ...block, resolutionMs: span.resolutionMs })),
    );
  }

  /** A block of samples, of full length, of which intervals are to be made. */
  private dueDownsampling(store: BlockStore): BlockSummary | undefined {
    return store.blocks.find((block) => this.missingLengths(store, block).length > 0);
  }

  private missingLengths(store: BlockStore, block: BlockSummary): number[] {
    if (block.resolutionMs > 0 || block.untilMs - block.fromMs < DOWNSAMPLED_FROM_MS) return [];
    const { clock, retention } = this.options;
    const nowMs = clock.nowMs();
    return [FIVE_MINUTES_MS, HOUR_MS].filter((resolutionMs) => {
      const span = { ...block, resolutionMs };
      const isKept = block.untilMs > nowMs - retention.keptMs(span);
      return isKept && !store.blocks.some((other) => overlaps(other, span));
    });
  }

  /** Makes the intervals of a block of samples: all lengths in one reading. */
  private async downsample(store: BlockStore, source: BlockSummary): Promise<void> {
    const outputs: { writer: BlockWriter; encoder: GroupDownsampler }[] = [];
    const abandon = () => Promise.all(outputs.map(({ writer }) => writer.abandon()));
    const present = store.readSeriesOf(source.block) ?? new Bitmap(0);
    const { fromMs, untilMs, retentionClass, minTimeMs, maxTimeMs, samples } = source;
    try {
      for (const resolutionMs of this.missingLengths(store, source)) {
        const writer = await store.create({ fromMs, untilMs, resolutionMs, retentionClass });
        outputs.push({ writer, encoder: new GroupDownsampler(resolutionMs, source, this.options.head.tombstones) });
      }
      const groups = store.groupsOf(source.block);
      for (let i = 0; i < groups.length; i++) {
        const data = store.readGroup(source.block, groups[i]);
        for (const { writer, encoder } of outputs) {
          const bytes = data && this.guarded(source.block, groups[i], () => encoder.encode(groups[i], new Group(data)));
          if (bytes) await writer.add(groups[i], bytes);
        }
        if (i % GROUPS_PER_SLICE === GROUPS_PER_SLICE - 1) await this.pacer.pause();
      }
      const add: BlockSummary[] = [];
      for (const { writer } of outputs) add.push(await writer.finish(present, { minTimeMs, maxTimeMs, samples }));
      if (!(await store.commit({ add, remove: [], requires: [source.block] }))) await abandon();
    } catch (error) {
      await abandon();
      throw error;
    }
  }

  private guarded<T>(block: number, group: number, step: () => T): T | undefined {
    try {
      return step();
    } catch (error) {
      if (!(error instanceof FormatError)) throw error;
      this.options.onProblem(leftOut(block, group, error));
      return undefined;
    }
  }

  private async merge(store: BlockStore, span: BlockSpan, blocks: readonly BlockSummary[]): Promise<void> {
    const merger = new Merger(store, blocks, this.options.head.tombstones, this.options.onProblem);
    await merger.write(span, () => this.pacer.pause(), true);
  }
}

/**
 * Full blocks of samples that lie over each other, which backfilling makes: one of them would be downsampled, and then stand
 * for all of its time. Shorter ones are merged anyway.
 */
function dueOverlap(store: BlockStore): { span: BlockSpan; blocks: BlockSummary[] } | undefined {
  const full = store.blocks.filter(
    ({ block, resolutionMs, fromMs, untilMs }) =>
      resolutionMs === 0 && untilMs - fromMs >= DOWNSAMPLED_FROM_MS && !store.isDamaged(block),
  );
  for (const block of full) {
    // A damaged one stays as it is: merging it would be given up, and begun again, for ever.
    const blocks = store.blocks.filter((other) => overlaps(other, block) && !store.isDamaged(other.block));
    if (blocks.length < 2) continue;
    const fromMs = Math.min(...blocks.map((one) => one.fromMs));
    const untilMs = Math.max(...blocks.map((one) => one.untilMs));
    return { span: { fromMs, untilMs, resolutionMs: 0, retentionClass: block.retentionClass }, blocks };
  }
  return undefined;
}

function overlaps(block: BlockSummary, span: BlockSpan): boolean {
  return (
    block.resolutionMs === span.resolutionMs &&
    block.retentionClass === span.retentionClass &&
    block.fromMs < span.untilMs &&
    block.untilMs > span.fromMs
  );
}

/** Turns a group of samples into one of intervals. */
class GroupDownsampler {
  private readonly intervals: IntervalWriter;
  private readonly encoder = new GroupEncoder();
  private readonly out = new ByteWriter(16_384);
  private readonly sink = new SampleSink(2 ** 13);

  constructor(
    private readonly lengthMs: number,
    private readonly source: BlockSummary,
    private readonly tombstones: Tombstones,
  ) {
    this.intervals = new IntervalWriter(lengthMs);
  }

  /** A view, valid until the next call. */
  encode(number: number, group: Group): Uint8Array | undefined {
    const { sink, tombstones } = this;
    for (let place = 0; place < SERIES_PER_GROUP; place++) {
      const id = number * SERIES_PER_GROUP + place;
      sink.reset();
      group.read(place, 0, Number.MAX_SAFE_INTEGER, sink);
      group.readHistograms(place, 0, Number.MAX_SAFE_INTEGER, sink);
      if (tombstones.has(id)) tombstones.hideBlock(id, sink, SINK_START, this.source);
      const n = sink.length;
      this.intervals.add(sink.times.subarray(0, n), sink.values.subarray(0, n), sink.bits.subarray(0, 2 * n));
      this.intervals.finish(place, this.encoder);
      if (sink.histograms) this.encoder.addHistograms(place, keptHistograms(sink.histograms.sort(), this.lengthMs));
    }
    if (this.encoder.empty) return undefined;
    this.out.clear();
    this.encoder.finish(this.out);
    return this.out.view();
  }
}

function isWithin(block: BlockSummary, span: BlockSpan): boolean {
  return (
    block.resolutionMs === span.resolutionMs &&
    block.retentionClass === span.retentionClass &&
    block.fromMs >= span.fromMs &&
    block.untilMs <= span.untilMs
  );
}
