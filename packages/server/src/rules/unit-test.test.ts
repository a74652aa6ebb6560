import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { expect, test } from "vitest";
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
