// Names of series in legends.
import { type LabelRecord, METRIC_NAME, quote } from "../labels.ts";

/** `{{label}}` → its value, empty when absent. */
export function formatLegend(format: string, labels: LabelRecord): string {
  return format.replace(/\{\{\s*(.+?)\s*\}\}/g, (_, name: string) => labels[name] ?? "");
}

/** `name{a="b"}` as PromQL writes a series; "{}" for no labels at all. */
export function seriesName(labels: LabelRecord): string {
  const name = labels[METRIC_NAME] ?? "";
  const rest = Object.keys(labels)
    .filter((key) => key !== METRIC_NAME)
    .map((key) => `${key}=${quote(labels[key])}`);
  if (rest.length === 0) return name === "" ? "{}" : name;
  return `${name}{${rest.join(", ")}}`;
}

/**
 * Names for the series of one query. With a format: that. Else (empty or "__auto"): when a single label tells the
 * series apart, its value; a lone series without labels is named by `fallback`.
 */
export function nameSeries(all: readonly LabelRecord[], format: string | null | undefined, fallback: string): string[] {
  if (format && format !== "__auto") return all.map((labels) => formatLegend(format, labels) || seriesName(labels));
  const names = new Set(all.flatMap((labels) => Object.keys(labels)));
  const telling = [...names].filter((name) => new Set(all.map((labels) => labels[name])).size > 1);
  return all.map((labels) => {
    if (all.length > 1 && telling.length === 1) return labels[telling[0]] ?? "";
    const text = seriesName(labels);
    return text === "{}" ? fallback : text;
  });
}
