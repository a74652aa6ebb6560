// Relabelling: rules that rewrite, keep or drop a label set, with Prometheus' semantics for every action of 3.x.
import { createHash } from "node:crypto";
import { compileRe2, compileWholeRegex, Labels, type WholeRegex } from "@storewatch/model";

export const RELABEL_ACTIONS = [
  "replace",
  "keep",
  "drop",
  "keepequal",
  "dropequal",
  "hashmod",
  "labelmap",
  "labeldrop",
  "labelkeep",
  "lowercase",
  "uppercase",
] as const;
export type RelabelAction = (typeof RELABEL_ACTIONS)[number];

/** What a file's bytes become when they are no UTF-8: see `!!binary` in the config documents. */
const LONE_SURROGATE = /[\ud800-\udfff]/u;

/** Which label names are taken: any UTF-8, or letters, digits and underscores only. */
export type NameScheme = "utf8" | "legacy";

/** One rule as it stands in a file, with the defaults filled in. */
export interface RelabelConfig {
  readonly action: RelabelAction;
  readonly sourceLabels: readonly string[];
  readonly separator: string;
  /** RE2; matches whole strings, line breaks included. */
  readonly regex: string;
  readonly modulus: bigint;
  readonly targetLabel: string;
  readonly replacement: string;
}

export const RELABEL_DEFAULTS: RelabelConfig = {
  action: "replace",
  sourceLabels: [],
  separator: ";",
  regex: "(.*)",
  modulus: 0n,
  targetLabel: "",
  replacement: "$1",
};

/** Changes the labels in place; false means: drop. An empty value removes a label. */
export type Relabeller = (labels: Map<string, string>) => boolean;

/** Compiles rules in order. Throws RegexError. */
export function createRelabeller(configs: readonly RelabelConfig[], scheme: NameScheme = "utf8"): Relabeller {
  const steps = configs.map((config) => compileStep(config, scheme));
  return (labels) => steps.every((step) => step(labels));
}

/** The relabelled set, undefined when it is dropped. */
export function relabel(labels: Labels, relabeller: Relabeller): Labels | undefined {
  const map = new Map(labels);
  return relabeller(map) ? Labels.fromEntries(map) : undefined;
}

function compileStep(config: RelabelConfig, scheme: NameScheme): Relabeller {
  const source = (labels: ReadonlyMap<string, string>): string =>
    config.sourceLabels.map((name) => labels.get(name) ?? "").join(config.separator);
  const target = config.targetLabel;
  switch (config.action) {
    case "keep":
    case "drop": {
      const regex = compileWholeRegex(config.regex);
      const wanted = config.action === "keep";
      return (labels) => regex.matches(source(labels)) === wanted;
    }
    case "keepequal":
      return (labels) => (labels.get(target) ?? "") === source(labels);
    case "dropequal":
      return (labels) => (labels.get(target) ?? "") !== source(labels);
    case "lowercase":
      return (labels) =>
        set(
          labels,
          target,
          mapCharacters(source(labels), (c) => c.toLowerCase()),
        );
    case "uppercase":
      return (labels) =>
        set(
          labels,
          target,
          mapCharacters(source(labels), (c) => c.toUpperCase()),
        );
    case "hashmod":
      return (labels) => set(labels, target, hashModulo(source(labels), config.modulus));
    case "labelmap":
      return labelMap(config);
    case "labeldrop":
    case "labelkeep":
      return filterNames(compileWholeRegex(config.regex), config.action === "labelkeep");
    case "replace":
      return replace(config, source, scheme);
  }
}

function set(labels: Map<string, string>, name: string, value: string): true {
  if (value === "") labels.delete(name);
  else labels.set(name, value);
  return true;
}

function replace(
  config: RelabelConfig,
  source: (labels: ReadonlyMap<string, string>) => string,
  scheme: NameScheme,
): Relabeller {
  const regex = compileExpanding(config.regex);
  const target = parseTemplate(config.targetLabel);
  const replacement = parseTemplate(config.replacement);
  return (labels) => {
    const match = regex(source(labels));
    if (!match) return true;
    const name = expand(target, match);
    return isLabelName(name, scheme) ? set(labels, name, expand(replacement, match)) : true;
  };
}

function labelMap(config: RelabelConfig): Relabeller {
  const regex = compileExpanding(config.regex);
  const replacement = parseTemplate(config.replacement);
  return (labels) => {
    for (const [name, value] of [...labels]) {
      const match = regex(name);
      if (match) set(labels, expand(replacement, match), value);
    }
    return true;
  };
}

function filterNames(regex: WholeRegex, keepMatching: boolean): Relabeller {
  return (labels) => {
    for (const name of [...labels.keys()]) if (regex.matches(name) !== keepMatching) labels.delete(name);
    return true;
  };
}

/** As Go maps case: code point by code point, and only where one code point becomes one. */
function mapCharacters(text: string, map: (character: string) => string): string {
  let out = "";
  for (const character of text) {
    const mapped = map(character);
    out += [...mapped].length === 1 ? mapped : character;
  }
  return out;
}

/** The last 8 bytes of the MD5, big endian, as the peers do it. */
function hashModulo(text: string, modulus: bigint): string {
  const hash = createHash("md5").update(text).digest();
  return (hash.readBigUInt64BE(8) % modulus).toString();
}

export function isLabelName(name: string, scheme: NameScheme): boolean {
  if (scheme === "legacy") return /^[a-zA-Z_][a-zA-Z0-9_]*$/.test(name);
  return name !== "" && !LONE_SURROGATE.test(name);
}

export function isMetricName(name: string, scheme: NameScheme): boolean {
  if (scheme === "legacy") return /^[a-zA-Z_:][a-zA-Z0-9_:]*$/.test(name);
  return name !== "" && !LONE_SURROGATE.test(name);
}

interface Match {
  /** "" where a group took no part. */
  group(index: number): string;
  named(name: string): string;
}

function compileExpanding(pattern: string): (text: string) => Match | undefined {
  if (pattern === RELABEL_DEFAULTS.regex) return (text) => ({ group: (i) => (i < 2 ? text : ""), named: () => "" });
  // First alone, so that a pattern such as `a)(b` is refused rather than completed by the group around it.
  compileRe2(pattern);
  const regex = compileRe2(`^(?s:${pattern})$`);
  const names = regex.namedGroups() as Readonly<Record<string, number>>;
  return (text) => {
    const matcher = regex.matcher(text);
    if (!matcher.matches()) return undefined;
    const group = (index: number) => (index <= matcher.groupCount() ? (matcher.group(index) ?? "") : "");
    return { group, named: (name) => (Object.hasOwn(names, name) ? group(names[name]) : "") };
  };
}

type Part = { readonly literal: string } | { readonly index: number } | { readonly name: string };

/** Go's Regexp.Expand: `$1`, `${1}`, `$name`, `${name}`, `$$`; a `$` that starts none of them stands for itself. */
function parseTemplate(template: string): readonly Part[] {
  const parts: Part[] = [];
  let rest = template;
  while (rest !== "") {
    const at = rest.indexOf("$");
    if (at !== 0) parts.push({ literal: at < 0 ? rest : rest.slice(0, at) });
    if (at < 0) break;
    rest = rest.slice(at);
    if (rest.startsWith("$$")) {
      parts.push({ literal: "$" });
      rest = rest.slice(2);
      continue;
    }
    const reference = /^\$(?:\{([\p{L}\p{Nd}_]+)\}|([\p{L}\p{Nd}_]+))/u.exec(rest);
    if (!reference) {
      parts.push({ literal: "$" });
      rest = rest.slice(1);
      continue;
    }
    const name = reference[1] ?? reference[2];
    parts.push(/^(0|[1-9]\d{0,7})$/.test(name) ? { index: Number(name) } : { name });
    rest = rest.slice(reference[0].length);
  }
  return parts;
}

function expand(parts: readonly Part[], match: Match): string {
  let out = "";
  for (const part of parts) {
    if ("literal" in part) out += part.literal;
    else out += "index" in part ? match.group(part.index) : match.named(part.name);
  }
  return out;
}
