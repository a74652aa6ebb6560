import { ALL_TENANTS, Matcher } from "@storewatch/model";
import { FakeClock } from "@storewatch/testkit";
import { expect, it } from "vitest";
import { CALM_DEFAULTS } from "../../config/calm.ts";
import { createMemoryPersistence } from "../interface.ts";
import { alert, createHarness, type HarnessOptions, START_MS } from "../testing/harness.ts";

const CONFIG = `
global: { smtp_smarthost: "mail.example:25", smtp_from: watch@example.com }
route:
  receiver: ops
  group_by: [alertname]
  group_wait: 0s
  routes:
  - { receiver: business, matchers: [team="business"] }
  - { receiver: pager, matchers: [team="pager"] }
receivers:
- name: ops
  email_configs: [{ to: ops@example.com }]
  webhook_configs: [{ url: "https://hook.example" }]
- name: business
  email_configs: [{ to: business@example.com }]
- name: pager
  pagerduty_configs: [{ routing_key: key }]
`;
const MINUTE = 60_000;

async function started(options: Partial<HarnessOptions<FakeClock>> = {}) {
  const clock = options.clock ?? new FakeClock(START_MS);
  const harness = createHarness(CONFIG, { ...options, clock });
  await harness.manager.start();
  const silence = (minutes: number, matcher = new Matcher("=~", "alertname", ".+")) =>
    harness.manager.setSilence(ALL_TENANTS, {
      matchers: [matcher],
      startsAtMs: undefined,
      endsAtMs: clock.nowMs() + minutes * MINUTE,
      createdBy: "an",
      comment: "disk swap",
      annotations: {},
    });
  return { ...harness, silence };
}

const firing = (name: string, labels = {}) => alert(name, labels, { endsAtMs: START_MS + 86_400_000 });

it("reminds those who would have been told, once, before the silence ends", async () => {
  const { clock, manager, silence, sent } = await started();
  const id = await silence(120);
  await manager.put(ALL_TENANTS, [firing("A"), firing("B"), firing("C", { team: "business" })]);
  await clock.advance(104 * MINUTE);
  expect(sent).toEqual([]);
  await clock.advance(2 * MINUTE);
  expect(sent.map(({ at, way }) => [at, way])).toEqual([
    [6300, "ops/email0"],
    [6300, "business/email0"],
  ]);
  expect(sent[0].data.alerts[0]).toMatchObject({
    labels: { alertname: "SilenceEndsSoon", silenced_by: "an" },
    annotations: {
      summary: "A silence ends in 15 minutes and hides 2 alerts that still fire",
      description: expect.stringContaining(
        'Silence by an ("disk swap") for alertname=~".+" ends at 2026-01-05T14:00:00',
      ),
    },
  });
  expect(sent[0].data.alerts[0].annotations.description).toMatch(/told again of: A, B\.$/);
  expect(sent[1].data.alerts[0].annotations.description).toMatch(/told again of: C\.$/);
  expect(manager.calm.reminders.expiring()).toMatchObject([{ silence: { id }, remindedAtMs: START_MS + 6_300_000 }]);
  await clock.advance(10 * MINUTE);
  expect(sent).toHaveLength(2);
  // and then they are told of the alerts themselves
  await clock.advance(10 * MINUTE);
  expect(sent.slice(2).some(({ alerts }) => alerts[0] === "A")).toBe(true);
});

it("does not remind of a silence that hides nothing, or what another one hides for longer", async () => {
  const { clock, manager, silence, sent } = await started();
  await silence(60);
  await clock.advance(50 * MINUTE);
  expect(manager.calm.reminders.expiring()).toEqual([]);
  await manager.put(ALL_TENANTS, [firing("A")]);
  await silence(600, new Matcher("=", "alertname", "A"));
  await clock.advance(20 * MINUTE);
  expect(sent).toEqual([]);
});

it("does not page, and does not remind of a short silence when it begins", async () => {
  const { clock, manager, silence, sent } = await started();
  await manager.put(ALL_TENANTS, [firing("P", { team: "pager" })]);
  await clock.advance(MINUTE);
  const pages = sent.length;
  await silence(20);
  await clock.advance(14 * MINUTE);
  expect(manager.calm.reminders.expiring()).toEqual([]);
  await clock.advance(2 * MINUTE);
  expect(manager.calm.reminders.expiring()).toMatchObject([{ remindedAtMs: undefined }]);
  expect(sent).toHaveLength(pages);
});

it("reminds the configured receiver instead, and of a longer silence anew", async () => {
  const calm = { ...CALM_DEFAULTS, silenceReminder: { beforeMs: 15 * MINUTE, receiver: "business" } };
  const { clock, manager, silence, sent } = await started({ calm });
  const id = await silence(60);
  await manager.put(ALL_TENANTS, [firing("A")]);
  await clock.advance(46 * MINUTE);
  expect(sent.map(({ way }) => way)).toEqual(["business/email0"]);
  const { matchers, startsAtMs, createdBy, comment, annotations } = manager.silence(ALL_TENANTS, id)!;
  const endsAtMs = clock.nowMs() + 60 * MINUTE;
  await manager.setSilence(ALL_TENANTS, { id, matchers, startsAtMs, endsAtMs, createdBy, comment, annotations });
  await clock.advance(46 * MINUTE);
  expect(sent).toHaveLength(2);
});

it("is not repeated after a restart, and is tried again when it fails", async () => {
  const kept = createMemoryPersistence();
  let isUp = false;
  const deliver = async () => (isUp ? { delivered: true as const } : { delivered: false as const, reason: "down" });
  const first = await started({ kept, deliver });
  await first.silence(60);
  await first.manager.put(ALL_TENANTS, [firing("A")]);
  await first.clock.advance(46 * MINUTE);
  isUp = true;
  await first.clock.advance(MINUTE);
  expect(first.sent).toHaveLength(1);
  await first.manager.stop();
  const second = await started({ kept, clock: first.clock });
  await second.clock.advance(5 * MINUTE);
  expect(second.sent).toEqual([]);
});
