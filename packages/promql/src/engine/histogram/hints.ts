// Counter reset hints: whether a sample is known to continue the one before it.
import type { NativeHistogram } from "@storewatch/model";
import type { Histograms } from "../vector.ts";
import { isReset } from "./resets.ts";

/**
 * The histogram with the hint that upstream's store gives it behind `previous`, the sample before it if that is a
 * histogram: "not reset" or nothing. That it was reset the store knows too, but does not say.
 */
export function storedHint(histogram: NativeHistogram, previous: NativeHistogram | undefined): NativeHistogram {
  const { counterReset } = histogram;
  if (counterReset === "gauge") return histogram;
  const unknown: NativeHistogram = { ...histogram, counterReset: "unknown" };
  const isFirst = !previous || previous.counterReset === "gauge" || counterReset === "reset";
  return isFirst || isReset(unknown, previous) ? unknown : { ...histogram, counterReset: "notReset" };
}

/** The samples of a series with hints wherever they can be found out. */
export function resolveHints(histograms: Readonly<Histograms>): Histograms {
  let previous: NativeHistogram | undefined;
  return histograms.map((one) => {
    if (!one) return undefined;
    const known = one.counterReset !== "unknown" || !previous;
    const resolved: NativeHistogram = known
      ? one
      : { ...one, counterReset: isReset(one, previous!) ? "reset" : "notReset" };
    previous = one;
    return resolved;
  });
}

/** For samples that are picked out of a series: what a hint says is about a sample that may be left out. */
export function withoutHint(histogram: NativeHistogram | undefined): NativeHistogram | undefined {
  if (!histogram || histogram.counterReset === "gauge" || histogram.counterReset === "unknown") return histogram;
  return { ...histogram, counterReset: "unknown" };
}
