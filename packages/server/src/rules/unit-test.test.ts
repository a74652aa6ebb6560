import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { testRules } from "./unit-test.ts";

const dir = mkdtempSync(path.join(tmpdir(), "storewatch-unit-test-"));
writeFileSync(
  path.join(dir, "rules.yml"),
  [
    "groups:",
    "- name: g",
    "  rules:",
    "  - { record: 'job:up:sum', expr: sum by (job) (up) }",
    "  - alert: Down",
    "    expr: up == 0",
    "    for: 2m",
    "    labels: { severity: page }",
    '    annotations: { summary: "{{ $labels.job }} is down" }',
  ].join("\n"),
);

async function run(text: string) {
  const file = path.join(dir, "test.yml");
  writeFileSync(file, `rule_files: [rules.yml]\ntests:\n${text}`);
  const [result] = await testRules([file], { clock: { monotonicMs: () => 0 } });
  return result.findings.map(({ line, message }) => `${line} ${message}`);
}

const INPUT = "- input_series:\n  - { series: 'up{job=\"a\"}', values: '0x10' }\n";

test("what is as expected passes", async () => {
  const text = `${INPUT}  alert_rule_test:
  - { eval_time: 1m, alertname: Down }
  - eval_time: 2m
    alertname: Down
    exp_alerts:
    - exp_labels: { severity: page, job: a }
      exp_annotations: { summary: a is down }
  promql_expr_test:
  - { expr: 'job:up:sum', eval_time: 90s, exp_samples: [{ labels: 'job:up:sum{job="a"}', value: 0 }] }
`;
  expect(await run(text)).toEqual([]);
});

test("what differs is shown with its line, missing and unexpected apart", async () => {
  const text = `${INPUT}  name: differs
  alert_rule_test:
  - eval_time: 5m
    alertname: Down
    exp_alerts: [{ exp_labels: { severity: warning, job: a } }]
  promql_expr_test:
  - { expr: up, eval_time: 1m, exp_samples: [{ labels: 'up{job="a"}', value: 1 }] }
`;
  expect(await run(text)).toEqual([
    [
      '7 test "differs": alertname Down at 5m',
      '    - {alertname="Down", job="a", severity="warning"}',
      '    + {alertname="Down", job="a", severity="page"}',
      '    +   summary: "a is down"',
    ].join("\n"),
    ['11 test "differs": expr "up" at 1m', '    - up{job="a"} 1', '    + up{job="a"} 0'].join("\n"),
  ]);
});

test("mistakes in the test file are told with their place", async () => {
  expect(await run("- input_series:\n  - { series: 'up{', values: '0 x' }\n  alert_rules_test: []\n")).toEqual([
    "5 field alert_rules_test not found",
    expect.stringMatching(/^4 "up\{": /),
    expect.stringMatching(/^4 unexpected value "x"/),
  ]);
  const [missing] = await testRules([path.join(dir, "absent.yml")], { clock: { monotonicMs: () => 0 } });
  expect(missing.findings).toHaveLength(1);
});

/** A whole test file beside its own rule files. */
async function runFile(files: Readonly<Record<string, string>>) {
  const folder = mkdtempSync(path.join(dir, "case-"));
  for (const [name, text] of Object.entries(files)) writeFileSync(path.join(folder, name), text);
  const [result] = await testRules([path.join(folder, "test.yml")], { clock: { monotonicMs: () => 0 } });
  return result.findings.map(({ line, message }) => `${line} ${message}`);
}

describe("what newer promtools know", () => {
  const thirds = (more: string, value: string) => ({
    "test.yml": `${more}tests:
- input_series: [{ series: x, values: '0.1+0.2x3' }]
  promql_expr_test: [{ expr: "sum_over_time(x[5m])", eval_time: 2m, exp_samples: [{ labels: '{}', value: ${value} }] }]
`,
  });

  test("fuzzy_compare lets the next floating point number pass, and no other", async () => {
    // What the sum is in this engine, to the last digit.
    const [first] = await runFile(thirds("", "1.5"));
    const got = Number(/\+ \{\} (\S+)/.exec(first)![1]);
    const next = (by: number) => {
      const bits = new BigInt64Array(Float64Array.of(got).buffer);
      bits[0] += BigInt(by);
      return String(new Float64Array(bits.buffer)[0]);
    };
    expect(await runFile(thirds("", String(got)))).toEqual([]);
    expect(await runFile(thirds("", next(1)))).toHaveLength(1);
    expect(await runFile(thirds("fuzzy_compare: true\n", next(1)))).toEqual([]);
    expect(await runFile(thirds("fuzzy_compare: true\n", next(-1)))).toEqual([]);
    expect(await runFile(thirds("fuzzy_compare: true\n", next(2)))).toHaveLength(1);
  });

  test.each([
    ["2024-02-29T12:00:00Z", 1_709_208_000],
    ["1709208000", 1_709_208_000],
    ["-3600", -3600],
  ])("start_timestamp %s is the time of eval_time 0", async (start, seconds) => {
    const files = {
      "rules.yml": "groups: [{ name: g, rules: [{ record: at, expr: time() }] }]\n",
      "test.yml": `rule_files: [rules.yml]
tests:
- start_timestamp: ${start}
  input_series: [{ series: x, values: '0+1x10' }]
  promql_expr_test:
  - { expr: time(), eval_time: 90s, exp_samples: [{ value: ${seconds + 90} }] }
  - { expr: at, eval_time: 90s, exp_samples: [{ labels: at, value: ${seconds + 60} }] }
  - { expr: timestamp(x), eval_time: 2m, exp_samples: [{ labels: '{}', value: ${seconds + 120} }] }
`,
    };
    expect(await runFile(files)).toEqual([]);
  });

  test("a start_timestamp that is no time is refused", async () => {
    expect(await runFile({ "test.yml": "tests:\n- start_timestamp: yesterday\n" })).toEqual([
      '2 start_timestamp: neither RFC 3339 nor a number of seconds: "yesterday"',
    ]);
  });

  test("group_eval_order: a group sees what one before it recorded at the same time", async () => {
    const files = (order: string) => ({
      "rules.yml": `groups:
- { name: reads, rules: [{ record: b, expr: a + 1 }] }
- { name: writes, rules: [{ record: a, expr: vector(1) }] }
`,
      "test.yml": `rule_files: [rules.yml]
${order}tests:
- promql_expr_test: [{ expr: b, eval_time: 0s, exp_samples: [{ labels: b, value: 2 }] }]
`,
    });
    expect(await runFile(files("group_eval_order: [writes, reads]\n"))).toEqual([]);
    expect(await runFile(files(""))).toHaveLength(1);
    // Groups that are not named come after those that are.
    expect(await runFile(files("group_eval_order: [writes]\n"))).toEqual([]);
  });

  test("external_labels and external_url are for templates, of this test only", async () => {
    const files = {
      "rules.yml": `groups:
- name: g
  rules:
  - alert: A
    expr: vector(1)
    labels: { where: "{{ $externalLabels.region }}" }
    annotations: { link: "{{ $externalURL }}/x", path: "{{ pathPrefix }}" }
`,
      "test.yml": `rule_files: [rules.yml]
tests:
- external_labels: { region: eu }
  external_url: http://watch.example/base
  alert_rule_test:
  - eval_time: 0s
    alertname: A
    exp_alerts: [{ exp_labels: { where: eu }, exp_annotations: { link: "http://watch.example/base/x", path: /base } }]
- alert_rule_test:
  - { eval_time: 0s, alertname: A, exp_alerts: [{ exp_annotations: { link: /x, path: "" } }] }
`,
    };
    expect(await runFile(files)).toEqual([]);
  });

  test("native histograms are read, recorded and compared", async () => {
    const files = {
      "rules.yml": "groups: [{ name: g, rules: [{ record: r, expr: sum(h) }] }]\n",
      "test.yml": `rule_files: [rules.yml]
tests:
- name: native
  input_series:
  - { series: 'h{a="b"}', values: '{{schema:0 sum:1 count:1 buckets:[1]}}x3' }
  - { series: 'h{a="c"}', values: '{{schema:0 sum:2 count:3 buckets:[1 2]}}x3' }
  promql_expr_test:
  - { expr: r, eval_time: 1m, exp_samples: [{ labels: r, histogram: "{{sum:3 count:4 buckets:[2 2] counter_reset_hint:not_reset}}" }] }
  - { expr: histogram_count(r), eval_time: 1m, exp_samples: [{ value: 4 }] }
  - { expr: "h{a='b'}", eval_time: 1m, exp_samples: [{ labels: "h{a='b'}", histogram: "{{sum:1 count:1 buckets:[2]}}" }] }
- promql_expr_test: [{ expr: h, eval_time: 1m, exp_samples: [{ histogram: "1" }] }]
`,
    };
    expect(await runFile({ ...files, "test.yml": files["test.yml"].replace(/\n- promql.*\n/, "\n") })).toEqual([
      expect.stringMatching(/expr "h\{a='b'\}" at 1m\n.*- .*buckets:\[2\].*\n.*\+ .*buckets:\[1\]/),
    ]);
    await expect(runFile(files)).resolves.toEqual([expect.stringMatching(/histogram: expected one \{\{…\}\}/)]);
  });

  test("a rule that fails ends its test with the rule's name", async () => {
    const files = {
      "rules.yml": "groups: [{ name: g, limit: 1, rules: [{ alert: A, expr: x == 1 }] }]\n",
      "test.yml": `rule_files: [rules.yml]
tests:
- input_series: [{ series: 'x{a="1"}', values: 1x3 }, { series: 'x{a="2"}', values: 1x3 }]
  alert_rule_test: [{ eval_time: 1m, alertname: A }]
`,
    };
    expect(await runFile(files)).toEqual(["3 rule A: exceeded limit of 1 with 2 alerts"]);
  });
});
