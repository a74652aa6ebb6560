// The agent beside the real redis_exporter on the same Redis: master with AOF, replica, ACL user, TLS, keys, and a server
// that does not answer.
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { writeFileSync } from "node:fs";
import { createServer } from "node:net";
import path from "node:path";
import { findPeer, freePort, temporaryDir, waitUntil } from "@storewatch/testkit";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { agentWith, compare, type Exporter, namesAskedFor, startExporter } from "./agent-page.ts";

const redisServer = findPeer("redis-server");
const redisCli = findPeer("redis-cli");
const exporterProgram = findPeer("prometheus-redis-exporter");
const openssl = findPeer("openssl");

const PASSWORD = "redis-S3cret/hush";

interface RedisProcess {
  readonly port: number;
  command(...parts: string[]): string;
  stop(): Promise<void>;
}

async function startRedis(args: readonly string[], port = 0): Promise<RedisProcess> {
  const bound = port === 0 ? await freePort() : port;
  const dir = temporaryDir("storewatch-redis-");
  const argv = ["--port", String(bound), "--bind", "127.0.0.1", "--dir", dir, "--requirepass", PASSWORD, ...args];
  const child: ChildProcess = spawn(redisServer ?? "", argv, { stdio: "ignore" });
  const command = (...parts: string[]) =>
    execFileSync(redisCli ?? "", ["-p", String(bound), ...parts], {
      encoding: "utf8",
      env: { ...process.env, REDISCLI_AUTH: PASSWORD },
    }).trim();
  const answers = () => {
    try {
      return command("PING") === "PONG";
    } catch {
      return false;
    }
  };
  await waitUntil(answers, 10_000, () => "redis-server did not start");
  return {
    port: bound,
    command,
    stop: () =>
      new Promise((resolve) => {
        child.once("exit", () => resolve());
        child.kill("SIGKILL");
      }),
  };
}

/** Of the exporter itself, and what its optional key groups would take. */
const NOT_OURS =
  /^(go_|process_|promhttp_|redis_exporter_|redis_target_scrape_request_errors_total|redis_last_key_groups)|cmd="client\|setname"/;
/** Named beside a dashboard's queries, none of which asks for it. */
const GONE = "redis_command_calls_total";
/** Moved by the two clients and by time. */
const RESTLESS =
  /^redis_(cpu_|mem|allocator|latency_percentiles|connected_clients|client_recent|last_slow|exporter|connected_slave_|start_time)/;

describe.skipIf(!redisServer || !redisCli)("the agent and Redis", () => {
  let master: RedisProcess;
  let replica: RedisProcess;

  beforeAll(async () => {
    const more = ["--appendonly", "yes", "--latency-monitor-threshold", "15", "--enable-debug-command", "local"];
    master = await startRedis([...more, "--slowlog-log-slower-than", "0"]);
    replica = await startRedis([
      "--replicaof",
      "127.0.0.1",
      String(master.port),
      "--masterauth",
      PASSWORD,
      "--save",
      "",
    ]);
    for (let i = 0; i < 30; i++) master.command("SET", `cart:${i}`, String(i), "EX", "3600");
    master.command("-n", "3", "RPUSH", "queue:mail", "a", "b", "c");
    master.command("SET", "price:tea", "12.5");
    master.command("SET", "note:tea", "cheap");
    master.command("LPUSH", "price:tea", "x");
    master.command("DEBUG", "SLEEP", "0.02");
    master.command("ACL", "SETUSER", "watcher", "on", ">acl-hush", "+info", "+ping", "+client|setname", "+slowlog|len");
    const isLinked = () => replica.command("INFO", "replication").includes("master_link_status:up");
    await waitUntil(isLinked, 20_000, () => "the replica did not link");
    // The master hears of the replica's state once a second.
    await waitUntil(() => master.command("INFO", "replication").includes("state=online"), 20_000);
  }, 60_000);

  afterAll(async () => {
    await replica?.stop();
    await master?.stop();
  });

  test.skipIf(!exporterProgram).each(["master", "replica"] as const)(
    "names, labels, types, values: %s",
    async (role) => {
      const { port } = role === "master" ? master : replica;
      const env = { REDIS_ADDR: `redis://127.0.0.1:${port}`, REDIS_PASSWORD: PASSWORD };
      const exporter: Exporter = await startExporter(exporterProgram ?? "", "-web.listen-address", { env });
      const agent = agentWith("redis", `redis: { url: "redis://127.0.0.1:${port}", password: "\${PW}" }`, {
        environment: { PW: PASSWORD },
      });
      await agent.read();
      const before = await exporter.read();
      const page = await agent.read();
      const after = await exporter.read();
      exporter.stop();
      await agent.close();
      const found = compare(before, page, after, { skip: NOT_OURS, restless: RESTLESS });
      expect(found.missing).toEqual([]);
      expect(found.types).toEqual([]);
      expect(found.values).toEqual([]);
      expect(found.compared).toBeGreaterThan(150);
      const names = [...page.types.keys()].filter((name) => name.startsWith("redis_") && !before.types.has(name));
      expect(names).toEqual([]);
      const start = "redis_start_time_seconds";
      expect(Math.abs((page.series.get(start) ?? 0) - (before.series.get(start) ?? 0))).toBeLessThanOrEqual(1);
      const given = new Set([...page.series.keys()].map((one) => one.split("{")[0]));
      const missing = [...namesAskedFor("redis_")].filter((name) => !given.has(name) && name !== GONE);
      if (role === "master") expect(missing).toEqual([]);
      if (role === "replica")
        expect(page.series.get(`redis_master_link_up{master_host="127.0.0.1",master_port="${master.port}"}`)).toBe(1);
      else
        expect(page.series.get('redis_latency_spike_duration_seconds{event_name="command"}')).toBeGreaterThanOrEqual(
          0.015,
        );
    },
    30_000,
  );

  test("an ACL user who may INFO only: what is refused is left out", async () => {
    const agent = agentWith(
      "redis",
      `redis: { url: "127.0.0.1:${master.port}", username: watcher, password_file: pw }`,
      {
        files: { pw: "acl-hush\n" },
      },
    );
    const { series, text } = await agent.read();
    await agent.close();
    expect(series.get("redis_up")).toBe(1);
    expect(series.get("redis_connected_slaves")).toBe(1);
    expect(series.has("redis_slowlog_length")).toBe(true);
    expect(text).not.toMatch(/^redis_(config|slowlog_last_id)/m);
    expect(`${text}${agent.log()}`).not.toContain("acl-hush");
  });

  test("keys by pattern, with limits", async () => {
    const config = `redis:
  url: redis://127.0.0.1:${master.port}
  password: \${PW}
  count_keys: ["cart:*", "db3=queue:*"]
  check_keys: ["price:*", "note:*", "db3=queue:*", "cart:*"]
  check_keys_max: 5
`;
    const agent = agentWith("redis", config, { environment: { PW: PASSWORD } });
    const { series, text } = await agent.read();
    await agent.close();
    expect(series.get('redis_keys_count{db="db0",key="cart:*"}')).toBe(30);
    expect(series.get('redis_keys_count{db="db3",key="queue:*"}')).toBe(1);
    expect(series.get('redis_key_size{db="db3",key="queue:mail"}')).toBe(3);
    expect(series.get('redis_key_value{db="db0",key="price:tea"}')).toBe(12.5);
    expect(series.get('redis_key_size{db="db0",key="note:tea"}')).toBe(5);
    expect(series.has('redis_key_value{db="db0",key="note:tea"}')).toBe(false);
    expect(text.match(/^redis_key_size\{/gm)).toHaveLength(5);
    expect(series.get('redis_keys_scan_complete{db="db0",key="cart:*"}')).toBe(1);
  });

  test("a wrong password: redis_up 0, and the password nowhere", async () => {
    const secret = "wr0ng/hush word";
    const agent = agentWith("redis", `redis: { url: "\${URL}" }`, {
      environment: { URL: `redis://:${encodeURIComponent(secret)}@127.0.0.1:${master.port}` },
    });
    const { series, text } = await agent.read();
    await agent.close();
    expect(series.get("redis_up")).toBe(0);
    expect(text).toMatch(/redis_exporter_last_scrape_error\{err="WRONGPASS/);
    for (const word of [secret, encodeURIComponent(secret)]) expect(`${text}${agent.log()}`).not.toContain(word);
  });

  test("a server that says nothing, and one that talks another protocol: redis_up 0 within the limit", async () => {
    for (const greeting of [undefined, "220 mail.example ESMTP\r\n"]) {
      const strange = createServer((socket) => void (greeting && socket.write(greeting)));
      const port = await freePort();
      await new Promise<void>((resolve) => strange.listen(port, "127.0.0.1", resolve));
      const agent = agentWith("redis", `redis: { url: "127.0.0.1:${port}", timeout: 300ms }`);
      const start = performance.now();
      const { series } = await agent.read();
      expect(performance.now() - start).toBeLessThan(1200);
      expect(series.get("redis_up")).toBe(0);
      expect(series.get('node_scrape_collector_success{collector="redis"}')).toBe(1);
      const again = performance.now();
      expect((await agent.read()).series.get("redis_up")).toBe(0);
      expect(performance.now() - again).toBeLessThan(200);
      await agent.close();
      strange.close();
    }
  });

  test("a server that dies and comes back", async () => {
    const first = await startRedis(["--save", ""]);
    const agent = agentWith("redis", `redis: { url: "127.0.0.1:${first.port}", password: "\${PW}" }`, {
      environment: { PW: PASSWORD },
    });
    expect((await agent.read()).series.get("redis_up")).toBe(1);
    await first.stop();
    expect((await agent.read()).series.get("redis_up")).toBe(0);
    const second = await startRedis(["--save", ""], first.port);
    await waitUntil(
      async () => (await agent.read()).series.get("redis_up") === 1,
      10_000,
      () => agent.log(),
    );
    await agent.close();
    await second.stop();
  }, 30_000);

  test.skipIf(!openssl)(
    "TLS: checked against the authority that is given",
    async () => {
      const dir = temporaryDir("storewatch-tls-");
      const file = (name: string) => path.join(dir, name);
      const argv = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"];
      const out = [
        "-addext",
        "subjectAltName=DNS:localhost,IP:127.0.0.1",
        "-keyout",
        file("key.pem"),
        "-out",
        file("cert.pem"),
      ];
      execFileSync(openssl ?? "", [...argv, ...out], { stdio: "ignore" });
      const tlsPort = await freePort();
      const keys = ["--tls-cert-file", file("cert.pem"), "--tls-key-file", file("key.pem"), "--tls-auth-clients", "no"];
      const server = await startRedis([
        "--save",
        "",
        "--tls-port",
        String(tlsPort),
        ...keys,
        "--tls-ca-cert-file",
        file("cert.pem"),
      ]);
      writeFileSync(file("pw"), PASSWORD);
      const up = async (tls: string) => {
        const agent = agentWith(
          "redis",
          `redis: { url: "rediss://127.0.0.1:${tlsPort}", password_file: ${file("pw")}, tls: ${tls} }`,
        );
        const { series } = await agent.read();
        await agent.close();
        return series.get("redis_up");
      };
      expect(await up(`{ ca: ${file("cert.pem")} }`)).toBe(1);
      expect(await up("{}")).toBe(0);
      expect(await up("{ insecure_skip_verify: true }")).toBe(1);
      await server.stop();
    },
    30_000,
  );
});
