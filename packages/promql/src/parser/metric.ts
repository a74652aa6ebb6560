// A series as text: `name{label="value", …}`, as scripts and unit tests write it.
import { Labels, type Matcher, METRIC_NAME } from "@storewatch/model";
import { ParseError } from "./error.ts";
import { TokenReader } from "./reader.ts";
import { parseMatchers, parseSelector } from "./selector.ts";

/** The label set, and the text behind it. Throws ParseError. */
export function parseMetric(text: string): { labels: Labels; rest: string } {
  const head = metricEnd(text);
  const reader = new TokenReader(text.slice(0, head), {});
  const entries: [string, string][] = [];
  const name = reader.token.type === "identifier" ? reader.advance().text : "";
  if (reader.isOperator("{")) {
    for (const matcher of parseMatchers(reader, name)) {
      if (matcher.operator !== "=") throw new ParseError(`expected "=", got "${matcher.operator}"`, text, 0);
      entries.push([matcher.name, matcher.value]);
    }
  }
  if (name !== "") entries.push([METRIC_NAME, name]);
  if (reader.token.type !== "end") reader.unexpected("series description");
  return { labels: Labels.fromEntries(entries), rest: text.slice(head).trim() };
}

/** The end of the metric: the closing brace, or the first blank that no brace follows. */
function metricEnd(text: string): number {
  const match = /^\s*[^\s{"'`]*\s*/.exec(text)!;
  let i = match[0].length;
  if (text[i] !== "{" || text[i + 1] === "{") return match[0].trimEnd().length;
  let quoteMark = "";
  for (; i < text.length; i++) {
    const char = text[i];
    if (quoteMark !== "") {
      if (char === "\\" && quoteMark !== "`") i++;
      else if (char === quoteMark) quoteMark = "";
    } else if (char === '"' || char === "'" || char === "`") quoteMark = char;
    else if (char === "}") return i + 1;
  }
  return text.length;
}

/** A selector alone, as in `match[]`: no range, offset or @. Throws ParseError. */
export function parseMetricSelector(text: string): readonly Matcher[] {
  const reader = new TokenReader(text, {});
  const token = reader.token;
  if (token.type !== "identifier" && !reader.isOperator("{")) reader.unexpected("", "a metric selector");
  const { matchers } = parseSelector(reader);
  if (reader.token.type !== "end") reader.unexpected();
  return matchers;
}
