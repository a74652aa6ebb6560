// CPU of one evaluation of each of the six rules that shops begin with, on 100,000 series that were scraped every 2 s for
// 90 s: the rule group, the PromQL engine and the store of the built product, everything but the HTTP API.
// Prometheus 2.42 on data of the same shape, asked by HTTP: HighErrorRate 48 ms, HighResponseTime 722 ms.
import { createEngine } from "@storewatch/promql/engine";
import { pino } from "pino";
import { Registry } from "prom-client";
import { createQueryService } from "../dist/query/service.js";
import { createSlowQueryLog } from "../dist/query/slow-queries.js";
import { TemplateExpander } from "../dist/rules/expand.js";
import { parseRuleFile } from "../dist/rules/rule-file.js";
import { RuleGroup } from "../dist/rules/rule-group.js";
import { createEmbeddedMetricStore } from "../dist/store/metrics/embedded.js";
import { benchClock, cpuMs, openShop } from "./shop-series.mjs";

const ROUNDS = 25;
const PEER_MS = { HighErrorRate: 48, HighResponseTime: 722 };
const RULES = `groups:
- name: shop
  rules:
  - { alert: HighErrorRate, expr: 'rate(http_requests_total{status_code=~"5.."}[5m]) > 0.1', for: 2m, labels: { severity: critical }, annotations: { description: "Error rate is {{ $value }} errors per second" } }
  - { alert: HighResponseTime, expr: 'histogram_quantile(0.95, rate(http_request_duration_seconds_bucket[5m])) > 2', for: 5m, annotations: { description: "95th percentile response time is {{ $value }} seconds" } }
  - { alert: DatabaseConnectionsHigh, expr: pg_stat_activity_count > 80, for: 3m, annotations: { description: "Database has {{ $value }} active connections" } }
  - { alert: MemoryUsageHigh, expr: (node_memory_MemTotal_bytes - node_memory_MemAvailable_bytes) / node_memory_MemTotal_bytes > 0.9, for: 5m }
  - { alert: DiskSpaceLow, expr: (node_filesystem_avail_bytes / node_filesystem_size_bytes) < 0.1, for: 5m }
  - { alert: TenantOrderRateLow, expr: 'rate(orders_total{tenant_id=~".+"}[1h]) < 0.1', for: 15m, annotations: { summary: "Low order rate for tenant {{ $labels.tenant_id }}" } }
`;

const clock = benchClock(1_700_000_000_000);
const shop = await openShop(clock, { targets: Number(process.argv[2] ?? 10), scrapes: 45, intervalMs: 2000 });
const store = createEmbeddedMetricStore(shop.tsdb);
const engine = createEngine({ clock });
const slow = createSlowQueryLog({ slowMs: Number.POSITIVE_INFINITY, clock, logger: pino({ level: "silent" }) });
const nextTurn = () => new Promise((resolve) => setImmediate(resolve));
const metrics = new Registry();
const query = createQueryService({ store, engine, urgentEngine: engine, slow, nextTurn, clock, metrics });
const [config] = parseRuleFile("bench.yml", RULES);
const ask = async (scope, expression, timeMs) =>
  (await query.instant(scope, expression, timeMs, { isUrgent: true })).value.samples;
const groups = config.rules.map(
  (rule) =>
    new RuleGroup(
      { ...config, name: rule.alert, rules: [rule] },
      {
        dependencies: { query: ask, append: async () => {}, alerts: () => {}, select: store.select },
        expander: new TemplateExpander("http://bench.example"),
        externalLabels: {},
        defaultIntervalMs: 60_000,
        monotonicMs: () => performance.now(),
      },
    ),
);

console.log(`${shop.series} series`);
let failed = false;
for (const group of groups) {
  const times = [];
  for (let round = 0; round < ROUNDS + 5; round++) {
    const before = cpuMs();
    // Half a second on each time, so that nothing could be kept from the evaluation before.
    await group.evaluate(clock.now + round * 500);
    if (round >= 5) times.push(cpuMs() - before);
  }
  times.sort((a, b) => a - b);
  const median = times[Math.floor(times.length / 2)];
  const { name, alerts, health, lastError } = group.rules[0].view();
  const peer = PEER_MS[name];
  const ratio = peer === undefined ? "" : `, ${(median / peer).toFixed(2)} of Prometheus' ${peer} ms`;
  console.log(`${name}: ${median.toFixed(1)} ms CPU, least ${times[0].toFixed(1)}, ${alerts.length} alerts${ratio}`);
  if (health !== "ok") console.error(lastError);
  failed ||= health !== "ok" || (peer !== undefined && median > peer / 2);
}
await shop.close();
process.exit(failed ? 1 : 0);
