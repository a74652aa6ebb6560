// A value crosses its threshold → the webhook has the notification. Scrape 1 s, for 0 s, group_wait 0 s.
//   node alert-latency.mjs [PROCESSES] [TRIALS]     default 5 × 20
// Split at the scrape that carries the value: before it the wait is the scrape interval's, after it ours.
import { createServer } from "node:http";
import { quantile, round, sleep, startServer } from "./process.mjs";

const processes = Number(process.argv[2] ?? 5);
const trials = Number(process.argv[3] ?? 20);
const listen = (handler) =>
  new Promise((resolve) => {
    const server = createServer(handler).listen(0, "127.0.0.1", () => resolve(server));
  });
const addressOf = (server) => `127.0.0.1:${server.address().port}`;

async function runProcess() {
  const state = { trial: 0, value: 10, scrapedAt: 0, resolve: undefined };
  const target = await listen((_request, response) => {
    if (state.value > 80 && state.scrapedAt === 0) state.scrapedAt = performance.now();
    response.setHeader("content-type", "text/plain; version=0.0.4");
    response.end(
      `# TYPE pg_stat_activity_count gauge\npg_stat_activity_count{trial="${state.trial}"} ${state.value}\n`,
    );
  });
  const hook = await listen((request, response) => {
    let body = "";
    request.on("data", (chunk) => (body += chunk));
    request.on("end", () => {
      const at = performance.now();
      response.end("ok");
      const payload = JSON.parse(body);
      if (payload.alerts.some((a) => a.status === "firing" && a.labels.trial === String(state.trial)))
        state.resolve?.(at);
    });
  });
  const server = await startServer({
    "storewatch.yml": "metrics: { prometheus: prometheus.yml }\nalerts: { alertmanager: alertmanager.yml }\n",
    "prometheus.yml": `global: { scrape_interval: 1s, evaluation_interval: 1s }\nrule_files: [rules.yml]\nscrape_configs: [{ job_name: pg, scrape_timeout: 1s, static_configs: [{ targets: ["${addressOf(target)}"] }] }]\n`,
    "rules.yml":
      "groups:\n  - name: ecommerce.rules\n    rules:\n      - alert: DatabaseConnectionsHigh\n        expr: pg_stat_activity_count > 80\n        for: 0s\n        labels: { severity: warning }\n        annotations: { description: 'Database has {{ $value }} active connections' }\n",
    "alertmanager.yml": `route: { group_by: [alertname, trial], group_wait: 0s, group_interval: 10s, repeat_interval: 1h, receiver: hook }\nreceivers: [{ name: hook, webhook_configs: [{ url: "http://${addressOf(hook)}/", send_resolved: true }] }]\n`,
  });
  await sleep(2500);
  const total = [];
  const afterScrape = [];
  for (let i = 0; i < trials; i++) {
    state.trial += 1;
    state.value = 10;
    await sleep(1200 + Math.random() * 1000);
    state.scrapedAt = 0;
    const received = new Promise((resolve) => (state.resolve = resolve));
    const crossedAt = performance.now();
    state.value = 90;
    const at = await received;
    total.push((at - crossedAt) / 1000);
    afterScrape.push(at - state.scrapedAt);
  }
  await server.stop();
  for (const each of [target, hook]) {
    each.closeAllConnections();
    each.close();
  }
  return { total, afterScrape };
}

const total = [];
const afterScrape = [];
for (let i = 0; i < processes; i++) {
  const one = await runProcess();
  total.push(...one.total);
  afterScrape.push(...one.afterScrape);
}
const line = (values, unit, digits) =>
  `median ${round(quantile(values, 0.5), digits)}, p99 ${round(quantile(values, 0.99), digits)}, worst ${round(Math.max(...values), digits)} ${unit}`;
console.log(`crossing → webhook, ${processes} processes × ${trials} trials: ${line(total, "s", 2)}`);
console.log(`scrape → webhook: ${line(afterScrape, "ms", 1)}`);
