import { Matcher, type MatchOperator } from "@storewatch/model";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { goQuote, goUnquote } from "../go-quote.ts";
import { MatcherError, matchersText, matcherText, parseMatcher, parseMatchers } from "./parse.ts";

const read = (input: string) => parseMatchers(input).map(matcherText).join(" ");

describe("matchers", () => {
  it("reads what amtool sends without quotes", () => {
    expect(read("alertname=foo")).toBe('alertname="foo"');
    expect(read("severity=~a|b")).toBe('severity=~"a|b"');
    expect(read('{a="b", c!~"d.*",}')).toBe('a="b" c!~"d.*"');
  });

  it("falls back to the classic syntax for what the new one does not read", () => {
    expect(read("foo=")).toBe('foo=""');
    expect(read("{foo=bar\\n}")).toBe('foo="bar\\n"');
    expect(read("tricky=~~~")).toBe('tricky=~"~~"');
  });

  it("takes the classic reading where both read it and differ", () => {
    expect(parseMatcher('foo="\\xf0\\x9f\\x99\\x82"').value).toBe("\\xf0\\x9f\\x99\\x82");
  });

  it("reads names that are no classic ones", () => {
    expect(read("foo🙂=bar")).toBe('foo🙂="bar"');
    expect(read('"foo bar"=baz')).toBe('"foo bar"="baz"');
  });

  it("refuses with a MatcherError, never another", () => {
    for (const bad of [",", "{foo=~[}", "=x", "foo", 'a=b"', "{{a=b}}"]) {
      expect(() => parseMatchers(bad), bad).toThrow(MatcherError);
    }
  });

  it("fuzz: any text gives matchers or a MatcherError", () => {
    const nasty = fc.string({
      unit: fc.constantFrom(..."{}=!~,\"\\'` abn\nx🙂é[(.*".split("").filter((c) => c.trim() !== "\ud83d")),
    });
    fc.assert(
      fc.property(fc.oneof(nasty, fc.string({ unit: "binary" })), (input) => {
        try {
          parseMatchers(input);
        } catch (error) {
          if (!(error instanceof MatcherError)) throw error;
        }
      }),
      { numRuns: 3000 },
    );
  });

  it("fuzz: what is printed is read back", () => {
    const name = fc.oneof(
      fc.stringMatching(/^[a-z_][a-z0-9_]{0,8}$/),
      fc.string({ unit: "grapheme", minLength: 1, maxLength: 8 }),
    );
    const matcher = fc
      .tuple(name, fc.constantFrom<MatchOperator>("=", "!="), fc.string({ unit: "grapheme" }))
      .map(([n, operator, value]) => new Matcher(operator, n, value));
    fc.assert(
      fc.property(fc.array(matcher, { minLength: 1, maxLength: 4 }), (matchers) => {
        const text = matchersText(matchers);
        const back = parseMatchers(text);
        // Control characters print as themselves, which only the classic syntax tells from an escape.
        expect(matchersText(back)).toBe(text);
      }),
      { numRuns: 1000 },
    );
  });

  it("fuzz: Go's quoting is undone by Go's unquoting", () => {
    fc.assert(fc.property(fc.string({ unit: "grapheme" }), (text) => goUnquote(goQuote(text)) === text));
  });
});
