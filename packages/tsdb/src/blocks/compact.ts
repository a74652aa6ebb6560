// What is done with sealed blocks in the background: neighbours are merged to longer blocks, re-encoded and compressed.
import type { Clock } from "@storewatch/model";
import { ByteWriter, FormatError } from "../codec/bytes.ts";
import { WINDOW_MS } from "../head/window.ts";
import type { TsdbProblem } from "../interface.ts";
import { Bitmap } from "../labels/postings.ts";
import { Pacer, Stopped } from "../pacer.ts";
import { SampleSink } from "../read/sample-sink.ts";
import { FIVE_MINUTES_MS, HOUR_MS, type RetentionPolicy } from "../retention.ts";
import type { BlockSpan, BlockStore, BlockSummary, BlockTotals } from "./block-store.ts";
import { SERIES_PER_GROUP } from "./block-store.ts";
import { Group, GroupEncoder } from "./group-codec.ts";

/** How long blocks become, step by step. A step is left out where it is more than a tenth of the time that is kept. */
const SPANS_MS = new Map([
  [0, [4 * WINDOW_MS, 12 * HOUR_MS]],
  [FIVE_MINUTES_MS, [24 * HOUR_MS, 240 * HOUR_MS]],
  [HOUR_MS, [24 * HOUR_MS, 960 * HOUR_MS]],
]);
/** 128 series of 480 samples are about 5 ms of decoding, encoding and compressing. */
const GROUPS_PER_SLICE = 8;

export interface CompactorOptions {
  readonly clock: Pick<Clock, "monotonicMs" | "setTimer">;
  readonly retention: RetentionPolicy;
  readonly backgroundShare: number;
  readonly onProblem: (problem: TsdbProblem) => void;
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
      for (let due = this.due(store); due && !this.stopped; due = this.due(store)) {
        await before();
        await this.merge(store, due.span, due.blocks);
      }
    } catch (error) {
      if (!(error instanceof Stopped)) throw error;
    }
  }

  /** The first merge that can be made: of the shortest blocks. */
  private due(store: BlockStore): { span: BlockSpan; blocks: BlockSummary[] } | undefined {
    for (const [resolutionMs, spans] of SPANS_MS) {
      for (const spanMs of spans) {
        const small = store.blocks.filter(
          (block) => block.resolutionMs === resolutionMs && block.untilMs - block.fromMs < spanMs,
        );
        for (const block of small) {
          if (spanMs > spans[0] && spanMs * 10 > this.options.retention.keptMs(block)) continue;
          const fromMs = Math.floor(block.fromMs / spanMs) * spanMs;
          const span = { fromMs, untilMs: fromMs + spanMs, resolutionMs, retentionClass: block.retentionClass };
          if (span.untilMs > store.sealedUntilMs) continue;
          return { span, blocks: store.blocks.filter((one) => isWithin(one, span)) };
        }
      }
    }
    return undefined;
  }

  private async merge(store: BlockStore, span: BlockSpan, blocks: readonly BlockSummary[]): Promise<void> {
    const merger = new Merger(store, blocks, this.options.onProblem);
    const writer = await store.create(span);
    try {
      for (let i = 0; i < merger.groups.length; i++) {
        const bytes = merger.encode(merger.groups[i]);
        if (bytes) await writer.add(merger.groups[i], bytes);
        if (i % GROUPS_PER_SLICE === GROUPS_PER_SLICE - 1) await this.pacer.pause();
      }
      const add = merger.totals.samples > 0 ? [await writer.finish(merger.present, merger.totals)] : [];
      const isDone = await store.commit({ add, remove: blocks.map(({ block }) => block) });
      if (!isDone || add.length === 0) await writer.abandon();
    } catch (error) {
      await writer.abandon();
      throw error;
    }
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

/** Puts the samples of several blocks together, group by group. */
class Merger {
  readonly groups: readonly number[];
  readonly present: Bitmap;
  readonly totals: BlockTotals = { minTimeMs: Infinity, maxTimeMs: -Infinity, samples: 0 };
  private readonly encoder = new GroupEncoder();
  private readonly out = new ByteWriter(65_536);
  private readonly sink = new SampleSink(2 ** 14);

  constructor(
    private readonly store: BlockStore,
    private readonly blocks: readonly BlockSummary[],
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

  /** A view, valid until the next call; undefined when no block has the group in a readable form. */
  encode(group: number): Uint8Array | undefined {
    const parts: { block: number; part: Group }[] = [];
    for (const { block } of this.blocks) {
      const data = this.store.readGroup(block, group);
      if (data) this.guarded(block, group, () => parts.push({ block, part: new Group(data) }));
    }
    const places = new Set(parts.flatMap(({ part }) => part.places));
    for (const place of [...places].sort((a, b) => a - b)) {
      const { sink } = this;
      sink.reset();
      for (const { block, part } of parts) {
        const had = sink.length;
        if (!this.guarded(block, group, () => part.read(place, 0, Number.MAX_SAFE_INTEGER, sink))) sink.length = had;
      }
      if (sink.length === 0) continue;
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

  private guarded(block: number, group: number, step: () => void): boolean {
    try {
      step();
      return true;
    } catch (error) {
      if (!(error instanceof FormatError)) throw error;
      this.onProblem({
        kind: "corrupt-block",
        message: `block ${block}, group ${group} was left out: ${error.message}`,
      });
      return false;
    }
  }
}
