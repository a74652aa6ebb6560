import { mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { ConfigError, parseConfigDocument } from "../config/document.ts";
import { checkRules } from "./check.ts";
import { matchesPart } from "./glob.ts";
import { loadRuleFiles } from "./load.ts";
import { parseRuleFile } from "./rule-file.ts";

/** `line:column message` of what is wrong with a file. */
function problems(text: string): string[] {
  try {
    parseRuleFile("r.yml", text);
    return [];
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.findings.map(({ line, column, message }) => `${line}:${column} ${message}`);
  }
}

const rule = (lines: string) => `groups:\n- name: g\n  rules:\n  - ${lines.replaceAll("\n", "\n    ")}\n`;

describe("rule files", () => {
  test("every key of the format is read; numbers stay as they were written", () => {
    const [group] = parseRuleFile(
      "r.yml",
      [
        "groups:",
        "- name: g",
        "  interval: 30s",
        "  query_offset: 1m",
        "  limit: 7",
        "  labels: { team: a, tier: 1.0 }",
        "  rules:",
        "  - alert: A",
        "    expr: 1.50 > up",
        "    for: 5m",
        "    keep_firing_for: 1h",
        "    labels: { tier: 007 }",
        "    annotations: { n: 1e3 }",
        "  - record: r",
        "    expr: 1",
      ].join("\n"),
    );
    expect(group).toMatchObject({ intervalMs: 30_000, queryOffsetMs: 60_000, limit: 7 });
    expect(group.rules[0]).toMatchObject({
      expression: "1.50 > up",
      labels: { team: "a", tier: "007" },
      annotations: { n: "1e3" },
      forMs: 300_000,
      keepFiringForMs: 3_600_000,
      line: 8,
    });
    expect(group.rules[1]).toMatchObject({ type: "recording", labels: { team: "a", tier: "1.0" }, expression: "1" });
  });

  test("mistakes are told with their place", () => {
    expect(problems(rule("alert: A\nexpr: up ==\n"))[0]).toMatch(/^5:5 could not parse expression: 1:6: parse error/);
    expect(problems(rule("alert: A\nexpr: up\nannotation: {}"))).toEqual(["6:5 field annotation not found"]);
    expect(problems(rule("alert: A\nexpr: up\nfor: 5 minutes"))).toEqual([
      '6:5 for: not a valid duration string: "5 minutes"',
    ]);
    expect(problems(rule('alert: A\nexpr: up\nlabels:\n  x: "{{ $nope }}"'))[0]).toMatch(
      /^7:7 label "x": .*undefined variable "\$nope"/,
    );
    expect(problems(rule("record: r\nexpr: up\nfor: 1m"))).toEqual(["6:5 invalid field 'for' in recording rule"]);
    expect(problems(rule("expr: up"))).toEqual(["4:5 one of 'record' or 'alert' must be set"]);
    expect(problems("groups:\n- name: a\n- name: a\n")).toEqual(['3:3 groupname: "a" is repeated in the same file']);
    expect(problems("groups: 7")).toEqual(["1:1 groups: must be a list"]);
    expect(problems("")).toEqual([]);
  });

  test("all mistakes of all files at once; patterns in any part of a path", () => {
    const dir = mkdtempSync(path.join(tmpdir(), "storewatch-rules-"));
    mkdirSync(path.join(dir, "team-a"));
    writeFileSync(path.join(dir, "team-a", "x.yml"), rule("alert: A\nexpr: up"));
    writeFileSync(path.join(dir, "bad1.yml"), rule("alert: A"));
    writeFileSync(path.join(dir, "bad2.yml"), rule("alert: A\nexpr: ("));
    expect(loadRuleFiles(["team-*/*.yml"], dir).map((group) => path.basename(group.file))).toEqual(["x.yml"]);
    expect(loadRuleFiles(["none-*.yml"], dir)).toEqual([]);
    const failing = () => loadRuleFiles(["bad?.yml", "absent.yml"], dir);
    expect(failing).toThrow(/bad1\.yml:4:5: field 'expr'.*\n.*bad2\.yml.*\n.*absent\.yml:1:1: no such rule file/s);
  });

  test("parts of patterns", () => {
    const cases: [string, string, boolean][] = [
      ["*.yml", "a.yml", true],
      ["*.yml", "a.yaml", false],
      ["a*b*c", "axxbyyc", true],
      ["?.y", "é.y", true],
      ["[a-c]1", "b1", true],
      ["[^a-c]1", "b1", false],
      ["*", "", true],
    ];
    for (const [pattern, name, expected] of cases)
      expect([pattern, name, matchesPart(pattern, name)]).toEqual([pattern, name, expected]);
  });
});

describe("what a checker says beyond the format", () => {
  const codes = (text: string) =>
    checkRules(parseConfigDocument("r.yml", text)).map(({ code, line }) => `${line} ${code}`);

  test("a series divided by itself is always 1", () => {
    const ratio = 'rate(http_requests_total{status_code=~"5.."}[5m]) / rate(http_requests_total[5m])';
    expect(codes(rule(`alert: A\nexpr: ${ratio} > 0.1`))).toEqual(["4 RULE_CONSTANT"]);
    const summed = 'sum(rate(http_requests_total{status_code=~"5.."}[5m])) / sum(rate(http_requests_total[5m]))';
    expect(codes(rule(`alert: A\nexpr: ${summed} > 0.1`))).toEqual([]);
    expect(codes(rule("alert: A\nexpr: rate(a_total[5m]) / rate(b_total[5m]) > 1"))).toEqual([]);
    expect(codes(rule("alert: A\nexpr: a / ignoring(code) a > 1"))).toEqual([]);
  });

  test("the same rule twice", () => {
    const text = "groups:\n- name: g\n  rules:\n  - { record: r, expr: up }\n  - { record: r, expr: up }\n";
    expect(codes(text)).toEqual(["5 RULE_DUPLICATE"]);
  });

  test("rules of a PrometheusRule object", () => {
    const text = "kind: PrometheusRule\nspec:\n  groups:\n  - name: g\n    rules:\n    - { alert: A, expr: 'up +' }\n";
    expect(codes(text)).toEqual(["6 RULE_EXPRESSION"]);
  });
});
