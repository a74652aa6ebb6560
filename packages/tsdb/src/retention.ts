// How long data is kept: by age and by size, for each retention class. The class of a series follows from one label.
import type { BlockSummary } from "./blocks/block-store.ts";
import type { Head } from "./head/head.ts";
import type { ClassStats, RetentionClass, RetentionOptions } from "./interface.ts";

export const FIVE_MINUTES_MS = 300_000;
export const HOUR_MS = 3_600_000;

export class RetentionPolicy {
  /** The first is that of series without a class of their own. */
  readonly classes: readonly RetentionClass[];

  constructor(private readonly options: RetentionOptions) {
    this.classes = [options.default, ...(options.classes ?? [])];
    for (const each of this.classes) {
      const { timeMs, fiveMinutesMs = 0, oneHourMs = 0 } = each;
      for (const [name, value] of Object.entries({ timeMs, fiveMinutesMs, oneHourMs })) {
        if (Number.isSafeInteger(value) && (value > 0 || (value === 0 && name !== "timeMs"))) continue;
        throw new Error(`retention ${each.name}: ${name} must be a whole number of ms above 0`);
      }
    }
  }

  /** The class of a block; data of a class that is no more falls to the default. */
  classNamed(name: string): RetentionClass {
    return this.classes.find((one) => one.name === name) ?? this.classes[0];
  }

  /** The longest time that raw samples are kept for. */
  get longestMs(): number {
    return Math.max(...this.classes.map(({ timeMs }) => timeMs));
  }

  /** For one round of sealing: tells the place of a series' class in `classes`. */
  classifier(head: Head): (id: number) => number {
    const { label, classOf } = this.options;
    if (this.classes.length === 1 || label === undefined || !classOf) return () => 0;
    const { index } = head;
    const known = new Map<number, number>();
    return (id) => {
      const nameId = index.nameIdOf(label);
      const ordinal = nameId < 0 ? -1 : index.ordinalOf(id, nameId);
      if (ordinal < 0) return 0;
      let place = known.get(ordinal);
      if (place === undefined) {
        const name = classOf(index.names[nameId].values[ordinal]);
        place = Math.max(
          0,
          this.classes.findIndex((one) => one.name === name),
        );
        known.set(ordinal, place);
      }
      return place;
    };
  }

  /** The time that this block's samples are kept for. */
  keptMs(block: Pick<BlockSummary, "resolutionMs" | "retentionClass">): number {
    return keptMsOf(this.classNamed(block.retentionClass), block.resolutionMs);
  }

  statsOf(blocks: readonly BlockSummary[]): ClassStats[] {
    const bytesOf = (of: readonly BlockSummary[]) => of.reduce((sum, block) => sum + block.bytes, 0);
    return this.classes.map((one) => {
      const own = blocks.filter((block) => this.classNamed(block.retentionClass) === one);
      const downsampledBytes = bytesOf(own.filter(({ resolutionMs }) => resolutionMs > 0));
      return { name: one.name, bytes: bytesOf(own), downsampledBytes };
    });
  }

  /** The blocks that must go: what is over age, then the oldest of what is over size. `otherBytes`: WAL and the like. */
  due(blocks: readonly BlockSummary[], nowMs: number, otherBytes: number): BlockSummary[] {
    const gone = new Set(blocks.filter((block) => block.untilMs <= nowMs - this.keptMs(block)));
    const oldestFirst = blocks.filter((block) => !gone.has(block)).sort(dropOrder);
    const shrink = (of: readonly BlockSummary[], bytes: number, limit: number) => {
      for (const block of of) {
        if (bytes <= limit) return;
        if (gone.has(block)) continue;
        gone.add(block);
        bytes -= block.bytes;
      }
    };
    const sizeOf = (of: readonly BlockSummary[]) =>
      of.reduce((sum, block) => sum + (gone.has(block) ? 0 : block.bytes), 0);
    for (const one of this.classes) {
      if (one.sizeBytes === undefined) continue;
      const own = oldestFirst.filter((block) => this.classNamed(block.retentionClass) === one);
      shrink(own, sizeOf(own), one.sizeBytes);
    }
    if (this.options.totalBytes !== undefined) {
      shrink(oldestFirst, sizeOf(oldestFirst) + otherBytes, this.options.totalBytes);
    }
    return [...gone];
  }
}

function keptMsOf(one: RetentionClass, resolutionMs: number): number {
  if (resolutionMs === 0) return one.timeMs;
  return (resolutionMs === FIVE_MINUTES_MS ? one.fiveMinutesMs : one.oneHourMs) ?? 0;
}

/** Over size the oldest goes first, and of one time what is finest: it is also the largest. */
function dropOrder(a: BlockSummary, b: BlockSummary): number {
  return a.untilMs - b.untilMs || a.resolutionMs - b.resolutionMs || a.block - b.block;
}
