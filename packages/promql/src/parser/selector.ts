// Vector selectors: `name{label="value", …}`.
import { Matcher, type MatchOperator, METRIC_NAME, RegexError } from "@storewatch/model";
import type { VectorSelector } from "./ast.ts";
import type { Token } from "./lexer.ts";
import type { TokenReader } from "./reader.ts";
import { unquote } from "./text.ts";

const MATCH_OPERATORS: ReadonlySet<string> = new Set(["=", "!=", "=~", "!~"]);

/** At a name or an opening brace. */
export function parseSelector(reader: TokenReader): VectorSelector {
  const from = reader.token.from;
  const name = reader.token.type === "identifier" ? reader.advance().text : "";
  const matchers = reader.isOperator("{") ? parseMatchers(reader, name) : [];
  if (name !== "") matchers.push(new Matcher("=", METRIC_NAME, name));
  if (!reader.allowEmptyMatchers && matchers.every((matcher) => matcher.matchesEmpty)) {
    reader.fail("vector selector must contain at least one non-empty matcher", from);
  }
  return {
    kind: "selector",
    name,
    matchers,
    offset: undefined,
    at: undefined,
    extension: undefined,
    from,
    to: reader.lastEnd,
  };
}

/** The braces and what is in them. */
export function parseMatchers(reader: TokenReader, name: string): Matcher[] {
  const context = "label matching";
  const from = reader.token.from;
  reader.expectOperator("{", context);
  const matchers: Matcher[] = [];
  const names: string[] = name === "" ? [] : [name];
  while (!reader.takeOperator("}")) {
    const token = reader.token;
    if (token.type === "end") reader.fail("unexpected end of input inside braces", token.from);
    if (token.type !== "identifier" && token.type !== "string") reader.unexpected(context, 'identifier or "}"');
    const label = reader.advance();
    const next = reader.token;
    if (label.type === "string" && next.type === "operator" && (next.text === "," || next.text === "}")) {
      names.push(unquote(label.text));
      matchers.push(new Matcher("=", METRIC_NAME, unquote(label.text)));
    } else {
      const matcher = parseMatcher(reader, label);
      if (names.length > 0 && matcher.name === METRIC_NAME) names.push(matcher.value);
      matchers.push(matcher);
    }
    if (!reader.isOperator("}") && !reader.takeOperator(",")) endOfMatcher(reader, context);
  }
  if (names.length > 1) reader.fail(`metric name must not be set twice: "${names[0]}" or "${names[1]}"`, from);
  return matchers;
}

function endOfMatcher(reader: TokenReader, context: string): never {
  if (reader.token.type === "end") reader.fail("unexpected end of input inside braces", reader.token.from);
  return reader.unexpected(context, '"," or "}"');
}

function parseMatcher(reader: TokenReader, label: Token): Matcher {
  const context = "label matching";
  const operator = reader.token;
  if (operator.type !== "operator" || !MATCH_OPERATORS.has(operator.text)) {
    reader.unexpected(context, "label matching operator");
  }
  reader.advance();
  if (reader.token.type !== "string") reader.unexpected(context, "string");
  const value = unquote(reader.advance().text);
  const labelName = label.type === "string" ? unquote(label.text) : label.text;
  try {
    return new Matcher(operator.text as MatchOperator, labelName, value);
  } catch (error) {
    if (error instanceof RegexError) reader.fail(error.message, label.from);
    throw error;
  }
}
