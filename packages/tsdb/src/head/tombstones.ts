// What was deleted and is still there: in sealed blocks until they are written anew, in rows until they are sealed. Samples
// of the other kinds in memory are taken out at once, so that what is appended later for the same times is not hidden.
import type { SampleSink } from "../read/sample-sink.ts";

export interface Tombstone {
  /** Ascending. */
  readonly ids: Uint32Array;
  readonly fromMs: number;
  /** The last time that is hidden in blocks: none of later ones were sealed or being sealed. Inclusive; -1: none. */
  readonly blockToMs: number;
  /** The same in rows: later rows were not there yet. */
  readonly rowToMs: number;
  /** Blocks from this number on were begun later: they hold nothing that it should hide. */
  readonly blockLimit: number;
}

interface Live extends Tombstone {
  /** Older blocks that are known to hold nothing that it hides. */
  readonly cleanBlocks: Set<number>;
}

/** How much of the current series a sink had before a block was read. */
export interface SinkPlace {
  readonly samples: number;
  readonly histograms: number;
}

interface BlockNumber {
  readonly block: number;
  readonly resolutionMs: number;
}

export function placeOf(sink: SampleSink): SinkPlace {
  return { samples: sink.length - sink.start, histograms: sink.histograms?.length ?? 0 };
}

export const SINK_START: SinkPlace = { samples: 0, histograms: 0 };

export class Tombstones {
  list: readonly Live[] = [];
  private readonly byId = new Map<number, Live[]>();

  get isEmpty(): boolean {
    return this.list.length === 0;
  }

  has(id: number): boolean {
    return this.byId.size > 0 && this.byId.has(id);
  }

  add(tombstone: Tombstone): void {
    const live = { ...tombstone, cleanBlocks: new Set<number>() };
    this.list = [...this.list, live];
    for (const id of live.ids) {
      const known = this.byId.get(id);
      if (known) known.push(live);
      else this.byId.set(id, [live]);
    }
  }

  removeWhere(isDone: (tombstone: Live) => boolean): void {
    const kept = this.list.filter((one) => !isDone(one));
    if (kept.length === this.list.length) return;
    this.list = kept;
    this.byId.clear();
    for (const live of kept) {
      for (const id of live.ids) this.byId.set(id, [...(this.byId.get(id) ?? []), live]);
    }
  }

  /**
   * Takes out of the sink what is hidden of a block: of its current series from this place on. An
   * interval stands for the time before it and is hidden when any of that is. Returns how many went.
   */
  hideBlock(id: number, sink: SampleSink, from: SinkPlace, { block, resolutionMs }: BlockNumber): number {
    const of = this.byId.get(id)?.filter((one) => block < one.blockLimit);
    if (!of || of.length === 0) return 0;
    const isHidden = (timeMs: number) => {
      // Whatever is kept of an interval goes or stays together.
      const endMs = resolutionMs > 0 ? Math.ceil(timeMs / resolutionMs) * resolutionMs : timeMs;
      const startMs = resolutionMs > 0 ? endMs - resolutionMs + 1 : timeMs;
      return of.some((one) => endMs >= one.fromMs && startMs <= one.blockToMs);
    };
    let gone = dropSamples(sink, sink.start + from.samples, isHidden);
    const { histograms } = sink;
    if (histograms) {
      const before = histograms.length;
      histograms.removeFrom(from.histograms, isHidden);
      gone += before - histograms.length;
      if (histograms.length === 0) sink.histograms = undefined;
    }
    return gone;
  }

  /** The same for samples of rows. */
  hideRows(id: number, sink: SampleSink, had: number): void {
    const of = this.byId.get(id);
    if (!of) return;
    dropSamples(sink, sink.start + had, (timeMs) => of.some((one) => timeMs >= one.fromMs && timeMs <= one.rowToMs));
  }
}

function dropSamples(sink: SampleSink, first: number, isGone: (timeMs: number) => boolean): number {
  const { times, bits } = sink;
  let n = first;
  for (let i = first; i < sink.length; i++) {
    if (isGone(times[i])) continue;
    times[n] = times[i];
    bits[2 * n] = bits[2 * i];
    bits[2 * n + 1] = bits[2 * i + 1];
    n++;
  }
  const gone = sink.length - n;
  sink.length = n;
  return gone;
}
