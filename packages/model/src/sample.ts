// Samples and the staleness marker.
import type { NativeHistogram } from "./histogram.ts";
import type { Labels } from "./labels.ts";

/**
 * The staleness marker is a NaN with the bits 0x7ff0000000000002. A JavaScript number need not keep NaN bits, so
 * markers are written and tested through views on the same buffer, never passed around as numbers.
 */
export const STALE_LOW = 0x00000002;
export const STALE_HIGH = 0x7ff00000;

/** A 32-bit view over the same memory as `values`: pairs (low, high) on little-endian machines. */
export function bitsOf(values: Float64Array): Uint32Array {
  return new Uint32Array(values.buffer, values.byteOffset, values.length * 2);
}

export function isStaleAt(bits: Uint32Array, index: number): boolean {
  return bits[2 * index] === STALE_LOW && bits[2 * index + 1] === STALE_HIGH;
}

export function setStaleAt(bits: Uint32Array, index: number): void {
  bits[2 * index] = STALE_LOW;
  bits[2 * index + 1] = STALE_HIGH;
}

/**
 * The samples of one series within a range: times in ms since the epoch, strictly ascending; values at the same
 * places, staleness markers included. Arrays may be views of memory that the owner uses again: read, don't keep.
 */
export interface SeriesSamples {
  readonly labels: Labels;
  readonly timesMs: Float64Array;
  readonly values: Float64Array;
  /**
   * Only of a series that is answered from intervals: how many samples each one stands for. `values` are then what the
   * function asked for needs (see SelectHints): sums for sums and averages, extremes for extremes.
   */
  readonly counts?: Float64Array | undefined;
  /** Only of a series with native histograms: at the places of such samples the histogram, where `values` is a plain NaN. */
  readonly histograms?: readonly (NativeHistogram | undefined)[];
  /** Only of a counter whose source says since when it counts: that time of each sample in ms, 0 where it is unknown. */
  readonly startsMs?: Float64Array;
}

/** One sample to append. `stale` writes the staleness marker and `histogram` a native histogram, whatever `value` says. */
export interface Sample {
  readonly labels: Labels;
  readonly timeMs: number;
  readonly value: number;
  readonly stale?: boolean;
  readonly histogram?: NativeHistogram;
}
