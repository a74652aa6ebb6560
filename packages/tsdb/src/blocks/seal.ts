// Sealing: the samples of one window go from memory to the block store, re-encoded as long columns, 16 series a value.
import { bitsOf } from "@storewatch/model";
import { ByteWriter } from "../codec/bytes.ts";
import type { Head } from "../head/head.ts";
import { windowEndMs, windowStartMs } from "../head/window.ts";
import { Bitmap } from "../labels/postings.ts";
import { encodeSeries } from "../labels/series-codec.ts";
import { Gatherer } from "../read/gather.ts";
import { type BlockStore, type BlockSummary, SERIES_PER_GROUP } from "./block-store.ts";
import { GroupEncoder } from "./group-codec.ts";

/** Groups per slice: 512 series of 240 samples are about 3 ms of encoding. */
const GROUPS_PER_SLICE = 32;
/** Groups that may wait for their commit: about 1 MB. */
const GROUPS_PER_COMMIT = 256;
/** Series per stored batch of definitions. */
export const SERIES_PER_BATCH = 64;

export interface SealOptions {
  readonly head: Head;
  readonly store: BlockStore;
  readonly window: number;
  /** Lets other work run between slices. */
  readonly pause: () => Promise<void>;
}

/**
 * Seals the window, of which nothing changes any more. Returns its summary, durable when it resolves, or undefined
 * when there was nothing. The head keeps the data; the caller publishes the block and drops the data in one turn.
 */
export async function sealWindow(options: SealOptions): Promise<BlockSummary | undefined> {
  const { head, store, window, pause } = options;
  const fromMs = windowStartMs(window);
  const toMs = windowEndMs(window) - 1;
  const limit = head.index.idLimit;
  const present = new Bitmap(limit);
  const encoder = new GroupEncoderOf(head, fromMs, toMs, present);
  const total = { minTimeMs: Infinity, maxTimeMs: -Infinity, samples: 0, bytes: 0 };
  const written = new Writes();
  for (let group = 0; group * SERIES_PER_GROUP < limit; group++) {
    const bytes = encoder.encode(group, total);
    if (bytes) {
      total.bytes += bytes.length;
      written.add(store.writeGroup(window, group, bytes));
    }
    if (group % GROUPS_PER_SLICE !== GROUPS_PER_SLICE - 1) continue;
    if (written.waiting >= GROUPS_PER_COMMIT) await written.settled();
    encoder.nextSlice();
    await pause();
  }
  await written.settled();
  if (total.samples === 0) return undefined;
  await writeDefinitions(head, store, present, pause);
  const summary = { block: window, ...total };
  await store.finishBlock(summary, present);
  return summary;
}

/** Writes under way. One may fail while nobody waits for it yet: that is told at the next settled(). */
class Writes {
  private promises: Promise<void>[] = [];

  get waiting(): number {
    return this.promises.length;
  }

  add(write: Promise<void>): void {
    write.catch(() => {});
    this.promises.push(write);
  }

  async settled(): Promise<void> {
    const all = this.promises;
    this.promises = [];
    await Promise.all(all);
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
  ) {
    this.gatherer = new Gatherer(head, fromMs, toMs, undefined);
  }

  nextSlice(): void {
    this.gatherer = new Gatherer(this.head, this.fromMs, this.toMs, undefined, 2 ** 14);
  }

  /** A view, valid until the next call; undefined when the group has no samples. */
  encode(group: number, total: { minTimeMs: number; maxTimeMs: number; samples: number }): Uint8Array | undefined {
    this.gatherer.sink.reset();
    for (let place = 0; place < SERIES_PER_GROUP; place++) {
      const id = group * SERIES_PER_GROUP + place;
      if (!this.head.index.has(id)) continue;
      const found = this.gatherer.gather(id);
      if (!found) continue;
      const { timesMs, values } = found;
      this.encoder.add(place, timesMs, values, bitsOf(values));
      this.present.add(id);
      total.minTimeMs = Math.min(total.minTimeMs, timesMs[0]);
      total.maxTimeMs = Math.max(total.maxTimeMs, timesMs[timesMs.length - 1]);
    }
    if (this.encoder.empty) return undefined;
    total.samples += this.encoder.samples;
    this.out.clear();
    this.encoder.finish(this.out);
    return this.out.view();
  }
}

/** Stores the definitions of series that are sealed for the first time, batch by batch. */
async function writeDefinitions(
  head: Head,
  store: BlockStore,
  present: Bitmap,
  pause: () => Promise<void>,
): Promise<void> {
  const written = new Writes();
  for (let from = 0; from < present.idLimit; from += SERIES_PER_BATCH) {
    let isNew = false;
    const ids: number[] = [];
    for (let id = from; id < Math.min(from + SERIES_PER_BATCH, present.idLimit); id++) {
      if (!head.index.has(id)) continue;
      if (head.isPersisted(id)) ids.push(id);
      else if (present.has(id)) {
        ids.push(id);
        isNew = true;
      }
    }
    if (!isNew) continue;
    written.add(storeBatch(head, store, from / SERIES_PER_BATCH, ids));
    if (written.waiting < 64) continue;
    await written.settled();
    await pause();
  }
  await written.settled();
}

/** Stores exactly these definitions under the batch's number. */
export async function storeBatch(head: Head, store: BlockStore, number: number, ids: readonly number[]): Promise<void> {
  const out = new ByteWriter(4096);
  if (ids.length > 0) encodeSeries(out, head.index, ids);
  await store.writeSeries(number, ids.length > 0 ? out.view() : undefined);
  for (const id of ids) head.setPersisted(id, true);
}
