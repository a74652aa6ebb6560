// The agent beside the real postgres_exporter on the same PostgreSQL: built-in metrics, both forms of custom queries, the
// role with few rights, and a server that goes away.
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import path from "node:path";
import { findPeer, freePort, waitUntil } from "@storewatch/testkit";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { ParsedPage } from "../packages/server/src/agent/testing/page-of.ts";
import { agentWith, compare, type Exporter, namesAskedFor, startExporter } from "./agent-page.ts";
import { initdb, type PostgresServer, startPostgres } from "./postgres-server.ts";

const openssl = findPeer("openssl");
const exporterProgram = findPeer("prometheus-postgres-exporter");

/** Asked for by rules that come with queries of their own; Ceph's words; the beginning of a name. */
const NOT_OURS = /^pg_(txid_current|stat_ssl_compression|bloat_\w+|general_index_info_\w+|num|autoscaler|settings_)$/;

/** As docs/agent-databases.md gives it. */
const ROLE_PASSWORD = "role-s3cret-word";
const ROLE = `
  CREATE ROLE storewatch_agent LOGIN PASSWORD '${ROLE_PASSWORD}' CONNECTION LIMIT 3;
  GRANT pg_monitor TO storewatch_agent;
  ALTER ROLE storewatch_agent SET default_transaction_read_only = on;
`;

/** The form of the project's document. */
const LIST_FORM = `
datasource:
  uri: "postgresql://storewatch_agent:\${never}@127.0.0.1:1/none"
queries:
  - name: "tenant_metrics"
    query: |
      SELECT tenant_id, COUNT(*) as total_orders, SUM(total) as total_revenue, AVG(total) as avg_order_value
      FROM orders WHERE created_at >= NOW() - INTERVAL '24 hours'
      GROUP BY tenant_id
    metrics:
      - tenant_id: { usage: "LABEL", description: "Tenant identifier" }
      - total_orders: { usage: "GAUGE", description: "Total orders in last 24h" }
      - total_revenue: { usage: "GAUGE", description: "Total revenue in last 24h" }
      - avg_order_value: { usage: "GAUGE", description: "Average order value" }
`;
/** The same and more in postgres_exporter's. */
const MAP_FORM = `
tenant_metrics:
  query: "SELECT tenant_id, COUNT(*) as total_orders, SUM(total) as total_revenue, AVG(total) as avg_order_value FROM orders WHERE created_at >= NOW() - INTERVAL '24 hours' GROUP BY tenant_id"
  metrics:
    - tenant_id: { usage: "LABEL", description: "Tenant identifier" }
    - total_orders: { usage: "GAUGE", description: "Total orders in last 24h" }
    - total_revenue: { usage: "GAUGE", description: "Total revenue in last 24h" }
    - avg_order_value: { usage: "GAUGE", description: "Average order value" }
shop_kinds:
  master: true
  query: >
    SELECT 'a"b' AS word, true AS is_on, timestamptz '2026-01-31 10:00:00.5+00' AS at, date '2026-01-31' AS day,
    'gold' AS plan, '1m30.5s' AS wait, 12.5::numeric AS extra, NULL::int AS nothing, 9007199254740993 AS big,
    ARRAY[0.1, 1, 5] AS took, ARRAY[1, 3, 4]::bigint[] AS took_bucket, 7.5 AS took_sum, 4 AS took_count, 'x' AS hidden;
  metrics:
    - word: { usage: "LABEL", description: "w" }
    - day: { usage: "LABEL", description: "d" }
    - is_on: { usage: "GAUGE", description: "b" }
    - at: { usage: "COUNTER", description: "t" }
    - plan: { usage: "MAPPEDMETRIC", description: "p", metric_mapping: { free: 0, gold: 2 } }
    - wait: { usage: "DURATION", description: "d" }
    - nothing: { usage: "GAUGE", description: "n" }
    - big: { usage: "COUNTER", description: "n" }
    - took: { usage: "HISTOGRAM", description: "h" }
    - hidden: { usage: "DISCARD", description: "x" }
pg_postmaster:
  query: "SELECT pg_postmaster_start_time as start_time_seconds from pg_postmaster_start_time()"
  cache_seconds: 30
  metrics:
    - start_time_seconds: { usage: "GAUGE", description: "Time at which postmaster started" }
`;
const OURS_ONLY = `
broken: { query: "SELECT nowhere FROM nothing", metrics: [{ nowhere: { usage: GAUGE } }] }
writes: { query: "DELETE FROM orders", metrics: [{ n: { usage: GAUGE } }] }
second: { query: "SELECT 1 AS n; DELETE FROM orders", metrics: [{ n: { usage: GAUGE } }] }
hidden_write: { query: "WITH gone AS (DELETE FROM orders RETURNING 1) SELECT 1 AS n FROM gone", metrics: [{ n: { usage: GAUGE } }] }
slow: { query: "SELECT 1 AS n FROM pg_sleep(30)", timeout: 200ms, metrics: [{ n: { usage: GAUGE } }] }
flood: { query: "SELECT n AS word, n FROM generate_series(1, 100000) n", metrics: [{ word: { usage: LABEL } }, { n: { usage: GAUGE } }] }
later: { query: "SELECT 1 AS n", runonserver: ">=99", metrics: [{ n: { usage: GAUGE } }] }
overridden: { query: "SELECT 1 AS n", query_overrides: { "<13": "SELECT 2 AS n", ">=13": "SELECT 3 AS n" }, metrics: [{ n: { usage: GAUGE } }] }
after_all: { query: "SELECT 7 AS n", metrics: [{ n: { usage: GAUGE } }] }
`;

describe.skipIf(!initdb)("the agent and PostgreSQL", () => {
  let server: PostgresServer;
  const url = (user = "storewatch_agent", more = "") =>
    `postgresql://${user}@127.0.0.1:${server.port}/ecommerce${more}`;

  beforeAll(async () => {
    server = await startPostgres({ shared_preload_libraries: "pg_stat_statements", wal_level: "logical" });
    server.sql("CREATE DATABASE ecommerce");
    server.sql(
      `${ROLE}; CREATE EXTENSION pg_stat_statements;
      CREATE TABLE orders (tenant_id text, total numeric, created_at timestamptz DEFAULT now());
      INSERT INTO orders SELECT 'shop-' || n % 3, n, now() FROM generate_series(1, 30) n;
      INSERT INTO orders VALUES ('old', 5, now() - interval '3 days');
      GRANT SELECT ON orders TO storewatch_agent`,
      "ecommerce",
    );
    server.sql("VACUUM ANALYZE orders", "ecommerce");
    server.sql("SELECT count(*) FROM orders WHERE total > 3", "ecommerce");
    server.sql("ALTER ROLE storewatch_agent PASSWORD 'role-s3cret-word'", "ecommerce");
    server.sql("SELECT pg_create_logical_replication_slot('shop_slot', 'test_decoding')", "ecommerce");
  }, 60_000);

  afterAll(() => server?.stop());

  describe.skipIf(!exporterProgram)("beside postgres_exporter", () => {
    let exporter: Exporter;
    let before: ParsedPage;
    let page: ParsedPage;
    let after: ParsedPage;
    let standby: ChildProcess;

    beforeAll(async () => {
      // A standby, as far as the server is concerned.
      const wal = path.join(server.dir, "wal");
      mkdirSync(wal);
      const argv = ["-h", "127.0.0.1", "-p", String(server.port), "-U", "postgres", "-D", wal, "--no-loop"];
      const env = { ...process.env, PGPASSWORD: server.password, PGAPPNAME: "shop-standby" };
      standby = spawn(path.join(server.bin, "pg_receivewal"), argv, { stdio: "ignore", env });
      const isThere = () => server.sql("SELECT count(*) FROM pg_stat_replication") === "1\n";
      await waitUntil(isThere, 10_000, () => "pg_receivewal did not connect");
      const queries = `${server.dir}/queries.yaml`;
      writeFileSync(queries, MAP_FORM);
      exporter = await startExporter(exporterProgram ?? "", "--web.listen-address", {
        args: [`--extend.query-path=${queries}`],
        env: {
          DATA_SOURCE_NAME: `postgresql://storewatch_agent:${ROLE_PASSWORD}@127.0.0.1:${server.port}/ecommerce?sslmode=disable`,
        },
      });
      const agent = agentWith("postgres", `postgres: { url: "${url()}", password: "\${PW}", queries: [q.yaml] }`, {
        files: { "q.yaml": MAP_FORM },
        environment: { PW: ROLE_PASSWORD },
      });
      await agent.read();
      await new Promise((resolve) => setTimeout(resolve, 1100));
      before = withSlotNames(await exporter.read());
      page = await agent.read();
      after = withSlotNames(await exporter.read());
      await agent.close();
    }, 60_000);

    afterAll(() => {
      exporter?.stop();
      standby?.kill();
    });

    test("names in dashboards and community rules: every one is on the page", ({ skip }) => {
      const asked = namesAskedFor("pg_");
      if (asked.size === 0) return skip("no conformance data");
      const given = new Set([...page.series.keys()].map((one) => one.split("{")[0]));
      expect([...asked].filter((name) => !given.has(name) && !NOT_OURS.test(name))).toEqual([]);
    });

    test("names, labels, types and values", () => {
      const found = compare(before, page, after, {
        skip: /^(go_|process_|promhttp_|postgres_exporter_|pg_scrape_|pg_exporter_)/,
        // What the two clients themselves move, and what lib/pq sets for its own session.
        restless:
          /^pg_(stat_activity|locks_count|stat_database_(active_time|session_time|sessions|xact|tup_|blks_|numbackends)|stat_bgwriter_buffers|settings_extra_float_digits|settings_default_transaction_read_only|settings_transaction_read_only)/,
      });
      expect(found.missing).toEqual([]);
      expect(found.types).toEqual([]);
      expect(found.values).toEqual([]);
      expect(found.compared).toBeGreaterThan(400);
    });
  });

  test("statements: by total and by mean time, no text of what is not planned", async () => {
    const agent = agentWith("postgres", `postgres: { url: "${url()}", password: "\${PW}", statements: 100 }`, {
      environment: { PW: ROLE_PASSWORD },
    });
    const { text, series, types } = await agent.read();
    await agent.close();
    expect(text).toMatch(/pg_stat_statements_query_id\{.*query="SELECT count\(\*\) FROM orders WHERE total > \$1"/);
    expect(text).toMatch(/query="ALTER ROLE …"/);
    expect(text).not.toContain(ROLE_PASSWORD);
    expect(types.get("pg_stat_statements_calls_total")).toBe("counter");
    expect(series.get("pg_exporter_last_scrape_error")).toBe(0);
    const labels = `datname="ecommerce",relname="orders",schemaname="public",server="127.0.0.1:${server.port}"`;
    expect(series.get(`pg_stat_user_tables_n_tup_ins{${labels}}`)).toBe(31);
    expect(series.get(`pg_stat_user_tables_last_vacuum{${labels}}`)).toBeGreaterThan(1.7e9);
  });

  test("custom queries in the document's form, beside queries that fail, write, sleep and flood", async () => {
    const config = `postgres: { url: "${url()}", password: "\${PW}", queries: [list.yml, ours.yml, bad.yml], query_rows_max: 50 }`;
    const agent = agentWith("postgres", config, {
      files: { "list.yml": LIST_FORM, "ours.yml": OURS_ONLY, "bad.yml": "x: [1\ny: hush-in-a-file" },
      environment: { PW: ROLE_PASSWORD },
    });
    const { text, series } = await agent.read();
    const value = (name: string) => series.get(`${name}{server="127.0.0.1:${server.port}"}`);
    const shop = `server="127.0.0.1:${server.port}",tenant_id="shop-1"`;
    expect(series.get(`tenant_metrics_total_orders{${shop}}`)).toBe(10);
    expect(series.get(`tenant_metrics_total_revenue{${shop}}`)).toBe(145);
    expect(series.get(`tenant_metrics_avg_order_value{${shop}}`)).toBe(14.5);
    expect(text).not.toContain('tenant_id="old"');
    expect(value("overridden_n")).toBe(3);
    expect(value("after_all_n")).toBe(7);
    expect(text).not.toMatch(/^(broken|writes|second|hidden_write|slow|flood|later)_/m);
    for (const name of ["broken", "writes", "second", "hidden_write", "slow", "flood"]) {
      expect(series.get(`pg_scrape_collector_success{collector="${name}"}`), name).toBe(0);
    }
    expect(series.get("pg_exporter_last_scrape_error")).toBe(1);
    expect(series.get("pg_up")).toBe(1);
    expect(text).toMatch(/pg_exporter_user_queries_load_error\{filename="bad.yml",hashsum="\w{64}"\} 1/);
    expect(server.sql("SELECT count(*) FROM orders", "ecommerce")).toBe("31\n");
    expect(`${text}${agent.log()}`).not.toMatch(/hush-in-a-file|role-s3cret/);
    await agent.close();
  });

  test("one connection, kept; read-only although the role may write", async () => {
    const file = { "w.yml": "w: { query: 'SELECT setval($$s$$, 99) AS n', metrics: [{ n: { usage: GAUGE } }] }" };
    server.sql("CREATE SEQUENCE s", "ecommerce");
    const agent = agentWith(
      "postgres",
      `postgres: { url: "${url("postgres")}", password_file: pw, queries: [w.yml] }`,
      {
        files: { ...file, pw: `${server.password}\n` },
      },
    );
    const backend = "SELECT pid FROM pg_stat_activity WHERE application_name = 'storewatch_agent'";
    await agent.read();
    const first = server.sql(backend);
    const { text } = await agent.read();
    expect(server.sql(backend)).toBe(first);
    expect(first).toMatch(/^\d+\n$/);
    expect(text).not.toMatch(/^w_n/m);
    expect(server.sql("SELECT is_called FROM s", "ecommerce")).toBe("f\n");
    await agent.close();
    await waitUntil(
      () => server.sql(backend) === "",
      5000,
      () => "the session is still there",
    );
  });

  test("a wrong password: pg_up 0, and the password nowhere", async () => {
    const wrong = "wr0ng/pass word";
    const agent = agentWith("postgres", `postgres: { url: "\${DSN}" }`, {
      environment: {
        DSN: `postgresql://storewatch_agent:${encodeURIComponent(wrong)}@127.0.0.1:${server.port}/ecommerce`,
      },
    });
    const { text, series } = await agent.read();
    await agent.close();
    expect(series.get("pg_up")).toBe(0);
    expect(agent.log()).toContain("password authentication failed");
    for (const secret of [wrong, encodeURIComponent(wrong)]) expect(`${text}${agent.log()}`).not.toContain(secret);
  });

  test("a server that takes the connection and says nothing: pg_up 0 within the limit", async () => {
    const silent = createServer();
    const port = await freePort();
    await new Promise<void>((resolve) => silent.listen(port, "127.0.0.1", resolve));
    const agent = agentWith(
      "postgres",
      `postgres: { url: "postgresql://a@127.0.0.1:${port}/b", connect_timeout: 300ms }`,
    );
    const start = performance.now();
    const { series } = await agent.read();
    expect(performance.now() - start).toBeLessThan(1500);
    expect(series.get("pg_up")).toBe(0);
    expect(series.get('node_scrape_collector_success{collector="postgres"}')).toBe(1);
    // Left alone for a second: the next look is answered at once.
    const again = performance.now();
    expect((await agent.read()).series.get("pg_up")).toBe(0);
    expect(performance.now() - again).toBeLessThan(200);
    await agent.close();
    silent.close();
  });

  test("a standby: every query works there too", async () => {
    const data = path.join(server.dir, "standby");
    const from = `host=127.0.0.1 port=${server.port} user=postgres password=${server.password}`;
    server.run("pg_basebackup", ["-D", data, "-R", "-X", "stream", "-c", "fast", "-d", from]);
    const port = await freePort();
    const options = `-c port=${port} -c shared_preload_libraries=pg_stat_statements -c listen_addresses=127.0.0.1 -c unix_socket_directories=${server.dir}`;
    server.run("pg_ctl", ["-D", data, "-l", path.join(server.dir, "standby.log"), "-w", "-o", options, "start"]);
    const agent = agentWith(
      "postgres",
      `postgres: { url: "postgresql://storewatch_agent@127.0.0.1:${port}/ecommerce", password: "\${PW}" }`,
      {
        environment: { PW: ROLE_PASSWORD },
      },
    );
    const { series } = await agent.read();
    await agent.close();
    server.run("pg_ctl", ["-D", data, "-m", "immediate", "-w", "stop"]);
    expect(agent.log()).not.toContain("failed");
    expect(series.get("pg_exporter_last_scrape_error")).toBe(0);
    expect(series.get(`pg_replication_is_replica{server="127.0.0.1:${port}"}`)).toBe(1);
    const lag = series.get(`pg_replication_lag{server="127.0.0.1:${port}"}`);
    expect(lag).toBeGreaterThanOrEqual(0);
    expect(series.get(`pg_replication_lag_seconds{server="127.0.0.1:${port}"}`)).toBe(lag);
  }, 60_000);

  test.skipIf(!openssl)(
    "TLS: verify-full checks authority and name, require takes any",
    async () => {
      const key = path.join(server.dir, "key.pem");
      const cert = path.join(server.dir, "cert.pem");
      const argv = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"];
      const names = ["-addext", "subjectAltName=DNS:localhost", "-keyout", key, "-out", cert];
      execFileSync(openssl ?? "", [...argv, ...names], { stdio: "ignore" });
      for (const file of [key, cert]) server.own(file);
      server.sql(`ALTER SYSTEM SET ssl_cert_file = '${cert}'`);
      server.sql(`ALTER SYSTEM SET ssl_key_file = '${key}'`);
      server.sql("ALTER SYSTEM SET ssl = on");
      server.sql("SELECT pg_reload_conf()");
      await waitUntil(() => server.sql("SHOW ssl") === "on\n", 5000);
      const up = async (host: string, mode: string, ca: string) => {
        const address = `postgresql://storewatch_agent@${host}:${server.port}/ecommerce?sslmode=${mode}`;
        const config = `postgres: { url: "${address}", password: "\${PW}"${ca}, queries: [q.yml] }`;
        const agent = agentWith("postgres", config, {
          environment: { PW: ROLE_PASSWORD },
          files: {
            "q.yml":
              "tls: { query: 'SELECT ssl AS used FROM pg_stat_ssl WHERE pid = pg_backend_pid()', metrics: [{ used: { usage: GAUGE } }] }",
          },
        });
        const { series } = await agent.read();
        await agent.close();
        return [series.get("pg_up"), series.get(`tls_used{server="${host}:${server.port}"}`)];
      };
      const ca = `, tls: { ca: ${cert} }`;
      expect(await up("localhost", "verify-full", ca)).toEqual([1, 1]);
      expect(await up("127.0.0.1", "verify-full", ca)).toEqual([0, undefined]);
      expect(await up("127.0.0.1", "verify-ca", ca)).toEqual([1, 1]);
      expect(await up("localhost", "verify-full", "")).toEqual([0, undefined]);
      expect(await up("127.0.0.1", "require", "")).toEqual([1, 1]);
      expect(await up("127.0.0.1", "prefer", "")).toEqual([1, 1]);
      expect(await up("127.0.0.1", "disable", "")).toEqual([1, 0]);
    },
    30_000,
  );

  test("a server that dies and comes back", async () => {
    const agent = agentWith("postgres", `postgres: { url: "${url()}", password: "\${PW}", timeout: 2s }`, {
      environment: { PW: ROLE_PASSWORD },
    });
    expect((await agent.read()).series.get("pg_up")).toBe(1);
    server.stop();
    expect((await agent.read()).series.get("pg_up")).toBe(0);
    server.start();
    await waitUntil(
      async () => (await agent.read()).series.get("pg_up") === 1,
      10_000,
      () => agent.log(),
    );
    await agent.close();
  }, 30_000);
});

/** postgres_exporter gives the process id as `slot_name`, because the view has no such column; ours is the slot's name. */
function withSlotNames(page: ParsedPage): ParsedPage {
  const rename = (key: string) =>
    key.startsWith("pg_stat_replication_") ? key.replace(/slot_name="\d+"/, 'slot_name=""') : key;
  return { types: page.types, series: new Map([...page.series].map(([key, value]) => [rename(key), value])) };
}
