// Takes what was deleted out of the blocks: each one that still has some of it is written anew.
import type { Tombstone, Tombstones } from "../head/tombstones.ts";
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
    const due = tombstones.list.filter((one) => touches(one, block) && !one.cleanBlocks.has(block.block));
    if (due.length === 0) continue;
    let clean: BlockSummary | undefined = block;
    if (await holdsDeleted(options, block, due)) {
      await options.before(block);
      const merger = new Merger(store, [block], tombstones, options.onProblem);
      const { fromMs, untilMs, resolutionMs, retentionClass } = block;
      clean = await merger.write({ fromMs, untilMs, resolutionMs, retentionClass }, options.pause);
    }
    if (clean) for (const one of due) one.cleanBlocks.add(clean.block);
  }
}

/** Is all that it hides in blocks gone from them? */
export function isCleaned(tombstone: Tombstones["list"][number], blocks: readonly BlockSummary[]): boolean {
  return blocks.every((block) => !touches(tombstone, block) || tombstone.cleanBlocks.has(block.block));
}

function touches(one: Tombstone, { fromMs, untilMs, resolutionMs }: BlockSummary): boolean {
  return one.fromMs <= untilMs && one.blockToMs >= fromMs - resolutionMs;
}

/** Reads the groups of the series in question; a block that cannot be read holds nothing. */
async function holdsDeleted(options: CleanOptions, block: BlockSummary, due: readonly Tombstone[]): Promise<boolean> {
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
