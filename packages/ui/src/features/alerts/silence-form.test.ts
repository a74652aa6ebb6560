import { expect, it } from "vitest";
import { matcherText } from "../../api/alertmanager.ts";
import {
  changedSilence,
  editedMatchers,
  finished,
  matchersOf,
  newSilence,
  operatorOf,
  withOperator,
} from "./silence-form.ts";

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

it("changes a silence: what began stays begun, and its end is kept or counted from now", () => {
  const before = {
    id: "s1",
    matchers: [{ name: "alertname", value: "High|Low", isRegex: true, isEqual: true }],
    startsAt: "2026-01-01T00:00:00.000Z",
    endsAt: "2026-01-01T08:00:00.000Z",
    createdBy: "an",
    comment: "deploy",
    status: { state: "active" },
  } as const;
  const change = { matchers: editedMatchers(before), hours: undefined, comment: " longer ", createdBy: "binh" };
  const nowMs = Date.parse("2026-01-01T02:00:00Z");
  const { matchers, startsAt, endsAt } = before;
  expect(changedSilence(before, change, nowMs)).toEqual({
    id: "s1",
    matchers,
    startsAt,
    endsAt,
    createdBy: "binh",
    comment: "longer",
  });
  expect(changedSilence(before, { ...change, hours: 24 }, nowMs).endsAt).toBe("2026-01-02T02:00:00.000Z");
  const planned = { ...before, startsAt: "2026-01-01T06:00:00.000Z" };
  expect(changedSilence(planned, { ...change, hours: 1 }, nowMs).endsAt).toBe("2026-01-01T07:00:00.000Z");
});
