import { ALL_TENANTS, type PostableAlert } from "@storewatch/model";
import { FakeClock } from "@storewatch/testkit";
import { describe, expect, it } from "vitest";
import { CALM_DEFAULTS } from "../../config/calm.ts";
import { createMemoryPersistence } from "../interface.ts";
import { alert, configFrom, createHarness, type HarnessOptions, START_MS } from "../testing/harness.ts";

const configOf = (ways: string) => `
global: { smtp_smarthost: "mail.example:25", smtp_from: watch@example.com }
route: { receiver: ops, group_by: [alertname, shop], group_wait: 0s, group_interval: 1m, repeat_interval: 4h }
receivers:
- name: ops
  ${ways}
`;
const MAIL = configOf("email_configs: [{ to: ops@example.com, send_resolved: true }]");
const SECOND = 1000;

async function started(yaml = MAIL, options: Partial<HarnessOptions<FakeClock>> = {}) {
  const clock = options.clock ?? new FakeClock(START_MS);
  const harness = createHarness(yaml, { ...options, clock });
  await harness.manager.start();
  return harness;
}

/** `perGroup` alerts in each of `groups` groups. */
function storm(groups: number, perGroup = 1, rest: Partial<PostableAlert> = {}): PostableAlert[] {
  return Array.from({ length: groups * perGroup }, (_, i) => {
    const group = i % groups;
    const labels = {
      shop: `s${group}`,
      tenant_id: `shop-${group % 7}`,
      instance: `i${i}`,
      severity: severityOf(group),
    };
    return alert(group % 2 === 0 ? "HighErrors" : "Slow", labels, { endsAtMs: START_MS + 86_400_000, ...rest });
  });
}

function severityOf(group: number): string {
  return group === 150 ? "critical" : "warning";
}

describe("200 groups at once", () => {
  it("make 20 mails and one digest", async () => {
    const { clock, manager, sent } = await started();
    await manager.put(ALL_TENANTS, storm(200, 3));
    await clock.advance(10 * SECOND);
    expect(sent).toHaveLength(21);
    const digest = sent[20].data;
    expect(digest).toMatchObject({
      receiver: "ops",
      status: "firing",
      groupLabels: { alertname: "AlertStorm", digest: "180 groups, 540 alerts" },
      commonLabels: { severity: "critical" },
    });
    const [head, first] = digest.alerts;
    expect(head.annotations.summary).toBe("180 more groups with 540 alerts firing, worst: critical");
    expect(head.annotations.description).toMatch(
      /By alert: HighErrors 270, Slow 270\. By shop: shop-\d 78, .*130 groups not listed\./,
    );
    expect(first.annotations.summary).toBe('{alertname="HighErrors", shop="s150"}: 3 firing (HighErrors 3)');
    expect(manager.calm.storm.view()).toMatchObject([
      { receiver: "ops", integration: "email[0]", groups: 180, alerts: 540, active: true, worstSeverity: "critical" },
    ]);
    // nobody hears the same again
    await clock.advance(600 * SECOND);
    expect(sent).toHaveLength(21);
  });

  it("are brought up to date by the digest at group_interval, until all is resolved", async () => {
    const { clock, manager, sent } = await started();
    await manager.put(ALL_TENANTS, storm(200));
    await clock.advance(10 * SECOND);
    const folded = storm(200).slice(20);
    await manager.put(
      ALL_TENANTS,
      folded.slice(0, 100).map((one) => ({ ...one, endsAtMs: clock.nowMs() })),
    );
    await clock.advance(120 * SECOND);
    expect(sent).toHaveLength(22);
    expect(sent[21].data.groupKey).toBe(sent[20].data.groupKey);
    expect(sent[21].at).toBe(65);
    expect(sent[21].data.alerts[0].annotations.summary).toMatch(/^80 more groups with 80 alerts firing/);
    await manager.put(
      ALL_TENANTS,
      folded.slice(100).map((one) => ({ ...one, endsAtMs: clock.nowMs() })),
    );
    await clock.advance(120 * SECOND);
    expect(sent).toHaveLength(23);
    expect(sent[22].data).toMatchObject({ status: "resolved" });
    expect(sent[22].data.alerts[0].annotations.summary).toBe("all 80 groups of the alert storm are resolved");
    await clock.advance(120 * SECOND);
    expect(manager.calm.storm.view()).toEqual([]);
  });

  it("resolve in 20 mails and one digest", async () => {
    const { clock, manager, sent } = await started(MAIL, { calm: { ...CALM_DEFAULTS, storm: undefined } });
    await manager.put(ALL_TENANTS, storm(200));
    await clock.advance(300 * SECOND);
    expect(sent).toHaveLength(200);
    await manager.reload(configFrom(MAIL), CALM_DEFAULTS);
    await clock.advance(300 * SECOND);
    await manager.put(ALL_TENANTS, storm(200, 1, { endsAtMs: clock.nowMs() }));
    await clock.advance(120 * SECOND);
    expect(sent.slice(200)).toHaveLength(21);
    expect(sent[220].data).toMatchObject({ status: "resolved", groupLabels: { digest: "180 groups" } });
  });

  it("are told to machines one by one", async () => {
    const { clock, manager, sent } = await started(configOf('webhook_configs: [{ url: "https://hook.example" }]'));
    await manager.put(ALL_TENANTS, storm(200));
    await clock.advance(10 * SECOND);
    expect(sent).toHaveLength(200);
  });

  it("tell each group of the digest that is news by itself again, once the storm is over", async () => {
    const { clock, manager, sent } = await started();
    await manager.put(ALL_TENANTS, storm(200));
    await clock.advance(300 * SECOND);
    await manager.put(ALL_TENANTS, [alert("Slow", { shop: "s199", instance: "new" })]);
    await clock.advance(60 * SECOND);
    expect(sent.slice(21).map(({ data }) => data.groupLabels)).toEqual([{ alertname: "Slow", shop: "s199" }]);
    expect(manager.calm.storm.view()).toMatchObject([{ groups: 179 }]);
  });
});

describe("nothing is lost", () => {
  it("when the digest cannot be delivered: it is told as soon as it can", async () => {
    let isUp = true;
    const { clock, manager, sent } = await started(MAIL, {
      deliver: async () => (isUp ? { delivered: true } : { delivered: false, reason: "down" }),
    });
    await manager.put(ALL_TENANTS, storm(50));
    await clock.advance(1 * SECOND);
    isUp = false;
    await clock.advance(200 * SECOND);
    expect(sent).toHaveLength(20);
    isUp = true;
    await clock.advance(70 * SECOND);
    const told = new Set(sent.flatMap(({ data }) => data.alerts.map((one) => one.labels.shop)));
    for (let i = 0; i < 50; i++) expect(told).toContain(`s${i}`);
  });

  it("when the process ends before the digest: the next one tells it", async () => {
    const kept = createMemoryPersistence();
    const first = await started(MAIL, { kept });
    await first.manager.put(ALL_TENANTS, storm(25));
    await first.clock.advance(1 * SECOND);
    expect(first.sent).toHaveLength(20);
    await first.manager.stop();
    const second = await started(MAIL, { kept, clock: first.clock });
    await second.clock.advance(10 * SECOND);
    expect(second.lines()).toHaveLength(5);
  });

  it("of an incident: it is closed after a restart too", async () => {
    const kept = createMemoryPersistence();
    const yaml = configOf("pagerduty_configs: [{ routing_key: key }]");
    const first = await started(yaml, { kept });
    await first.manager.put(ALL_TENANTS, storm(30));
    await first.clock.advance(20 * SECOND);
    expect(first.sent).toHaveLength(21);
    await first.manager.stop();
    const second = await started(yaml, { kept, clock: first.clock });
    await second.clock.advance(120 * SECOND);
    expect(second.sent).toEqual([]);
    await second.manager.put(ALL_TENANTS, storm(30, 1, { endsAtMs: second.clock.nowMs() }));
    await second.clock.advance(120 * SECOND);
    // each of the 20 incidents, and the digest's
    expect(second.sent).toHaveLength(21);
    expect(new Set(second.sent.map(({ data }) => data.status))).toEqual(new Set(["resolved"]));
    expect(second.sent.map(({ data }) => data.groupKey)).toContain(first.sent[20].data.groupKey);
  });
});

it("holds 10,000 alerts in 500 groups with a bounded digest, and forgets them", async () => {
  const { clock, manager, sent } = await started();
  const alerts = storm(500, 20);
  await manager.put(ALL_TENANTS, alerts.slice(0, 5000));
  await manager.put(ALL_TENANTS, alerts.slice(5000));
  await clock.advance(70 * SECOND);
  const bytes = sent.slice(20).map(({ data }) => JSON.stringify(data).length);
  expect(Math.max(...bytes)).toBeLessThan(40_000);
  expect(sent.length).toBeLessThanOrEqual(22);
  await manager.put(
    ALL_TENANTS,
    alerts.map((one) => ({ ...one, endsAtMs: clock.nowMs() })),
  );
  await clock.advance(3600 * SECOND);
  expect(manager.calm.storm.view()).toEqual([]);
  expect(sent.length).toBeLessThanOrEqual(22 + 21);
  expect(manager.groups(ALL_TENANTS)).toEqual([]);
});

it("a storm does not hold up a stop or reload", async () => {
  const { clock, manager, sent } = await started();
  await manager.put(ALL_TENANTS, storm(100));
  await clock.advance(1 * SECOND);
  await manager.reload(configFrom(MAIL));
  await clock.advance(10 * SECOND);
  expect(sent).toHaveLength(21);
  await manager.put(ALL_TENANTS, storm(150));
  await clock.advance(1 * SECOND);
  await manager.stop();
});
