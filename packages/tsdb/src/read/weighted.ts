// Samples of one series from blocks of intervals and of samples together, each with the number of samples it stands for.
import { bitsOf } from "@storewatch/model";
import type { BlockReader } from "../blocks/block-reader.ts";
import type { IntervalColumn } from "../blocks/intervals.ts";
import type { GatheredSamples, Gatherer } from "./gather.ts";
import { WeightedSink } from "./weighted-sink.ts";

interface WeightedSamples extends GatheredSamples {
  /** Undefined: each stands for itself. */
  readonly counts?: Float64Array;
}

interface WeightedSources {
  /** Knows nothing of blocks. */
  readonly head: Gatherer;
  readonly blocks: BlockReader | undefined;
  /** Reads series with native histograms. */
  readonly ofHistograms: Gatherer;
  readonly column: IntervalColumn | "kept";
}

export class WeightedGatherer {
  private readonly sink = new WeightedSink();

  constructor(private readonly sources: WeightedSources) {}

  gather(id: number, fromMs: number, toMs: number): WeightedSamples | undefined {
    const { head, blocks, ofHistograms, column } = this.sources;
    if (head.hasHistograms(id) || blocks?.hasHistograms(id)) return ofHistograms.gather(id);
    const { sink } = this;
    sink.reset();
    blocks?.readWeighted(id, fromMs, toMs, column, sink);
    // Backfilled blocks lie over others until they are merged.
    sink.sort();
    const { samples } = sink;
    const young = head.gather(id);
    const had = samples.length;
    if (young) {
      const at = samples.reserve(young.timesMs.length);
      samples.times.set(young.timesMs, at);
      samples.bits.set(bitsOf(young.values), 2 * at);
      samples.length = at + young.timesMs.length;
      sink.addedDirectly(had);
    }
    if (samples.length === 0) return undefined;
    const values = new Float64Array(samples.length);
    bitsOf(values).set(samples.bits.subarray(0, 2 * samples.length));
    return { timesMs: samples.times.slice(0, samples.length), values, counts: sink.counts.slice(0, samples.length) };
  }
}
