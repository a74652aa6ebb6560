// When the rule engine evaluates, and what stays over reloads and restarts.
import { Matcher } from "@storewatch/model";
import { describe, expect, test } from "vitest";
import type { HeldAlertFile, HeldAlerts } from "./interface.ts";
import { TestStore } from "./test-store.ts";
import { createHarness, groupsOf, type HarnessOptions } from "./testing/engine-harness.ts";

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

  test("once a second on the average with one more at once, and nothing that arrived is left out", async () => {
    const h = createHarness({ rules: RULES });
    h.engine.start();
    for (let i = 0; i < 30; i++) {
      h.scrape(1, [`up{job="a"} ${i < 25 ? 1 : 0}`]);
      await h.clock.advance(100);
    }
    await h.clock.advance(1000);
    expect(h.queries.length).toBeLessThanOrEqual(6);
    expect(h.queries.length).toBeGreaterThanOrEqual(3);
    expect(h.sent).toHaveLength(1);
    await h.engine.stop();
  });

  test("a dear group waits fifty times its cost, a cheap one does not wait for it", async () => {
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
    expect(count("sum")).toBeLessThanOrEqual(5);
    expect(count("sum")).toBeGreaterThanOrEqual(3);
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

test("what arrives while a tick is evaluated is looked at afterwards", async () => {
  const h = createHarness({
    rules: "groups:\n- name: g\n  interval: 1m\n  rules:\n  - { alert: Down, expr: up == 0 }\n",
    queryMs: () => 50,
  });
  h.engine.start();
  h.scrape(1, ['up{job="a"} 1']);
  await h.clock.advance(2000);
  const ticks = () => h.engine.journal("test.yml", "g").filter(({ occasion }) => occasion === "tick").length;
  const before = ticks();
  // An evaluation on arrival just before, so that the next one has to wait.
  for (let i = 0; ticks() === before; i++) {
    if (i % 30 === 0) h.scrape(1, ['up{job="a"} 1']);
    await h.clock.advance(10);
  }
  h.scrape(1, ['up{job="a"} 0']);
  await h.clock.advance(2500);
  expect(h.sent).toHaveLength(1);
  await h.engine.stop();
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

describe("over a restart", () => {
  const T0 = 1_700_000_000_000;
  const alive = (store: TestStore, atMs: number, matcher: Matcher) =>
    store
      .select([matcher], atMs - 40_000, atMs)
      .filter(({ values, timesMs }) => !Number.isNaN(values[timesMs.length - 1]))
      .map(({ labels }) => labels.toString());

  /** Runs, ends the process, and runs again `downMs` later on the same store. */
  async function twice(options: HarnessOptions, runMs: number, downMs: number) {
    const store = new TestStore();
    const first = createHarness({ ...options, store, startMs: T0 });
    first.engine.start();
    await first.clock.advance(runMs);
    await first.engine.stop();
    const second = createHarness({ ...options, store, startMs: T0 + runMs + downMs });
    return { first, second, store };
  }
  const rules = (more: string) =>
    `groups:\n- name: g\n  interval: 10s\n  rules:\n  - { alert: A, expr: 'x > 0', ${more} }\n`;

  test("a pending alert keeps what it has waited, a firing one fires on from its first start", async () => {
    const store = new TestStore();
    const scrape = (h: ReturnType<typeof createHarness>) => h.scrape(1, ["x 1"]);
    const first = createHarness({ rules: rules("for: 60s"), store, startMs: T0 });
    first.engine.start();
    for (let i = 0; i < 4; i++) {
      scrape(first);
      await first.clock.advance(10_000);
    }
    expect(first.engine.board.groups()[0].rules[0]).toMatchObject({ state: "pending" });
    await first.engine.stop();
    const second = createHarness({ rules: rules("for: 60s"), store, startMs: T0 + 42_000 });
    second.engine.start();
    let firedAtMs = 0;
    for (let i = 0; i < 6; i++) {
      scrape(second);
      await second.clock.advance(5000);
      if (second.sent.length > 0) firedAtMs ||= second.clock.nowMs();
    }
    // 60 s of waiting and 2 s without us; evaluations come at least every 10 s.
    expect(firedAtMs).toBeGreaterThanOrEqual(T0 + 62_000);
    expect(firedAtMs).toBeLessThanOrEqual(T0 + 75_000);
    await second.engine.stop();
    const third = createHarness({ rules: rules("for: 60s"), store, startMs: T0 + 80_000 });
    third.engine.start();
    scrape(third);
    await third.clock.advance(1000);
    expect(third.sent).toHaveLength(1);
    expect(Math.abs(third.sent[0].startsAtMs! - second.sent[0].startsAtMs!)).toBeLessThanOrEqual(10_000);
    await third.engine.stop();
  });

  function memory(): HeldAlertFile & { kept: HeldAlerts } {
    const file = {
      kept: new Map() as HeldAlerts,
      load: () => file.kept,
      save: async (alerts: HeldAlerts) => {
        file.kept = alerts;
      },
    };
    return file;
  }

  test("what is only kept firing is kept firing to the end of its time, with its texts", async () => {
    const held = memory();
    const options = { rules: rules("keep_firing_for: 90s, annotations: { d: 'was {{ $value }}' }"), held };
    const store = new TestStore();
    const first = createHarness({ ...options, store, startMs: T0 });
    first.engine.start();
    first.scrape(1, ["x 7"]);
    await first.clock.advance(15_000);
    first.scrape(1, ["x 0"]);
    await first.clock.advance(15_000);
    expect(first.engine.board.groups()[0].rules[0]).toMatchObject({ state: "firing" });
    await first.engine.stop();
    expect([...held.kept.values()].flat()).toMatchObject([{ value: 7, annotations: { d: "was 7" } }]);
    const second = createHarness({ ...options, store, startMs: T0 + 40_000 });
    second.engine.start();
    await second.clock.advance(20_000);
    expect(second.engine.board.groups()[0].rules[0]).toMatchObject({ state: "firing" });
    expect(second.sent).toMatchObject([{ annotations: { d: "was 7" }, startsAtMs: first.sent[0].startsAtMs }]);
    await second.clock.advance(60_000);
    // Its cause ended 15 s after the start: 105 s after it, it is over, and that is told.
    const last = second.sent.at(-1)!;
    expect(last.endsAtMs).toBeLessThanOrEqual(second.clock.nowMs());
    expect(last.endsAtMs).toBeGreaterThanOrEqual(T0 + 105_000);
    expect(last.endsAtMs).toBeLessThanOrEqual(T0 + 116_000);
    await second.engine.stop();
    expect(held.kept.size).toBe(0);
  });

  test("a firing alert of such a rule whose cause ended while we were away is kept for the whole time", async () => {
    const held = memory();
    const options = { rules: rules("keep_firing_for: 60s"), held };
    const store = new TestStore();
    const first = createHarness({ ...options, store, startMs: T0 });
    first.engine.start();
    first.scrape(1, ["x 7"]);
    await first.clock.advance(15_000);
    await first.engine.stop();
    const second = createHarness({ ...options, store, startMs: T0 + 100_000 });
    second.engine.start();
    second.scrape(1, ["x 0"]);
    await second.clock.advance(50_000);
    expect(second.engine.board.groups()[0].rules[0]).toMatchObject({ state: "firing" });
    await second.clock.advance(30_000);
    expect(second.engine.board.groups()[0].rules[0]).toMatchObject({ state: "inactive" });
    await second.engine.stop();
  });

  test("rules with the same name do not end each other's series", async () => {
    const both = [
      "groups:",
      "- name: g",
      "  interval: 10s",
      "  rules:",
      "  - { alert: A, expr: vector(1), labels: { severity: warning } }",
      "  - { alert: A, expr: vector(1) == 1, labels: { severity: critical } }",
      "  - { alert: B, expr: vector(1), labels: { l: '{{ \"x\" }}' } }",
      "  - { alert: B, expr: vector(2), labels: { l: '{{ \"y\" }}' } }",
    ].join("\n");
    const { second, store } = await twice({ rules: both }, 25_000, 5000);
    second.engine.start();
    await second.clock.advance(10_000);
    const stale = store
      .select([new Matcher("=", "__name__", "ALERTS")], T0, second.clock.nowMs())
      .filter(({ values }) => values.some(Number.isNaN));
    expect(stale).toEqual([]);
    expect(alive(store, second.clock.nowMs(), new Matcher("=", "__name__", "ALERTS"))).toHaveLength(4);
    await second.engine.stop();
  });
});

describe("many groups", () => {
  test("no more than `concurrency` of them are evaluated at once, and all get their turn", async () => {
    const rules = Array.from(
      { length: 12 },
      (_, i) => `- name: g${i}\n  interval: 60s\n  rules:\n  - { record: 'r:${i}', expr: vector(${i}) }\n`,
    );
    let now = 0;
    let most = 0;
    const h = createHarness({
      rules: `groups:\n${rules.join("")}`,
      concurrency: 3,
      queryMs: () => {
        most = Math.max(most, ++now);
        return 20_000;
      },
      afterQuery: () => now--,
    });
    h.engine.start();
    await h.clock.advance(200_000);
    expect(most).toBe(3);
    expect(new Set(h.queries.map((query) => query.split(" ")[1])).size).toBe(12);
    const stopped = h.engine.stop();
    await h.clock.advance(100_000);
    await stopped;
  });

  test("the global query offset is taken where a group has none of its own", async () => {
    const rules = [
      "groups:",
      "- { name: own, interval: 10s, query_offset: 0s, rules: [{ record: a, expr: vector(1) }] }",
      "- { name: global, interval: 10s, rules: [{ record: b, expr: vector(2) }] }",
    ].join("\n");
    const h = createHarness({ rules, queryOffsetMs: 7000 });
    h.engine.start();
    await h.clock.advance(25_000);
    const entries = (name: string) => h.engine.journal("test.yml", name).map(({ timeMs }) => timeMs);
    const asked = (n: number) => h.queries.filter((q) => q.endsWith(`(${n})`)).map((q) => Number(q.split(" ")[0]));
    expect(asked(1)).toEqual(entries("own"));
    expect(asked(2)).toEqual(entries("global").map((timeMs) => timeMs - 7000));
    const [recorded] = h.store.select([new Matcher("=", "__name__", "b")], 0, h.clock.nowMs());
    expect([...recorded.timesMs]).toEqual(asked(2));
    await h.engine.stop();
  });

  test("reloads at the same time follow each other, and a stop ends them", async () => {
    const one = (name: string) =>
      groupsOf(`groups:\n- name: ${name}\n  interval: 10s\n  rules:\n  - { alert: A, expr: vector(1) }\n`);
    const h = createHarness({ rules: "groups: []" });
    h.engine.start();
    await Promise.all([h.engine.reload(one("a")), h.engine.reload(one("b")), h.engine.reload(one("c"))]);
    expect(h.engine.board.groups().map(({ name }) => name)).toEqual(["c"]);
    await h.clock.advance(11_000);
    expect(h.engine.journal("test.yml", "c").length).toBe(1);
    const reloading = h.engine.reload(one("d"));
    await h.engine.stop();
    await reloading;
    const before = h.queries.length;
    await h.clock.advance(60_000);
    expect(h.queries.length).toBe(before);
  });
});
