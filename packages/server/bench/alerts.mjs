// 10,000 alerts that fire at once in 500 groups (500 shops, 20 services each): CPU and memory until every group's
// notification is handed to its receiver. First the alert side alone (routes, inhibition, groups, state on disk), then
// the rule side of such an evaluation (labels, templates, states, ALERTS series in a real store). Delivery itself goes
// nowhere.
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { ALL_TENANTS, Labels } from "@storewatch/model";
import { openTsdb } from "@storewatch/tsdb";
import { Registry } from "prom-client";
import { createAlertManager, createStateFile, loadAlertmanagerConfig } from "../dist/alerts/index.js";
import { parseConfigDocument } from "../dist/config/document.js";
import { systemClock } from "../dist/kernel/clock.js";
import { silentLogger } from "../dist/kernel/logger.js";
import { TemplateExpander } from "../dist/rules/expand.js";
import { parseRuleFile } from "../dist/rules/rule-file.js";
import { RuleGroup } from "../dist/rules/rule-group.js";
import { cpuMs } from "./shop-series.mjs";

const SHOPS = 500;
const SERVICES = 20;
const ALERTMANAGER = `route:
  receiver: everyone
  group_by: [alertname, tenant_id]
  group_wait: 1s
  group_interval: 1m
  repeat_interval: 4h
  routes:
    - matchers: ['severity="critical"', 'team=~"payments|checkout"']
      receiver: payments
      continue: true
    - matchers: ['severity=~"critical|warning"', 'tenant_id=~"shop-.+"']
      receiver: shops
      routes:
        - matchers: ['tenant_id="shop-1"']
          receiver: payments
inhibit_rules:
  - source_matchers: ['severity="critical"']
    target_matchers: ['severity="warning"']
    equal: [tenant_id, service]
receivers:
  - name: everyone
  - name: payments
    webhook_configs: [{ url: "http://127.0.0.1:1/" }]
  - name: shops
    webhook_configs: [{ url: "http://127.0.0.1:1/" }]
`;
const RULE = `groups:
- name: g
  rules:
  - alert: ServiceDown
    expr: up == 0
    labels: { severity: warning }
    annotations:
      summary: "{{ $labels.service }} of {{ $labels.tenant_id }} is down"
      description: "{{ $labels.service }} answers {{ $value | humanize }} requests"
`;

const dir = mkdtempSync(path.join(os.tmpdir(), "storewatch-bench-"));
const rssMb = () => {
  globalThis.gc?.();
  const text = readFileSync("/proc/self/status", "utf8");
  return Number(/RssAnon:\s+(\d+)/.exec(text)[1]) / 1024;
};
const vector = Array.from({ length: SHOPS * SERVICES }, (_, i) => ({
  labels: Labels.from({
    __name__: "up",
    tenant_id: `shop-${Math.floor(i / SERVICES)}`,
    service: `service-${i % SERVICES}`,
    instance: `10.0.${Math.floor(i / 250)}.${i % 250}:9100`,
    job: "shop",
    team: i % 3 === 0 ? "payments" : "platform",
  }),
  timeMs: 0,
  value: 0,
}));
const posted = vector.map(({ labels }) => ({
  labels: { ...labels.withoutMetricName().toJSON(), alertname: "ServiceDown", severity: "warning" },
  annotations: {
    summary: `${labels.get("service")} of ${labels.get("tenant_id")} is down`,
    description: "It answers 0 requests",
  },
  startsAtMs: Date.now(),
  endsAtMs: Date.now() + 240_000,
  generatorUrl: "http://bench.example/graph?g0.expr=up+%3D%3D+0&g0.tab=1",
}));

async function alertSide() {
  let notifications = 0;
  let alerts = 0;
  const delivery = {
    kind: "webhook",
    index: 0,
    sendResolved: true,
    async deliver({ data }) {
      notifications += 1;
      alerts += data.alerts.length;
      return { delivered: true };
    },
  };
  const { config } = loadAlertmanagerConfig(parseConfigDocument("bench.yml", ALERTMANAGER));
  const persistence = createStateFile(path.join(dir, "state.jsonl"), silentLogger);
  const manager = createAlertManager({
    config,
    clock: systemClock,
    logger: silentLogger,
    metrics: new Registry(),
    persistence,
    deliveries: (receiver) => (receiver.name === "everyone" ? [] : [delivery]),
    externalUrl: "http://bench.example",
  });
  await manager.start();
  const beforeMb = rssMb();
  const startMs = cpuMs();
  await manager.put(ALL_TENANTS, posted);
  const routedMs = cpuMs() - startMs;
  const deadline = performance.now() + 30_000;
  while (alerts < posted.length && performance.now() < deadline) await new Promise((r) => setTimeout(r, 20));
  const allMs = cpuMs() - startMs;
  const moreMb = rssMb() - beforeMb;
  console.log(
    `alerts: ${alerts} in ${notifications} notifications; taken and grouped ${routedMs.toFixed(0)} ms CPU, all told ${allMs.toFixed(0)} ms CPU; ${moreMb.toFixed(1)} MB more`,
  );
  const again = cpuMs();
  await manager.put(
    ALL_TENANTS,
    posted.map((alert) => ({ ...alert, endsAtMs: alert.endsAtMs + 60_000 })),
  );
  console.log(`alerts: the same again a minute later ${(cpuMs() - again).toFixed(0)} ms CPU`);
  await manager.stop();
  await persistence.close();
  return alerts === posted.length && allMs <= 2000 && moreMb <= 60;
}

async function ruleSide() {
  const tsdb = await openTsdb({
    dataDir: path.join(dir, "metrics"),
    clock: systemClock,
    retention: { default: { name: "default", timeMs: 86_400_000 } },
  });
  let handed = 0;
  const group = new RuleGroup(parseRuleFile("bench.yml", RULE)[0], {
    dependencies: {
      query: async () => vector,
      append: (_, samples) => tsdb.append(samples),
      alerts: (alerts) => {
        handed += alerts.length;
      },
      select: () => [],
    },
    expander: new TemplateExpander("http://bench.example"),
    externalLabels: {},
    defaultIntervalMs: 60_000,
    monotonicMs: () => performance.now(),
  });
  const beforeMb = rssMb();
  const t0 = Date.now() - 600_000;
  for (let i = 0; i < 4; i++) {
    const startMs = cpuMs();
    await group.evaluate(t0 + i * 60_000);
    console.log(`rule: evaluation ${i + 1}: ${(cpuMs() - startMs).toFixed(0)} ms CPU`);
  }
  console.log(
    `rule: ${handed} handed over, ${(rssMb() - beforeMb).toFixed(1)} MB more (20,000 series in the store with them)`,
  );
  await tsdb.close();
}

const good = await alertSide();
await ruleSide();
rmSync(dir, { recursive: true, force: true });
process.exit(good ? 0 : 1);
