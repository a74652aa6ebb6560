// How a digest, a flapping alert and a reminder read in the default texts, which people see first.
import { ALL_TENANTS, Matcher } from "@storewatch/model";
import { FakeClock } from "@storewatch/testkit";
import { Registry } from "prom-client";
import { expect, it } from "vitest";
import { createAlertManager, createMemoryPersistence, loadAlertmanagerConfig } from "../alerts/index.ts";
import { parseConfigDocument } from "../config/document.ts";
import { silentLogger } from "../kernel/logger.ts";
import { createNotifier, loadTemplates } from "../notify/index.ts";

const START_MS = Date.UTC(2026, 0, 5, 12);
const CONFIG = `
route: { receiver: chat, group_by: [alertname, tenant_id], group_wait: 0s, group_interval: 1m }
receivers:
- name: chat
  slack_configs: [{ api_url: "https://chat.example/hook", channel: "#ops", send_resolved: true, text: '{{ template "__text" . }}' }]
`;

async function started() {
  const clock = new FakeClock(START_MS);
  const templates = await loadTemplates([], { nowMs: () => clock.nowMs() });
  const posts: { title: string; text: string }[] = [];
  const metrics = new Registry();
  const notifier = createNotifier({
    clock,
    rng: () => 0,
    logger: silentLogger,
    metrics,
    http: async (request) => {
      const { attachments } = JSON.parse(String(request.body)) as { attachments: { title: string; text: string }[] };
      posts.push(attachments[0]);
      return { status: 200, headers: {}, body: Buffer.from("ok"), url: request.url };
    },
    persistence: createMemoryPersistence(),
  });
  const manager = createAlertManager({
    config: loadAlertmanagerConfig(parseConfigDocument("alertmanager.yml", CONFIG)).config,
    clock,
    logger: silentLogger,
    metrics,
    persistence: createMemoryPersistence(),
    deliveries: (receiver) => notifier.deliveries(receiver, templates),
    externalUrl: "http://watch.example",
  });
  await manager.start();
  return { clock, manager, notifier, posts, metrics };
}

const firing = (tenant: string, labels = {}) => ({
  labels: { alertname: "CheckoutErrors", tenant_id: tenant, severity: "critical", ...labels },
  annotations: { summary: `Checkout fails for ${tenant}` },
  endsAtMs: START_MS + 86_400_000,
});

it("a digest names the sums in its title and each group in its text; the log has all of them", async () => {
  const { clock, manager, notifier, posts, metrics } = await started();
  await manager.put(
    ALL_TENANTS,
    Array.from({ length: 23 }, (_, i) => firing(`s${i}`)),
  );
  await clock.advance(10_000);
  expect(posts).toHaveLength(21);
  expect(posts[20].title).toBe("[FIRING] AlertStorm 3 groups, 3 alerts (critical)");
  expect(posts[20].text).toContain(
    "- 3 more groups with 3 alerts firing, worst: critical\n  More than 20 notifications within 1m",
  );
  expect(posts[20].text).toContain('- {alertname="CheckoutErrors", tenant_id="s22"}: 1 firing (CheckoutErrors 1)');
  const [entry] = notifier.log.list(ALL_TENANTS, { limit: 1 });
  expect(entry.folded?.map(({ tenants }) => tenants[0])).toEqual(["s20", "s21", "s22"]);
  expect(entry.tenants).toEqual(["s20", "s21", "s22"]);
  expect(await metrics.getSingleMetricAsString("storewatch_notifications_folded_total")).toContain(
    '{receiver="chat"} 3',
  );
});

it("a flapping alert says so in its text", async () => {
  const { clock, manager, posts, metrics } = await started();
  for (let i = 0; i < 6; i++) {
    await manager.put(ALL_TENANTS, [{ ...firing("acme"), endsAtMs: clock.nowMs() + (i % 2 === 0 ? 86_400_000 : 0) }]);
    await clock.advance(61_000);
  }
  expect(posts.at(-1)?.text).toMatch(/- Checkout fails for acme \[flapping\]\n {2}Flapping: more than 4 changes/);
  expect(await metrics.getSingleMetricAsString("storewatch_alerts_flapping")).toMatch(/ 1$/m);
});

it("a reminder says what comes back", async () => {
  const { clock, manager, posts } = await started();
  await manager.setSilence(ALL_TENANTS, {
    matchers: [new Matcher("=", "tenant_id", "acme")],
    startsAtMs: undefined,
    endsAtMs: START_MS + 7_200_000,
    createdBy: "an",
    comment: "moving house",
    annotations: {},
  });
  await manager.put(ALL_TENANTS, [firing("acme")]);
  await clock.advance(7_000_000);
  expect(posts).toHaveLength(1);
  expect(posts[0].title).toBe("[FIRING:1] SilenceEndsSoon an (critical)");
  expect(posts[0].text).toMatch(/- A silence ends in 15 minutes and hides 1 alert that still fires\n {2}Silence by an/);
});
