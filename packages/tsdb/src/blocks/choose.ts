// Which blocks answer for which time: for each moment one resolution, of each class of its own.
import type { BlockSummary } from "./block-store.ts";

/** A part of a block that is to be read: [fromMs, toMs], both inclusive. */
export interface BlockPart {
  readonly block: number;
  readonly resolutionMs: number;
  readonly fromMs: number;
  readonly toMs: number;
  /** Nothing of the block is left out. */
  readonly isWhole: boolean;
}

/**
 * The blocks that answer for [fromMs, toMs], ascending by time. `resolutionMs` is what the reader would like: where
 * there is no such block, the next finer one answers, and where there is none, the next coarser one.
 */
export function chooseBlocks(
  blocks: readonly BlockSummary[],
  fromMs: number,
  toMs: number,
  resolutionMs: number,
): BlockPart[] {
  const inRange = blocks.filter((block) => block.minTimeMs <= toMs && block.maxTimeMs >= fromMs);
  if (inRange.every((block) => block.resolutionMs === 0)) return inRange.map(whole);
  const chosen: BlockPart[] = [];
  for (const name of new Set(inRange.map((block) => block.retentionClass))) {
    const own = inRange.filter((block) => block.retentionClass === name);
    own.sort((a, b) => preference(a, resolutionMs) - preference(b, resolutionMs));
    const taken: { fromMs: number; untilMs: number; resolutionMs: number }[] = [];
    for (const block of own) {
      const others = taken.filter((one) => one.resolutionMs !== block.resolutionMs);
      for (const [from, until] of gaps(block, others)) {
        chosen.push({
          block: block.block,
          resolutionMs: block.resolutionMs,
          fromMs: from,
          toMs: until - 1,
          isWhole: from === block.fromMs && until === block.untilMs,
        });
      }
      taken.push(block);
    }
  }
  return chosen.sort((a, b) => a.fromMs - b.fromMs || a.block - b.block);
}

function whole({ block, resolutionMs, fromMs, untilMs }: BlockSummary): BlockPart {
  return { block, resolutionMs, fromMs, toMs: untilMs - 1, isWhole: true };
}

/** Lower is better: as wished, then the coarsest of the finer ones, then the finest of the coarser ones. */
function preference({ resolutionMs }: BlockSummary, wishedMs: number): number {
  return resolutionMs <= wishedMs ? wishedMs - resolutionMs : resolutionMs * 2;
}

/** What of the block's time none of the others has. */
function gaps(
  block: BlockSummary,
  others: readonly { readonly fromMs: number; readonly untilMs: number }[],
): [number, number][] {
  let free: [number, number][] = [[block.fromMs, block.untilMs]];
  for (const other of others) {
    free = free.flatMap(([from, until]): [number, number][] => {
      if (other.untilMs <= from || other.fromMs >= until) return [[from, until]];
      const left: [number, number][] = [];
      if (other.fromMs > from) left.push([from, other.fromMs]);
      if (other.untilMs < until) left.push([other.untilMs, until]);
      return left;
    });
  }
  return free;
}
