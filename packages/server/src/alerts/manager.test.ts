import { ALL_TENANTS, Matcher, type TenantId, tenantScope } from "@storewatch/model";
import { FakeClock } from "@storewatch/testkit";
import { afterEach, describe, expect, it } from "vitest";
import { createMemoryPersistence } from "./interface.ts";
import { alert, configFrom, createHarness, type HarnessOptions, START_MS } from "./testing/harness.ts";

const ROUTE = `
route:
  receiver: ops
  group_by: [alertname]
  group_wait: 10s
  group_interval: 30s
  repeat_interval: 5m
receivers:
- name: ops
  webhook_configs:
  - url: http://hook.example/
`;
const acme = tenantScope(["acme" as TenantId]);
const stops: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const stop of stops.splice(0)) await stop();
});

async function started(yaml: string, options: Partial<HarnessOptions<FakeClock>> = {}) {
  const harness = createHarness<FakeClock>(yaml, { clock: new FakeClock(START_MS), ...options });
  await harness.manager.start();
  stops.push(() => harness.manager.stop());
  return harness;
}

describe("timing of a group", () => {
  it("waits group_wait, then tells news at group_interval and repeats at the first tick after repeat_interval", async () => {
    const { clock, manager, lines } = await started(ROUTE);
    await manager.put(ALL_TENANTS, [alert("A", { i: "1" }, { endsAtMs: START_MS + 3_600_000 })]);
    await clock.advance(9_999);
    expect(lines()).toEqual([]);
    await clock.advance(1);
    await manager.put(ALL_TENANTS, [alert("A", { i: "2" }, { endsAtMs: START_MS + 3_600_000 })]);
    await clock.advance(30_000);
    await clock.advance(330_000);
    // Ticks at 40, 70 … 340: 300 s after 40 is not yet "more than repeat_interval", 370 is.
    expect(lines()).toEqual(["10 ops/webhook0 A", "40 ops/webhook0 A,A", "370 ops/webhook0 A,A"]);
  });

  it("delivers within the same instant when group_wait is 0s", async () => {
    const { clock, manager, sent } = await started(ROUTE.replace("10s", "0s"));
    await manager.put(ALL_TENANTS, [alert("A", {}, { arrivedAtMs: START_MS - 40 })]);
    await clock.advance(0);
    expect(sent).toMatchObject([{ at: 0, arrivedAtMs: START_MS - 40 }]);
  });

  it("does not wait for an alert that has fired for longer than group_wait", async () => {
    const { clock, manager, lines } = await started(ROUTE);
    await manager.put(ALL_TENANTS, [alert("Old", {}, { startsAtMs: START_MS - 60_000 })]);
    await clock.advance(0);
    expect(lines()).toEqual(["0 ops/webhook0 Old"]);
  });

  it("tells nobody of what fired and resolved within group_wait", async () => {
    const { clock, manager, sent } = await started(ROUTE);
    await manager.put(ALL_TENANTS, [alert("Blip")]);
    await clock.advance(5000);
    await manager.put(ALL_TENANTS, [alert("Blip", {}, { endsAtMs: START_MS + 5000 })]);
    await clock.advance(120_000);
    expect(sent).toEqual([]);
  });

  it("resolves by itself after resolve_timeout", async () => {
    const { clock, manager, lines } = await started(`global: { resolve_timeout: 1m }\n${ROUTE}`);
    await manager.put(ALL_TENANTS, [alert("A")]);
    await clock.advance(120_000);
    expect(lines()).toEqual(["10 ops/webhook0 A", "70 ops/webhook0 A!"]);
    expect(manager.alerts(ALL_TENANTS)).toEqual([]);
  });
});

describe("restart and reload", () => {
  it("does not repeat a notification after a restart, and still tells the resolution", async () => {
    const kept = createMemoryPersistence();
    const before = await started(ROUTE, { kept });
    await before.manager.put(ALL_TENANTS, [alert("A")]);
    await before.clock.advance(20_000);
    expect(before.lines()).toEqual(["10 ops/webhook0 A"]);
    await before.manager.stop();
    const after = await started(ROUTE, { kept, clock: before.clock });
    await before.clock.advance(60_000);
    expect(after.lines()).toEqual([]);
    await after.manager.put(ALL_TENANTS, [alert("A", {}, { endsAtMs: before.clock.nowMs() })]);
    await before.clock.advance(60_000);
    expect(after.sent.map((s) => s.alerts)).toEqual([["A!"]]);
  });

  it("gives a kept alert time to be reported again before it counts as resolved", async () => {
    const kept = createMemoryPersistence();
    const before = await started(ROUTE, { kept });
    await before.manager.put(ALL_TENANTS, [alert("A", {}, { endsAtMs: START_MS + 60_000 })]);
    await before.clock.advance(20_000);
    await before.manager.stop();
    await before.clock.advance(600_000);
    const after = await started(ROUTE, { kept, clock: before.clock });
    await before.clock.advance(120_000);
    // Told once more, because repeat_interval is over; not as resolved.
    expect(after.lines()).toEqual(["620 ops/webhook0 A"]);
    expect(after.manager.alerts(ALL_TENANTS)).toHaveLength(1);
  });

  it("does not take an alert for firing that ended before the restart", async () => {
    const kept = createMemoryPersistence();
    const before = await started(ROUTE, { kept });
    await before.manager.put(ALL_TENANTS, [alert("A", {}, { endsAtMs: START_MS + 60_000 })]);
    await before.clock.advance(180_000);
    expect(before.lines()).toEqual(["10 ops/webhook0 A", "70 ops/webhook0 A!"]);
    await before.manager.stop();
    const after = await started(ROUTE, { kept, clock: before.clock });
    await before.clock.advance(600_000);
    expect(after.sent).toEqual([]);
  });

  it("keeps silences over a restart", async () => {
    const kept = createMemoryPersistence();
    const before = await started(ROUTE, { kept });
    await before.manager.setSilence(ALL_TENANTS, silence([new Matcher("=~", "alertname", "A|B")]));
    await before.manager.stop();
    const after = await started(ROUTE, { kept, clock: before.clock });
    await after.manager.put(ALL_TENANTS, [alert("A")]);
    await before.clock.advance(60_000);
    expect(after.sent).toEqual([]);
    expect(after.manager.alerts(ALL_TENANTS)[0]).toMatchObject({ state: "suppressed" });
  });

  it("takes over new routes without telling anybody twice", async () => {
    const { clock, manager, lines } = await started(ROUTE);
    await manager.put(ALL_TENANTS, [alert("A")]);
    await clock.advance(15_000);
    await manager.reload(configFrom(ROUTE.replace("repeat_interval: 5m", "repeat_interval: 4m")));
    await manager.put(ALL_TENANTS, [alert("B")]);
    await clock.advance(30_000);
    expect(lines()).toEqual(["10 ops/webhook0 A", "25 ops/webhook0 B"]);
  });
});

function silence(matchers: Matcher[], more: { endsAtMs?: number; id?: string } = {}) {
  return {
    matchers,
    startsAtMs: undefined,
    endsAtMs: START_MS + 3_600_000,
    createdBy: "an",
    comment: "planned",
    annotations: {},
    ...more,
  };
}

describe("holding back", () => {
  it("inhibits while the source fires, and tells the target once it is over", async () => {
    const { clock, manager, lines } = await started(`${ROUTE}
inhibit_rules:
- source_matchers: [severity="critical"]
  target_matchers: [severity="warning"]
  equal: [tenant_id]
`);
    await manager.put(ALL_TENANTS, [
      alert("Warn", { severity: "warning", tenant_id: "acme" }),
      alert("Warn", { severity: "warning", tenant_id: "umbra" }),
      alert("Crit", { severity: "critical", tenant_id: "acme" }),
    ]);
    await clock.advance(11_000);
    expect(lines().sort()).toEqual(["10 ops/webhook0 Crit", "10 ops/webhook0 Warn"]);
    const suppressed = manager.alerts(ALL_TENANTS).filter((view) => view.state === "suppressed");
    expect(suppressed.map((view) => view.alert.labels.tenant_id)).toEqual(["acme"]);
    await manager.put(ALL_TENANTS, [
      alert("Crit", { severity: "critical", tenant_id: "acme" }, { endsAtMs: clock.nowMs() }),
    ]);
    await clock.advance(30_000);
    expect(lines()).toContain("40 ops/webhook0 Warn,Warn");
  });

  it("does not let a shop's own alerts mute those of another shop", async () => {
    const { clock, manager, lines } = await started(`${ROUTE}
inhibit_rules:
- source_matchers: [severity="critical"]
  target_matchers: [severity="warning"]
`);
    await manager.put(acme, [alert("Fake", { severity: "critical", tenant_id: "acme" })]);
    await manager.put(ALL_TENANTS, [alert("Warn", { severity: "warning", tenant_id: "umbra" })]);
    await clock.advance(10_000);
    expect(lines()).toContain("10 ops/webhook0 Warn");
  });

  it("mutes a route outside of its hours, in its time zone", async () => {
    const { clock, manager, lines } = await started(`
route:
  receiver: ops
  group_wait: 0s
  group_interval: 30m
  routes:
  - receiver: day
    matchers: [team="day"]
    active_time_intervals: [office]
receivers:
- name: ops
- name: day
  webhook_configs: [{ url: "http://hook.example/" }]
time_intervals:
- name: office
  time_intervals:
  - times: [{ start_time: "20:30", end_time: "21:00" }]
    location: Asia/Ho_Chi_Minh
`);
    // 12:00 UTC is 19:00 there: active 90 minutes later.
    await manager.put(ALL_TENANTS, [alert("A", { team: "day" }, { endsAtMs: START_MS + 86_400_000 })]);
    await clock.advance(3 * 3_600_000);
    expect(lines()).toEqual(["5400 day/webhook0 A"]);
    expect(manager.groups(ALL_TENANTS)).toMatchObject([{ receiver: "day", mutedBy: ["office"] }]);
  });

  it("edits a silence in place, or replaces it where history would change", async () => {
    const { clock, manager } = await started(ROUTE);
    const a = [new Matcher("=", "alertname", "A")];
    const id = await manager.setSilence(ALL_TENANTS, silence(a));
    const startsAtMs = START_MS;
    expect(
      await manager.setSilence(ALL_TENANTS, { ...silence(a, { id, endsAtMs: START_MS + 60_000 }), startsAtMs }),
    ).toBe(id);
    await clock.advance(1000);
    const other = await manager.setSilence(ALL_TENANTS, silence([new Matcher("=", "alertname", "B")], { id }));
    expect(other).not.toBe(id);
    expect(manager.silence(ALL_TENANTS, id)?.endsAtMs).toBe(clock.nowMs());
    await expect(manager.setSilence(ALL_TENANTS, silence(a, { id: "nope" }))).rejects.toThrow("not found");
    await expect(manager.setSilence(ALL_TENANTS, silence([new Matcher("=~", "x", ".*")]))).rejects.toThrow(
      "empty string",
    );
  });
});

it("a silence that an edit replaces hides until the new one does, however slow the disk is", async () => {
  const kept = createMemoryPersistence();
  let disk = Promise.resolve();
  const { manager } = await started(ROUTE, {
    kept: { ...kept, save: (records) => disk.then(() => kept.save(records)) },
  });
  const id = await manager.setSilence(ALL_TENANTS, silence([new Matcher("=", "alertname", "A")]));
  let release = () => {};
  disk = new Promise((resolve) => {
    release = resolve;
  });
  const edit = manager.setSilence(ALL_TENANTS, silence([new Matcher("=~", "alertname", "A|B")], { id }));
  await Promise.resolve();
  expect(manager.silencing({ alertname: "A" }, START_MS)).toHaveLength(1);
  expect(manager.silencing({ alertname: "B" }, START_MS)).toHaveLength(1);
  release();
  expect(await edit).not.toBe(id);
});

it("tells templates and webhooks the labels of the route, and why they are told", async () => {
  const { clock, manager, sent } = await started(`
route:
  receiver: ops
  group_by: [alertname]
  group_wait: 0s
  group_interval: 30s
  repeat_interval: 5m
  labels: { team: platform, tier: one }
  routes:
  - matchers: [alertname="A"]
    labels: { team: checkout }
receivers: [{ name: ops, webhook_configs: [{ url: http://hook.example/, send_resolved: true }] }]
`);
  const until = { endsAtMs: START_MS + 3_600_000 };
  const put = (i: string, rest = until) => manager.put(ALL_TENANTS, [alert("A", { i }, rest)]);
  await put("1");
  await clock.advance(1000);
  await put("2");
  await clock.advance(30_000);
  await put("2", { endsAtMs: clock.nowMs() });
  await clock.advance(30_000);
  await clock.advance(360_000);
  await put("1", { endsAtMs: clock.nowMs() });
  await clock.advance(30_000);
  expect(sent.map(({ data }) => data.reason)).toEqual([
    "first notification",
    "new alerts added",
    "some alerts resolved",
    "repeat interval elapsed",
    "all alerts resolved",
  ]);
  expect(sent[0].data.routeLabels).toEqual({ team: "checkout", tier: "one" });
});

describe("a receiver in trouble", () => {
  const TWO = `
route: { receiver: ops, group_by: [alertname], group_wait: 0s, group_interval: 20s, repeat_interval: 1h }
receivers:
- name: ops
  webhook_configs:
  - url: http://hangs.example/
  - url: http://works.example/
`;

  it("holds up nobody else, and catches up when it answers again", async () => {
    let hanging = true;
    const { clock, manager, lines } = await started(TWO, {
      deliver: (way, signal) =>
        way.endsWith("0") && hanging
          ? new Promise((resolve) =>
              signal.addEventListener("abort", () => resolve({ delivered: false, reason: "time over" })),
            )
          : Promise.resolve({ delivered: true }),
    });
    const endsAtMs = START_MS + 3_600_000;
    await manager.put(ALL_TENANTS, [alert("A", { i: "1" }, { endsAtMs })]);
    await clock.advance(5000);
    await manager.put(ALL_TENANTS, [alert("A", { i: "2" }, { endsAtMs }), alert("B", {}, { endsAtMs })]);
    await clock.advance(16_000);
    expect(lines()).toEqual(["0 ops/webhook1 A", "5 ops/webhook1 B", "20 ops/webhook1 A,A"]);
    hanging = false;
    await clock.advance(30_000);
    expect(lines().filter((line) => line.includes("webhook0"))).toEqual(["25 ops/webhook0 B", "40 ops/webhook0 A,A"]);
  });

  it("tries again at the next flush what failed, and keeps a resolved alert until all were told", async () => {
    let failing = true;
    const { clock, manager, lines } = await started(TWO, {
      deliver: async (way) =>
        way.endsWith("0") && failing ? { delivered: false, reason: "500" } : { delivered: true },
    });
    await manager.put(ALL_TENANTS, [alert("A", {}, { endsAtMs: START_MS + 10_000 })]);
    await clock.advance(25_000);
    failing = false;
    await clock.advance(60_000);
    // The one that failed was never told that it fired, so there is no resolution to tell it.
    expect(lines()).toEqual(["0 ops/webhook1 A", "20 ops/webhook1 A!"]);
  });
});

describe("tenants", () => {
  it("shows and takes only what is of the caller's shops", async () => {
    const { manager } = await started(ROUTE);
    const { rejected } = await manager.put(acme, [alert("Mine"), alert("Theirs", { tenant_id: "umbra" })]);
    expect(rejected).toMatchObject([{ kind: "scope" }]);
    await manager.put(ALL_TENANTS, [alert("Theirs", { tenant_id: "umbra" }), alert("Platform")]);
    expect(manager.alerts(acme).map((view) => view.alert.labels)).toEqual([{ alertname: "Mine", tenant_id: "acme" }]);
    expect(manager.groups(acme)).toHaveLength(1);
    const broad = silence([new Matcher("=", "alertname", "Mine")]);
    await expect(manager.setSilence(acme, broad)).rejects.toMatchObject({ kind: "scope" });
    const sly = silence([new Matcher("=~", "tenant_id", "acme|umbra")]);
    await expect(manager.setSilence(acme, sly)).rejects.toMatchObject({ kind: "scope" });
    const own = await manager.setSilence(acme, silence([new Matcher("=", "tenant_id", "acme")]));
    const global = await manager.setSilence(ALL_TENANTS, broad);
    expect(manager.silences(acme).map((s) => s.id)).toEqual([own]);
    await expect(manager.expireSilence(acme, global)).rejects.toMatchObject({ kind: "not-found" });
  });

  it("limits alerts for each shop without touching the others", async () => {
    const { manager } = await started(ROUTE, { limits: { alertsPerTenantMax: 2 } });
    const three = ["1", "2", "3"].map((i) => alert("A", { i, tenant_id: "acme" }));
    expect((await manager.put(ALL_TENANTS, three)).rejected).toMatchObject([{ kind: "limit" }]);
    expect((await manager.put(ALL_TENANTS, [alert("A", { tenant_id: "umbra" })])).rejected).toEqual([]);
    // A known one is no new one.
    expect((await manager.put(ALL_TENANTS, three.slice(0, 2))).rejected).toEqual([]);
  });
});
