import { inspect } from "node:util";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ConfigError } from "../config/document.ts";
import { fingerprint } from "./prometheus/secret.ts";
import { loadPrometheusConfig, parsePrometheusConfig } from "./prometheus-config.ts";

function sources(files: Record<string, string>, environment: Record<string, string> = {}) {
  return {
    readFile: (file: string) => {
      if (!(file in files)) throw new Error("ENOENT");
      return files[file];
    },
    glob: (pattern: string) => Object.keys(files).filter((file) => file === pattern || pattern.includes("*")),
    environment,
  };
}

const parse = (text: string) => parsePrometheusConfig("/etc/p.yml", sources({ "/etc/p.yml": text }));

function problems(text: string): string[] {
  try {
    loadPrometheusConfig("/etc/p.yml", sources({ "/etc/p.yml": text }));
    return [];
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.findings.map((f) => `${f.line}:${f.column} ${f.message}`);
  }
}

describe("Prometheus file", () => {
  test("defaults and inheritance of times, limits and names", () => {
    const config = parse(`
global: { scrape_interval: 20s, sample_limit: 5, external_labels: { region: eu } }
scrape_configs:
  - job_name: a
  - { job_name: b, scrape_interval: 5s, sample_limit: 7 }
`);
    expect(config.scrapeConfigs.map((job) => [job.intervalMs, job.timeoutMs, job.limits.samples])).toEqual([
      [20_000, 10_000, 5],
      [5000, 5000, 7],
    ]);
    expect(config.scrapeConfigs[0]).toMatchObject({ metricsPath: "/metrics", scheme: "http", honorTimestamps: true });
    expect(config.global).toMatchObject({ evaluationIntervalMs: 60_000, ruleQueryOffsetMs: 0 });
    expect(config.global.externalLabels.toJSON()).toEqual({ region: "eu" });
  });

  test("an empty file asks for nothing", () => {
    expect(parse("").scrapeConfigs).toEqual([]);
    expect(parse("# nothing\nglobal:\nscrape_configs:\n").scrapeConfigs).toEqual([]);
  });

  test("file names are relative to the file, patterns too", () => {
    const config = parse(`
rule_files: [rules/*.yml, /abs/x.yml]
scrape_configs:
  - job_name: a
    authorization: { credentials_file: token }
    tls_config: { ca_file: ../ca.pem }
    file_sd_configs: [{ files: [targets/*.json] }]
`);
    expect(config.ruleFiles).toEqual(["/etc/rules/*.yml", "/abs/x.yml"]);
    expect(config.scrapeConfigs[0].http.authorization?.credentialsFile).toBe("/etc/token");
    expect(config.scrapeConfigs[0].http.tls.caFile).toBe("/ca.pem");
    expect(config.scrapeConfigs[0].discoveries[1]).toMatchObject({ kind: "file", files: ["/etc/targets/*.json"] });
  });

  test("external labels take from the environment", () => {
    const files = { "/p.yml": "global: { external_labels: { a: '${ZONE}-$ZONE-$$-${NONE}' } }" };
    const config = parsePrometheusConfig("/p.yml", sources(files, { ZONE: "eu" }));
    expect(config.global.externalLabels.get("a")).toBe("eu-eu-$-");
  });

  test("a number as a password keeps its digits; secrets are never shown, yet a change is noticed", () => {
    const file = (password: string) =>
      parse(`scrape_configs: [{ job_name: a, basic_auth: { username: 1.0, password: ${password} } }]`).scrapeConfigs[0];
    const job = file("00120");
    expect(job.http.basicAuth?.username).toBe("1.0");
    expect(job.http.basicAuth?.password?.reveal()).toBe("00120");
    for (const shown of [JSON.stringify(job, (_, v) => (typeof v === "bigint" ? "" : v)), inspect(job, { depth: 9 })]) {
      expect(shown).not.toContain("00120");
      expect(shown).toContain("<secret>");
    }
    expect(fingerprint(file("1"))).not.toBe(fingerprint(file("2")));
    expect(fingerprint(file("1"))).toBe(fingerprint(file("1")));
  });

  test("every problem is told at its place, unknown keys with a suggestion", () => {
    const text = `
global:
  scrape_intervall: 15s
scrape_configs:
  - job_name: a
    scrape_interval: 5
    static_configs: [{ targets: ["http://shop:80"] }]
    basic_auth: { username: u, pasword: p }
`;
    expect(problems(text)).toEqual([
      "3:3 unknown key `scrape_intervall` (field scrape_intervall not found in type config.plain). Did you mean `scrape_interval`?",
      '6:5 scrape_configs.0.scrape_interval: not a valid duration string: "5"',
      "8:32 unknown key `pasword` (field pasword not found in type config.plain). Did you mean `password`?",
    ]);
    const second = text
      .replace("intervall", "interval")
      .replace("interval: 5\n", "interval: 5s\n")
      .replace("pasword", "password");
    expect(problems(second)).toEqual([
      '7:34 scrape_configs.0.static_configs.0.targets.0: "http://shop:80" is not a valid hostname',
    ]);
  });

  test("what is not in this version stops a start with its line; `parse` only remarks on it", () => {
    const text =
      "scrape_configs:\n  - job_name: a\n    consul_sd_configs: [{ server: 'c:8500' }]\nremote_write: [{ url: 'http://x', google_iam: {} }]\n";
    expect(problems(text)).toEqual([
      "4:35 google_iam of remote_write: not in this version of Storewatch",
      "3:5 consul_sd_configs: not in this version of Storewatch",
    ]);
    expect(parse(text).unsupported.map((f) => f.severity)).toEqual(["error", "error"]);
    expect(problems("remote_write: [{ url: 'http://x' }]")).toEqual([]);
  });

  test("how long samples are kept is no matter of this file, and it says where it is", () => {
    const { unsupported } = parse("storage: { tsdb: { retention: { time: 90d, size: 5GB } } }\n");
    expect(unsupported.map(({ severity, message, fix }) => [severity, message, fix])).toEqual([
      ["warning", "retention.time is not read here", "set metrics.retention in storewatch.yml"],
      ["warning", "retention.size is not read here", "set metrics.retention_size in storewatch.yml"],
    ]);
  });

  test("jobs of included files belong to the file; a name that is there twice is refused", () => {
    const files = {
      "/etc/p.yml":
        "global: { scrape_interval: 7s }\nscrape_config_files: [more/*.yml]\nscrape_configs: [{ job_name: a }]",
      "/etc/more/b.yml": "scrape_configs:\n  - job_name: b\n    authorization: { credentials_file: token }\n",
    };
    const included = { ...sources(files), glob: () => ["/etc/more/b.yml"] };
    const config = parsePrometheusConfig("/etc/p.yml", included);
    expect(config.scrapeConfigs.map((job) => [job.jobName, job.intervalMs])).toEqual([
      ["a", 7000],
      ["b", 7000],
    ]);
    expect(config.scrapeConfigs[1].http.authorization?.credentialsFile).toBe("/etc/more/token");
    const twice = {
      ...included,
      readFile: (file: string) => files[file as keyof typeof files].replace("name: b", "name: a"),
    };
    expect(() => parsePrometheusConfig("/etc/p.yml", twice)).toThrow(
      '/etc/more/b.yml:2:5: found multiple scrape configs with job name "a", first found in main config file',
    );
  });

  test("tenants narrow a job; what is no tenant id is refused", () => {
    const scope = parse("scrape_configs: [{ job_name: a, tenants: [acme, 007] }]").scrapeConfigs[0].tenants;
    expect(scope.kind === "tenants" && [...scope.ids]).toEqual(["acme", "007"]);
    expect(problems("scrape_configs: [{ job_name: a, tenants: ['a b'] }]")[0]).toContain("not a tenant id");
  });

  test("sizes need a unit and know both spellings", () => {
    const size = (text: string) =>
      parse(`scrape_configs: [{ job_name: a, body_size_limit: ${text} }]`).scrapeConfigs[0].limits.bodyBytes;
    expect([size("10MB"), size("1GiB"), size("1.5KB"), size("0"), size("1MB512KB")]).toEqual([
      10 * 2 ** 20,
      2 ** 30,
      1536,
      0,
      1.5 * 2 ** 20,
    ]);
    expect(() => size("10mb")).toThrow("unknown unit mb");
  });

  test("no text makes it fail other than by a ConfigError", () => {
    const words = fc.constantFrom(
      "global:",
      "scrape_configs:",
      "- job_name: a",
      "relabel_configs:",
      "- action: replace",
      "regex: (",
      "targets: [",
      "{}",
      "[]",
      "null",
      "~",
      "&a",
      "*a",
      "<<: *a",
      "!!binary x",
      "5",
      "'",
      '"',
      "|",
      "static_configs:",
      "- targets: [a]",
      "params: {a: [b]}",
      "\t",
      "#",
      ":",
    );
    const lines = fc.array(fc.tuple(fc.integer({ min: 0, max: 4 }), fc.array(words, { maxLength: 3 })), {
      maxLength: 12,
    });
    fc.assert(
      fc.property(lines, (parts) => {
        const text = parts.map(([depth, line]) => " ".repeat(2 * depth) + line.join(" ")).join("\n");
        try {
          parse(text);
        } catch (error) {
          if (!(error instanceof ConfigError)) throw error;
        }
      }),
      { numRuns: 2000, seed: 7 },
    );
  });
});
