import { mkdirSync, mkdtempSync, readdirSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { beforeEach, describe, expect, test } from "vitest";
import { createAuth } from "../auth/index.ts";
import { systemClock } from "../kernel/clock.ts";
import { silentLogger } from "../kernel/logger.ts";
import { createSelfMetrics } from "../kernel/self-metrics.ts";
import { metadataFile, openMetadataStore } from "../store/meta/index.ts";
import { fileKindOf } from "./file-kind.ts";
import { runCli } from "./program.ts";

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(path.join(tmpdir(), "storewatch-cli-"));
});

function put(name: string, text: string): string {
  const file = path.join(dir, name);
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(file, text);
  return name;
}

async function run(...args: string[]) {
  let out = "";
  let err = "";
  const code = await runCli(args, {
    out: (text) => {
      out += text;
    },
    err: (text) => {
      err += text;
    },
    workingDir: dir,
  });
  return { code, out, err };
}

const RULES = `groups:
  - name: shop
    rules:
      - alert: ErrorRatioHigh
        expr: sum by (tenant_id) (rate(http_requests_total{status_code=~"5.."}[5m])) > 1
        labels: { severity: warning }
`;
const ROUTES = `route:
  receiver: all
  routes:
    - receiver: all
      matchers: [severity="warning"]
    - receiver: business
      matchers: [severity="warning", alertname="ErrorRatioHigh"]
receivers: [{ name: all }, { name: business }]
`;

describe("usage", () => {
  test("wrong usage is one line on stderr and exit 2", async () => {
    for (const args of [
      ["sevre"],
      ["serve", "--port", "1"],
      ["check"],
      ["token", "create"],
      ["check", "x", "--format", "xml"],
    ]) {
      const { code, out, err } = await run(...args);
      expect([code, out], args.join(" ")).toEqual([2, ""]);
      expect(err, args.join(" ")).toMatch(/^storewatch: [^\n]+\n$/);
    }
    expect((await run("sevre")).err).toContain("Did you mean serve?");
    expect((await run("demo", "--shop-port", "x")).err).toContain("expected a port number");
  });

  test("help and version are answers, not errors", async () => {
    expect(await run("--help")).toMatchObject({ code: 0, out: expect.stringContaining("check"), err: "" });
    expect(await run("version")).toMatchObject({ code: 0, out: expect.stringMatching(/^storewatch \d+\.\d+\.\d+ /) });
  });

  test("a bad configuration is told with file, line and column, exit 2", async () => {
    const config = put("storewatch.yml", "listen: 127.0.0.1:0\nmetricz: {}\n");
    const expected = {
      code: 2,
      out: "",
      err: expect.stringContaining("storewatch.yml:2:1: unknown key `metricz`. Did you mean `metrics`?\n"),
    };
    expect(await run("serve", "--config", path.join(dir, config))).toMatchObject(expected);
    expect(await run("token", "create", "--role", "viewer", "--config", config)).toMatchObject(expected);
  });
});

describe("token create", () => {
  test("prints a token that a running server takes", async () => {
    const { code, out, err } = await run(
      "token",
      "create",
      "--role",
      "viewer",
      "--tenant",
      "acme",
      "beta",
      "--data",
      "d",
    );
    expect([code, out]).toEqual([0, expect.stringMatching(/^swt_[\w-]{43}\n$/)]);
    expect(err).toContain("viewer, acme beta");
    expect(err).not.toContain(out.trim());
    const store = await openMetadataStore(metadataFile(path.join(dir, "d")));
    const auth = createAuth({
      store,
      clock: systemClock,
      logger: silentLogger,
      metrics: createSelfMetrics(),
      anonymous: "none",
      secureCookies: false,
    });
    expect(await auth.authenticate({ authorization: `Bearer ${out.trim()}` })).toMatchObject({
      role: "viewer",
      scope: { kind: "tenants" },
    });
    expect((await store.auditTrail(1))[0]).toMatchObject({ action: "token.create", detail: "viewer, acme beta" });
    auth.close();
    await store.close();
  });

  test("refuses what is no role and no shop", async () => {
    expect(await run("token", "create", "--role", "king")).toMatchObject({
      code: 2,
      err: expect.stringContaining("king"),
    });
    expect(await run("token", "create", "--role", "viewer", "--tenant", "a/b")).toMatchObject({
      code: 2,
      err: "storewatch: --tenant a/b: no shop id\n",
    });
  });

  test("a data directory that cannot be written is one line, exit 1", async () => {
    const { code, err } = await run("token", "create", "--role", "viewer", "--data", put("file", ""));
    expect([code, err]).toEqual([
      1,
      expect.stringMatching(/cannot write to the data directory .*: there is a file in the way\n$/),
    ]);
  });
});

describe("check", () => {
  test("good files pass; unknown ones are named", async () => {
    put("conf/rules.yml", RULES);
    put("conf/values.yml", "replicas: 2\n");
    put("conf/node_modules/x.yml", "a: [");
    const { code, out, err } = await run("check", "conf");
    expect([code, err]).toEqual([0, "2 files checked: 0 errors, 0 warnings, 1 remarks\n"]);
    expect(out).toBe("conf/values.yml:1:1: info FILE_IGNORED ignored: not a format that Storewatch knows\n");
  });

  test("an error has file, line, column and code, in every format", async () => {
    const file = put("rules.yml", RULES.replace("sum by", "sun by"));
    const text = await run("check", file);
    expect([text.code, text.out]).toEqual([1, expect.stringMatching(/^rules\.yml:5:\d+: error [A-Z_]+ /)]);
    const json = JSON.parse((await run("check", file, "--format", "json")).out);
    expect(json.findings).toMatchObject([{ severity: "error", file: "rules.yml", line: 5, code: expect.any(String) }]);
    const sarif = JSON.parse((await run("check", file, "--format", "sarif")).out);
    expect(sarif).toMatchObject({ version: "2.1.0", runs: [{ results: [{ level: "error", ruleIndex: 0 }] }] });
    const place = sarif.runs[0].results[0].locations[0].physicalLocation;
    expect(place).toMatchObject({ artifactLocation: { uri: "rules.yml" }, region: { startLine: 5 } });
  });

  test("the files that a configuration names are checked too, each once", async () => {
    put("rules/a.yml", RULES.replace("sum by", "sun by"));
    put("prometheus.yml", "rule_files: [rules/*.yml]\nscrape_configs: []\n");
    put("alertmanager.yml", ROUTES);
    put("storewatch.yml", "metrics: { prometheus: prometheus.yml }\nalerts: { alertmanager: alertmanager.yml }\n");
    const { code, out, err } = await run("check", "storewatch.yml", "rules");
    expect(code).toBe(1);
    expect(out.match(/^rules\/a\.yml:5:\d+: error/gm)).toHaveLength(1);
    expect(err).toMatch(/^4 files checked: 2 errors/);
  });

  test("a route that an earlier one hides is an error", async () => {
    put("rules.yml", RULES);
    put("alertmanager.yml", ROUTES);
    const { code, out } = await run("check", "rules.yml", "alertmanager.yml");
    expect([code, out]).toEqual([1, expect.stringMatching(/^alertmanager\.yml:\d+:\d+: error \S*ROUTE\S* /m)]);
  });

  test("broken YAML, bad dashboards and missing paths", async () => {
    expect(await run("check", put("a.yml", "groups: [\n"))).toMatchObject({
      code: 1,
      out: expect.stringMatching(/^a\.yml:2:1: error YAML /),
    });
    const board = put("d.json", '{"panels": [], "schemaVersion": 39}');
    expect(await run("check", board)).toMatchObject({
      code: 1,
      out: expect.stringContaining("d.json:1:1: error DASHBOARD"),
    });
    expect(await run("check", "none.yml")).toMatchObject({
      code: 2,
      err: "storewatch: none.yml: there is no such file or folder\n",
    });
  });
});

test("experimental PromQL in rules passes where the storewatch.yml among the files switches it on", async () => {
  put("rules.yml", 'groups:\n  - name: g\n    rules:\n      - { record: few, expr: "limitk(3, up)" }\n');
  put("prometheus.yml", `rule_files: [${path.join(dir, "rules.yml")}]\n`);
  put("storewatch.yml", "metrics: { prometheus: prometheus.yml }\n");
  const refused = await run("check", "storewatch.yml");
  expect([refused.code, refused.out + refused.err]).toEqual([1, expect.stringContaining("limitk() is experimental")]);
  put("storewatch.yml", "metrics: { prometheus: prometheus.yml }\nfeatures: { promql_experimental: true }\n");
  for (const files of [["storewatch.yml"], ["."], ["rules.yml", "storewatch.yml"]])
    expect(await run("check", ...files), files.join()).toMatchObject({ code: 0 });
});

test("kinds are found from the content", () => {
  const kinds: Array<[unknown, ReturnType<typeof fileKindOf>]> = [
    [{ groups: [] }, "rules"],
    [{ apiVersion: "monitoring.coreos.com/v1", kind: "PrometheusRule", spec: {} }, "rules"],
    [{ apiVersion: "v1", kind: "ConfigMap", data: {} }, undefined],
    [{ rule_files: ["a"], tests: [] }, "rule-tests"],
    [{ global: { scrape_interval: "1s" }, rule_files: [] }, "prometheus"],
    [{ global: { scrape_interval: "1s" } }, "prometheus"],
    [{ global: { resolve_timeout: "1m" } }, "alertmanager"],
    [{ global: {}, receivers: [] }, "alertmanager"],
    [{ route: {}, inhibit_rules: [] }, "alertmanager"],
    [{ title: "x", panels: [] }, "dashboard"],
    [{ dashboard: { title: "x" } }, "dashboard"],
    [{ listen: "x", data: "y" }, "storewatch"],
    [{ title: "x", name: "package" }, undefined],
    [{ replicas: 2 }, undefined],
    [[], undefined],
    [null, undefined],
  ];
  for (const [data, kind] of kinds) expect(fileKindOf(data), JSON.stringify(data)).toBe(kind);
});

describe("test rules", () => {
  const tests = (value: number) => `rule_files: [rules.yml]
evaluation_interval: 1m
tests:
  - interval: 1m
    input_series:
      - series: http_requests_total{tenant_id="acme", status_code="500"}
        values: 0+600x20
    promql_expr_test:
      - expr: sum by (tenant_id) (rate(http_requests_total[5m]))
        eval_time: 10m
        exp_samples: [{ labels: '{tenant_id="acme"}', value: ${value} }]
`;

  test("passes and fails with the file's name", async () => {
    put("rules.yml", RULES);
    const good = path.join(dir, put("good.test.yml", tests(10)));
    const bad = path.join(dir, put("bad.test.yml", tests(11)));
    expect(await run("test", "rules", good)).toMatchObject({ code: 0, out: "", err: `${good}: passed (1 tests)\n` });
    const failed = await run("test", "rules", good, bad);
    expect([failed.code, failed.err]).toEqual([1, expect.stringContaining(`${bad}: FAILED (1 tests)`)]);
    expect(failed.out).toContain(`${bad}:`);
  });
});

test("the shipped rules pass their own tests and checks, without promtool", { timeout: 60_000 }, async () => {
  const rules = path.resolve(import.meta.dirname, "../../content/rules");
  const files = readdirSync(rules).map((name) => path.join(rules, name));
  const tests = await run("test", "rules", ...files.filter((file) => file.endsWith(".test.yml")));
  expect(`${tests.code} ${tests.err}`).toMatch(/^0 /);
  const check = await run("check", ...files.filter((file) => !file.endsWith(".test.yml")));
  expect(`${check.code} ${check.out}`).toMatch(/^0 /);
});
