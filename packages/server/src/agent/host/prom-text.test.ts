import fc from "fast-check";
import { expect, test } from "vitest";
import { renderPage } from "../exposition.ts";
import { parsePromText } from "./prom-text.ts";

const roundTrip = (text: string) => renderPage([parsePromText(text)]);

test("types, helps, labels with escapes, special values, histograms", () => {
  const text =
    '# HELP a_total With \\\\ and \\n.\n# TYPE a_total counter\na_total{x="q\\"\\\\\\n",y=""} 1\na_total 2e3\n' +
    "# TYPE b gauge\nb +Inf\n# TYPE c histogram\n" +
    'c_bucket{le="1"} 1\nc_bucket{le="+Inf"} 2\nc_sum 3\nc_count 2\n# TYPE d untyped\nd NaN\n';
  expect(roundTrip(text)).toEqual({ text: text.replace("2e3", "2000"), problems: [] });
});

test("what people write by hand: blanks, remarks, a comma at the end, no TYPE", () => {
  expect(roundTrip('  # a remark\n\n b { x = "1" , }  3 \r\n').text).toBe('# TYPE b untyped\nb{x="1"} 3\n');
});

test.each([
  ["x 1\ny 1 1700000000000\n", "line 2: a time stamp is not allowed here"],
  ["x one\n", "line 1: one is no number"],
  ["x{a=1} 2\n", "line 1: bad labels {a=1}"],
  ['x{a="1",a="2"} 2\n', "line 1: the label a stands twice"],
  ["# TYPE x number\n", "line 1: unknown type number"],
  ["1x 2\n", "line 1: expected a name"],
])("%j is refused with its line", (text, message) => {
  expect(() => parsePromText(text)).toThrow(message);
});

test("any text is read or refused with a line", () => {
  const word = fc.constantFrom(
    "x",
    "{",
    "}",
    '"',
    "=",
    ",",
    " ",
    "\n",
    "\\",
    "#",
    "# TYPE ",
    "# HELP ",
    "counter",
    "1",
    "_bucket",
    "é",
    "\0",
  );
  fc.assert(
    fc.property(fc.array(word, { maxLength: 60 }), (words) => {
      try {
        // What is read can be shown, and be read again.
        parsePromText(roundTrip(words.join("")).text);
      } catch (error) {
        expect((error as Error).message).toMatch(/^line \d+: /);
      }
    }),
    { numRuns: 2000 },
  );
});
