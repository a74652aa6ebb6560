// tables/relabel.json: label sets through rules, the checks of rules, and rules as they stand in files.
import { Labels } from "@storewatch/model";
import { parsePrometheusConfig } from "../collect/prometheus-config.ts";
import {
  createRelabeller,
  RELABEL_DEFAULTS,
  type RelabelAction,
  type RelabelConfig,
  relabel,
} from "../collect/relabel.ts";
import type { Suite, SuiteReport } from "./suite.ts";
import {
  callArguments,
  type Fields,
  goName,
  isFields,
  items,
  readTable,
  type TableCase,
  type Value,
} from "./tables.ts";

export const relabelSuite: Suite = {
  name: "relabel",
  needs: "tables/relabel.json",
  async run(dataDir, report) {
    for (const one of await readTable(dataDir, "relabel.json")) runCase(one, report);
  },
};

function runCase({ func, fields, name }: TableCase, report: SuiteReport): void {
  const check = CHECKS[func];
  if (!check) report.skip(name, "tests how Go types are written as JSON or YAML");
  else verdict(report, name, check(fields));
}

const CHECKS: Readonly<Record<string, (fields: Fields) => string | undefined>> = {
  TestRelabel: checkRelabel,
  TestRelabelValidate: checkValidate,
  TestTargetLabelLegacyValidity: checkTarget,
  TestConfig_UnmarshalThenMarshal: (fields) => checkFile(String(fields.inputYaml)),
};

function verdict(report: SuiteReport, name: string, problem: string | undefined): void {
  if (problem === undefined) report.pass(name);
  else report.fail(name, problem);
}

function checkRelabel(fields: Fields): string | undefined {
  const rules = items(fields.relabel).map((rule) => toRule(rule as Fields));
  const got = relabel(toLabels(fields.input), createRelabeller(rules));
  const expected = fields.drop === true ? undefined : toLabels(fields.output);
  const show = (labels: Labels | undefined) => labels?.toString() ?? "dropped";
  return show(got) === show(expected) ? undefined : `got ${show(got)}, expected ${show(expected)}`;
}

function toLabels(value: Value | undefined): Labels {
  const [record] = callArguments(value);
  return Labels.from(isFields(record) ? (record as Record<string, string>) : {});
}

function toRule(fields: Fields): RelabelConfig {
  const action = goName(fields.Action).toLowerCase();
  const [pattern] = callArguments(fields.Regex);
  return {
    action: (action || RELABEL_DEFAULTS.action) as RelabelAction,
    sourceLabels: items(fields.SourceLabels).map(String),
    separator: String(fields.Separator ?? RELABEL_DEFAULTS.separator),
    regex: typeof pattern === "string" ? pattern : RELABEL_DEFAULTS.regex,
    modulus: BigInt(Number(fields.Modulus ?? 0)),
    targetLabel: String(fields.TargetLabel ?? ""),
    replacement: String(fields.Replacement ?? RELABEL_DEFAULTS.replacement),
  };
}

function checkValidate(fields: Fields): string | undefined {
  const config = fields.config as Fields;
  const rule = toRule(config);
  const scheme = goName(config.NameValidationScheme).includes("Legacy") ? "legacy" : "utf8";
  return compare(refusal(ruleYaml(rule), scheme), String(fields.expected ?? ""));
}

function checkTarget(fields: Fields): string | undefined {
  const problem = refusal(
    ruleYaml({ ...RELABEL_DEFAULTS, sourceLabels: ["a"], targetLabel: String(fields.str) }),
    "legacy",
  );
  // The original tests the pattern for templates alone; a text without a reference is checked as a plain name there.
  const valid = problem === undefined;
  return valid === fields.valid ? undefined : `valid: ${valid}, expected ${fields.valid}: ${problem ?? ""}`;
}

function checkFile(yaml: string): string | undefined {
  return compare(refusal(indent(`- ${indent(yaml, 2).trimStart()}`, 6), "utf8"), "");
}

function compare(problem: string | undefined, expected: string): string | undefined {
  if (expected === "") return problem === undefined ? undefined : `refused: ${problem}`;
  return problem?.includes(expected) ? undefined : `got ${problem ?? "accepted"}, expected ${expected}`;
}

function ruleYaml(rule: RelabelConfig): string {
  const { action, sourceLabels, regex, targetLabel, replacement } = rule;
  const map = { action, source_labels: sourceLabels, regex, target_label: targetLabel, replacement };
  return indent(`- ${JSON.stringify(map)}`, 6);
}

const indent = (text: string, by: number): string => text.replace(/^/gm, " ".repeat(by));

/** Why a file with these rules is refused. */
function refusal(rules: string, scheme: string): string | undefined {
  const global = `global:\n  metric_name_validation_scheme: ${scheme}\n`;
  const text = `${global}scrape_configs:\n  - job_name: j\n    relabel_configs:\n${rules}\n`;
  try {
    parsePrometheusConfig("relabel.yml", { readFile: () => text, glob: () => [], environment: {} });
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
