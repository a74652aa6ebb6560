import { parser as editorParser } from "@prometheus-io/lezer-promql";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ParseError, parseExpression, prettyExpression, printExpression } from "./index.ts";

const TOKENS = [
  ..."( ) { } [ ] , : = == != =~ !~ > < >= <= + - * / % ^ @ </ >/ # ! . _ \" ' `".split(" "),
  ..."a b:c sum avg topk quantile by without on ignoring group_left group_right bool offset and or unless atan2".split(
    " ",
  ),
  ..."start end step range min_of rate increase histogram_quantile label_replace time vector inf nan smoothed fill".split(
    " ",
  ),
  ...'1 0x1f 5m 1h30m 1e3 .5 3. 1_000 "x" \'y\' `z` "\\x41" "\\" \n \t é \ufffd 5mm 0de'.split(" "),
];

/** Valid expressions, built bottom up. */
const expression: fc.Arbitrary<string> = fc.letrec<{ vector: string; scalar: string; any: string }>((tie) => ({
  vector: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    fc.constantFrom("a", 'a{b="c"}', '{__name__=~"x.+",y!="z"}', "sum", "a offset 5m", "a @ 12.5 offset -1h", "{'π'}"),
    tie("vector").map((inner) => `(${inner})`),
    tie("vector").map((inner) => `-${inner}`),
    fc
      .tuple(tie("vector"), fc.constantFrom("+", "-", "*", "/", "%", "^", ">", "==", "and", "or"), tie("vector"))
      .map(([left, operator, right]) => `${left} ${operator} ${right}`),
    fc.tuple(tie("vector"), tie("vector")).map(([left, right]) => `(${left}) * on (x, y) group_left (z) (${right})`),
    fc.tuple(tie("vector"), tie("scalar")).map(([left, right]) => `((${left}) > bool ${right})`),
    tie("vector").map((inner) => `sum without (x, "π") (${inner})`),
    fc.tuple(tie("scalar"), tie("vector")).map(([k, inner]) => `topk by (x) (${k}, ${inner})`),
    tie("vector").map((inner) => `max_over_time((${inner})[1h:5m] @ end() offset 1m)`),
    fc.constantFrom("rate(a[5m])", "rate(a[5m] offset 1m)", "increase(a[1d] @ start())"),
    tie("vector").map((inner) => `label_replace(${inner}, "a", "$1", "b", "(.*)")`),
  ),
  scalar: fc.oneof(
    { depthSize: "small" },
    fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => String(Math.abs(value))),
    fc.constantFrom("time()", "pi()", "5m", "NaN", "Inf", "0x1f"),
    fc.tuple(tie("scalar"), fc.constantFrom("+", "*", "^"), tie("scalar")).map((parts) => parts.join(" ")),
  ),
  any: fc.oneof(tie("vector"), tie("scalar")),
})).any;

describe("any text", () => {
  it("is parsed or refused with a ParseError", () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...TOKENS), { maxLength: 30 }), fc.boolean(), (tokens, spaced) => {
        const text = tokens.join(spaced ? " " : "");
        try {
          const printed = printExpression(parseExpression(text, { experimental: true }));
          expect(printExpression(parseExpression(printed, { experimental: true }))).toBe(printed);
        } catch (error) {
          if (!(error instanceof ParseError)) throw error;
          expect(error.position).toBeLessThanOrEqual(text.length);
        }
      }),
      { numRuns: 3000 },
    );
  });

  it("of arbitrary characters too", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 40 }), (text) => {
        try {
          parseExpression(text);
        } catch (error) {
          if (!(error instanceof ParseError)) throw error;
        }
      }),
      { numRuns: 2000 },
    );
  });
});

describe("a valid expression", () => {
  it("prints to what parses to the same print, on one line and on many", () => {
    fc.assert(
      fc.property(expression, (text) => {
        const printed = printExpression(parseExpression(text));
        expect(printExpression(parseExpression(printed))).toBe(printed);
        expect(printExpression(parseExpression(prettyExpression(parseExpression(text))))).toBe(printed);
      }),
      { numRuns: 1000 },
    );
  });

  it("is one for the editor's grammar too", () => {
    fc.assert(
      fc.property(expression, (text) => {
        const printed = printExpression(parseExpression(text));
        let broken = false;
        editorParser.parse(printed).iterate({
          enter: (node) => {
            broken ||= node.type.isError;
          },
        });
        expect(broken ? printed : "").toBe("");
      }),
      { numRuns: 500 },
    );
  });
});
