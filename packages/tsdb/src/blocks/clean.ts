// Takes what was deleted out of the blocks: each one that still has some of it is written anew.
import type { Tombstones } from "../head/tombstones.ts";
import type { TsdbProblem } from "../interface.ts";
import { type BlockStore, type BlockSummary, SERIES_PER_GROUP } from "./block-store.ts";
import { Merger } from "./merger.ts";

export interface CleanOptions {
  readonly store: BlockStore;
  readonly tombstones: Tombstones;
  readonly onProblem: (problem: TsdbProblem) => void;
  /** Lets other work run; what it throws ends the work. */
  readonly pause: () => Promise<void>;
  /** Called before each block that is written anew. */
  readonly before: (block: BlockSummary) => Promise<void>;
}

const GROUPS_PER_SLICE = 8;

/** One pass over all blocks. */
export async function cleanBlocks(options: CleanOptions): Promise<void> {
  const { store, tombstones } = options;
  for (const block of store.blocks) {
    const due = tombstones.list.filter((one) => mayHold(one, block));
    if (due.length === 0) continue;
    if (!(await holdsDeleted(options, block, due))) {
      for (const one of due) one.cleanBlocks.add(block.block);
      continue;
    }
    await options.before(block);
    const { fromMs, untilMs, resolutionMs, retentionClass } = block;
    const merger = new Merger(store, [block], tombstones, options.onProblem);
    await merger.write({ fromMs, untilMs, resolutionMs, retentionClass }, options.pause);
  }
}

/** Is all that it hides in blocks gone from them? */
export function isCleaned(tombstone: LiveTombstone, blocks: readonly BlockSummary[]): boolean {
  return !blocks.some((block) => mayHold(tombstone, block));
}

type LiveTombstone = Tombstones["list"][number];

function mayHold(one: LiveTombstone, { block, fromMs, untilMs, resolutionMs }: BlockSummary): boolean {
  const touches = one.fromMs <= untilMs && one.blockToMs >= fromMs - resolutionMs;
  return touches && block < one.blockLimit && !one.cleanBlocks.has(block);
}

/** Reads the groups of the series in question; a block that cannot be read holds nothing. */
async function holdsDeleted(
  options: CleanOptions,
  block: BlockSummary,
  due: readonly LiveTombstone[],
): Promise<boolean> {
  const { store, tombstones, onProblem, pause } = options;
  const present = store.readSeriesOf(block.block);
  const groups = new Set<number>();
  for (const { ids } of due) {
    for (const id of ids) if (present?.has(id)) groups.add(Math.floor(id / SERIES_PER_GROUP));
  }
  const probe = new Merger(store, [block], tombstones, onProblem);
  let read = 0;
  for (const group of groups) {
    probe.encode(group);
    if (probe.removed > 0) return true;
    if (++read % GROUPS_PER_SLICE === 0) await pause();
  }
  return false;
}
