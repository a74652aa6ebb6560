// From the section `alerting` of a Prometheus file to a real Alertmanager.
import { mkdtempSync, writeFileSync } from "node:fs";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import type { PostableAlert } from "@storewatch/model";
import { type AlertmanagerProcess, findPeer, startAlertmanager, waitUntil } from "@storewatch/testkit";
import { Registry } from "prom-client";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { fileSources, loadPrometheusConfig } from "../collect/prometheus-config.ts";
import { systemClock } from "../kernel/clock.ts";
import { silentLogger } from "../kernel/logger.ts";
import { createSafeHttp } from "../kernel/safe-http.ts";
import { type AlertmanagerTarget, createAlertmanagerSender } from "../notify/index.ts";
import { createAlertmanagerFinder } from "./external-alertmanagers.ts";

const http = createSafeHttp();
afterAll(() => http.close());

function configOf(alerting: string) {
  const file = path.join(mkdtempSync(path.join(tmpdir(), "storewatch-alerting-")), "prometheus.yml");
  writeFileSync(file, `global:\n  external_labels: { cluster: eu }\nalerting:\n${alerting}`);
  writeFileSync(path.join(path.dirname(file), "password"), "file-password\n");
  return loadPrometheusConfig(file, fileSources({}));
}

const problems: string[] = [];
let found: readonly AlertmanagerTarget[] = [];
const finder = createAlertmanagerFinder({
  discovery: {
    clock: systemClock,
    random: () => 0,
    http: http.request,
    resolver: { resolve: async (name) => (name === "am" ? [{ target: "10.0.0.1" }, { target: "10.0.0.2" }] : []) },
    userAgent: "test",
    onProblem: (source, message) => problems.push(`${source}: ${message}`),
  },
  onTargets: (targets) => {
    found = targets;
  },
});
afterAll(() => finder.stop());

/** Those of `static_configs` are there at once. */
function targetsOf(alerting: string): readonly AlertmanagerTarget[] {
  finder.configure(configOf(alerting));
  return found;
}

function sender() {
  return createAlertmanagerSender({
    clock: systemClock,
    rng: Math.random,
    logger: silentLogger,
    metrics: new Registry(),
  });
}

describe("targets", () => {
  it("are the addresses, with scheme and prefix, each once, after relabelling", () => {
    const names = targetsOf(`  alertmanagers:
  - scheme: https
    path_prefix: am/
    static_configs: [{ targets: ["a:9093", "b:9093", "a:9093"] }]
  - static_configs: [{ targets: ["c:9093", "d:9093"], labels: { env: dev } }]
    relabel_configs:
    - { source_labels: [__address__], regex: "d.*", action: drop }
    - { source_labels: [env], target_label: __alerts_path__, replacement: "/$1/alerts" }
`).map((target) => target.name);
    expect(names).toEqual([
      "https://a:9093/am/api/v2/alerts",
      "https://b:9093/am/api/v2/alerts",
      "http://c:9093/dev/alerts",
    ]);
  });

  it("get external labels that the alert does not have, and what both lists of rules leave", () => {
    const [target] = targetsOf(`  alert_relabel_configs:
  - { source_labels: [severity], regex: info, action: drop }
  - { regex: replica, action: labeldrop }
  alertmanagers:
  - static_configs: [{ targets: ["a:9093"] }]
    alert_relabel_configs: [{ target_label: seen, replacement: yes }]
`);
    expect(target.relabel({ alertname: "A", replica: "1" })).toEqual({ alertname: "A", cluster: "eu", seen: "yes" });
    expect(target.relabel({ alertname: "A", cluster: "us" })).toMatchObject({ cluster: "us" });
    expect(target.relabel({ alertname: "A", severity: "info" })).toBeUndefined();
  });

  it("are discovered as scrape targets are, besides those that are named", async () => {
    const config = configOf(`  alertmanagers:
  - static_configs: [{ targets: ["a:9093"] }]
    dns_sd_configs: [{ names: [am], type: A, port: 9093 }]
`);
    expect(config.unsupported).toEqual([]);
    finder.configure(config);
    await waitUntil(async () => found.length === 3, 5000);
    expect(found.map(({ name }) => name)).toEqual([
      "http://a:9093/api/v2/alerts",
      "http://10.0.0.1:9093/api/v2/alerts",
      "http://10.0.0.2:9093/api/v2/alerts",
    ]);
    // What is discovered alike is there again at once.
    finder.configure(config);
    expect(found).toHaveLength(3);
    expect(finder.urls()).toHaveLength(3);
    finder.configure(configOf("  alertmanagers: []\n"));
    expect(found).toEqual([]);
    expect(problems).toEqual([]);
  });

  it("are told of what cannot be done for them", () => {
    const { unsupported } = configOf("  alertmanagers: [{ consul_sd_configs: [{ server: 'c:8500' }] }]\n");
    expect(unsupported.map((f) => `${f.severity} ${f.message}`)).toEqual([
      "warning consul_sd_configs: not in this version of Storewatch",
    ]);
  });

  it("are asked with their credentials, from files too", async () => {
    const seen: IncomingMessage[] = [];
    const server = createServer((request, response) => {
      seen.push(request);
      request.resume().on("end", () => response.end());
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as AddressInfo;
    const targets = targetsOf(`  alertmanagers:
  - static_configs: [{ targets: ["127.0.0.1:${port}"] }]
    path_prefix: /basic
    basic_auth: { username: me, password_file: password }
  - static_configs: [{ targets: ["127.0.0.1:${port}"] }]
    path_prefix: /bearer
    authorization: { credentials: a-token }
`);
    for (const { post } of targets) expect(await post("[]", AbortSignal.timeout(5000))).toBe(200);
    server.close();
    expect(seen.map((r) => `${r.url} ${r.headers.authorization}`)).toEqual([
      `/basic/api/v2/alerts Basic ${btoa("me:file-password")}`,
      "/bearer/api/v2/alerts Bearer a-token",
    ]);
  });
});

describe.skipIf(!findPeer("prometheus-alertmanager"))("a real Alertmanager", () => {
  let peer: AlertmanagerProcess;
  beforeAll(async () => {
    peer = await startAlertmanager();
  });
  afterAll(() => peer?.stop());

  interface Shown {
    readonly labels: Readonly<Record<string, string>>;
    readonly annotations: Readonly<Record<string, string>>;
    readonly endsAt: string;
    readonly generatorURL: string;
  }
  const alerts = async () => (await peer.json("/api/v2/alerts")) as Shown[];

  it("takes our alerts, firing and resolved, hundreds at once", async () => {
    const sending = sender();
    sending.setTargets(
      targetsOf(`  alertmanagers: [{ static_configs: [{ targets: ["${new URL(peer.url).host}"] }] }]\n`),
    );
    const nowMs = Date.now();
    const make = (i: number, more: Partial<PostableAlert> = {}): PostableAlert => ({
      labels: { alertname: "HighErrorRate", tenant_id: `shop-${i}` },
      annotations: { summary: "Tỷ lệ lỗi cao" },
      startsAtMs: nowMs - 60_000,
      endsAtMs: nowMs + 240_000,
      generatorUrl: "http://watch.example/graph?g0.expr=up",
      ...more,
    });
    sending.send(Array.from({ length: 600 }, (_, i) => make(i)));
    await waitUntil(async () => (await alerts()).length === 600, 10_000);
    const [one] = (await alerts()).filter(({ labels }) => labels.tenant_id === "shop-7");
    expect(one).toMatchObject({
      labels: { alertname: "HighErrorRate", tenant_id: "shop-7", cluster: "eu" },
      annotations: { summary: "Tỷ lệ lỗi cao" },
      endsAt: new Date(nowMs + 240_000).toISOString(),
      generatorURL: "http://watch.example/graph?g0.expr=up",
    });
    sending.send(Array.from({ length: 599 }, (_, i) => make(i, { endsAtMs: Date.now() - 1 })));
    await waitUntil(async () => (await alerts()).length === 1, 10_000);
    await sending.stop();
  });
});
