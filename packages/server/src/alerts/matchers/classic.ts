// Matchers as Alertmanager wrote them up to 0.26: `{a="b",c!~d}`; a value may stand without quotes and hold almost anything.
import { Matcher, type MatchOperator } from "@storewatch/model";
import { MatcherError } from "./error.ts";

const PARTS = /^([a-zA-Z_:][a-zA-Z0-9_:]*)\s*(=~|!=|!~|=)/;

/** Parses a list of matchers, braces optional. Throws MatcherError or RegexError. */
export function parseClassicMatchers(input: string): Matcher[] {
  let body = input.startsWith("{") ? input.slice(1) : input;
  if (body.endsWith("}")) body = body.slice(0, -1);
  return splitAtCommas(body).map(parseClassicMatcher);
}

/** Commas within double quotes do not separate; after the last comma there may be nothing. */
function splitAtCommas(body: string): string[] {
  const parts: string[] = [];
  let start = 0;
  let quoted = false;
  for (let i = 0; i < body.length; i++) {
    const char = body[i];
    if (char === "\\") i++;
    else if (char === '"') quoted = !quoted;
    else if (char === "," && !quoted) {
      parts.push(body.slice(start, i));
      start = i + 1;
    }
  }
  const last = body.slice(start);
  if (last.trim() !== "") parts.push(last.trim());
  return parts;
}

export function parseClassicMatcher(text: string): Matcher {
  const trimmed = text.trim();
  const match = PARTS.exec(trimmed);
  if (!match) throw new MatcherError(`bad matcher format: ${trimmed}`);
  const [all, name, operator] = match;
  return new Matcher(operator as MatchOperator, name, unescapeValue(trimmed.slice(all.length).trim()));
}

function unescapeValue(raw: string): string {
  const bad = () => new MatcherError(`matcher value contains unescaped double quote: ${raw}`);
  let rest = raw;
  let expectQuote = false;
  if (rest.startsWith('"')) {
    rest = rest.slice(1);
    expectQuote = true;
  }
  let value = "";
  for (let i = 0; i < rest.length; i++) {
    const char = rest[i];
    if (char === '"') {
      if (!expectQuote || i < rest.length - 1) throw bad();
      expectQuote = false;
    } else if (char === "\\" && i === rest.length - 1) {
      // A backslash at the very end escapes nothing and stands for itself.
      value += "\\";
    } else if (char === "\\") {
      const next = rest[++i];
      if (next === "n") value += "\n";
      else if (next === '"' || next === "\\") value += next;
      else value += `\\${next}`;
    } else value += char;
  }
  if (expectQuote) throw bad();
  return value;
}
