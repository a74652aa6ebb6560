import { expect, it } from "vitest";
import { matcherText } from "../../api/alertmanager.ts";
import { finished, matchersOf, newSilence, operatorOf, withOperator } from "./silence-form.ts";

it("makes a silence from labels, leaving unfinished rows out", () => {
  const matchers = [
    ...matchersOf({ alertname: "High" }),
    { key: 9, name: " ", value: "", isRegex: false, isEqual: true },
  ];
  expect(newSilence(matchers, 4, " deploy ", "an", 0)).toEqual({
    matchers: [{ name: "alertname", value: "High", isRegex: false, isEqual: true }],
    startsAt: "1970-01-01T00:00:00.000Z",
    endsAt: "1970-01-01T04:00:00.000Z",
    createdBy: "an",
    comment: "deploy",
  });
});

it("changes operators, and writes the filter of the preview", () => {
  const [matcher] = matchersOf({ tenant_id: 'a"b' });
  expect(operatorOf(withOperator(matcher, "!~"))).toBe("!~");
  expect(finished([withOperator(matcher, "=~")]).map(matcherText)).toEqual(['tenant_id=~"a\\"b"']);
});
