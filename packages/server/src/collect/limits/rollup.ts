// What a series over the limit becomes: a share of the series `__other__`, which its tenant has one of for each metric and
// set of label names. See docs/limits.md and docs/decisions.
import { Labels, METRIC_NAME, TENANT_LABEL } from "@storewatch/model";

const OTHER = "__other__";

/** How values are added up; "none": they cannot be. */
export type RollupKind = "counter" | "gauge" | "none";

/** Metric type of a family, as it was told; undefined: nobody told. */
export type TypeOf = (family: string) => string | undefined;

/**
 * The labels of the sum: the metric's name, the tenant and a bucket's `le` stay, and so do labels in `kept`; every other
 * label keeps its name and gets the value `__other__`, so that grouping by it shows where the rest is.
 */
export function rollupLabels(labels: Labels, kept: readonly string[]): Labels {
  const pairs: string[] = [];
  let replaced = false;
  for (const [name, value] of labels) {
    const stays = name === METRIC_NAME || name === TENANT_LABEL || name === "le" || kept.includes(name);
    if (!stays) replaced = true;
    pairs.push(name, stays ? value : OTHER);
  }
  const rolled = Labels.fromSortedPairs(pairs);
  // A series with no label to replace would be its own sum, and look as if it had been let in.
  return replaced ? rolled : rolled.with("series", OTHER);
}

const COUNTING_SUFFIX = /_(total|bucket|count|sum)$/;

export function rollupKind(labels: Labels, typeOf: TypeOf): RollupKind {
  const name = labels.metricName;
  const told = typeOf(name);
  // A quantile of many is no sum of quantiles.
  if (labels.has("quantile") && (told === undefined || told === "summary" || told === "unknown")) return "none";
  if (told === "counter" || told === "gauge") return told;
  if (told === "info" || told === "stateset") return "gauge";
  const family = name.replace(/_(total|bucket|count|sum|gcount|gsum|created)$/, "");
  const ofFamily = family === name ? undefined : typeOf(family);
  if (name.endsWith("_created") && ofFamily !== undefined) return "none";
  if (ofFamily === "gaugehistogram" || ofFamily === "gauge") return "gauge";
  return COUNTING_SUFFIX.test(name) ? "counter" : "gauge";
}
