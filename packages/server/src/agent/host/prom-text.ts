// Reads the text format of *.prom files, which scripts write by hand: every fault is named with its line.
import { Families } from "../families.ts";
import type { FamilyType, MetricFamily } from "../interface.ts";

/** Throws an Error that names the line. Time stamps are refused: the page is the state of now. */
export function parsePromText(text: string): readonly MetricFamily[] {
  const helps = new Map<string, string>();
  const types = new Map<string, FamilyType>();
  const out = new Families();
  text.split("\n").forEach((line, i) => {
    try {
      readLine(line.trim(), helps, types, out);
    } catch (error) {
      throw new Error(`line ${i + 1}: ${error instanceof Error ? error.message : String(error)}`);
    }
  });
  return out.list();
}

const COMMENT = /^#\s*(HELP|TYPE)\s+([A-Za-z_:][\w:]*)(?:\s+(.*))?$/;
const SAMPLE = /^([A-Za-z_:][\w:]*)\s*(?:\{(.*)\})?\s*(\S+)(?:\s+(\S+))?$/;
const TYPES: readonly string[] = ["counter", "gauge", "histogram", "summary", "untyped"] satisfies FamilyType[];

function readLine(line: string, helps: Map<string, string>, types: Map<string, FamilyType>, out: Families): void {
  if (line === "") return;
  if (line.startsWith("#")) {
    const match = COMMENT.exec(line);
    if (!match) return;
    const [, word, name, rest = ""] = match;
    if (word === "HELP")
      helps.set(
        name,
        rest.replace(/\\(\\|n)/g, (_, c: string) => (c === "n" ? "\n" : "\\")),
      );
    else if (TYPES.includes(rest)) types.set(name, rest as FamilyType);
    else throw new Error(`unknown type ${rest}`);
    return;
  }
  const match = SAMPLE.exec(line);
  if (!match) throw new Error("expected a name, labels in braces, a value");
  const [, full, labels = "", number, timestamp] = match;
  if (timestamp !== undefined) throw new Error("a time stamp is not allowed here");
  const { name, suffix } = familyOf(full, types);
  const help = helps.get(name) ?? "";
  const sample = { labels: parseLabels(labels), value: parseValue(number), ...(suffix && { suffix }) };
  out.add(name, help, types.get(name) ?? "untyped", sample);
}

function familyOf(full: string, types: ReadonlyMap<string, FamilyType>): { name: string; suffix?: string } {
  const match = /^(.+)(_bucket|_sum|_count)$/.exec(full);
  if (!match || types.has(full)) return { name: full };
  const type = types.get(match[1]);
  const belongs = type === "histogram" || (type === "summary" && match[2] !== "_bucket");
  return belongs ? { name: match[1], suffix: match[2] } : { name: full };
}

const LABEL = /\s*([A-Za-z_]\w*)\s*=\s*"((?:[^"\\]|\\.)*)"\s*(,|$)/y;

function parseLabels(text: string): Record<string, string> {
  const labels: Record<string, string> = {};
  let at = 0;
  while (at < text.length) {
    LABEL.lastIndex = at;
    const match = LABEL.exec(text);
    if (!match) {
      if (text.slice(at).trim() === "") break;
      throw new Error(`bad labels {${text}}`);
    }
    const [, name, raw] = match;
    if (Object.hasOwn(labels, name)) throw new Error(`the label ${name} stands twice`);
    labels[name] = raw.replace(/\\(.)/g, (_, c: string) => (c === "n" ? "\n" : c));
    at = LABEL.lastIndex;
  }
  return labels;
}

function parseValue(text: string): number {
  const special = /^([+-]?)(inf|infinity|nan)$/i.exec(text);
  if (special) {
    if (special[2].toLowerCase() === "nan") return Number.NaN;
    return special[1] === "-" ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
  }
  const value = Number(text);
  if (Number.isNaN(value)) throw new Error(`${text} is no number`);
  return value;
}
