import { type Labels, quote } from "./labels.ts";
import { compileWholeRegex, type WholeRegex } from "./regex.ts";

export type MatchOperator = "=" | "!=" | "=~" | "!~";

/** One label matcher. Regular expressions are whole-string and of RE2. Throws RegexError on a bad pattern. */
export class Matcher {
  readonly regex: WholeRegex | undefined;

  constructor(
    readonly operator: MatchOperator,
    readonly name: string,
    readonly value: string,
  ) {
    this.regex = operator === "=~" || operator === "!~" ? compileWholeRegex(value) : undefined;
  }

  /** An absent label counts as "". */
  matches(value: string): boolean {
    switch (this.operator) {
      case "=":
        return value === this.value;
      case "!=":
        return value !== this.value;
      case "=~":
        return this.regex!.matches(value);
      case "!~":
        return !this.regex!.matches(value);
    }
  }

  /** True when a series without this label matches. */
  get matchesEmpty(): boolean {
    return this.matches("");
  }

  toString(): string {
    return `${this.name}${this.operator}${quote(this.value)}`;
  }
}

export function matchesAll(matchers: readonly Matcher[], labels: Labels): boolean {
  return matchers.every((matcher) => matcher.matches(labels.get(matcher.name)));
}
