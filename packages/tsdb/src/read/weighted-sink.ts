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

  /**
   * Puts the samples in the order of their times where blocks lie over each other, and drops repeated ones: of those that
   * stand for themselves, the first stays.
   */
  sort(): void {
    const { samples, counts } = this;
    const { length } = samples;
    let isSorted = true;
    for (let i = 1; i < length && isSorted; i++) isSorted = samples.times[i] > samples.times[i - 1];
    if (isSorted) return;
    const times = samples.times.slice(0, length);
    const bits = samples.bits.slice(0, 2 * length);
    const weights = counts.slice(0, length);
    const order = Array.from(times, (_, i) => i).sort((a, b) => times[a] - times[b] || a - b);
    let n = 0;
    for (const i of order) {
      const isRepeated = n > 0 && samples.times[n - 1] === times[i] && counts[n - 1] === 1 && weights[i] === 1;
      if (isRepeated) continue;
      samples.times[n] = times[i];
      samples.bits[2 * n] = bits[2 * i];
      samples.bits[2 * n + 1] = bits[2 * i + 1];
      counts[n] = weights[i];
      n++;
    }
    samples.length = n;
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
