// What the recording rules above a previewed rule would have written: of a new group nothing is stored yet, and of a
// changed one the old values are.
import { bitsOf, METRIC_NAME, type NativeHistogram, type SeriesSamples, setStaleAt } from "@storewatch/model";
import type { MatrixSeries } from "@storewatch/promql/engine";
import { collectSelectors, type Expr } from "@storewatch/promql/parser";
import type { PreviewedRule } from "./preview-input.ts";
import { recordedLabels } from "./recording-rule.ts";
import type { RecordingRuleConfig } from "./rule-file.ts";

/** A recording rule of the group that the previewed one reads, itself or by another one. */
export interface NeededRecording {
  readonly rule: RecordingRuleConfig;
  /** How long before the previewed range its values are looked at, in ms. */
  readonly backMs: number;
}

/** In the order in which the group evaluates them. */
export function neededRecordings({ rule, group }: PreviewedRule): NeededRecording[] {
  const needed: NeededRecording[] = [];
  const readers: { readonly parsed: Expr; readonly backMs: number }[] = [{ parsed: rule.parsed, backMs: 0 }];
  for (const earlier of group.rules.slice(0, group.rules.indexOf(rule)).reverse()) {
    if (earlier.type !== "recording") continue;
    const reads = readers.flatMap(({ parsed, backMs }) =>
      reachesOf(parsed, earlier.record).map((reachMs) => backMs + reachMs),
    );
    if (reads.length === 0) continue;
    const backMs = Math.max(...reads);
    needed.unshift({ rule: earlier, backMs });
    readers.push({ parsed: earlier.parsed, backMs });
  }
  return needed;
}

/** How far back each selector looks that can read the metric. */
function reachesOf(parsed: Expr, metric: string): number[] {
  return collectSelectors(parsed).flatMap(({ matchers, range, offset, subqueryMs }) => {
    const reads = matchers.filter(({ name }) => name === METRIC_NAME).every((matcher) => matcher.matches(metric));
    return reads ? [(range?.ms ?? 0) + Math.max(0, offset?.ms ?? 0) + subqueryMs] : [];
  });
}

/** As the rule would have written them: where a series has no value at a step any more, it ends there. */
export function recordedSeries(
  rule: RecordingRuleConfig,
  found: readonly MatrixSeries[],
  stepMs: number,
  toMs: number,
): SeriesSamples[] {
  return found.map((series) => {
    const times: number[] = [];
    const values: number[] = [];
    const histograms: (NativeHistogram | undefined)[] = [];
    const ends: number[] = [];
    series.timesMs.forEach((timeMs, i) => {
      times.push(timeMs);
      values.push(series.values[i]);
      histograms.push(series.histograms?.[i]);
      const nextMs = timeMs + stepMs;
      if (nextMs > toMs || series.timesMs[i + 1] === nextMs) return;
      ends.push(times.length);
      times.push(nextMs);
      values.push(0);
      histograms.push(undefined);
    });
    const samples = Float64Array.from(values);
    for (const end of ends) setStaleAt(bitsOf(samples), end);
    const recorded = {
      labels: recordedLabels(rule, series.labels),
      timesMs: Float64Array.from(times),
      values: samples,
    };
    return series.histograms ? { ...recorded, histograms } : recorded;
  });
}
