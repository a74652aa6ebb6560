// Regular expressions of users: RE2 semantics and linear time through re2js, never RegExp (architecture decision 8).
import { RE2JS } from "re2js";

/** A compiled pattern that matches whole strings (anchored at both ends), as label matchers do. */
export interface WholeRegex {
  readonly pattern: string;
  matches(text: string): boolean;
  /** When the pattern can only match these strings: the strings, else undefined. Lets an index look values up. */
  readonly literals: readonly string[] | undefined;
  /** A prefix that every match has; "" when unknown. */
  readonly prefix: string;
}

/** A pattern that RE2 refuses. */
export class RegexError extends Error {}

const META = /[\\.+*?()|[\]{}^$]/;
/** An alternative without operators: plain characters, and escaped signs as tools write them (`10\.0\.0\.1:9100`). */
const LITERAL = /^(?:[^\\.+*?()|[\]{}^$]|\\[\\.+*?()|[\]{}^$/:=,;"'@#%&<>!~` -])*$/;
/** Compiling takes about 5 ms for each 1000 characters (re2js), and matching grows with the length as well. */
const COMPILED_LENGTH_MAX = 16_384;
const CACHE_LIMIT = 1000;
const cache = new Map<string, WholeRegex>();

/** Compiles a pattern for whole-string matching; `.` matches line breaks too. Throws RegexError. */
export function compileWholeRegex(pattern: string): WholeRegex {
  const hit = cache.get(pattern);
  if (hit) return hit;
  const made = make(pattern);
  if (cache.size >= CACHE_LIMIT) cache.delete(cache.keys().next().value as string);
  cache.set(pattern, made);
  return made;
}

/** Compiles with re2js, its error turned into ours. `flags` are re2js flags. */
export function compileRe2(pattern: string, flags = 0): RE2JS {
  try {
    return RE2JS.compile(pattern, flags);
  } catch (error) {
    throw new RegexError(`error parsing regexp: ${error instanceof Error ? error.message : String(error)}`);
  }
}

function make(pattern: string): WholeRegex {
  const literals = literalAlternatives(pattern);
  if (literals) {
    const set = new Set(literals);
    return { pattern, literals, prefix: literals.length === 1 ? literals[0] : "", matches: (text) => set.has(text) };
  }
  if (pattern === ".*") return { pattern, literals: undefined, prefix: "", matches: () => true };
  if (pattern === ".+") return { pattern, literals: undefined, prefix: "", matches: (text) => text !== "" };
  if (pattern.length > COMPILED_LENGTH_MAX) {
    throw new RegexError(`error parsing regexp: a pattern may have ${COMPILED_LENGTH_MAX} characters at most`);
  }
  const compiled = compileRe2(pattern, RE2JS.DOTALL);
  const prefix = literalPrefix(pattern);
  const rest = pattern.slice(prefix.length);
  if (rest === ".*") return { pattern, literals: undefined, prefix, matches: (text) => text.startsWith(prefix) };
  if (rest === ".+") {
    return {
      pattern,
      literals: undefined,
      prefix,
      matches: (text) => text.length > prefix.length && text.startsWith(prefix),
    };
  }
  return { pattern, literals: undefined, prefix, matches: (text) => text.startsWith(prefix) && compiled.matches(text) };
}

/** `a|b|c`, also in one group, without any operator in the alternatives. */
function literalAlternatives(pattern: string): string[] | undefined {
  let body = pattern;
  if (body.startsWith("(?:") && body.endsWith(")")) body = body.slice(3, -1);
  else if (body.startsWith("(") && !body.startsWith("(?") && body.endsWith(")")) body = body.slice(1, -1);
  // An escaped bar would be cut in two, and then the first half ends in a lone backslash, which is no literal.
  const parts = body.split("|");
  if (!parts.every((part) => LITERAL.test(part))) return undefined;
  return parts.map((part) => part.replaceAll(/\\(.)/g, "$1"));
}

/** The longest literal start of a pattern without alternation; quantified characters do not count. */
function literalPrefix(pattern: string): string {
  if (pattern.includes("|")) return "";
  let end = 0;
  while (end < pattern.length && !META.test(pattern[end])) end++;
  if (end < pattern.length && "*?{+".includes(pattern[end])) end--;
  return pattern.slice(0, Math.max(0, end));
}
