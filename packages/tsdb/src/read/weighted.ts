// Samples of one series from blocks of intervals and of samples together, each with the number of samples it stands for.
import { bitsOf, STALE_HIGH, STALE_LOW } from "@storewatch/model";
import type { BlockReader } from "../blocks/block-reader.ts";
import type { IntervalColumn } from "../blocks/intervals.ts";
import type { GatheredSamples, Gatherer } from "./gather.ts";
import { SampleSink } from "./sample-sink.ts";

export interface WeightedSamples extends GatheredSamples {
  /** Undefined: each stands for itself. */
  readonly counts?: Float64Array;
}

export interface WeightedSources {
  /** Knows nothing of blocks. */
  readonly head: Gatherer;
  readonly blocks: BlockReader | undefined;
  /** Reads series with native histograms. */
  readonly ofHistograms: Gatherer;
  readonly column: IntervalColumn | "kept";
}

export class WeightedGatherer {
  private readonly sink = new SampleSink(1024);
  private counts = new Float64Array(1024);

  constructor(private readonly sources: WeightedSources) {}

  gather(id: number, fromMs: number, toMs: number): WeightedSamples | undefined {
    const { head, blocks, ofHistograms, column } = this.sources;
    if (head.hasHistograms(id) || blocks?.hasHistograms(id)) return ofHistograms.gather(id);
    const { sink } = this;
    sink.reset();
    blocks?.readWeighted(id, fromMs, toMs, column, sink, (timeMs, value, count) => {
      const at = sink.reserve(1);
      sink.times[at] = timeMs;
      sink.values[at] = value;
      this.countFor(at)[at] = count;
      sink.length = at + 1;
      if (count > 0) return;
      sink.bits[2 * at] = STALE_LOW;
      sink.bits[2 * at + 1] = STALE_HIGH;
    });
    const young = head.gather(id);
    const n = young?.timesMs.length ?? 0;
    const length = sink.length + n;
    if (length === 0) return undefined;
    const timesMs = new Float64Array(length);
    const values = new Float64Array(length);
    const counts = new Float64Array(length).fill(1);
    timesMs.set(sink.times.subarray(0, sink.length));
    bitsOf(values).set(sink.bits.subarray(0, 2 * sink.length));
    counts.set(this.counts.subarray(0, sink.length));
    for (let i = 0; i < sink.length; i++) if (counts[i] <= 0) counts[i] = 1;
    if (young) {
      timesMs.set(young.timesMs, sink.length);
      bitsOf(values).set(bitsOf(young.values), 2 * sink.length);
    }
    return { timesMs, values, counts };
  }

  private countFor(at: number): Float64Array {
    if (at >= this.counts.length) {
      const grown = new Float64Array(Math.max(at + 1, this.counts.length * 2));
      grown.set(this.counts);
      this.counts = grown;
    }
    return this.counts;
  }
}
