// Whether a sample with its own time may enter, and where it goes. A series may have samples from a scrape, pushed ones and
// native histograms at once: for each time one of them.
import { bitsOf, type Sample } from "@storewatch/model";
import { equalHistograms } from "./codec/histogram.ts";
import { isSame, type Taken } from "./head/generic-store.ts";
import type { Head } from "./head/head.ts";
import { Gatherer } from "./read/gather.ts";
import { SampleSink } from "./read/sample-sink.ts";

/** How far ahead of the clock a sample may be: one with a wrong clock must not make those that follow too old. */
export const AHEAD_MS_MAX = 600_000;

/** Takes the sample in. The head accepts its time. */
export function takeSample(head: Head, id: number, timeMs: number, sample: Sample): Taken {
  const { histogram } = sample;
  const stale = sample.stale === true;
  // Most series that are pushed come this way only.
  if (histogram === undefined && !head.hasColumn(id) && !head.histograms.has(id)) {
    return head.generic.append(id, timeMs, sample.value, stale);
  }
  const newestMs = Math.max(head.generic.newestMs(id), head.histograms.newestMs(id), newestRowMs(head, id));
  if (timeMs < newestMs - head.outOfOrderMs) return "too-old";
  if (timeMs <= newestMs) {
    const known = knownSample(head, id, timeMs, sample);
    if (known) return known;
  }
  if (histogram === undefined || stale) return head.generic.append(id, timeMs, sample.value, stale);
  head.histograms.append(id, timeMs, histogram);
  return "appended";
}

/** The newest sample of the series in rows that are still written; -1: none. */
function newestRowMs(head: Head, id: number): number {
  let newestMs = -1;
  head.forEachColumn(id, (target, column) => {
    if (target.stride > 0 && target.lastIsSample(column)) newestMs = Math.max(newestMs, target.lastTimeMs);
  });
  return newestMs;
}

function knownSample(head: Head, id: number, timeMs: number, sample: Sample): Taken | undefined {
  const known = new Gatherer(head, timeMs, timeMs, undefined, new SampleSink(64)).gather(id);
  if (!known) return undefined;
  const histogram = sample.stale ? undefined : sample.histogram;
  const other = known.histograms?.[0];
  if (histogram || other) return histogram && other && equalHistograms(histogram, other) ? "same" : "duplicate";
  const bits = bitsOf(known.values);
  return isSame([bits[0], bits[1]], sample.value, sample.stale === true) ? "same" : "duplicate";
}
