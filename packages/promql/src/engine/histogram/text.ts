import type { NativeHistogram } from "@storewatch/model";
import { formatFloat } from "../../parser/text.ts";
import { allBuckets } from "./bounds.ts";

/** `{count:3, sum:4.5, [-0.001,0.001]:1, (1,2]:2}`: as count_values writes histograms. */
export function histogramText(histogram: NativeHistogram): string {
  const parts = [`count:${formatFloat(histogram.count)}`, `sum:${formatFloat(histogram.sum)}`];
  for (const { lower, upper, lowerInclusive, upperInclusive, count } of allBuckets(histogram)) {
    if (count === 0) continue;
    const open = lowerInclusive ? "[" : "(";
    const close = upperInclusive ? "]" : ")";
    parts.push(`${open}${formatFloat(lower)},${formatFloat(upper)}${close}:${formatFloat(count)}`);
  }
  return `{${parts.join(", ")}}`;
}
