import { ALL_TENANTS, Matcher, type TenantId, tenantScope } from "@storewatch/model";
import { FakeClock } from "@storewatch/testkit";
import { describe, expect, it } from "vitest";
import { silentLogger } from "../../../kernel/logger.ts";
import { createMemoryPersistence } from "../../interface.ts";
import { alert, createHarness, START_MS } from "../../testing/harness.ts";
import { addDuration, medianDurationMs } from "./durations.ts";
import { DAY_MS, QualityJournal } from "./journal.ts";
import { noiseOf } from "./noise.ts";
import { qualityReport } from "./report.ts";

const CONFIG = `
route: { receiver: ops, group_by: [alertname, tenant_id], group_wait: 0s, group_interval: 10s }
receivers: [{ name: ops, webhook_configs: [{ url: "https://hook.example" }] }]
inhibit_rules: [{ source_matchers: [alertname="Cause"], target_matchers: [alertname="Effect"] }]
`;
const MINUTE = 60_000;

async function started(clock = new FakeClock(START_MS), persistence = createMemoryPersistence(), rowsMax?: number) {
  const journal = new QualityJournal({ clock, logger: silentLogger, persistence, rowsMax });
  await journal.start();
  const harness = createHarness(CONFIG, { clock, observer: journal });
  await harness.manager.start();
  const { manager } = harness;
  const fire = (name: string, labels = {}) =>
    manager.put(ALL_TENANTS, [alert(name, labels, { endsAtMs: clock.nowMs() + 600 * MINUTE })]);
  const resolve = (name: string, labels = {}) =>
    manager.put(ALL_TENANTS, [alert(name, labels, { endsAtMs: clock.nowMs() })]);
  const report = (scope = ALL_TENANTS, days = 30) => qualityReport(journal, scope, days, clock.nowMs());
  const rule = (name: string, scope = ALL_TENANTS) => report(scope).rules.find(({ alertname }) => alertname === name);
  return { ...harness, journal, fire, resolve, report, rule };
}

it("the Watchdog, which always fires, is no rule to be judged", async () => {
  const { clock, fire, report } = await started();
  await fire("Watchdog", { severity: "none" });
  await fire("A");
  await clock.advance(MINUTE);
  expect(report().rules.map(({ alertname }) => alertname)).toEqual(["A"]);
  expect(report().totals).toMatchObject({ fired: 1, messages: 1 });
});

describe("the journal", () => {
  it("counts what becomes of each firing, once", async () => {
    const { clock, manager, journal, fire, resolve, rule } = await started();
    for (const minutes of [2, 20, 30]) {
      await fire("A", { tenant_id: "acme" });
      await clock.advance(minutes * MINUTE);
      await resolve("A", { tenant_id: "acme" });
      await clock.advance(MINUTE);
    }
    await fire("A", { tenant_id: "acme" });
    await clock.advance(MINUTE);
    const [{ alert: one }] = manager.alerts(ALL_TENANTS);
    expect(journal.see(ALL_TENANTS, one.fingerprint, false, one)).toEqual({ first: true });
    expect(journal.see(ALL_TENANTS, one.fingerprint, false, one)).toEqual({ first: false });
    expect(rule("A")).toMatchObject({
      fired: 4,
      resolved: 3,
      notified: 4,
      messages: 7,
      silenced: 0,
      seen: 1,
      actedUpon: 0,
      short: 1,
      tenants: 1,
    });
    const median = rule("A")?.medianDurationMs ?? 0;
    expect(median / (20 * MINUTE)).toBeGreaterThan(0.9);
    expect(median / (20 * MINUTE)).toBeLessThan(1.1);
  });

  it("counts silences, inhibition, flapping and ends that nobody reported", async () => {
    const { clock, manager, fire, resolve, rule } = await started();
    await fire("Cause");
    await fire("Effect");
    await clock.advance(MINUTE);
    expect(rule("Effect")).toMatchObject({ fired: 1, notified: 0, inhibited: 1 });
    await manager.setSilence(ALL_TENANTS, {
      matchers: [new Matcher("=", "alertname", "Cause")],
      startsAtMs: undefined,
      endsAtMs: clock.nowMs() + 60 * MINUTE,
      createdBy: "an",
      comment: "known",
      annotations: {},
    });
    await clock.advance(MINUTE);
    expect(rule("Cause")).toMatchObject({ notified: 1, silenced: 1, actedUpon: 1 });
    await clock.advance(700 * MINUTE);
    expect(rule("Cause")).toMatchObject({ fired: 1, resolved: 1 });
    for (let i = 0; i < 4; i++) {
      await fire("Flappy");
      await clock.advance(MINUTE);
      await resolve("Flappy");
      await clock.advance(MINUTE);
    }
    expect(rule("Flappy")).toMatchObject({ fired: 4, resolved: 4, flapping: 2 });
  });

  it("shows each shop its own", async () => {
    const { clock, fire, report, journal, manager } = await started();
    await fire("A", { tenant_id: "acme" });
    await fire("A", { tenant_id: "zen" });
    await fire("Platform");
    await clock.advance(MINUTE);
    const acme = tenantScope(["acme" as TenantId]);
    expect(report(acme).rules).toMatchObject([{ alertname: "A", fired: 1 }]);
    expect(report().totals.fired).toBe(3);
    const other = manager.alerts(ALL_TENANTS).find(({ alert: one }) => one.labels.tenant_id === "zen")!.alert;
    expect(journal.see(acme, other.fingerprint, false, undefined)).toBeUndefined();
  });

  it("outlives the process, and forgets after 90 days", async () => {
    const kept = createMemoryPersistence();
    const first = await started(undefined, kept);
    await first.fire("A");
    await first.clock.advance(MINUTE);
    await first.journal.stop();
    const second = await started(first.clock, kept);
    expect(second.rule("A")).toMatchObject({ fired: 1, notified: 1 });
    expect(second.report().recordedSinceMs).toBe(START_MS);
    const later = await started(new FakeClock(START_MS + 92 * DAY_MS), kept);
    await later.clock.advance(MINUTE);
    await later.journal.stop();
    const records = (await kept.load()).filter(({ table }) => table === "row");
    expect(records).toEqual([]);
  });

  it("is bounded: in all, and in the names of one shop", async () => {
    const kept = createMemoryPersistence();
    const { clock, fire, report, journal } = await started(undefined, kept, 300);
    for (let i = 0; i < 600; i++) await fire(`N${i}`, { tenant_id: "acme" });
    expect(report().rules).toHaveLength(501);
    expect(report().rules.find(({ alertname }) => alertname === "__other__")?.fired).toBe(100);
    await clock.advance(MINUTE);
    await journal.stop();
    expect((await kept.load()).filter(({ table }) => table === "row").length).toBeLessThanOrEqual(300);
  });

  it("takes whole days", async () => {
    const { clock, fire, report } = await started();
    await fire("A");
    await clock.advance(DAY_MS);
    await fire("B");
    await clock.advance(MINUTE);
    expect(report(ALL_TENANTS, 1).rules.map(({ alertname }) => alertname)).toEqual(["B"]);
    expect(
      report(ALL_TENANTS, 2)
        .rules.map(({ alertname }) => alertname)
        .sort(),
    ).toEqual(["A", "B"]);
  });
});

it("the median is within 10 %", () => {
  const durations = {};
  for (let minutes = 1; minutes <= 99; minutes++) addDuration(durations, minutes * MINUTE);
  const median = medianDurationMs(durations) ?? 0;
  expect(Math.abs(median / (50 * MINUTE) - 1)).toBeLessThan(0.1);
  expect(medianDurationMs({})).toBeNull();
});

describe("noise", () => {
  const counts = (more: object) => ({
    fired: 20,
    resolved: 20,
    notified: 20,
    messages: 40,
    silenced: 0,
    inhibited: 0,
    flapping: 0,
    seen: 0,
    actedUpon: 0,
    short: 0,
    medianDurationMs: MINUTE,
    ...more,
  });
  const week = 7 * DAY_MS;

  it("is what nobody looks at, what ends by itself and what flaps", () => {
    const useful = noiseOf(counts({ seen: 20, actedUpon: 15 }), week);
    const ignored = noiseOf(counts({}), week);
    const worst = noiseOf(counts({ short: 20, flapping: 18, silenced: 5 }), week);
    expect([useful.level, ignored.level, worst.level]).toEqual(["quiet", "noisy", "very-noisy"]);
    expect(worst.words).toBe(
      "Told 20 times: nobody opened it, nobody acted; 20 of 20 that ended lasted under 5 minutes; it flapped 18 times; 5 times it was silenced.",
    );
    expect(worst.advice).toMatch(/keep_firing_for/);
    expect(useful.advice).toBe("");
  });

  it("weighs less when it is seldom told, and is not judged by two firings", () => {
    expect(noiseOf(counts({ notified: 4, fired: 4 }), 30 * DAY_MS).score).toBeLessThan(30);
    expect(noiseOf(counts({ fired: 2 }), week)).toMatchObject({ score: null, level: "unknown" });
    expect(noiseOf(counts({ notified: 0 }), week)).toMatchObject({
      score: 0,
      words: "Fired 20 times, and nobody was told.",
    });
  });
});
