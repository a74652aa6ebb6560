// What a query variable asks for, its options after regex and sort, and which values are chosen.
import { compileRe2 } from "../regex.ts";
import { ALL_VALUE, type VariableValue } from "./interpolate.ts";
import type { Variable, VariableOption } from "./schema.ts";

export type VariableQuery =
  | { readonly kind: "label-values"; readonly selector: string | undefined; readonly label: string }
  | { readonly kind: "label-names" }
  | { readonly kind: "metrics"; readonly pattern: string }
  | { readonly kind: "query-result"; readonly expression: string }
  /** A bare selector: its series as text. */
  | { readonly kind: "series"; readonly selector: string };

/** Reads `label_values(selector, label)` and its siblings. */
export function parseVariableQuery(text: string): VariableQuery | undefined {
  const query = text.trim();
  if (query === "") return undefined;
  const call = /^(label_values|label_names|metrics|query_result)\s*\(([\s\S]*)\)\s*$/.exec(query);
  if (!call) return { kind: "series", selector: query };
  const inner = call[2].trim();
  switch (call[1]) {
    case "label_names":
      return { kind: "label-names" };
    case "metrics":
      return { kind: "metrics", pattern: inner };
    case "query_result":
      return { kind: "query-result", expression: inner };
    default: {
      // The label stands after the last comma: the selector may hold commas itself.
      const match = /^(?:([\s\S]+),)?\s*([A-Za-z_][A-Za-z0-9_]*)$/.exec(inner);
      return match ? { kind: "label-values", selector: match[1]?.trim(), label: match[2] } : undefined;
    }
  }
}

/** `a, b : c, d\,e` → options; `text : value` pairs as Grafana's custom variables have them. */
export function customOptions(query: string): VariableOption[] {
  const parts = query.match(/(?:\\,|[^,])+/g) ?? [];
  return parts.map((part) => {
    const text = part.replaceAll("\\,", ",").trim();
    const pair = /^(.+?)\s+:\s+(.+)$/.exec(text);
    return pair ? { text: pair[1], value: pair[2] } : { text, value: text };
  });
}

/** Applies the variable's `/regex/` (a capture group picks the value; groups `text` and `value` both) and its sort. */
export function refineOptions(values: readonly string[], variable: Pick<Variable, "regex" | "sort">): VariableOption[] {
  const seen = new Map<string, VariableOption>();
  const pick = optionPicker(variable.regex);
  for (const value of values) {
    const option = pick(value);
    if (option && !seen.has(option.value)) seen.set(option.value, option);
  }
  return sortOptions([...seen.values()], variable.sort);
}

function optionPicker(regex: string): (value: string) => VariableOption | undefined {
  if (regex === "") return (value) => ({ text: value, value });
  const slashed = /^\/([\s\S]*)\/([a-z]*)$/.exec(regex);
  const source = slashed ? slashed[1] : `^${regex}$`;
  // JavaScript writes named groups (?<name>…), RE2 also takes (?P<name>…).
  const pattern = compileRe2(
    (slashed?.[2].includes("i") ? "(?i)" : "") +
      source.replaceAll("(?<text>", "(?P<text>").replaceAll("(?<value>", "(?P<value>"),
  );
  const named = pattern.namedGroups();
  return (value) => {
    const matcher = pattern.matcher(value);
    if (!matcher.find()) return undefined;
    const group = (name: string) => (Object.hasOwn(named, name) ? (matcher.group(name) ?? undefined) : undefined);
    const first = matcher.groupCount() > 0 ? (matcher.group(1) ?? undefined) : undefined;
    const picked = group("value") ?? group("text") ?? first ?? value;
    return { value: picked, text: group("text") ?? picked };
  };
}

/** 0 none, 1/2 alphabetical, 3/4 numerical, 5/6 alphabetical without case, 7/8 natural; odd ascending. */
function sortOptions(options: VariableOption[], sort: number): VariableOption[] {
  if (sort <= 0) return options;
  const number = (option: VariableOption) => Number(/-?\d+(\.\d+)?/.exec(option.text)?.[0] ?? Number.NaN);
  const compare =
    sort <= 2
      ? (a: VariableOption, b: VariableOption) => (a.text < b.text ? -1 : a.text > b.text ? 1 : 0)
      : sort <= 4
        ? (a: VariableOption, b: VariableOption) => (number(a) || 0) - (number(b) || 0)
        : (a: VariableOption, b: VariableOption) =>
            a.text.localeCompare(b.text, "en", { numeric: sort >= 7, sensitivity: "base" });
  const sorted = options.sort(compare);
  return sort % 2 === 0 ? sorted.reverse() : sorted;
}

/**
 * The value that goes into expressions. `chosen` comes from the URL; without it the dashboard's stored choice, if it
 * still is an option, else the first option (or All, where the variable's stored choice says so).
 */
export function chooseValue(
  variable: Variable,
  options: readonly VariableOption[],
  chosen: readonly string[] | undefined,
): { readonly selected: readonly string[]; readonly value: VariableValue } {
  const known = new Set(options.map((option) => option.value));
  const stored = variable.current ? [variable.current.value].flat() : [];
  let selected = chosen ?? stored.filter((value) => known.has(value) || (value === ALL_VALUE && variable.includeAll));
  if (selected.length === 0) {
    if (variable.includeAll && (variable.allValue || variable.multi)) selected = [ALL_VALUE];
    else selected = options.slice(0, 1).map((option) => option.value);
  }
  if (!variable.multi) selected = selected.slice(0, 1);
  const multi = variable.multi || variable.includeAll;
  if (selected.includes(ALL_VALUE)) {
    const values = options.map((option) => option.value);
    return { selected: [ALL_VALUE], value: { values, texts: ["All"], multi, raw: variable.allValue || undefined } };
  }
  const texts = selected.map((value) => options.find((option) => option.value === value)?.text ?? value);
  return { selected, value: { values: selected, texts, multi } };
}
