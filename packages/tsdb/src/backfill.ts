// History from elsewhere: samples that are older than what the head takes go into blocks of their own at once.
//
// Blocks of one time may lie over each other; readers and merges put their samples in order, and of two for one time the
// older block's stays. What had been downsampled of that time is made anew, so that it has the new samples too.
import { bitsOf, type SeriesSamples } from "@storewatch/model";
import type {
  BlockChange,
  BlockSpan,
  BlockStore,
  BlockSummary,
  BlockTotals,
  BlockWriter,
} from "./blocks/block-store.ts";
import { SERIES_PER_GROUP } from "./blocks/block-store.ts";
import { GroupEncoder } from "./blocks/group-codec.ts";
import { writeNewDefinitions } from "./blocks/seal.ts";
import { ByteWriter } from "./codec/bytes.ts";
import { TIME_MS_LIMIT } from "./codec/times.ts";
import type { Head } from "./head/head.ts";
import { WINDOW_MS, windowEndMs, windowOf, windowStartMs } from "./head/window.ts";
import type { BackfillResult } from "./interface.ts";
import type { Journal } from "./journal.ts";
import { Bitmap } from "./labels/postings.ts";
import { SEAL_DELAY_MS } from "./maintenance.ts";
import { HistogramRun } from "./read/histogram-run.ts";
import type { RetentionPolicy } from "./retention.ts";

export interface BackfillOptions {
  readonly head: Head;
  readonly journal: Pick<Journal, "internSeries" | "changes">;
  readonly store: BlockStore;
  readonly retention: RetentionPolicy;
  readonly nowMs: number;
  readonly pause: () => Promise<void>;
}

/** Where there is room for it, a block has the length that merging gives it first. */
const SPAN_MS = 4 * WINDOW_MS;
const GROUPS_PER_SLICE = 32;

/** The samples of one series within one block. */
interface Piece {
  readonly id: number;
  readonly samples: SeriesSamples;
  /** Places [from, to) of them. */
  readonly from: number;
  readonly to: number;
}

interface Plan {
  readonly span: BlockSpan;
  readonly pieces: Piece[];
}

/** What is younger than `untilMs` of the result is left to the caller, who appends it. */
export async function backfill(options: BackfillOptions, series: readonly SeriesSamples[]): Promise<BackfillResult> {
  const { head, store } = options;
  const untilMs = claimPast(options);
  const result = { written: 0, tooOld: 0, untilMs };
  const plans = plan(options, series, untilMs, result);
  const add: BlockSummary[] = [];
  const all = new Bitmap(head.index.idLimit);
  try {
    for (const { span, pieces } of plans) add.push(await writeBlock(options, span, pieces, all));
  } catch (error) {
    // Files of blocks that were never committed are removed by tidying.
    await store.tidy();
    throw error;
  }
  if (add.length === 0) return result;
  await writeNewDefinitions(head, store, all);
  const change: BlockChange = {
    add,
    remove: downsampledOver(options, add),
    sealedUntilMs: Math.max(store.sealedUntilMs, untilMs),
  };
  if (!(await store.commit(change, () => noteChanged(options, add)))) throw new Error("a block went away meanwhile");
  noteChanged(options, add);
  return result;
}

/**
 * Everything before the returned time is no business of the head from now on, as after a sealing: nothing in it is older,
 * and it takes nothing older.
 */
function claimPast({ head, nowMs }: BackfillOptions): number {
  const due = windowStartMs(windowOf(nowMs - SEAL_DELAY_MS));
  const oldest = head.oldestWindow;
  const free = oldest === Infinity ? due : Math.min(due, windowStartMs(oldest));
  head.writableFromMs = Math.max(head.writableFromMs, free);
  return head.writableFromMs;
}

function plan(
  { head, journal, retention, nowMs }: BackfillOptions,
  series: readonly SeriesSamples[],
  untilMs: number,
  result: { written: number; tooOld: number },
): Plan[] {
  const plans = new Map<string, Plan>();
  const classOf = retention.classifier(head);
  for (const samples of series) {
    const { timesMs } = samples;
    if (timesMs.length === 0 || !(timesMs[0] < untilMs)) continue;
    const id = journal.internSeries(samples.labels);
    const kept = retention.classes[classOf(id)];
    const oldestMs = Math.max(0, nowMs - kept.timeMs);
    let at = 0;
    while (at < timesMs.length && !(timesMs[at] >= oldestMs)) at++;
    result.tooOld += at;
    while (at < timesMs.length && timesMs[at] < untilMs && timesMs[at] < TIME_MS_LIMIT) {
      const [fromMs, endMs] = spanAt(timesMs[at], untilMs);
      let to = at + 1;
      while (to < timesMs.length && timesMs[to] < endMs) to++;
      const key = `${fromMs} ${kept.name}`;
      let known = plans.get(key);
      if (!known) {
        known = { span: { fromMs, untilMs: endMs, resolutionMs: 0, retentionClass: kept.name }, pieces: [] };
        plans.set(key, known);
      }
      known.pieces.push({ id, samples, from: at, to });
      result.written += to - at;
      at = to;
    }
  }
  return [...plans.values()].sort((a, b) => a.span.fromMs - b.span.fromMs);
}

/** Windows that end at `untilMs` at the latest; four at once where they do. */
function spanAt(timeMs: number, untilMs: number): readonly [fromMs: number, untilMs: number] {
  const fromMs = Math.floor(timeMs / SPAN_MS) * SPAN_MS;
  if (fromMs + SPAN_MS <= untilMs) return [fromMs, fromMs + SPAN_MS];
  const window = windowOf(timeMs);
  return [windowStartMs(window), windowEndMs(window)];
}

async function writeBlock(
  { store, pause }: BackfillOptions,
  span: BlockSpan,
  pieces: Piece[],
  all: Bitmap,
): Promise<BlockSummary> {
  pieces.sort((a, b) => a.id - b.id || a.samples.timesMs[a.from] - b.samples.timesMs[b.from]);
  const present = new Bitmap(all.idLimit);
  const totals: BlockTotals = { minTimeMs: Infinity, maxTimeMs: -Infinity, samples: 0 };
  const encoder = new GroupEncoder();
  const out = new ByteWriter(65_536);
  const writer = await store.create(span);
  try {
    for (let at = 0, groups = 1; at < pieces.length; groups++) {
      const group = Math.floor(pieces[at].id / SERIES_PER_GROUP);
      for (; at < pieces.length && Math.floor(pieces[at].id / SERIES_PER_GROUP) === group; at++) {
        addPiece(encoder, pieces[at], totals);
        present.add(pieces[at].id);
        all.add(pieces[at].id);
      }
      await addGroup(writer, group, encoder, out, totals);
      if (groups % GROUPS_PER_SLICE === 0) await pause();
    }
    return await writer.finish(present, totals);
  } catch (error) {
    await writer.abandon();
    throw error;
  }
}

async function addGroup(
  writer: BlockWriter,
  group: number,
  encoder: GroupEncoder,
  out: ByteWriter,
  totals: BlockTotals,
): Promise<void> {
  totals.samples += encoder.samples;
  out.clear();
  encoder.finish(out);
  await writer.add(group, out.view());
}

function addPiece(encoder: GroupEncoder, { id, samples, from, to }: Piece, totals: BlockTotals): void {
  const { timesMs, values, histograms } = samples;
  totals.minTimeMs = Math.min(totals.minTimeMs, timesMs[from]);
  totals.maxTimeMs = Math.max(totals.maxTimeMs, timesMs[to - 1]);
  const place = id % SERIES_PER_GROUP;
  if (!histograms?.slice(from, to).some(Boolean)) {
    const own = values.slice(from, to);
    encoder.add(place, timesMs.slice(from, to), own, bitsOf(own));
    return;
  }
  const run = new HistogramRun();
  const floats: number[] = [];
  for (let i = from; i < to; i++) {
    const histogram = histograms[i];
    if (histogram) run.add(timesMs[i], histogram);
    else floats.push(i);
  }
  if (floats.length > 0) {
    const times = Float64Array.from(floats, (i) => timesMs[i]);
    const own = new Float64Array(floats.length);
    const bits = bitsOf(own);
    const all = bitsOf(values);
    for (const [n, i] of floats.entries()) bits.set(all.subarray(2 * i, 2 * i + 2), 2 * n);
    encoder.add(place, times, own, bits);
  }
  encoder.addHistograms(place, run);
}

/**
 * Blocks of intervals over the new ones: they are made anew of the samples. Not where the samples have gone already, which
 * retention keeps for a shorter time.
 */
function downsampledOver({ store, retention, nowMs }: BackfillOptions, add: readonly BlockSummary[]): number[] {
  const over = store.blocks.filter(
    (block) =>
      block.resolutionMs > 0 &&
      block.fromMs >= nowMs - retention.classNamed(block.retentionClass).timeMs &&
      add.some(
        (one) =>
          one.retentionClass === block.retentionClass && one.fromMs < block.untilMs && one.untilMs > block.fromMs,
      ),
  );
  return over.map(({ block }) => block);
}

/** On both sides of the time at which readers see it. */
function noteChanged({ journal }: BackfillOptions, blocks: readonly BlockSummary[]): void {
  for (const { fromMs, untilMs } of blocks) journal.changes.noteRange(fromMs, untilMs);
}
