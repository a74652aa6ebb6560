import { setStaleAt } from "@storewatch/model";
import { SampleSink } from "./sample-sink.ts";

/** Samples of one series with the number of samples that each stands for. */
export class WeightedSink {
  readonly samples = new SampleSink(1024);
  counts = new Float64Array(1024);

  reset(): void {
    this.samples.reset();
  }

  push(timeMs: number, value: number, count: number): void {
    const { samples } = this;
    const at = samples.reserve(1);
    samples.times[at] = timeMs;
    samples.values[at] = value;
    samples.length = at + 1;
    this.countsFor(at + 1)[at] = count;
  }

  pushMarker(timeMs: number): void {
    this.push(timeMs, 0, 1);
    setStaleAt(this.samples.bits, this.samples.length - 1);
  }

  /** Samples from `from` on were added directly: each stands for itself. */
  addedDirectly(from: number): void {
    this.countsFor(this.samples.length).fill(1, from, this.samples.length);
  }

  private countsFor(length: number): Float64Array {
    if (length > this.counts.length) {
      const grown = new Float64Array(Math.max(length, this.counts.length * 2));
      grown.set(this.counts);
      this.counts = grown;
    }
    return this.counts;
  }
}
