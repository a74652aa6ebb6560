// Families → Prometheus text format 0.0.4, families in order of their names.
import type { FamilySample, LabelValues, MetricFamily } from "./interface.ts";

export const TEXT_CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8";

const NAME = /^[A-Za-z_:][A-Za-z0-9_:]*$/;
const LABEL_NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;

export interface Page {
  readonly text: string;
  /** What could not be shown, a line each: a bad name, the same series twice. */
  readonly problems: readonly string[];
}

/**
 * One page of what several collectors gave. Families of the same name become one, with the HELP and TYPE of the first. A
 * scraper refuses a page with the same series twice, so that the second is left out and told.
 */
export function renderPage(results: ReadonlyArray<readonly MetricFamily[]>): Page {
  const problems: string[] = [];
  const byName = new Map<string, MetricFamily[]>();
  for (const family of results.flat()) {
    if (family.samples.length === 0 && !family.lines?.length) continue;
    const same = byName.get(family.name);
    if (same) same.push(family);
    else byName.set(family.name, [family]);
  }
  let text = "";
  for (const name of [...byName.keys()].sort()) text += renderFamily(byName.get(name) ?? [], problems);
  return { text, problems };
}

function renderFamily(parts: readonly MetricFamily[], problems: string[]): string {
  const [{ name, help, type }] = parts;
  if (!NAME.test(name)) {
    problems.push(`${JSON.stringify(name)} is no metric name`);
    return "";
  }
  let text = help === "" ? "" : `# HELP ${name} ${escapeHelp(help)}\n`;
  text += `# TYPE ${name} ${type}\n`;
  const seen = new Set<string>();
  for (const { samples, lines, type: partType } of parts) {
    if (partType !== type) {
      problems.push(`${name} is ${type} and, from another collector, ${partType}`);
      continue;
    }
    for (const sample of samples) {
      const series = seriesOf(name, sample, problems);
      if (series === undefined) continue;
      if (seen.has(series)) problems.push(`${series} is there twice`);
      else text += `${series} ${formatValue(sample.value)}\n`;
      seen.add(series);
    }
    if (lines) text += lines.join("");
  }
  return text;
}

/** A line of `MetricFamily.lines`; undefined when a label's name is none. */
export function sampleLine(name: string, labels: LabelValues, value: number): string | undefined {
  const pairs = renderLabels(labels);
  return pairs === undefined ? undefined : `${name}${pairs === "" ? "" : `{${pairs}}`} ${formatValue(value)}\n`;
}

function seriesOf(name: string, { labels, suffix }: FamilySample, problems: string[]): string | undefined {
  const full = suffix === undefined ? name : name + suffix;
  const pairs = renderLabels(labels);
  if (pairs === undefined) {
    problems.push(`${full} has a bad label name: ${Object.keys(labels).join(", ")}`);
    return undefined;
  }
  return pairs === "" ? full : `${full}{${pairs}}`;
}

function renderLabels(labels: LabelValues): string | undefined {
  let text = "";
  for (const name in labels) {
    if (!LABEL_NAME.test(name)) return undefined;
    text += `${text === "" ? "" : ","}${name}="${escapeValue(labels[name])}"`;
  }
  return text;
}

const SPECIAL = /[\\"\n]/;

function escapeValue(value: string): string {
  if (!SPECIAL.test(value)) return value;
  return value.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
}

function escapeHelp(help: string): string {
  return help.replaceAll("\\", "\\\\").replaceAll("\n", "\\n");
}

function formatValue(value: number): string {
  if (value === Number.POSITIVE_INFINITY) return "+Inf";
  return value === Number.NEGATIVE_INFINITY ? "-Inf" : String(value);
}
