// Golden timelines: a rule, its input, and what its alerts are at each evaluation.
import { formatDurationMs, Labels, type PostableAlert, type Sample } from "@storewatch/model";
import { createEngine } from "@storewatch/promql/engine";
import { parseSeriesLine } from "@storewatch/promql/promqltest";
import { describe, expect, test } from "vitest";
import { TemplateExpander } from "./expand.ts";
import { parseRuleFile } from "./rule-file.ts";
import { RuleGroup } from "./rule-group.ts";
import { TestStore } from "./test-store.ts";

interface Timeline {
  readonly rule: string;
  readonly input: readonly string[];
  readonly minutes: number;
  readonly stepMs?: number;
}

/** One group of one rule; `at` evaluates, `lines` is what has been seen so far. */
function runner({ rule, input, stepMs = 60_000 }: Omit<Timeline, "minutes">, store = new TestStore()) {
  const yaml = `groups:\n- name: g\n  rules:\n  - ${rule.trim().replaceAll("\n", "\n    ")}\n`;
  const promql = createEngine({ clock: { monotonicMs: () => 0 } });
  store.load(input.map(parseSeriesLine), 0, stepMs);
  const sent: PostableAlert[] = [];
  const errors: string[] = [];
  const query = async (_: unknown, expression: string, timeMs: number) => {
    const { value } = await promql.instant(store, { expression }, timeMs);
    if (value.type === "scalar") return [{ labels: Labels.empty, timeMs, value: value.value }];
    return value.type === "vector" ? value.samples : [];
  };
  const group = new RuleGroup(parseRuleFile("t.yml", yaml)[0], {
    dependencies: {
      query,
      append: async (_: unknown, samples: readonly Sample[]) => store.append(samples),
      select: (_, matchers, fromMs, toMs) => store.select(matchers, fromMs, toMs),
      alerts: (alerts) => void sent.push(...alerts),
    },
    expander: new TemplateExpander("http://x"),
    externalLabels: { region: "eu" },
    defaultIntervalMs: 60_000,
    monotonicMs: () => 0,
    onRuleError: (_, failed, message) => errors.push(`${failed.name}: ${message}`),
  });
  const at = async (timeMs: number) => {
    store.visibleUntilMs = timeMs;
    await group.evaluate(timeMs);
  };
  return { group, at, sent, errors, store, query };
}

/** `2m firing 3` for each active alert at each minute; blank minutes are left out. */
async function timeline(options: Timeline): Promise<string[]> {
  const run = runner(options);
  const lines: string[] = [];
  for (let minute = 0; minute <= options.minutes; minute++) {
    await run.at(minute * 60_000);
    for (const rule of run.group.alertingRules) {
      for (const alert of rule.view().alerts) {
        lines.push(`${formatDurationMs(minute * 60_000)} ${alert.state} ${alert.value}`);
      }
    }
  }
  return lines;
}

const DOWN = "alert: Down\nexpr: up == 0";

describe("states of an alert", () => {
  test("without `for` it fires at once and ends with its cause", async () => {
    expect(await timeline({ rule: DOWN, input: ["up 1 0 0 1 1"], minutes: 4 })).toEqual(["1m firing 0", "2m firing 0"]);
  });

  test("with `for` it is pending first, and starts anew after an interruption", async () => {
    const rule = `${DOWN}\nfor: 2m`;
    expect(await timeline({ rule, input: ["up 0 0 1 0 0 0 0 1"], minutes: 7 })).toEqual([
      "0s pending 0",
      "1m pending 0",
      "3m pending 0",
      "4m pending 0",
      "5m firing 0",
      "6m firing 0",
    ]);
  });

  test("keep_firing_for bridges gaps and then ends", async () => {
    const rule = `${DOWN}\nkeep_firing_for: 2m`;
    expect(await timeline({ rule, input: ["up 0 1 0 1 1 1 1"], minutes: 6 })).toEqual([
      "0s firing 0",
      "1m firing 0",
      "2m firing 0",
      "3m firing 0",
      "4m firing 0",
    ]);
  });

  test("keep_firing_for does not keep what never fired", async () => {
    const rule = `${DOWN}\nfor: 3m\nkeep_firing_for: 5m`;
    expect(await timeline({ rule, input: ["up 0 0 1 1"], minutes: 3 })).toEqual(["0s pending 0", "1m pending 0"]);
  });
});

describe("what is told", () => {
  test("firing at once, again after the resend delay, resolved at once and for 15 minutes", async () => {
    const run = runner({ rule: `${DOWN}\nlabels: { severity: page }`, input: ["up 0x3 1x30"] });
    for (let seconds = 0; seconds <= 30 * 60; seconds += 30) await run.at(seconds * 1000);
    const told = run.sent.map(({ endsAtMs = 0 }, i) => [i, endsAtMs / 1000]);
    // 30 s steps and "more than a minute since": every 90 s; resolved at 4 min.
    expect(told.slice(0, 4)).toEqual([
      [0, 240],
      [1, 330],
      [2, 420],
      [3, 240],
    ]);
    expect(run.sent.slice(3).every((alert) => alert.endsAtMs === 240_000)).toBe(true);
    expect(run.sent.length).toBe(3 + 1 + 10);
    expect(run.sent[0]).toMatchObject({
      labels: { alertname: "Down", severity: "page", region: "eu" },
      startsAtMs: 0,
      generatorUrl: "http://x/graph?g0.expr=up+%3D%3D+0&g0.tab=1",
    });
  });

  test("a pending alert is not told", async () => {
    const run = runner({ rule: `${DOWN}\nfor: 5m`, input: ["up 0 0 0"] });
    for (const minute of [0, 1, 2]) await run.at(minute * 60_000);
    expect(run.sent).toEqual([]);
  });
});

describe("series", () => {
  test("ALERTS follows the state, with a staleness marker where a series ends", async () => {
    const run = runner({ rule: `${DOWN}\nfor: 1m`, input: ["up 0 0 1"] });
    const at = async (minute: number) => {
      await run.at(minute * 60_000);
      const found = await run.query(undefined, "ALERTS", minute * 60_000);
      return found.map((sample) => sample.labels.get("alertstate"));
    };
    expect([await at(0), await at(1), await at(2)]).toEqual([["pending"], ["firing"], []]);
    expect(await run.query(undefined, "ALERTS_FOR_STATE", 60_000)).toMatchObject([{ value: 0 }]);
    expect(await run.query(undefined, "ALERTS_FOR_STATE", 120_000)).toEqual([]);
  });

  test("a recording rule writes its labels and ends series that its query no longer gives", async () => {
    const run = runner({
      rule: "record: r\nexpr: x > 1\nlabels: { team: a }",
      input: ['x{i="1"} 2 2 0', 'x{i="2"} 5 5 5'],
    });
    await run.at(0);
    expect((await run.query(undefined, "r", 0)).map(String)).toHaveLength(2);
    await run.at(120_000);
    const left = await run.query(undefined, "r", 120_000);
    expect(left.map((sample) => `${sample.labels} ${sample.value}`)).toEqual(['r{i="2", team="a"} 5']);
  });
});

describe("templates and errors", () => {
  test("labels and annotations are expanded; a failing template gives its error as text", async () => {
    const rule = [
      "alert: A",
      "expr: x > 1",
      'labels: { who: "{{ $labels.i }}-{{ $externalLabels.region }}" }',
      "annotations:",
      '  value: "{{ $value | humanize }} {{ with query \\"x\\" }}{{ . | first | value }}{{ end }}"',
      '  broken: "{{ first (query \\"nothing\\") }}"',
    ].join("\n");
    const run = runner({ rule, input: ['x{i="a"} 1500'] });
    await run.at(0);
    const [alert] = run.group.alertingRules[0].view().alerts;
    expect(alert.labels).toEqual({ alertname: "A", who: "a-eu", i: "a" });
    expect(alert.annotations.value).toBe("1.5k 1500");
    expect(alert.annotations.broken).toMatch(
      /^<error expanding template: error executing template __alert_A: .*first\(\)/,
    );
  });

  test("two alerts with the same labels are an error of the rule, and its alerts stay", async () => {
    const run = runner({ rule: 'alert: A\nexpr: x > 1\nlabels: { i: "" }', input: ['x{i="a"} 2', 'x{i="b"} _ 2'] });
    await run.at(0);
    await run.at(60_000);
    expect(run.errors).toEqual(["A: vector contains metrics with the same labelset after applying alert labels"]);
    expect(run.group.view().rules[0]).toMatchObject({ health: "err", state: "firing" });
  });

  test("a query error marks the rule and is gone with the next success", async () => {
    const run = runner({
      rule: "alert: A\nexpr: x + on() y > 0",
      input: ["x 1 1", 'y{a="1"} 1 1', 'y{a="2"} 1 stale'],
    });
    await run.at(0);
    expect(run.group.view().rules[0]).toMatchObject({ health: "err" });
    await run.at(60_000);
    expect(run.group.view().rules[0]).toMatchObject({ health: "ok", lastError: "" });
  });

  test("the group's limit clears the alerts", async () => {
    const yaml = "groups:\n- name: g\n  limit: 1\n  rules:\n  - alert: A\n    expr: x > 0\n";
    const run = runner({ rule: "alert: A\nexpr: x > 0", input: ['x{i="a"} 1', 'x{i="b"} 1'] });
    const config = { ...run.group.config, limit: parseRuleFile("t.yml", yaml)[0].limit };
    const group = new RuleGroup(config, Reflect.get(run.group, "options"));
    run.store.visibleUntilMs = 0;
    await group.evaluate(0);
    expect(run.errors).toEqual(["A: exceeded limit of 1 with 2 alerts"]);
    expect(group.alertingRules[0].view().alerts).toEqual([]);
  });
});

describe("restore after a restart", () => {
  test("a firing alert fires on at once, from its first start", async () => {
    const store = new TestStore();
    const input = ["up 0x100"];
    const before = runner({ rule: `${DOWN}\nfor: 5m`, input }, store);
    for (let minute = 0; minute <= 6; minute++) await before.at(minute * 60_000);
    const after = runner({ rule: `${DOWN}\nfor: 5m`, input: [] }, store);
    after.group.restore(10 * 60_000, () => 1, new Map());
    await after.at(10 * 60_000);
    expect(after.group.alertingRules[0].view().alerts).toMatchObject([{ state: "firing", activeAtMs: 0 }]);
    expect(after.sent).toMatchObject([{ startsAtMs: 5 * 60_000 }]);
  });

  test("a pending alert goes on waiting; the time without us does not count", async () => {
    const store = new TestStore();
    const before = runner({ rule: `${DOWN}\nfor: 5m`, input: ["up 0x100"] }, store);
    for (let minute = 0; minute <= 2; minute++) await before.at(minute * 60_000);
    const after = runner({ rule: `${DOWN}\nfor: 5m`, input: [] }, store);
    after.group.restore(10 * 60_000, () => 1, new Map());
    const states: string[] = [];
    for (let minute = 10; minute <= 13; minute++) {
      await after.at(minute * 60_000);
      states.push(after.group.alertingRules[0].view().alerts[0].state);
    }
    expect(states).toEqual(["pending", "pending", "pending", "firing"]);
  });

  test("an alert that was over before the restart starts anew", async () => {
    const store = new TestStore();
    const before = runner({ rule: `${DOWN}\nfor: 5m`, input: ["up 0 0 0 0 0 0 1 0x20"] }, store);
    for (let minute = 0; minute <= 6; minute++) await before.at(minute * 60_000);
    const after = runner({ rule: `${DOWN}\nfor: 5m`, input: [] }, store);
    after.group.restore(8 * 60_000, () => 1, new Map());
    await after.at(8 * 60_000);
    expect(after.group.alertingRules[0].view().alerts).toMatchObject([{ state: "pending", activeAtMs: 8 * 60_000 }]);
  });

  test("series of an alert that is gone after the restart are ended", async () => {
    const store = new TestStore();
    const before = runner({ rule: DOWN, input: ["up 0 0 1x20"] }, store);
    await before.at(60_000);
    const after = runner({ rule: DOWN, input: [] }, store);
    after.group.restore(120_000, () => 1, new Map());
    await after.at(120_000);
    expect(await after.query(undefined, "ALERTS", 120_000)).toEqual([]);
  });
});
