// Remote write with unmodified peers: Prometheus sends to us, we send to Prometheus and VictoriaMetrics while each of us is
// restarted and killed, a Prometheus' history is imported, and a noisy shop stands next to a quiet one.
import { type ChildProcess, execFile, execFileSync, spawn } from "node:child_process";
import { writeFileSync } from "node:fs";
import path from "node:path";
import { promisify } from "node:util";
import {
  findPeer,
  freePort,
  type StorewatchProcess,
  startStorewatch,
  temporaryDir,
  waitUntil,
} from "@storewatch/testkit";
import { afterEach, describe, expect, test } from "vitest";

const prometheus = findPeer("prometheus");
const promtool = findPeer("promtool");
const victoria = findPeer("victoria-metrics");
const BIN = path.resolve(import.meta.dirname, "../packages/server/bin/storewatch.mjs");

const children: ChildProcess[] = [];
const servers: StorewatchProcess[] = [];
afterEach(async () => {
  await Promise.all(children.splice(0).map((child) => end(child)));
  await Promise.all(servers.splice(0).map((server) => server.kill()));
});

function end(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    if (child.exitCode !== null || child.signalCode !== null) return resolve();
    child.once("exit", () => resolve());
    child.kill();
  });
}

interface Peer {
  readonly url: string;
  restart(): Promise<void>;
}

async function startPeer(program: string, args: (port: number) => string[], ready: string): Promise<Peer> {
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  let child: ChildProcess;
  const start = async () => {
    child = spawn(program, args(port), { stdio: "ignore" });
    children.push(child);
    const isReady = () =>
      fetch(url + ready).then(
        (reply) => reply.ok,
        () => false,
      );
    await waitUntil(isReady, 30_000, () => `${program} did not start`);
  };
  await start();
  return {
    url,
    async restart() {
      await end(child);
      await new Promise((resolve) => setTimeout(resolve, 500));
      await start();
    },
  };
}

function startPrometheus(config = (_port: number) => "global: {}\n"): Promise<Peer> {
  const dir = temporaryDir("prometheus-");
  const args = (port: number) => {
    writeFileSync(path.join(dir, "p.yml"), config(port));
    return [
      `--config.file=${dir}/p.yml`,
      `--storage.tsdb.path=${dir}/data`,
      `--web.listen-address=127.0.0.1:${port}`,
      "--web.enable-remote-write-receiver",
    ];
  };
  return startPeer(prometheus!, args, "/-/ready");
}

function startVictoria(): Promise<Peer> {
  const dir = temporaryDir("victoria-");
  const args = (port: number) => [`-storageDataPath=${dir}`, `-httpListenAddr=127.0.0.1:${port}`, "-retentionPeriod=1"];
  return startPeer(victoria!, args, "/health");
}

async function startServer(...options: Parameters<typeof startStorewatch>): Promise<StorewatchProcess> {
  const server = await startStorewatch(...options);
  servers.push(server);
  return server;
}

interface Series {
  readonly metric: Record<string, string>;
  readonly values?: ReadonlyArray<readonly [number, string]>;
  readonly value?: readonly [number, string];
}

async function query(url: string, pathAndQuery: string, token?: string): Promise<Series[]> {
  const headers = token ? { authorization: `Bearer ${token}` } : undefined;
  const reply = await fetch(`${url}/api/v1/${pathAndQuery}`, headers && { headers });
  const body = (await reply.json()) as { readonly data: { readonly result: Series[] } };
  return body.data.result;
}

const instant = (expression: string) => `query?query=${encodeURIComponent(expression)}`;
const number = (found: readonly Series[]) => Number(found[0]?.value?.[1] ?? Number.NaN);

describe.skipIf(!prometheus)("a Prometheus that writes to us", () => {
  test("arrives with its series, markers, metadata and tenant", { timeout: 60_000 }, async () => {
    const server = await startServer();
    await startPrometheus(
      (port) => `global: { scrape_interval: 1s, external_labels: { cluster: c1 } }
scrape_configs: [{ job_name: self, static_configs: [{ targets: ["127.0.0.1:${port}"] }] }]
remote_write:
  - url: ${server.url}/t/acme/api/v1/write
    authorization: { credentials: ${server.token} }
    send_exemplars: true
    metadata_config: { send_interval: 1s }
`,
    );
    const count = async () => number(await query(server.url, instant('count({cluster="c1"})'), server.token));
    await waitUntil(async () => (await count()) > 5, 30_000);
    const all = await query(server.url, instant('count by (tenant_id) ({cluster="c1"})'), server.token);
    expect(all.map(({ metric }) => metric.tenant_id)).toEqual(["acme"]);
    const text = await (await server.fetch("/metrics")).text();
    expect(text).toMatch(/storewatch_remote_write_requests_total\{version="1.0",status="204"\} [1-9]/);
    expect(text).not.toMatch(/storewatch_remote_write_requests_total\{version="1.0",status="[345]/);
  });
});

const OUT = (url: string) => `global: { scrape_interval: 15s, external_labels: { cluster: eu } }
remote_write:
  - url: ${url}/api/v1/write
    queue_config: { batch_send_deadline: 200ms, max_samples_per_send: 100 }
    write_relabel_configs: [{ source_labels: [__name__], regex: "shop_.*", action: keep }]
`;

/** Pushes one sample of each of 20 series; tells whether it was acknowledged. */
async function push(server: StorewatchProcess, round: number): Promise<boolean> {
  const series = Array.from({ length: 20 }, (_, i) => ({
    metric: "shop_orders",
    type: 3,
    points: [{ timestamp: Math.floor(Date.now() / 1000), value: round }],
    tags: [`tenant_id:t${i}`],
  }));
  const reply = await server
    .fetch("/datadog/api/v2/series", {
      method: "POST",
      headers: { "content-type": "application/json", "dd-api-key": server.token },
      body: JSON.stringify({ series }),
    })
    .catch(() => undefined);
  return reply?.status === 202;
}

describe.each([
  ["Prometheus", prometheus, () => startPrometheus()],
  ["VictoriaMetrics", victoria, startVictoria],
] as const)("we write to %s", (_name, program, start) => {
  test.skipIf(!program)("nothing is missing after restarts of both and kill -9", { timeout: 120_000 }, async () => {
    const peer = await start();
    const files = { "storewatch.yml": "metrics: { prometheus: prometheus.yml }\n", "prometheus.yml": OUT(peer.url) };
    const dataDir = temporaryDir("storewatch-data-");
    let server = await startServer({ files, dataDir });
    const rounds = async (from: number, count: number) => {
      for (let i = from; i < from + count; i++) {
        // A second each: the protocol has no finer times.
        await waitUntil(() => push(server, i), 20_000);
        await new Promise((resolve) => setTimeout(resolve, 1001));
      }
    };
    await rounds(0, 4);
    await peer.restart();
    await rounds(4, 3);
    await server.kill();
    server = await startServer({ files, dataDir });
    await rounds(7, 3);
    const expression = "shop_orders[10m]";
    const points = async (url: string, token?: string) =>
      (await query(url, instant(expression), token))
        .map(({ metric, values }) => `${metric.tenant_id} ${values!.map(([at, value]) => `${at}:${value}`).join(" ")}`)
        .sort();
    const ours = await points(server.url, server.token);
    expect(ours).toHaveLength(20);
    expect(ours[0].match(/:9\b/)).not.toBeNull();
    await waitUntil(async () => JSON.stringify(await points(peer.url)) === JSON.stringify(ours), 20_000);
    expect((await query(peer.url, instant("shop_orders[10m]")))[0].metric.cluster).toBe("eu");
  });
});

describe.skipIf(!prometheus || !promtool)("history", () => {
  test("of a real Prometheus and of a file is the same here", { timeout: 120_000 }, async () => {
    const dir = temporaryDir("history-");
    const nowS = Math.floor(Date.now() / 1000);
    const fromS = nowS - 86_400;
    const lines = ["# TYPE shop_orders counter"];
    for (let shop = 0; shop < 5; shop++) {
      for (let at = fromS, i = 0; at < nowS - 600; at += 60, i++) {
        lines.push(`shop_orders_total{tenant_id="t${shop}"} ${i * (shop + 1)} ${at}`);
      }
    }
    writeFileSync(path.join(dir, "f.om"), `${lines.join("\n")}\n# EOF\n`);
    execFileSync(
      promtool!,
      ["tsdb", "create-blocks-from", "openmetrics", path.join(dir, "f.om"), path.join(dir, "data")],
      {
        stdio: "ignore",
      },
    );
    const peer = await startPeer(
      prometheus!,
      (port) => {
        writeFileSync(path.join(dir, "p.yml"), "global: {}\n");
        return [
          `--config.file=${dir}/p.yml`,
          `--storage.tsdb.path=${dir}/data`,
          `--web.listen-address=127.0.0.1:${port}`,
        ];
      },
      "/-/ready",
    );
    const range = `query_range?query=shop_orders_total&start=${fromS + 7}&end=${nowS - 700}&step=311`;
    const shown = (found: readonly Series[]) =>
      found.map(({ metric, values }) => `${metric.tenant_id} ${JSON.stringify(values)}`).sort();
    const expected = shown(await query(peer.url, range));
    expect(expected).toHaveLength(5);
    for (const args of [
      ["prometheus", peer.url],
      ["openmetrics", path.join(dir, "f.om")],
    ]) {
      const server = await startServer();
      const command = [BIN, "import", ...args, "--server", server.url, "--data", server.dataDir];
      const { stdout } = await promisify(execFile)(process.execPath, command, { cwd: dir });
      expect(stdout).toContain("samples imported");
      expect(shown(await query(server.url, range, server.token))).toEqual(expected);
    }
  });
});

describe("a noisy shop next to a quiet one", () => {
  test("is rolled up with a receipt; the quiet one's data stays whole", { timeout: 60_000 }, async () => {
    const files = { "storewatch.yml": "tenants: [{ id: noisy, limits: { active_series: 50 } }]\n" };
    const server = await startServer({ files });
    const send = async (tenant: string, count: number) => {
      const series = Array.from({ length: count }, (_, i) => ({
        metric: "carts",
        type: 3,
        points: [{ timestamp: Math.floor(Date.now() / 1000), value: 1 }],
        tags: [`tenant_id:${tenant}`, `user:u${i}`],
      }));
      const reply = await server.fetch("/datadog/api/v2/series", {
        method: "POST",
        headers: { "content-type": "application/json", "dd-api-key": server.token },
        body: JSON.stringify({ series }),
      });
      expect(reply.status).toBe(202);
    };
    await send("quiet", 80);
    await send("noisy", 500);
    const of = async (expression: string) => number(await query(server.url, instant(expression), server.token));
    expect(await of('count(carts{tenant_id="quiet"})')).toBe(80);
    // All that carries the shop counts: what Storewatch itself says of it too.
    const stored = await of('count(carts{tenant_id="noisy"})');
    expect(stored).toBeGreaterThan(40);
    expect(stored).toBeLessThanOrEqual(51);
    expect(await of('sum(carts{tenant_id="noisy"})')).toBe(500);
    const rolledUp = await of('carts{tenant_id="noisy",user="__other__"}');
    expect(rolledUp).toBe(500 - (stored - 1));
    const { receipts } = (await server.json("/api/storewatch/v1/receipts")) as {
      receipts: Array<{ tenant: string; limit: string; series: number; examples: string[] }>;
    };
    expect(receipts).toMatchObject([{ tenant: "noisy", limit: "active_series", series: rolledUp }]);
  });
});
