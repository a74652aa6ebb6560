// Labels as the tester takes them: one a line or separated by commas, `name=value` or `name="value"`, with or without
// braces, so that they can be pasted from anywhere.
import type { LabelSet } from "../../api/prometheus.ts";

const PLAIN = /^[^\s",{}=]+$/;

export const labelsText = (labels: LabelSet): string =>
  Object.entries(labels)
    .map(([name, value]) => `${name}=${PLAIN.test(value) ? value : JSON.stringify(value)}`)
    .join(", ");

export interface ReadLabels {
  readonly labels: LabelSet;
  /** The first part that could not be read. */
  readonly bad: string | undefined;
}

const PART = /^\s*([^\s"=,{}]+)\s*=\s*("(?:[^"\\]|\\.)*"|[^,\n}"]*)\s*(?:[,\n]|$)/;

export function readLabels(text: string): ReadLabels {
  const labels: Record<string, string> = {};
  let rest = text.trim().replace(/^\{/, "").replace(/\}$/, "").trim();
  while (rest !== "") {
    const match = PART.exec(rest);
    if (!match) return { labels, bad: rest.split(/[,\n]/)[0].trim() };
    labels[match[1]] = match[2].startsWith('"') ? unquoted(match[2]) : match[2].trim();
    rest = rest.slice(match[0].length).trim();
  }
  return { labels, bad: undefined };
}

function unquoted(text: string): string {
  try {
    return JSON.parse(text) as string;
  } catch {
    return text.slice(1, -1);
  }
}
