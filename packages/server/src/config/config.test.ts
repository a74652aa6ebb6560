import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { expect, test } from "vitest";
import { ConfigError, parseConfigDocument } from "./document.ts";
import { expandEnvironment } from "./environment.ts";
import { formatListenAddress, isLoopbackHost, parseListenAddress } from "./listen-address.ts";
import { type LoadConfigOptions, loadConfig } from "./storewatch-config.ts";

const dir = mkdtempSync(path.join(tmpdir(), "storewatch-config-"));

function load(text: string, more: Partial<LoadConfigOptions> = {}) {
  const file = path.join(dir, "storewatch.yml");
  writeFileSync(file, text);
  return loadConfig({ file, workingDir: "/elsewhere", environment: {}, ...more });
}

/** `line:column message` of each finding. */
function problems(text: string, more: Partial<LoadConfigOptions> = {}): string[] {
  try {
    load(text, more);
  } catch (error) {
    if (error instanceof ConfigError) return error.findings.map((f) => `${f.line}:${f.column} ${f.message}`);
    throw error;
  }
  return [];
}

test("without a file the defaults hold, relative to the working directory", () => {
  const config = loadConfig({ workingDir: "/w", environment: {} });
  expect(config).toMatchObject({
    listen: { host: "127.0.0.1", port: 9700 },
    dataDir: "/w/data",
    auth: { anonymous: "none" },
    metrics: { retentionMs: 30 * 86_400_000 },
  });
});

test("paths are relative to the file, flags win and are relative to the working directory", () => {
  const text = "data: d\nlisten: 0.0.0.0:80\nmetrics: { prometheus: conf/p.yml }\ntls: { cert: c.pem, key: /k.pem }\n";
  expect(load(text)).toMatchObject({
    dataDir: path.join(dir, "d"),
    listen: { host: "0.0.0.0", port: 80 },
    metrics: { prometheusFile: path.join(dir, "conf/p.yml") },
    tls: { certFile: path.join(dir, "c.pem"), keyFile: "/k.pem" },
  });
  const flags = { listen: "[::1]:1", data: "x" };
  expect(load(text, { flags })).toMatchObject({ dataDir: "/elsewhere/x", listen: { host: "::1", port: 1 } });
});

test("shops get their defaults", () => {
  const [acme, plain] = load(
    "tenants:\n  - { id: acme, name: Acme, tier: gold, timezone: Asia/Ho_Chi_Minh, currency: VND }\n  - id: p\n",
  ).tenants;
  expect(acme).toEqual({ id: "acme", name: "Acme", tier: "gold", timezone: "Asia/Ho_Chi_Minh", currency: "VND" });
  expect(plain).toMatchObject({ id: "p", name: "p", timezone: "UTC", currency: "USD" });
});

test("each problem is told with line, column and reason", () => {
  expect(problems("listen: 127.0.0.1:9700\nmetricz: {}\n")).toEqual([
    "2:1 unknown key `metricz`. Did you mean `metrics`?",
  ]);
  expect(problems("metrics:\n  prometheus: p.yml\n  retentoin: 3d\n")).toEqual([
    "3:3 unknown key `retentoin`. Did you mean `retention`?",
  ]);
  expect(problems("a: [\n")[0]).toMatch(/^2:1 /);
  expect(problems("listen: nowhere\n")).toEqual(["1:1 listen: expected HOST:PORT"]);
  expect(problems("metrics: { retention: 30 days }\n")[0]).toMatch(/^1:12 metrics.retention: expected a duration/);
  expect(problems("tenants:\n  - id: a\n  - id: b/c\n")[0]).toMatch(/^3:5 tenants.1.id: expected 1–64/);
  expect(problems("tenants:\n  - id: a\n  - id: a\n")).toEqual(["3:5 shop a is declared twice"]);
  expect(problems("tenants: [{ id: a, timezone: Mars/Base }]\n")[0]).toMatch(/IANA time zone/);
  expect(problems("outgoing: { allow: [10.0.0.0/40] }\n")[0]).toMatch(
    /^1:21 outgoing.allow.0: expected an address range/,
  );
  expect(problems("- a\n")[0]).toMatch(/^1:1 /);
  expect(problems("", { flags: { listen: "x" } })).toEqual(["1:1 --listen x: expected HOST:PORT"]);
});

test("several problems are told at once", () => {
  expect(problems("listen: x\ndata: 3\nauth: { anonymous: all }\n").map((p) => p.split(" ")[0])).toEqual([
    "1:1",
    "2:1",
    "3:9",
  ]);
});

test("what comes later is refused, not ignored", () => {
  expect(problems("uptime: { monitors: [] }\nlogs: { retention: 1d }\n").sort()).toEqual([
    "1:1 uptime: not in this version of Storewatch",
    "2:1 logs: not in this version of Storewatch",
  ]);
  expect(problems("storage: { metrics: remote }\n")[0]).toMatch(/only `embedded` is in this version/);
});

test("anonymous admin needs a loopback address", () => {
  expect(problems("auth: { anonymous: admin }\n")).toEqual([]);
  expect(problems("listen: 0.0.0.0:9700\nauth: { anonymous: admin }\n")[0]).toMatch(/^2:9 anonymous admin/);
  expect(problems("auth: { anonymous: admin }\n", { flags: { listen: ":9700" } })).toHaveLength(1);
});

test("a missing file is named", () => {
  expect(() => loadConfig({ file: "none.yml", workingDir: dir, environment: {} })).toThrow(
    "none.yml:1:1: there is no such file",
  );
});

test("the environment fills ${NAME}; a name that is not set is an error at its place", () => {
  expect(load("data: $" + "{ROOT}/d\n", { environment: { ROOT: "/srv" } }).dataDir).toBe("/srv/d");
  expect(problems("listen: 127.0.0.1:1\ndata: $" + "{NO}/d\n")).toEqual(["2:1 the environment variable NO is not set"]);
  const document = parseConfigDocument("f", "a: $${X} ${1} $X ${Y}\n");
  expect(expandEnvironment(document, { Y: "$" + "{X}" }).data).toEqual({ a: "$" + "{X} $" + "{1} $X $" + "{X}" });
});

test("a bomb of aliases and bottomless nesting are errors of the file", () => {
  const level = (name: string, of: string) => `${name}: &${name} [${Array(12).fill(`*${of}`).join(", ")}]\n`;
  const bomb = `a: &a [x]\n${level("b", "a")}${level("c", "b")}${level("d", "c")}`;
  expect(() => parseConfigDocument("bomb.yml", bomb)).toThrow(ConfigError);
  expect(() => parseConfigDocument("deep.yml", "[".repeat(50_000))).toThrow(ConfigError);
});

test("listen addresses", () => {
  const round = (text: string) => {
    const address = parseListenAddress(text);
    return address && formatListenAddress(address);
  };
  expect(["127.0.0.1:80", "localhost:0", "[::1]:9", ":9090"].map(round)).toEqual([
    "127.0.0.1:80",
    "localhost:0",
    "[::1]:9",
    "0.0.0.0:9090",
  ]);
  expect(["80", "a:b", "a:70000", "::1:80", "[x]:1", "a b:1", ""].map(round)).toEqual(Array(7).fill(undefined));
  expect(["127.9.9.9", "::1", "LOCALHOST", "0.0.0.0", "example.com"].map(isLoopbackHost)).toEqual([
    true,
    true,
    true,
    false,
    false,
  ]);
});

test("experimental PromQL is off unless it is asked for", () => {
  expect(load("").features).toEqual({ promqlExperimental: false });
  expect(load("features: { promql_experimental: true }\n").features).toEqual({ promqlExperimental: true });
  expect(problems("features: { promql_experiments: true }\n")[0]).toMatch(/^1:13 .*promql_experiments/);
});

test("limits of shops: for all of them and for one", () => {
  const { tenantLimits } = load(`
tenant_limits: { active_series: 5000, labels: 30 }
tenants:
  - { id: acme, limits: { active_series: 100000, samples_per_second: 2000, label_length: 512 } }
  - { id: bravo }
`);
  expect(tenantLimits.defaults).toEqual({ activeSeries: 5000, labels: 30 });
  expect(tenantLimits.tenants).toEqual(
    new Map([["acme", { activeSeries: 100_000, samplesPerSecond: 2000, labelLength: 512 }]]),
  );
  expect(problems("tenant_limits: { active_series: 0 }")).toHaveLength(1);
  expect(problems("tenant_limits: { series: 5 }")).toHaveLength(1);
});
