// Whatever stands in a template, it ends, and fails only with a TemplateError.
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { alertmanagerFunctions } from "./alertmanager.ts";
import { BUILTINS } from "./builtins.ts";
import { TemplateError } from "./interface.ts";
import { exampleNotification, notificationTemplateData } from "./notification.ts";
import { prometheusFunctions } from "./prometheus.ts";
import { createTemplateSet } from "./template-set.ts";

const notifications = createTemplateSet(alertmanagerFunctions({ nowMs: () => 0 }));
const rules = createTemplateSet(
  prometheusFunctions({ query: () => [{ labels: { a: "b" }, value: 1 }], externalUrl: "", nowMs: () => 0 }),
);
const data = notificationTemplateData(exampleNotification("r", "http://x", 0));

function outcome(text: string): string {
  let result = "";
  for (const set of [notifications, rules]) {
    for (const html of [false, true]) {
      try {
        result += typeof set.execute("fuzz", text, data, { html });
      } catch (error) {
        if (!(error instanceof TemplateError)) throw error;
        result += "error";
      }
    }
  }
  return result;
}

const words = [
  ...Object.keys(BUILTINS),
  ...Object.keys(alertmanagerFunctions({ nowMs: () => 0 })),
  ...Object.keys(prometheusFunctions({ query: () => [], externalUrl: "", nowMs: () => 0 })),
  ".",
  ".Alerts",
  ".Alerts.Firing",
  ".CommonLabels",
  ".CommonLabels.SortedPairs",
  ".Status",
  ".ExternalURL",
  "$",
  "$x",
  "$x :=",
  "$x =",
  "nil",
  "true",
  "1",
  "-3",
  "1.5",
  "1e300",
  "0x1p-2",
  "'a'",
  '"%d %s %v %q %x %5.2f %[2]*[1]d %#v %+v"',
  '"2006-01-02"',
  '"("',
  '"a.*"',
  '"\\u00e9🚨"',
  "`raw`",
  "(",
  ")",
  "|",
  ",",
];
const word = fc.constantFrom(...words);
const action = fc
  .tuple(
    fc.constantFrom(
      "",
      "",
      "",
      "- ",
      "if ",
      "range ",
      "with ",
      "else ",
      "else if ",
      "end",
      'define "t"',
      'template "t" ',
      'block "b" ',
      "break",
      "continue",
      "/* ",
    ),
    fc.array(word, { maxLength: 6 }),
    fc.constantFrom("", "", " -", " */"),
  )
  .map(([start, parts, end]) => `{{${start}${parts.join(" ")}${end}}}`);
const piece = fc.oneof(
  { weight: 5, arbitrary: action },
  { weight: 1, arbitrary: fc.constant("{{end}}") },
  { weight: 1, arbitrary: fc.string({ maxLength: 8 }) },
  {
    weight: 2,
    arbitrary: fc.constantFrom(
      "<a href=",
      '"',
      "'",
      ">",
      "<script>",
      "</script>",
      "<!--",
      "-->",
      "<style>",
      "style=",
      "/*",
      "`",
      "\\",
      " ",
      "\n",
      "onclick=",
    ),
  },
);

describe("fuzz", () => {
  test("pieces of templates", () => {
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
        expect(outcome(pieces.join(""))).not.toBe("");
      }),
      { numRuns: 3000 },
    );
  });

  test("any text", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 60 }), (text) => {
        expect(outcome(`{{${text}}}`)).not.toBe("");
        expect(outcome(text)).not.toBe("");
      }),
      { numRuns: 1000 },
    );
  });
});
