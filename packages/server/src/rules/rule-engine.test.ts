// The rule engine on an in-memory store and a fake clock.
import { type LabelRecord, Labels, Matcher, type PostableAlert, type Sample } from "@storewatch/model";
import { createEngine } from "@storewatch/promql/engine";
import { parseSeriesLine } from "@storewatch/promql/promqltest";
import { FakeClock } from "@storewatch/testkit";
import type { Arrival } from "@storewatch/tsdb";
import { Registry } from "prom-client";
import { describe, expect, test } from "vitest";
import { silentLogger } from "../kernel/logger.ts";
import type { RuleDependencies } from "./interface.ts";
import { createRuleEngine, type RuleEngine } from "./rule-engine.ts";
import { parseRuleFile, type RuleGroupConfig } from "./rule-file.ts";
import { TestStore } from "./test-store.ts";

interface HarnessOptions {
  readonly rules: string;
  readonly store?: TestStore;
  readonly startMs?: number;
  readonly externalLabels?: LabelRecord;
  readonly evaluationIntervalMs?: number;
  readonly budgetShare?: number;
  /** Simulated time that each query takes. */
  readonly queryMs?: (expression: string) => number;
}

interface Harness {
  readonly clock: FakeClock;
  readonly store: TestStore;
  readonly engine: RuleEngine;
  /** Everything that was handed to the notification side, oldest first. */
  readonly sent: PostableAlert[];
  /** Queries in order: `time expression`. */
  readonly queries: string[];
  /** A scrape target delivers one row; `series` as `name{…} value`. */
  scrape(target: number, series: readonly string[]): void;
  /** Pushed samples on the generic path. */
  push(series: readonly string[]): void;
  /** Set to make the next hand-overs of alerts fail. */
  sinkFails: boolean;
}

function groupsOf(yaml: string, file = "test.yml"): readonly RuleGroupConfig[] {
  return parseRuleFile(file, yaml);
}

function createHarness(options: HarnessOptions): Harness {
  const clock = new FakeClock(options.startMs ?? 1_700_000_000_000);
  const store = options.store ?? new TestStore();
  store.visibleUntilMs = Number.POSITIVE_INFINITY;
  const promql = createEngine({ clock });
  const listeners = new Set<(arrival: Arrival) => void>();
  const targets = new Map<number, Labels[]>();
  const announce = (sourceId: number) => {
    for (const listener of listeners) listener({ sourceId, timeMs: clock.nowMs() });
  };
  const dependencies: RuleDependencies = {
    async query(_, expression, timeMs) {
      harness.queries.push(`${timeMs} ${expression}`);
      const took = options.queryMs?.(expression) ?? 0;
      if (took > 0) await new Promise<void>((resolve) => clock.setTimer(took, resolve));
      const { value } = await promql.instant(store, { expression }, timeMs);
      if (value.type === "vector") return value.samples;
      return value.type === "scalar" ? [{ labels: Labels.empty, timeMs, value: value.value }] : [];
    },
    select: (_, matchers, fromMs, toMs) => store.select(matchers, fromMs, toMs),
    async append(_, samples) {
      store.append(samples);
      announce(0);
    },
    alerts: (alerts) => {
      if (harness.sinkFails) throw new Error("sink is down");
      harness.sent.push(...alerts);
    },
    onArrival(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    source(id) {
      const columns = targets.get(id);
      return columns && { columns: columns.length, labels: (column) => columns[column] };
    },
  };
  const samplesOf = (series: readonly string[]): Sample[] =>
    series.map((text) => {
      const { labels, items } = parseSeriesLine(text);
      const item = items[0];
      const timeMs = clock.nowMs();
      return item.kind === "value" ? { labels, timeMs, value: item.value } : { labels, timeMs, value: 0, stale: true };
    });
  const harness: Harness = {
    clock,
    store,
    sent: [],
    queries: [],
    sinkFails: false,
    engine: createRuleEngine({
      ...dependencies,
      groups: groupsOf(options.rules),
      clock,
      logger: silentLogger,
      metrics: new Registry(),
      externalUrl: "http://storewatch.example",
      externalLabels: options.externalLabels ?? {},
      evaluationIntervalMs: options.evaluationIntervalMs,
      budgetShare: options.budgetShare,
    }),
    scrape(target, series) {
      const samples = samplesOf(series);
      const columns = targets.get(target) ?? [];
      for (const { labels } of samples) if (!columns.some((known) => known.equals(labels))) columns.push(labels);
      targets.set(target, columns);
      store.append(samples);
      announce(target);
    },
    push(series) {
      store.append(samplesOf(series));
      announce(0);
    },
  };
  return harness;
}

describe("evaluation when data arrives", () => {
  const RULES = "groups:\n- name: g\n  interval: 1m\n  rules:\n  - alert: Down\n    expr: up == 0\n";

  test("a group runs at once when a target delivers what it reads, and knows when that was", async () => {
    const h = createHarness({ rules: RULES });
    h.engine.start();
    await h.clock.advance(5000);
    const before = h.queries.length;
    h.scrape(1, ['up{job="a"} 0']);
    await h.clock.advance(20);
    expect(h.queries.length).toBe(before + 1);
    expect(h.sent).toMatchObject([{ labels: { alertname: "Down", job: "a" }, arrivedAtMs: 1_700_000_005_000 }]);
    await h.engine.stop();
  });

  test("what a group does not read does not start it", async () => {
    const h = createHarness({ rules: RULES });
    h.engine.start();
    h.scrape(1, ['http_requests_total{job="a"} 7']);
    await h.clock.advance(1000);
    expect(h.queries).toEqual([]);
    // A series that comes later does.
    h.scrape(1, ['http_requests_total{job="a"} 8', 'up{job="a"} 1']);
    await h.clock.advance(1000);
    expect(h.queries).toHaveLength(1);
    await h.engine.stop();
  });

  test("at most once a second, and nothing that arrived is left out", async () => {
    const h = createHarness({ rules: RULES });
    h.engine.start();
    for (let i = 0; i < 30; i++) {
      h.scrape(1, [`up{job="a"} ${i < 25 ? 1 : 0}`]);
      await h.clock.advance(100);
    }
    await h.clock.advance(1000);
    expect(h.queries.length).toBeLessThanOrEqual(5);
    expect(h.queries.length).toBeGreaterThanOrEqual(3);
    expect(h.sent).toHaveLength(1);
    await h.engine.stop();
  });

  test("a dear group waits ten times its cost, a cheap one does not wait for it", async () => {
    const rules = [
      "groups:",
      "- name: dear",
      "  interval: 5m",
      "  rules:",
      "  - alert: Dear",
      "    expr: sum(up) == 0",
      "- name: cheap",
      "  interval: 5m",
      "  rules:",
      "  - alert: Cheap",
      "    expr: up == 0",
    ].join("\n");
    const h = createHarness({ rules, queryMs: (expression) => (expression.startsWith("sum") ? 500 : 1) });
    h.engine.start();
    for (let i = 0; i < 60; i++) {
      h.scrape(1, ['up{job="a"} 1']);
      await h.clock.advance(1000);
    }
    const count = (start: string) => h.queries.filter((query) => query.split(" ")[1].startsWith(start)).length;
    expect(count("sum")).toBeLessThanOrEqual(14);
    expect(count("sum")).toBeGreaterThanOrEqual(5);
    expect(count("up")).toBeGreaterThanOrEqual(50);
    const stopped = h.engine.stop();
    await h.clock.advance(1000);
    await stopped;
  });

  test("when the rest of a round is due within a moment, one evaluation sees the whole round", async () => {
    const h = createHarness({ rules: RULES.replace("up == 0", "count(up) != 3") });
    h.engine.start();
    for (let round = 0; round < 4; round++) {
      for (const target of [1, 2, 3]) {
        h.scrape(target, [`up{job="${target}"} 1`]);
        await h.clock.advance(100);
      }
      await h.clock.advance(9700);
    }
    // Two rounds teach the rhythm; from then on one evaluation a round, beside ticks.
    const perRound = (round: number) => {
      const from = 1_700_000_000_000 + round * 10_000;
      return h.queries.filter(
        (query) => Number(query.split(" ")[0]) >= from && Number(query.split(" ")[0]) < from + 1000,
      );
    };
    expect(perRound(3)).toHaveLength(1);
    await h.engine.stop();
  });

  test("pushed data starts only groups with something that no target feeds, and own writes start nothing", async () => {
    const rules = [
      "groups:",
      "- name: pushed",
      "  rules:",
      "  - { alert: P, expr: pushed_metric > 0 }",
      "- name: scraped",
      "  rules:",
      "  - { alert: S, expr: up == 0 }",
    ].join("\n");
    const h = createHarness({ rules, evaluationIntervalMs: 600_000 });
    h.engine.start();
    h.scrape(1, ['up{job="a"} 0']);
    await h.clock.advance(2000);
    h.queries.length = 0;
    h.push(["pushed_metric 1"]);
    await h.clock.advance(5000);
    expect(h.queries.map((query) => query.split(" ").slice(1).join(" "))).toEqual(["pushed_metric > 0"]);
    expect(h.sent.map((alert) => alert.labels.alertname)).toEqual(["S", "P"]);
    await h.engine.stop();
  });

  test("recording rules write at their ticks only, and what they wrote starts their readers", async () => {
    const rules = [
      "groups:",
      "- name: recorded",
      "  interval: 30s",
      "  rules:",
      "  - { record: 'x:double', expr: x * 2 }",
      "- name: reader",
      "  interval: 10m",
      "  rules:",
      "  - { alert: Big, expr: 'x:double > 10' }",
    ].join("\n");
    const h = createHarness({ rules });
    h.engine.start();
    for (let i = 0; i < 90; i++) {
      h.scrape(1, [`x ${i}`]);
      await h.clock.advance(1000);
    }
    const recorded = h.queries.filter((query) => query.endsWith("x * 2")).map((query) => Number(query.split(" ")[0]));
    expect(recorded).toHaveLength(3);
    expect(recorded[1] - recorded[0]).toBe(30_000);
    expect(h.sent).toHaveLength(1);
    await h.engine.stop();
  });
});

describe("the timer", () => {
  test("evaluates at the interval without any arrival, and journals it", async () => {
    const h = createHarness({
      rules: "groups:\n- name: g\n  interval: 15s\n  rules:\n  - { alert: Always, expr: vector(1) }\n",
    });
    h.engine.start();
    await h.clock.advance(60_000);
    const times = h.engine.journal("test.yml", "g");
    expect(times).toHaveLength(4);
    expect(times.every(({ occasion }) => occasion === "tick")).toBe(true);
    expect(times[1].timeMs - times[0].timeMs).toBe(15_000);
    await h.engine.stop();
    await h.clock.advance(60_000);
    expect(h.engine.journal("test.yml", "g")).toHaveLength(4);
  });

  test("alerts that could not be handed over are handed over with the next evaluation", async () => {
    const h = createHarness({
      rules: "groups:\n- name: g\n  interval: 15s\n  rules:\n  - { alert: Always, expr: vector(1) }\n",
    });
    h.sinkFails = true;
    h.engine.start();
    await h.clock.advance(16_000);
    expect(h.engine.board.groups()[0].rules[0]).toMatchObject({ health: "err", lastError: "sink is down" });
    h.sinkFails = false;
    await h.clock.advance(15_000);
    expect(h.sent).toHaveLength(1);
    await h.engine.stop();
  });
});

describe("reload", () => {
  const rule = (name: string, expr: string) =>
    `groups:\n- name: g\n  interval: 10s\n  rules:\n  - { alert: ${name}, expr: ${expr}, for: 15s }\n`;

  test("a rule that stays keeps its alerts, with a changed expression too; one that goes ends its series", async () => {
    const h = createHarness({ rules: rule("A", "vector(1)") });
    h.engine.start();
    await h.clock.advance(35_000);
    expect(h.engine.board.groups()[0].rules[0]).toMatchObject({ state: "firing" });
    await h.engine.reload(groupsOf(rule("A", "vector(2)")));
    await h.clock.advance(10_000);
    expect(h.engine.board.groups()[0].rules[0]).toMatchObject({ state: "firing", alerts: [{ value: 2 }] });
    expect(h.sent).toHaveLength(1);
    await h.engine.reload(groupsOf(rule("B", "vector(1)")));
    await h.clock.advance(10_000);
    const left = h.store
      .select([new Matcher("=", "__name__", "ALERTS")], h.clock.nowMs() - 5000, h.clock.nowMs())
      .map(({ labels }) => labels.get("alertname"));
    expect(left).toEqual(["B"]);
    await h.engine.stop();
  });
});
