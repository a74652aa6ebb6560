// Sealing: the samples of one window go from memory to the block store, re-encoded as long columns, 16 series a value;
// one block for each retention class that has samples.
import { bitsOf } from "@storewatch/model";
import { ByteWriter } from "../codec/bytes.ts";
import type { Head } from "../head/head.ts";
import { windowEndMs, windowStartMs } from "../head/window.ts";
import { Bitmap } from "../labels/postings.ts";
import { encodeSeries, SERIES_PER_RECORD } from "../labels/series-codec.ts";
import { Gatherer } from "../read/gather.ts";
import { SampleSink } from "../read/sample-sink.ts";
import type { RetentionPolicy } from "../retention.ts";
import {
  type BlockStore,
  type BlockSummary,
  type BlockTotals,
  type BlockWriter,
  SERIES_PER_GROUP,
} from "./block-store.ts";
import { GroupEncoder } from "./group-codec.ts";

/** Groups per slice: 512 series of 240 samples are about 3 ms of encoding. */
const GROUPS_PER_SLICE = 32;

export interface SealOptions {
  readonly head: Head;
  readonly store: BlockStore;
  readonly retention: RetentionPolicy;
  readonly window: number;
  /** Lets other work run between slices. */
  readonly pause: () => Promise<void>;
}

/**
 * Seals the window, of which nothing changes any more. Returns its blocks, durable when it resolves and not committed;
 * none when there was nothing. The head keeps the data; the caller commits the blocks and drops the data in one turn.
 */
export async function sealWindow(options: SealOptions): Promise<BlockSummary[]> {
  const { head, store, retention } = options;
  const sealed: BlockSummary[] = [];
  const all = new Bitmap(head.index.idLimit);
  const classOf = retention.classifier(head);
  try {
    for (let place = 0; place < retention.classes.length; place++) {
      const present = new Bitmap(all.idLimit);
      const block = await sealClass(options, present, retention.classes[place].name, (id) => classOf(id) === place);
      if (!block) continue;
      sealed.push(block);
      for (let w = 0; w < all.words.length; w++) all.words[w] |= present.words[w];
    }
    if (sealed.length > 0) await writeNewDefinitions(head, store, all);
    return sealed;
  } catch (error) {
    // It is tried again with new files: these would pile up on a disk that is full already.
    store.discard(sealed);
    throw error;
  }
}

async function sealClass(
  { head, store, window, pause }: SealOptions,
  present: Bitmap,
  retentionClass: string,
  takes: (id: number) => boolean,
): Promise<BlockSummary | undefined> {
  const span = { fromMs: windowStartMs(window), untilMs: windowEndMs(window), resolutionMs: 0, retentionClass };
  const encoder = new GroupEncoderOf(head, span.fromMs, span.untilMs - 1, present, takes);
  const totals: BlockTotals = { minTimeMs: Infinity, maxTimeMs: -Infinity, samples: 0 };
  let writer: BlockWriter | undefined;
  try {
    for (let group = 0; group * SERIES_PER_GROUP < present.idLimit; group++) {
      const bytes = encoder.encode(group, totals);
      if (bytes) {
        writer ??= await store.create(span);
        await writer.add(group, bytes);
      }
      if (group % GROUPS_PER_SLICE !== GROUPS_PER_SLICE - 1) continue;
      encoder.nextSlice();
      await pause();
    }
    return await writer?.finish(present, totals);
  } catch (error) {
    await writer?.abandon();
    throw error;
  }
}

/** Encodes group by group; the gatherer is renewed each slice, since the head may change between slices. */
class GroupEncoderOf {
  private gatherer: Gatherer;
  private readonly encoder = new GroupEncoder();
  private readonly out = new ByteWriter(16_384);

  constructor(
    private readonly head: Head,
    private readonly fromMs: number,
    private readonly toMs: number,
    private readonly present: Bitmap,
    private readonly takes: (id: number) => boolean,
  ) {
    this.gatherer = new Gatherer(head, fromMs, toMs, undefined);
  }

  nextSlice(): void {
    this.gatherer = new Gatherer(this.head, this.fromMs, this.toMs, undefined, new SampleSink(2 ** 14));
  }

  private note(id: number, times: ArrayLike<number>, total: BlockTotals): void {
    this.present.add(id);
    total.minTimeMs = Math.min(total.minTimeMs, times[0]);
    total.maxTimeMs = Math.max(total.maxTimeMs, times[times.length - 1]);
  }

  /** A view, valid until the next call; undefined when the group has no samples. */
  encode(group: number, total: BlockTotals): Uint8Array | undefined {
    this.gatherer.sink.reset();
    for (let place = 0; place < SERIES_PER_GROUP; place++) {
      const id = group * SERIES_PER_GROUP + place;
      if (id >= this.present.idLimit || !this.head.index.has(id) || !this.takes(id)) continue;
      const { floats, histograms } = this.gatherer.gatherParts(id);
      if (floats) {
        this.encoder.add(place, floats.timesMs, floats.values, bitsOf(floats.values));
        this.note(id, floats.timesMs, total);
      }
      if (histograms) {
        this.encoder.addHistograms(place, histograms);
        this.note(id, histograms.timesMs, total);
      }
    }
    if (this.encoder.empty) return undefined;
    total.samples += this.encoder.samples;
    this.out.clear();
    this.encoder.finish(this.out);
    return this.out.view();
  }
}

/** Stores the definitions of series that are sealed for the first time. */
export async function writeNewDefinitions(head: Head, store: BlockStore, present: Bitmap): Promise<void> {
  const fresh: number[] = [];
  for (let id = 0; id < present.idLimit; id++) if (present.has(id) && !head.isPersisted(id)) fresh.push(id);
  if (fresh.length === 0) return;
  await store.writeSeries(definitions(head, fresh));
  for (const id of fresh) head.setPersisted(id, true);
}

/** The definitions of these series, in batches. */
export function* definitions(head: Head, ids: readonly number[]): Iterable<Uint8Array> {
  const out = new ByteWriter(65_536);
  for (let at = 0; at < ids.length; at += SERIES_PER_RECORD) {
    out.clear();
    encodeSeries(out, head.index, ids.slice(at, at + SERIES_PER_RECORD));
    yield out.view();
  }
}
