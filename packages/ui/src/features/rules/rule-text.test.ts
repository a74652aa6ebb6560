import { expect, it } from "vitest";
import { groupNameIn, NEW_GROUP, ruleAtLine, rulesInText, withGroupName } from "./rule-text.ts";

const TEXT = `# name: not this
groups:
  - name: "my \\"group\\""   # remark
    rules:
      - record: a:b
        expr: x
      - expr: y > 1
        alert: 'It''s hot' # remark
        annotations:
          alert: not a rule
      - alert: Last
        expr: z
`;

it("finds rules with the line of their item, whatever key comes first", () => {
  expect(rulesInText(TEXT)).toEqual([
    { index: 0, name: "a:b", type: "recording", line: 5 },
    { index: 1, name: "It's hot", type: "alerting", line: 7 },
    { index: 2, name: "Last", type: "alerting", line: 11 },
  ]);
  expect(rulesInText("groups: []")).toEqual([]);
});

it("knows the rule under the cursor", () => {
  const rules = rulesInText(TEXT);
  expect([1, 5, 6, 7, 10, 11, 99].map((line) => ruleAtLine(rules, line))).toEqual([0, 0, 0, 1, 1, 2, 2]);
  expect(ruleAtLine([], 3)).toBe(0);
});

it("reads and changes the group's name", () => {
  expect(groupNameIn(TEXT)).toBe('my "group"');
  expect(groupNameIn(NEW_GROUP)).toBe("my-rules");
  expect(groupNameIn("groups:\n  - rules: []")).toBeUndefined();
  const renamed = withGroupName(TEXT, "a $& copy");
  expect(groupNameIn(renamed)).toBe("a $& copy");
  expect(rulesInText(renamed)).toEqual(rulesInText(TEXT));
});
