import { mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { gzipSync } from "node:zlib";
import { Registry } from "prom-client";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { systemClock } from "../kernel/clock.ts";
import { silentLogger } from "../kernel/logger.ts";
import { type Collector, createCollector } from "./collector.ts";
import { fileSources, loadPrometheusConfig, type PrometheusConfig } from "./prometheus-config.ts";
import { FakeStore } from "./testing/fake-store.ts";
import { TargetServer } from "./testing/target-server.ts";

const TESTDATA = path.join(import.meta.dirname, "testdata");
const tls = {
  cert: readFileSync(path.join(TESTDATA, "localhost.crt")),
  key: readFileSync(path.join(TESTDATA, "localhost.key")),
};

let dir: string;
let target: TargetServer;
let store: FakeStore;
let registry: Registry;
let collector: Collector | undefined;
const servers: TargetServer[] = [];

beforeEach(async () => {
  dir = mkdtempSync(path.join(tmpdir(), "collect-"));
  target = await TargetServer.start();
  store = new FakeStore();
  registry = new Registry();
});

afterEach(async () => {
  await collector?.stop();
  collector = undefined;
  await target.stop();
  for (const server of servers.splice(0)) await server.stop();
  rmSync(dir, { recursive: true });
});

/** A configuration with one job `j` at 100 ms, and what else the YAML lines say; `@` stands for the target's address. */
function config(lines: string, address = target.address): PrometheusConfig {
  const file = path.join(dir, "prometheus.yml");
  const job = lines.replace(/^/gm, "    ").replaceAll("@", address);
  writeFileSync(file, `global: { scrape_interval: 100ms }\nscrape_configs:\n  - job_name: j\n${job}\n`);
  return loadPrometheusConfig(file, fileSources({}));
}

const STATIC = "static_configs: [{ targets: ['@'] }]";

function start(lines = STATIC, address?: string): Collector {
  collector = createCollector({
    store,
    config: config(lines, address),
    clock: systemClock,
    logger: silentLogger,
    metrics: registry,
  });
  collector.start();
  return collector;
}

/** Waits until a row of the first target satisfies the check. */
async function until<T>(check: () => T | undefined | false | Promise<T | undefined | false>): Promise<T> {
  return await vi.waitFor(
    async () => {
      const value = await check();
      if (value === undefined || value === false) throw new Error("not yet");
      return value;
    },
    { timeout: 10_000, interval: 10 },
  );
}

const rows = (index = 0) => store.find("")[index];
const labels = (name: string, more = "", address = target.address) =>
  `${name}{${more === "" ? "" : `${more}, `}instance="${address}", job="j"}`;
const status = () => collector!.board.active()[0];

describe("collector", () => {
  test("a page becomes a row with the scrape's own series beside it", async () => {
    target.page = '# TYPE orders_total counter\norders_total{tenant_id="acme"} 7\n';
    start();
    const row = await until(() => rows()?.rows[0]);
    expect(row.values.get(`orders_total{instance="${target.address}", job="j", tenant_id="acme"}`)).toBe(7);
    expect(row.values.get(labels("up"))).toBe(1);
    expect(row.values.get(labels("scrape_samples_scraped"))).toBe(1);
    expect(row.values.get(labels("scrape_samples_post_metric_relabeling"))).toBe(1);
    expect(row.values.get(labels("scrape_series_added"))).toBe(1);
    expect(row.values.get(labels("scrape_duration_seconds"))).toBeGreaterThan(0);
    expect(status()).toMatchObject({ scrapePool: "j", health: "up", lastError: "", intervalMs: 100, lastSamples: 1 });
    expect(collector!.board.metadata().get("orders_total")).toEqual([{ type: "counter", help: "", unit: "" }]);
    await until(() => rows().rows.length > 2 && rows().last(labels("scrape_series_added")) === 0);
    const { headers } = target.requests[0];
    expect(headers.accept).toContain("text/plain;version=0.0.4");
    expect(headers["x-prometheus-scrape-timeout-seconds"]).toBe("0.1");
    expect(headers["accept-encoding"]).toBe("gzip");
  });

  test("rows lie on a grid: times are an interval apart", async () => {
    start();
    await until(() => (rows()?.rows.length ?? 0) > 5);
    const times = rows().rows.map((row) => row.timeMs);
    for (const [i, timeMs] of times.slice(2).entries()) expect(timeMs - times[i + 1]).toBeGreaterThan(50);
  });

  test("a bad page is up 0 and names line, column and reason; what was there before goes stale", async () => {
    target.page = "a 1\nb 2\n";
    start();
    await until(() => rows()?.last(labels("b")) === 2);
    target.page = 'a 1\nb{x="1} 2\n';
    const row = await until(() => (rows().last(labels("up")) === 0 ? rows().rows.at(-1) : undefined));
    expect([...row.values.keys()].some((key) => key.startsWith("a{"))).toBe(false);
    expect(status().lastError).toMatch(/^line 2, column 5: expected label value, got/);
    target.page = "a 3\n";
    await until(() => rows().last(labels("a")) === 3);
    expect(rows().last(labels("b"))).toBeUndefined();
    expect(status()).toMatchObject({ health: "up", lastError: "" });
  });

  test("an error status, a refused connection and a broken answer are up 0 with the reason", async () => {
    target.answer = (_, response) => response.writeHead(503).end("no");
    start();
    await until(() => rows()?.last(labels("up")) === 0);
    expect(status().lastError).toBe("server returned HTTP status 503 Service Unavailable");
    target.answer = (_, response) => {
      response.writeHead(200, { "content-length": "100" });
      response.write("a 1\n");
      setTimeout(() => response.destroy(), 10);
    };
    await until(() => /aborted|ended|hang up/.test(status().lastError));
    const { address } = target;
    await target.stop();
    await until(() => status().lastError.includes("connection refused"));
    target = await TargetServer.start();
    expect(rows().last(labels("up", "", address))).toBe(0);
  });

  test("a slow target times out and is not asked twice at once", async () => {
    let open = 0;
    let most = 0;
    target.answer = (request, response) => {
      open += 1;
      most = Math.max(most, open);
      request.on("close", () => {
        open -= 1;
      });
      setTimeout(() => response.end("a 1\n"), 5000).unref();
    };
    start(`${STATIC}\nscrape_timeout: 60ms`);
    await until(() => (rows()?.rows.length ?? 0) > 3);
    expect(status().lastError).toBe("no complete answer within the scrape timeout of 0.06 s");
    expect(most).toBe(1);
    expect(rows().rows.every((row) => row.values.get(labels("up")) === 0)).toBe(true);
    expect(await registry.metrics()).toMatch(/storewatch_scrapes_total\{outcome="timeout"\} [4-9]/);
  });

  test("basic auth, bearer token and headers, from the file and from secret files that change", async () => {
    const seen = () => target.requests.at(-1)?.headers.authorization;
    start(`${STATIC}\nbasic_auth: { username: u, password: 00123 }`);
    await until(() => seen() === `Basic ${Buffer.from("u:00123").toString("base64")}`);
    writeFileSync(path.join(dir, "token"), "first\n");
    await collector!.reload(config(`${STATIC}\nauthorization: { credentials_file: token }`));
    await until(() => seen() === "Bearer first");
    writeFileSync(path.join(dir, "token"), "second\n");
    await until(() => seen() === "Bearer second");
    await collector!.reload(config(`${STATIC}\nbearer_token: t\nhttp_headers: { X-Shop: { values: [one, two] } }`));
    await until(() => seen() === "Bearer t");
    expect(target.requests.at(-1)?.headers["x-shop"]).toBe("one, two");
    rmSync(path.join(dir, "token"));
    await collector!.reload(config(`${STATIC}\nauthorization: { credentials_file: token }`));
    await until(() => status().lastError.includes(`unable to read ${path.join(dir, "token")}`));
    // One target all the while: no reload opened rows anew.
    expect(store.writers.size).toBe(1);
  });

  test("TLS: the certificate is checked, a CA file makes it good, client certificates are sent", async () => {
    const secure = await TargetServer.start({ ...tls, requestCert: true, rejectUnauthorized: false, ca: tls.cert });
    servers.push(secure);
    secure.page = "a 1\n";
    start(`${STATIC}\nscheme: https`, secure.address);
    await until(() => /self.signed/.test(status()?.lastError ?? ""));
    const ca = `ca_file: ${TESTDATA}/localhost.crt`;
    await collector!.reload(config(`${STATIC}\nscheme: https\ntls_config: { ${ca} }`, secure.address));
    await until(() => rows()?.last(labels("a", "", secure.address)) === 1);
    await collector!.reload(
      config(`${STATIC}\nscheme: https\ntls_config: { ${ca}, server_name: shop.example }`, secure.address),
    );
    await until(() => /does not match certificate/.test(status().lastError));
    await collector!.reload(
      config(
        `${STATIC}\nscheme: https\ntls_config: { insecure_skip_verify: true, server_name: shop.example }`,
        secure.address,
      ),
    );
    await until(() => status().health === "up");
    let certified = false;
    secure.answer = (request, response) => {
      certified = (request.socket as import("node:tls").TLSSocket).authorized;
      response.end("a 1\n");
    };
    const client = `cert_file: ${TESTDATA}/localhost.crt, key_file: ${TESTDATA}/localhost.key`;
    await collector!.reload(config(`${STATIC}\nscheme: https\ntls_config: { ${ca}, ${client} }`, secure.address));
    await until(() => certified);
  });

  test("gzip, and a page that is larger than allowed once unpacked", async () => {
    target.answer = (_, response) => {
      response.setHeader("content-encoding", "gzip");
      response.end(gzipSync(`a ${target.page.length}\n#${"x".repeat(50_000)}\n`));
    };
    start();
    await until(() => rows()?.last(labels("a")) !== undefined);
    await collector!.reload(config(`${STATIC}\nbody_size_limit: 10KB`));
    await until(() => status().lastError === "body size limit exceeded: the page is larger than 10240 bytes");
    target.answer = (_, response) => response.end(`a 1\n#${"x".repeat(50_000)}\n`);
    await until(() => rows().last(labels("up")) === 0);
    await collector!.reload(config(STATIC));
    await until(() => rows().last(labels("a")) === 1);
  });

  test("redirects are followed unless forbidden; credentials do not go to another host", async () => {
    const other = await TargetServer.start();
    servers.push(other);
    other.page = "moved 1\n";
    target.answer = (_, response) => response.writeHead(302, { location: `http://${other.address}/new` }).end();
    start(`${STATIC}\nbearer_token: secret`);
    await until(() => rows()?.last(labels("moved")) === 1);
    expect(target.requests[0].headers.authorization).toBe("Bearer secret");
    expect(other.requests[0].headers.authorization).toBeUndefined();
    await collector!.reload(config(`${STATIC}\nfollow_redirects: false`));
    await until(() => status().lastError === "server returned HTTP status 302 Found");
    target.answer = (_, response) => response.writeHead(302, { location: "/loop" }).end();
    await collector!.reload(config(STATIC));
    await until(() => status().lastError === "stopped after 10 redirects");
    target.answer = (_, response) => response.writeHead(302, { location: "http://169.254.169.254/latest" }).end();
    await until(() => status().lastError.includes("link-local or cloud metadata"));
  });

  test("OpenMetrics: exemplars, units, and a page that was cut off is no page", async () => {
    let page = '# TYPE a_seconds counter\n# UNIT a_seconds seconds\na_seconds_total 1 # {trace_id="t1"} 0.5\n# EOF\n';
    target.answer = (_, response) => {
      response.setHeader("content-type", "application/openmetrics-text; version=1.0.0; charset=utf-8");
      response.end(page);
    };
    start();
    await until(() => rows()?.last(labels("a_seconds_total")) === 1);
    await until(() => (rows()?.rows.length ?? 0) > 3);
    expect(store.exemplars.map(({ series, exemplar }) => `${series} ${exemplar.labels} ${exemplar.value}`)).toEqual([
      `${labels("a_seconds_total")} {trace_id="t1"} 0.5`,
    ]);
    expect(collector!.board.metadata().get("a_seconds")).toEqual([{ type: "counter", help: "", unit: "seconds" }]);
    expect(target.requests[0].headers.accept).toBe(
      "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5," +
        "application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.3," +
        "text/plain;version=0.0.4;q=0.2,*/*;q=0.1",
    );
    page = "# TYPE a_seconds counter\na_seconds_total 2\n";
    await until(() => status()?.lastError.includes("data does not end with # EOF"));
    expect(rows().last(labels("a_seconds_total"))).toBeUndefined();
  });

  test("labels: params, honor_labels, exported_, target and metric relabelling", async () => {
    target.page = 'm{job="own",instance=""} 1\ngo_x 1\n';
    const rules = "metric_relabel_configs: [{ source_labels: [__name__], regex: go_.*, action: drop }]";
    const params =
      "params: { module: [a, b] }\nmetrics_path: /p\nrelabel_configs: [{ target_label: env, replacement: prod }]";
    start(`${STATIC}\n${rules}\n${params}`);
    await until(() => rows()?.last(`m{env="prod", exported_job="own", instance="${target.address}", job="j"}`) === 1);
    expect(target.requests[0].url).toBe("/p?module=a&module=b");
    expect(
      rows().last(`scrape_samples_post_metric_relabeling{env="prod", instance="${target.address}", job="j"}`),
    ).toBe(1);
    await collector!.reload(config(`${STATIC}\n${rules}\n${params}\nhonor_labels: true`));
    await until(() => rows().last('m{env="prod", job="own"}') === 1);
    expect(store.writers.size).toBe(1);
  });

  test("limits of labels fail the page; too many targets fail them all", async () => {
    target.page = 'm{a="1",b="2",c="a long enough value"} 1\n';
    start(`${STATIC}\nlabel_limit: 5`);
    await until(() => status()?.lastError.includes("label_limit exceeded (metric: m, number of labels: 6, limit: 5)"));
    expect(rows().last(labels("up"))).toBe(0);
    await collector!.reload(config(`${STATIC}\nlabel_value_length_limit: 15`));
    await until(() => status().lastError.includes("label_value_length_limit exceeded"));
    await collector!.reload(config("static_configs: [{ targets: ['@', 'localhost:1'] }]\ntarget_limit: 1"));
    await until(() => collector!.board.active().every((one) => one.lastError.startsWith("target_limit exceeded")));
    await collector!.reload(config("static_configs: [{ targets: ['@'] }]\ntarget_limit: 1"));
    await until(() => status().health === "up");
  });

  test("a job for some tenants writes for no other", async () => {
    target.page = 'm{tenant_id="acme"} 1\nm{tenant_id="other"} 2\nn 3\n';
    start(`${STATIC}\ntenants: [acme]`);
    const row = await until(() => rows()?.rows[0]);
    const own = [...row.values.keys()].filter((key) => /^[mn]\{/.test(key));
    expect(own).toEqual(["m", "n"].map((name) => labels(name).replace("}", ', tenant_id="acme"}')));
    expect([...row.values.keys()].every((key) => key.includes('tenant_id="acme"'))).toBe(true);
    expect(await registry.metrics()).toContain("storewatch_scrape_foreign_tenant_series_total 1");
    await collector!.reload(config(`${STATIC}\ntenants: [acme, other]`));
    await until(() => rows().last(labels("m").replace("}", ', tenant_id="other"}')) === 2);
    expect(rows().last(labels("n"))).toBeUndefined();
    expect(rows().last(labels("up"))).toBe(1);
  });

  test("times on lines go to the generic path; with track_timestamps_staleness their end is told", async () => {
    const now = Date.now();
    target.page = `t 5 ${now}\nfar 1 ${now + 3_600_000}\nplain 1\n`;
    start(`${STATIC}\ntrack_timestamps_staleness: true`);
    await until(() => rows()?.last(labels("plain")) === 1 && store.samples.length > 0);
    expect(store.samples[0]).toMatchObject({ timeMs: now, value: 5 });
    expect(store.samples.some((sample) => sample.labels.metricName === "far")).toBe(false);
    target.page = "plain 1\n";
    await until(() => store.samples.some((sample) => sample.stale && sample.labels.metricName === "t"));
  });

  test("an unchanged target goes on over a reload; one that has gone has its rows closed", async () => {
    const other = await TargetServer.start();
    servers.push(other);
    start(`static_configs: [{ targets: ['@', '${other.address}'] }]`);
    await until(() => store.find("").length === 2 && store.find("").every((one) => one.rows.length > 1));
    const kept = store.find(target.address)[0];
    const gone = store.find(other.address)[0];
    await collector!.reload(config(`${STATIC}\nsample_limit: 100`));
    const length = kept.rows.length;
    await until(() => kept.rows.length > length + 1);
    await until(() => gone.closedAtMs);
    expect(kept.closedAtMs).toBeUndefined();
    expect(store.writers.size).toBe(2);
    expect(collector!.board.active()).toHaveLength(1);
    await collector!.stop();
    expect(kept.closedAtMs).toBeUndefined();
  });

  test("file_sd: files by pattern, changes at once, a broken file keeps its last list", async () => {
    const list = (addresses: string[]) => JSON.stringify([{ targets: addresses, labels: { shop: "one" } }]);
    writeFileSync(path.join(dir, "a.json"), list([target.address]));
    start(
      "file_sd_configs: [{ files: ['*.json', '*.yaml'] }]\nrelabel_configs: [{ source_labels: [__meta_filepath], regex: '.*/(.*)', target_label: file }]",
    );
    await until(() => rows()?.last(`up{file="a.json", instance="${target.address}", job="j", shop="one"}`) === 1);
    writeFileSync(path.join(dir, "b.yaml"), `- targets: ["${target.address}"]\n  labels: {nr: 2}\n`);
    await until(() => collector!.board.active().length === 2);
    writeFileSync(path.join(dir, "tmp"), "[{ broken");
    renameSync(path.join(dir, "tmp"), path.join(dir, "a.json"));
    await until(async () => (await registry.metrics()).match(/storewatch_discovery_problems_total [1-9]/) !== null);
    expect(collector!.board.active()).toHaveLength(2);
    rmSync(path.join(dir, "b.yaml"));
    await until(() => collector!.board.active().length === 1);
    await until(() => store.find("b.yaml")[0].closedAtMs);
  });

  test("dropped and impossible targets are shown, not asked", async () => {
    start(
      "static_configs: [{ targets: ['@', 'drop:1', 'bad host:1'] }]\nrelabel_configs: [{ source_labels: [__address__], regex: 'drop.*', action: drop }]",
    );
    await until(() => rows()?.rows[0]);
    expect(collector!.board.active()).toHaveLength(1);
    expect(collector!.board.dropped().map((one) => one.discoveredLabels.get("__address__"))).toEqual([
      "drop:1",
      "bad host:1",
    ]);
  });

  test("Storewatch is a target of its own", async () => {
    collector = createCollector({
      store,
      config: config("static_configs: []"),
      clock: systemClock,
      logger: silentLogger,
      metrics: registry,
      self: { instance: "127.0.0.1:9700", expose: () => registry.metrics(), intervalMs: 100 },
    });
    collector.start();
    await until(() => rows()?.last('up{instance="127.0.0.1:9700", job="storewatch"}') === 1);
    await until(
      () => rows().last('storewatch_scrapes_total{instance="127.0.0.1:9700", job="storewatch", outcome="ok"}')! > 0,
    );
    expect(status()).toMatchObject({
      scrapePool: "storewatch",
      scrapeUrl: "http://127.0.0.1:9700/metrics",
      health: "up",
    });
  });
});
