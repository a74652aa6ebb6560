// What an alert generator must do by the specification of the Prometheus compliance project, on a fake clock: states,
// what is told when, and the series that alerts leave behind. Section names are the specification's.
import { ALL_TENANTS, Matcher, type PostableAlert } from "@storewatch/model";
import { parseSeriesLine } from "@storewatch/promql/promqltest";
import Fastify from "fastify";
import { describe, expect, test } from "vitest";
import { ruleRoutes } from "./route.ts";
import { createHarness } from "./testing/engine-harness.ts";

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const INTERVAL = 30 * SECOND;
const RESEND = MINUTE;

interface Told extends PostableAlert {
  /** The evaluation that told it. */
  readonly atMs: number;
}

/** One group at 30 s; `values` gives the input at each evaluation, undefined for no sample. */
async function run(rules: string, evaluations: number, values: (i: number) => readonly string[]) {
  const yaml = `groups:\n- name: g\n  interval: 30s\n  rules:\n${rules.trimEnd().replace(/^/gm, "  ")}\n`;
  const h = createHarness({ rules: yaml, externalLabels: { cluster: "one" } });
  const told: Told[] = [];
  const states: string[][] = [];
  h.engine.start();
  await toNextTick();
  for (let i = 0; i < evaluations; i++) {
    const before = h.sent.length;
    // Unannounced, so that nothing is evaluated on arrival: the specification knows intervals only.
    h.store.load(values(i).map(parseSeriesLine), h.clock.nowMs(), INTERVAL);
    await h.clock.advance(1);
    await h.clock.advance(INTERVAL - 1);
    const atMs = h.engine.journal("test.yml", "g").at(-1)!.timeMs;
    told.push(...h.sent.slice(before).map((alert) => ({ ...alert, atMs })));
    states.push(
      h.engine.board
        .groups()[0]
        .rules.flatMap((rule) => (rule.type === "alerting" ? rule.alerts : []))
        .map((alert) => `${alert.labels.alertname} ${alert.state}`),
    );
  }
  const times = h.engine
    .journal("test.yml", "g")
    .slice(-evaluations)
    .map(({ timeMs }) => timeMs);
  await h.engine.stop();
  return { told, states, times, harness: h };

  /** Just behind a tick, so that what is pushed is seen by the next. */
  async function toNextTick() {
    while (h.engine.journal("test.yml", "g").length === 0) await h.clock.advance(SECOND);
    await h.clock.advance(INTERVAL - 2 * SECOND);
    h.sent.length = 0;
  }
}

const above = (i: number, from: number, to: number) => [`m{job="a"} ${i >= from && i < to ? 11 : 1}`];
const alert = (more = "") => `- alert: A\n  expr: m > 10\n${more}`;

describe("states", () => {
  test("`for` of 3 min: pending from ActiveAt, firing at the evaluation at which the difference is reached", async () => {
    const { states, told, times } = await run(alert("  for: 3m\n"), 12, (i) => above(i, 2, 11));
    expect(states.map((now) => now.join())).toEqual([
      "",
      "",
      ...Array(6).fill("A pending"),
      ...Array(3).fill("A firing"),
      "",
    ]);
    expect(told[0]).toMatchObject({ startsAtMs: times[8], atMs: times[8] });
  });

  test("an alert that ends while pending is never told, and the next one starts anew", async () => {
    const { states, told } = await run(alert("  for: 3m\n"), 12, (i) => [`m ${i === 4 ? 1 : 11}`]);
    expect(told.map(({ atMs }) => atMs)).toHaveLength(1);
    expect(states[4]).toEqual([]);
    expect(states.findIndex((now) => now.includes("A firing"))).toBe(11);
  });

  test("`for` of zero fires at once; a `for` below the interval fires at the next evaluation", async () => {
    expect((await run(alert(), 3, (i) => above(i, 1, 9))).states).toEqual([[], ["A firing"], ["A firing"]]);
    expect((await run(alert("  for: 15s\n"), 3, (i) => above(i, 1, 9))).states).toEqual([
      [],
      ["A pending"],
      ["A firing"],
    ]);
  });
});

describe("sending", () => {
  test("firing: at once, then whenever more than the resend delay has passed, with EndsAt four of it ahead", async () => {
    const { told, times } = await run(alert(), 12, (i) => above(i, 1, 99));
    expect(told.map(({ atMs }) => times.indexOf(atMs))).toEqual([1, 4, 7, 10]);
    for (const { startsAtMs, endsAtMs, atMs } of told) {
      expect(startsAtMs).toBe(times[1]);
      expect(endsAtMs).toBe(atMs + 4 * Math.max(RESEND, INTERVAL));
    }
  });

  test("resolved: at once, then again until 15 minutes after ResolvedAt, with the same times", async () => {
    const { told, times } = await run(alert(), 45, (i) => above(i, 1, 6));
    const resolved = told.filter(({ endsAtMs, atMs }) => endsAtMs! <= atMs);
    expect(times.indexOf(resolved[0].atMs)).toBe(6);
    for (const one of resolved) expect(one).toMatchObject({ startsAtMs: times[1], endsAtMs: times[6] });
    const gaps = resolved.slice(1).map(({ atMs }, i) => atMs - resolved[i].atMs);
    expect(new Set(gaps)).toEqual(new Set([3 * INTERVAL]));
    expect(resolved.at(-1)!.atMs - times[6]).toBeLessThanOrEqual(15 * MINUTE);
    expect(resolved.at(-1)!.atMs - times[6]).toBeGreaterThan(15 * MINUTE - 3 * INTERVAL);
    expect(told.at(-1)).toBe(resolved.at(-1));
  });

  test("a new alert with the same labels takes the resolved one's place", async () => {
    const { told, times } = await run(alert("  for: 1m\n"), 20, (i) =>
      above(i, 0, 5)
        .concat()
        .map((s) => (i >= 7 ? 'm{job="a"} 11' : s)),
    );
    const ends = told.filter(({ endsAtMs, atMs }) => endsAtMs! <= atMs);
    // Told as resolved once; pending again at 7, and firing anew at 9.
    expect(ends.map(({ atMs }) => times.indexOf(atMs))).toEqual([5]);
    const again = told.find(({ atMs }) => times.indexOf(atMs) > 5)!;
    expect(again).toMatchObject({ atMs: times[9], startsAtMs: times[9] });
  });

  test("labels: the sample's without its name, the rule's over them, alertname over all; external labels below", async () => {
    const rules = `- alert: A
  expr: m > 10
  labels: { job: "was {{ $labels.job }}", alertname: no, foo: "{{ .Value }}" }
  annotations: { d: "{{ $labels.job }}: {{ $value | humanize }} at {{ $externalLabels.cluster }}" }
`;
    const { told } = await run(rules, 1, () => ['m{job="a",cluster="two",alertname="x"} 1500']);
    expect(told).toMatchObject([
      {
        labels: { alertname: "A", cluster: "two", foo: "1500", job: "was a" },
        annotations: { d: "a: 1.5k at one" },
        generatorUrl: "http://storewatch.example/graph?g0.expr=m+%3E+10&g0.tab=1",
      },
    ]);
  });

  test("annotations that change are told with the next message, without one of their own", async () => {
    const rules = alert('  annotations: { d: "{{ $value }}" }\n');
    const { told } = await run(rules, 6, (i) => [`m ${11 + i}`]);
    expect(told.map(({ annotations }) => annotations.d)).toEqual(["11", "14"]);
  });

  test("a template that fails gives the error in place of the text, and the alert is sent", async () => {
    const { told } = await run(alert('  annotations: { d: "{{ template \\"none\\" }}", ok: fine }\n'), 1, () => [
      "m 11",
    ]);
    expect(told[0].annotations).toMatchObject({ d: expect.stringMatching(/^<error expanding template: /), ok: "fine" });
  });
});

describe("series", () => {
  test("ALERTS has the state, overriding labels of the same name, and ends with the alert", async () => {
    const rules = alert("  for: 1m\n  labels: { alertstate: mine }\n");
    const { harness, times } = await run(rules, 8, (i) => above(i, 1, 6));
    const series = harness.store
      .select([new Matcher("=", "__name__", "ALERTS")], 0, harness.clock.nowMs())
      .map(({ labels, timesMs, values }) => [
        labels.get("alertstate"),
        ...[...timesMs].map((t, i) => `${times.indexOf(t)}=${values[i]}`),
      ]);
    expect(series).toEqual([
      ["pending", "1=1", "2=1", "3=NaN"],
      ["firing", "3=1", "4=1", "5=1", "6=NaN"],
    ]);
  });

  test("a rule sees what rules before it in the group wrote at the same evaluation", async () => {
    const rules = `${alert("  for: 1m\n  labels: { foo: bar }\n")}- alert: B
  expr: ALERTS{alertstate="firing", alertname="A"} == 1
  labels: { foo: baz }
  annotations: { d: "was {{ $labels.alertname }}, foo {{ .Labels.foo }}" }
- record: c
  expr: count(ALERTS{alertname="B"})
`;
    const { states, told, times, harness } = await run(rules, 5, (i) => above(i, 1, 9));
    expect(states).toEqual([[], ["A pending"], ["A pending"], ["A firing", "B firing"], ["A firing", "B firing"]]);
    expect(told.find(({ labels }) => labels.alertname === "B")).toMatchObject({
      annotations: { d: "was A, foo bar" },
      labels: { alertname: "B", alertstate: "firing", foo: "baz", job: "a" },
    });
    const [recorded] = harness.store.select([new Matcher("=", "__name__", "c")], 0, harness.clock.nowMs());
    expect([...recorded.timesMs]).toEqual(times.slice(3));
  });
});

test("two alerts with the same labels are an error of the rule: nothing is told or written, /api/v1/rules says so", async () => {
  const rules = alert("  labels: { job: same }\n");
  const { told, harness } = await run(rules, 3, () => ['m{job="a"} 11', 'm{job="b"} 11']);
  expect(told).toEqual([]);
  expect(harness.store.select([new Matcher("=", "__name__", "ALERTS")], 0, harness.clock.nowMs())).toEqual([]);
  const app = Fastify();
  app.addHook("onRequest", async (request) => {
    request.principal = { name: "t", role: "viewer", scope: ALL_TENANTS, via: "token" };
  });
  await app.register(ruleRoutes(harness.engine.board));
  const reply = (await app.inject({ method: "GET", url: "/api/v1/rules" })).json() as {
    data: { groups: { interval: number; rules: object[] }[] };
  };
  expect(reply.data.groups[0]).toMatchObject({
    interval: 30,
    rules: [
      {
        type: "alerting",
        health: "err",
        state: "inactive",
        lastError: "vector contains metrics with the same labelset after applying alert labels",
      },
    ],
  });
  await app.close();
});
