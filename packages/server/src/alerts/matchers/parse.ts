// Alertmanager's transition mode: the UTF-8 syntax first, the classic one for what it does not read.
import { compareStrings, type LabelRecord, type Matcher, quote, RegexError } from "@storewatch/model";
import { goQuote } from "../go-quote.ts";
import { parseClassicMatchers } from "./classic.ts";
import { MatcherError } from "./error.ts";
import { isReserved, parseUtf8Matchers } from "./utf8.ts";

export { MatcherError } from "./error.ts";

/** Reads matchers of either syntax. Where both read it and differ, the classic reading holds. Throws MatcherError. */
export function parseMatchers(input: string): Matcher[] {
  const modern = attempt(parseUtf8Matchers, input);
  const classic = attempt(parseClassicMatchers, input);
  if (classic instanceof Error) {
    if (modern instanceof Error) throw classic;
    return modern;
  }
  return modern instanceof Error || !same(modern, classic) ? classic : modern;
}

/** One matcher, as amtool and the API's `filter` parameter send it. */
export function parseMatcher(input: string): Matcher {
  const matchers = parseMatchers(input);
  if (matchers.length !== 1) throw new MatcherError(`expected 1 matcher, found ${matchers.length}: ${input}`);
  return matchers[0];
}

function attempt(parse: (input: string) => Matcher[], input: string): Matcher[] | MatcherError {
  try {
    return parse(input);
  } catch (error) {
    if (error instanceof MatcherError) return error;
    if (error instanceof RegexError) return new MatcherError(error.message);
    throw error;
  }
}

function same(a: readonly Matcher[], b: readonly Matcher[]): boolean {
  return a.length === b.length && a.every((matcher, i) => matcherText(matcher) === matcherText(b[i]));
}

/** `name="value"`; a name with reserved characters is quoted. */
export function matcherText(matcher: Matcher): string {
  const name = [...matcher.name].some(isReserved) || matcher.name === "" ? goQuote(matcher.name) : matcher.name;
  return `${name}${matcher.operator}${quote(matcher.value)}`;
}

/** `{a="b",c!~"d"}` in the order given. */
export function matchersText(matchers: readonly Matcher[]): string {
  return `{${matchers.map(matcherText).join(",")}}`;
}

/** Order of a route's matchers, which its key shows: by name, value, operator. */
export function compareMatchers(a: Matcher, b: Matcher): number {
  return compareStrings(a.name, b.name) || compareStrings(a.value, b.value) || compareStrings(a.operator, b.operator);
}

/** An absent label counts as "". */
export function matchesLabels(matchers: readonly Matcher[], labels: LabelRecord): boolean {
  return matchers.every((matcher) => matcher.matches(labels[matcher.name] ?? ""));
}

/** The form of the API and of stored silences. */
export interface MatcherJson {
  readonly name: string;
  readonly value: string;
  readonly isRegex: boolean;
  readonly isEqual: boolean;
}

export function matcherJson(matcher: Matcher): MatcherJson {
  const { name, value, operator } = matcher;
  return {
    name,
    value,
    isRegex: operator === "=~" || operator === "!~",
    isEqual: operator === "=" || operator === "=~",
  };
}
