// label_replace, label_join, sort_by_label, and the labels of absent().
import { compareStrings, compileRe2, Labels, METRIC_NAME, RegexError } from "@storewatch/model";
import { type CallExpr, type Expr, unwrapParens } from "../parser/ast.ts";
import { isWellFormed, quoteString } from "../parser/text.ts";
import type { EvalContext } from "./context.ts";
import { mergeEqualLabels, pickRows, relabel, type Vector } from "./vector.ts";

/** What functions may make: nested calls can multiply a text's length each time. */
const VALUE_LENGTH_MAX = 65_536;

type Re2 = ReturnType<typeof compileRe2>;

export function labelReplace(vector: Vector, args: readonly string[], context: EvalContext): Vector {
  const [target, replacement, source, pattern] = args;
  const regex = compile(pattern, context);
  checkLabelName(target, "label_replace", context);
  const template = parseTemplate(replacement);
  return withLabels(vector, target, context, (labels) => {
    const matcher = regex.matcher(labels.get(source));
    if (!matcher.matches()) return undefined;
    return template.map((part) => (typeof part === "string" ? part : groupText(matcher, part.group))).join("");
  });
}

function compile(pattern: string, context: EvalContext): Re2 {
  try {
    return compileRe2(`^(?s:${pattern})$`);
  } catch (error) {
    if (error instanceof RegexError) {
      context.query.fail(`invalid regular expression in label_replace(): ${pattern}`);
    }
    throw error;
  }
}

type TemplatePart = string | { readonly group: string };

/** Go's Expand: $1, $name, ${name}, $$. */
function parseTemplate(template: string): TemplatePart[] {
  const parts: TemplatePart[] = [];
  let at = 0;
  for (const match of template.matchAll(/\$(?:(\$)|([A-Za-z0-9_]+)|\{([A-Za-z0-9_]+)\})/g)) {
    parts.push(template.slice(at, match.index));
    parts.push(match[1] ? "$" : { group: match[2] ?? match[3] });
    at = match.index + match[0].length;
  }
  parts.push(template.slice(at));
  return parts;
}

function groupText(matcher: ReturnType<Re2["matcher"]>, group: string): string {
  try {
    const index = /^\d+$/.test(group) ? Number(group) : undefined;
    return (index === undefined ? matcher.group(group) : matcher.group(index)) ?? "";
  } catch {
    // A group that the pattern does not have is empty.
    return "";
  }
}

export function labelJoin(vector: Vector, args: readonly string[], context: EvalContext): Vector {
  const [target, separator, ...sources] = args;
  checkLabelName(target, "label_join", context);
  for (const source of sources) {
    if (source === "" || !isWellFormed(source)) {
      context.query.fail(`invalid source label name in label_join(): ${source}`);
    }
  }
  return withLabels(vector, target, context, (labels) => sources.map((source) => labels.get(source)).join(separator));
}

function checkLabelName(name: string, func: string, context: EvalContext): void {
  if (name === "" || !isWellFormed(name)) {
    context.query.fail(`invalid destination label name in ${func}(): ${quoteString(name).slice(1, -1)}`);
  }
}

/** Sets a label of every series; undefined leaves a series as it is. */
function withLabels(
  vector: Vector,
  target: string,
  context: EvalContext,
  value: (labels: Labels) => string | undefined,
): Vector {
  const dropName = [...vector.dropName];
  const labels = vector.labels.map((series, i) => {
    const text = value(series);
    if (text === undefined) return series;
    if (text.length > VALUE_LENGTH_MAX)
      context.query.fail(`a label value would have more than ${VALUE_LENGTH_MAX} characters`);
    // Texts take memory as samples do: 8 bytes each, kept twice (the value, and the key of the label set).
    context.query.budget.hold(text.length >> 2);
    if (target === METRIC_NAME) dropName[i] = false;
    return series.with(target, text);
  });
  const merged = mergeEqualLabels(relabel(vector, labels, dropName));
  return merged ?? context.query.fail("vector cannot contain metrics with the same labelset");
}

export function sortByLabel(vector: Vector, names: readonly string[], descending: boolean): Vector {
  const rows = vector.labels.map((_, i) => i);
  const direction = descending ? -1 : 1;
  rows.sort((a, b) => {
    for (const name of names) {
      const order = compareNatural(vector.labels[a].get(name), vector.labels[b].get(name));
      if (order !== 0) return order * direction;
    }
    return Labels.compare(vector.labels[a], vector.labels[b]) * direction;
  });
  return pickRows(vector, rows);
}

/** Numbers inside strings compare by value: "cpu2" before "cpu10". */
function compareNatural(a: string, b: string): number {
  const left = a.match(/\d+|\D+/g) ?? [];
  const right = b.match(/\d+|\D+/g) ?? [];
  const length = Math.min(left.length, right.length);
  for (let i = 0; i < length; i++) {
    const numbers = /^\d/.test(left[i]) && /^\d/.test(right[i]);
    if (numbers && Number(left[i]) !== Number(right[i])) return Number(left[i]) - Number(right[i]);
    const order = compareStrings(left[i], right[i]);
    if (order !== 0) return order;
  }
  return left.length - right.length;
}

/** The labels that a selector fixes by exactly one equality matcher. */
export function absentLabels(arg: Expr): Labels {
  const inner = unwrapParens(arg);
  const selector = inner.kind === "matrix" ? inner.selector : inner;
  if (selector.kind !== "selector") return Labels.empty;
  const values = new Map<string, string>();
  const excluded = new Set<string>([METRIC_NAME]);
  for (const matcher of selector.matchers) {
    if (matcher.operator === "=" && !values.has(matcher.name)) values.set(matcher.name, matcher.value);
    else excluded.add(matcher.name);
  }
  return Labels.fromEntries([...values].filter(([name]) => !excluded.has(name)));
}

/** The values of string arguments. */
export function stringArgs(expr: CallExpr, from: number): string[] {
  return expr.args.slice(from).map((arg) => {
    const inner = unwrapParens(arg);
    return inner.kind === "string" ? inner.value : "";
  });
}
