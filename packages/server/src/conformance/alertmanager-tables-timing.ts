// Tables about who is muted when: inhibition, silences, time intervals, the notification log.
import { ALL_TENANTS, Matcher } from "@storewatch/model";
import { parse as parseYaml } from "yaml";
import type { AlertRecord } from "../alerts/alert.ts";
import { buildTimeInterval, timeIntervalSchema } from "../alerts/config/time-intervals.ts";
import { fingerprintOf } from "../alerts/fingerprint.ts";
import { Inhibitor } from "../alerts/inhibitor.ts";
import { matchesLabels } from "../alerts/matchers/parse.ts";
import { notificationReason } from "../alerts/notification-log.ts";
import { canEdit, matcherProblem, type SilenceState, silenceProblem, stateOf } from "../alerts/silences.ts";
import { intervalsAt } from "../alerts/stage/mute.ts";
import {
  intervalContains,
  parseTimeRange,
  type Range,
  type TimeInterval,
  TimeIntervalError,
} from "../alerts/time-interval.ts";
import {
  type CaseCheck,
  type Cell,
  dateMs,
  durationMs,
  goName,
  isCell,
  items,
  momentMs,
  operatorOf,
  plainRecord,
  rfc822Ms,
  Unsupported,
} from "./alertmanager-values.ts";

const NOW_MS = Date.UTC(2026, 0, 1, 12);

function alertOf(labels: Readonly<Record<string, string>>, endsAtMs: number): AlertRecord {
  return {
    labels,
    annotations: {},
    startsAtMs: NOW_MS - 60_000,
    endsAtMs,
    updatedAtMs: NOW_MS,
    timeout: false,
    generatorUrl: "",
    fingerprint: fingerprintOf(labels),
    scope: ALL_TENANTS,
    arrivedAtMs: undefined,
  };
}

const eq = (name: string) => new Matcher("=", name, "1");

function mutedByTwoRules(firstTarget: Matcher): CaseCheck {
  const rule = (source: Matcher, target: Matcher) => ({ source: [source], target: [target], equal: ["e"], path: [] });
  const inhibitor = new Inhibitor([rule(eq("s1"), firstTarget), rule(eq("s2"), eq("t2"))]);
  inhibitor.update(alertOf({ s1: "1", t1: "2", e: "1" }, NOW_MS + 3_600_000));
  inhibitor.update(alertOf({ s2: "1", t2: "1", e: "1" }, NOW_MS + 3_600_000));
  return (cell) => {
    const muted = inhibitor.inhibitedBy(plainRecord(cell.target), NOW_MS).length > 0;
    return muted === cell.expected ? undefined : `muted: ${muted}`;
  };
}

const INHIBIT: Readonly<Record<string, CaseCheck>> = {
  "inhibit/inhibit_test.go TestInhibitRuleHasEqual": (cell) => {
    // Upstream asks the rule for its sources alone; here a target asks that none of them is.
    const sided = new Inhibitor([
      { source: [], target: [new Matcher("=", "target", "yes")], equal: items(cell.equal).map(String), path: [] },
    ]);
    for (const [id, value] of Object.entries(plainRecord(cell.initial) as Cell)) {
      const alert = isCell(value) && isCell(value.Alert) ? value.Alert : {};
      const endsAtMs = alert.EndsAt ? momentMs(alert.EndsAt, NOW_MS) : NOW_MS + 3_600_000;
      sided.update({ ...alertOf(plainRecord(alert.Labels), endsAtMs), fingerprint: id });
    }
    const found = sided.inhibitedBy({ ...plainRecord(cell.input), target: "yes" }, NOW_MS).length > 0;
    return found === cell.result ? undefined : `found: ${found}`;
  },
  "inhibit/inhibit_test.go TestInhibitRuleMatches": mutedByTwoRules(eq("t1")),
  "inhibit/inhibit_test.go TestInhibitRuleMatchers": mutedByTwoRules(new Matcher("!=", "t1", "1")),
};

const SILENCE_LABELS = { job: "test", instance: "web-1", path: "/user/profile", method: "GET" };

function silenceMatcher(value: unknown): Matcher {
  if (!isCell(value)) throw new Unsupported("no matcher");
  return new Matcher(operatorOf(value.Type), String(value.Name), String(value.Pattern));
}

function span(value: unknown): { matchers: Matcher[]; startsAtMs: number; endsAtMs: number } {
  if (!isCell(value)) throw new Unsupported("no silence");
  return { matchers: [], startsAtMs: momentMs(value.StartsAt, NOW_MS), endsAtMs: momentMs(value.EndsAt, NOW_MS) };
}

function checkMatcher(classic: boolean): CaseCheck {
  return (cell) => {
    if (!isCell(cell.m)) throw new Unsupported("no matcher");
    if (typeof cell.m.Type === "number") throw new Unsupported("matchers have no numbers as types here");
    const operator = operatorOf(cell.m.Type);
    const problem = matcherProblem(
      {
        name: String(cell.m.Name),
        value: String(cell.m.Pattern),
        isRegex: operator.endsWith("~"),
        isEqual: !operator.startsWith("!"),
      },
      classic,
    );
    if (!cell.err) return problem;
    return problem?.includes(String(cell.err)) ? undefined : `${problem ?? "accepted"}, should be: ${String(cell.err)}`;
  };
}

const STATES: Readonly<Record<string, SilenceState>> = {
  SilenceStateActive: "active",
  SilenceStatePending: "pending",
  SilenceStateExpired: "expired",
};

const SILENCE: Readonly<Record<string, CaseCheck>> = {
  "silence/silence_test.go TestQState": (cell) => {
    const kept = items(cell.states).some((state) => STATES[goName(state)] === stateOf(span(cell.sil), NOW_MS));
    return kept === cell.keep ? undefined : `kept: ${kept}`;
  },
  "silence/silence_test.go TestQMatches": (cell) => {
    if (!isCell(cell.sil)) throw new Unsupported("no silence");
    // Sets of matchers are alternatives.
    const sets = items(cell.sil.MatcherSets).map((set) => items(isCell(set) ? set.Matchers : []).map(silenceMatcher));
    const silenced = sets.some((set) => matchesLabels(set, SILENCE_LABELS));
    return silenced === cell.drop ? undefined : `silenced: ${silenced}`;
  },
  "silence/silence_test.go TestSilenceCanUpdate": (cell) => {
    const can = canEdit(span(cell.a), span(cell.b), NOW_MS);
    return can === cell.ok ? undefined : `can be edited: ${can}`;
  },
  "silence/silence_test.go TestValidateClassicMatcher": checkMatcher(true),
  "silence/silence_test.go TestValidateUTF8Matcher": checkMatcher(false),
  "silence/silence_test.go TestValidateSilence": (cell) => {
    if (!isCell(cell.s)) throw new Unsupported("no silence");
    const { s } = cell;
    const set = items(s.MatcherSets)[0];
    const matchers = items(s.Matchers ?? (isCell(set) ? set.Matchers : [])).map(silenceMatcher);
    const time = (value: unknown) => (goName(value) === "zeroTimestamp" ? Number.NaN : NOW_MS);
    const problem = silenceProblem({ matchers, startsAtMs: time(s.StartsAt), endsAtMs: time(s.EndsAt) }, true);
    return Boolean(problem) === Boolean(cell.err)
      ? undefined
      : `${problem ?? "accepted"}, should be: ${String(cell.err)}`;
  },
};

function ranges(value: unknown): Range[] {
  return items(value).map((item) => {
    // A range stands as a struct of its own or inside the struct of its kind.
    const inner = isCell(item) && Array.isArray(item.items) ? (item.items as unknown[]) : [item];
    const [first, second] = inner;
    if (typeof first === "number" && typeof second === "number") return { begin: first, end: second };
    if (!isCell(first)) throw new Unsupported("no range");
    const [begin = first.Begin, end = first.End] = items(first);
    return { begin: Number(begin), end: Number(end) };
  });
}

function intervalOf(value: unknown): TimeInterval {
  if (!isCell(value)) throw new Unsupported("no interval");
  const location = isCell(value.Location) ? items(value.Location)[0] : undefined;
  return {
    times: items(value.Times).map((t) => ({
      startMinute: Number((t as Cell).StartMinute ?? 0),
      endMinute: Number((t as Cell).EndMinute ?? 0),
    })),
    weekdays: ranges(value.Weekdays),
    daysOfMonth: ranges(value.DaysOfMonth),
    months: ranges(value.Months),
    years: ranges(value.Years),
    location: isCell(location) ? String((location.args as unknown[])[0]) : undefined,
  };
}

const any = { times: [], weekdays: [], daysOfMonth: [], months: [], years: [], location: "Australia/Sydney" };
const evenings = [
  { startMinute: 0, endMinute: 540 },
  { startMinute: 1020, endMinute: 1440 },
].map((time) => ({ ...any, times: [time] }));
const weekends = [
  {
    ...any,
    weekdays: [
      { begin: 6, end: 6 },
      { begin: 0, end: 0 },
    ],
  },
];
const weekdays = [{ ...any, times: [{ startMinute: 540, endMinute: 1020 }], weekdays: [{ begin: 1, end: 5 }] }];
const NAMED = new Map<string, TimeInterval[]>([
  ["evenings", evenings],
  ["weekends", weekends],
  ["weekdays", weekdays],
]);

const checkMuted: CaseCheck = (cell) => {
  const got = intervalsAt(NAMED, ["evenings", "weekends"], dateMs(cell.now));
  return got.join() === items(cell.mutedBy).join() ? undefined : `muted by ${got.join()}`;
};

function parseIntervals(text: string): TimeInterval[] {
  const list = parseYaml(text) as unknown[];
  return list.map((item) => {
    const parsed = timeIntervalSchema.safeParse(item);
    if (!parsed.success) throw new TimeIntervalError(parsed.error.message);
    return buildTimeInterval(parsed.data);
  });
}

function parseProblem(cell: Cell): string | undefined {
  let intervals: TimeInterval[];
  try {
    intervals = parseIntervals(String(cell.in));
  } catch (error) {
    if (!(error instanceof TimeIntervalError)) throw error;
    if (!cell.expectError) return `refused: ${error.message}`;
    return error.message === cell.err ? undefined : `fails with ${error.message}, not ${String(cell.err)}`;
  }
  if (cell.expectError) return `accepted, should be: ${String(cell.err)}`;
  const holds = (time: unknown) => intervals.some((interval) => intervalContains(interval, rfc822Ms(String(time))));
  const wrong = items(cell.contains).find((time) => !holds(time)) ?? items(cell.excludes).find(holds);
  return wrong === undefined ? undefined : `wrong at ${String(wrong)}`;
}

const TIME: Readonly<Record<string, CaseCheck>> = {
  "timeinterval/timeinterval_test.go var timeIntervalTestCases": (cell) => {
    const interval = intervalOf(cell.timeInterval);
    const holds = (time: unknown) => intervalContains(interval, rfc822Ms(String(time)));
    const wrong =
      items(cell.validTimeStrings).find((time) => !holds(time)) ?? items(cell.invalidTimeStrings).find(holds);
    return wrong === undefined ? undefined : `wrong at ${String(wrong)}`;
  },
  "timeinterval/timeinterval_test.go var timeStringTestCases": (cell) => {
    const input = parseYaml(String(cell.timeString)) as { start_time?: string; end_time?: string };
    try {
      const got = parseTimeRange(input.start_time, input.end_time);
      if (cell.expectError) return "accepted, should fail";
      const want = cell.TimeRange as Cell;
      return got.startMinute === want.StartMinute && got.endMinute === want.EndMinute ? undefined : JSON.stringify(got);
    } catch (error) {
      return cell.expectError ? undefined : String(error);
    }
  },
  "timeinterval/timeinterval_test.go var yamlUnmarshalTestCases": parseProblem,
  "timeinterval/timeinterval_test.go TestIntervener_Mutes": checkMuted,
};

const NOTIFY: Readonly<Record<string, CaseCheck>> = {
  "notify/notify_test.go TestDedupStageNeedsUpdate": (cell) => {
    const hashes = (value: unknown) => items(isCell(value) ? value.args : value).map(String);
    const entry = isCell(cell.entry)
      ? {
          firing: hashes(cell.entry.FiringAlerts),
          resolved: hashes(cell.entry.ResolvedAlerts),
          atMs: isCell(cell.entry.Timestamp) && cell.entry.Timestamp.$call ? momentMs(cell.entry.Timestamp, NOW_MS) : 0,
        }
      : undefined;
    const repeatMs = cell.repeat ? durationMs(cell.repeat) : 0;
    const firing = hashes(cell.firingAlerts);
    const reason = notificationReason(
      entry,
      firing,
      hashes(cell.resolvedAlerts),
      repeatMs,
      cell.resolve === true,
      NOW_MS,
    );
    return (reason !== undefined) === cell.res ? undefined : `reason: ${reason}`;
  },
  "notify/mute_test.go TestTimeMuteStage": checkMuted,
  "notify/mute_test.go TestTimeActiveStage": (cell) => {
    const isActive = intervalsAt(NAMED, ["weekdays"], dateMs(cell.now)).length > 0;
    return isActive === (items(cell.mutedBy).length === 0) ? undefined : `active: ${isActive}`;
  },
};

export const TIMING_TABLES: Readonly<Record<string, CaseCheck>> = { ...INHIBIT, ...SILENCE, ...TIME, ...NOTIFY };
