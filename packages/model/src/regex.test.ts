import fc from "fast-check";
import { RE2JS } from "re2js";
import { describe, expect, test } from "vitest";
import { Matcher } from "./matcher.ts";
import { compileRe2, compileWholeRegex, RegexError } from "./regex.ts";

describe("whole-string regular expressions", () => {
  const f = (pattern: string, yes: string[], no: string[]) => {
    const regex = compileWholeRegex(pattern);
    expect(yes.filter((text) => !regex.matches(text))).toEqual([]);
    expect(no.filter((text) => regex.matches(text))).toEqual([]);
  };
  test("are anchored at both ends, and dot matches line breaks", () => {
    f("5..", ["500", "5\n0"], ["1500", "5000", ""]);
    f("a|b", ["a", "b"], ["ab", ""]);
    f("(?:GET|POST)", ["GET", "POST"], ["GETPOST"]);
    f("api.*", ["api", "api/v1"], ["xapi"]);
    f("api.+", ["api/v1"], ["api"]);
    f("ab?", ["a", "ab"], ["b", "abb"]);
    f("(?i)abc", ["ABC"], ["abcd"]);
    f("", [""], ["a"]);
  });
  test("take linear time on patterns that make backtracking explode", () => {
    expect(compileWholeRegex("(a+)+b").matches("a".repeat(5000))).toBe(false);
  });
  test("lists of literals are looked up, however many and with escaped signs", () => {
    const many = Array.from({ length: 20_000 }, (_, i) => `10\\.0\\.${i}:9100`);
    const regex = compileWholeRegex(many.join("|"));
    expect(regex.literals).toHaveLength(20_000);
    expect(regex.matches("10.0.19999:9100")).toBe(true);
    expect(regex.matches("10x0.1:9100")).toBe(false);
    expect(compileWholeRegex("a\\|b|c").literals).toBeUndefined();
  });
  test("refuse what is too long to compile in a moment", () => {
    expect(() => compileWholeRegex(`${"a?".repeat(10_000)}b`)).toThrow(/16384/);
  });
  test("refuse what RE2 refuses", () => {
    expect(() => compileWholeRegex("(?=x)")).toThrow(RegexError);
    expect(() => compileWholeRegex("(")).toThrow(RegexError);
    expect(() => compileWholeRegex("(a)\\1")).toThrow(RegexError);
  });
  test("the fast paths agree with the engine", () => {
    const piece = fc.constantFrom(
      "a",
      "b",
      "ab",
      ".",
      ".*",
      ".+",
      "|",
      "(",
      ")",
      "?",
      "\\.",
      "\\|",
      "\\\\",
      "[ab]",
      "c",
    );
    fc.assert(
      fc.property(
        fc.array(piece, { maxLength: 5 }),
        fc.array(fc.constantFrom("a", "b", "c", ".", "|", "\\", "\n")),
        (parts, text) => {
          const pattern = parts.join("");
          let slow: ReturnType<typeof compileRe2>;
          try {
            slow = compileRe2(pattern, RE2JS.DOTALL);
          } catch {
            return;
          }
          expect(compileWholeRegex(pattern).matches(text.join(""))).toBe(slow.matches(text.join("")));
        },
      ),
      { numRuns: 2000 },
    );
  });
});

test("a matcher treats an absent label as the empty string", () => {
  expect(new Matcher("=", "a", "").matchesEmpty).toBe(true);
  expect(new Matcher("!=", "a", "x").matchesEmpty).toBe(true);
  expect(new Matcher("=~", "a", ".+").matchesEmpty).toBe(false);
  expect(new Matcher("!~", "a", "x|").matches("x")).toBe(false);
  expect(new Matcher("=~", "a", 'x"y').toString()).toBe('a=~"x\\"y"');
});
