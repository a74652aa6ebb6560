import { bitsOf } from "@storewatch/model";
import { HistogramRun } from "./histogram-run.ts";

/** 8 MB of values. */
const PAGE_SAMPLES_MAX = 2 ** 20;

/**
 * Where samples are decoded to: one page of times and values. Series follow each other; results are views of the page,
 * and a full page is left to them and replaced. So results stay valid as long as someone holds them.
 */
export class SampleSink {
  times: Float64Array;
  values: Float64Array;
  bits: Uint32Array;
  /** The first place of the current series. */
  start = 0;
  /** The place after the last sample. */
  length = 0;
  /** The current series' histograms, in any order; undefined: it has none. */
  histograms: HistogramRun | undefined;

  constructor(capacity = 4096) {
    this.times = new Float64Array(capacity);
    this.values = new Float64Array(capacity);
    this.bits = bitsOf(this.values);
  }

  /** Makes room for n samples more of the current series; returns where they go. The caller moves `length`. */
  reserve(n: number): number {
    if (this.length + n > this.values.length) this.turnPage(n);
    return this.length;
  }

  /** Says how many samples may follow: the next page is made for them, within bounds. */
  expect(samples: number): void {
    if (this.length + samples > this.values.length) this.turnPage(Math.min(samples, PAGE_SAMPLES_MAX) / 2);
  }

  /** Begins the next series. What stands before stays as it is. */
  begin(): void {
    this.start = this.length;
    this.histograms = undefined;
  }

  /** Where histograms of the current series go. */
  histogramRun(): HistogramRun {
    this.histograms ??= new HistogramRun();
    return this.histograms;
  }

  /** Forgets the current series. */
  drop(): void {
    this.length = this.start;
  }

  /** Makes the page's whole room free again: for owners who have copied the results. */
  reset(): void {
    this.start = 0;
    this.length = 0;
    this.histograms = undefined;
  }

  private turnPage(n: number): void {
    const kept = this.length - this.start;
    const capacity = Math.ceil(Math.max(Math.min(this.values.length, PAGE_SAMPLES_MAX), (kept + n) * 2));
    const times = new Float64Array(capacity);
    const values = new Float64Array(capacity);
    const bits = bitsOf(values);
    times.set(this.times.subarray(this.start, this.length));
    bits.set(this.bits.subarray(2 * this.start, 2 * this.length));
    this.times = times;
    this.values = values;
    this.bits = bits;
    this.start = 0;
    this.length = kept;
  }
}
