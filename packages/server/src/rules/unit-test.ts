// `storewatch test rules`: promtool's unit-test files, run on the product's own rule groups and PromQL engine.
import { type Clock, type Finding, formatDurationMs, type LabelRecord, Labels, type Sample } from "@storewatch/model";
import { createEngine, type Engine, QueryError, type VectorSample } from "@storewatch/promql/engine";
import { formatHistogram } from "@storewatch/promql/promqltest";
import { ConfigError } from "../config/document.ts";
import type { AlertingRule } from "./alerting-rule.ts";
import { TemplateExpander } from "./expand.ts";
import { loadRuleFiles } from "./load.ts";
import type { RuleGroupConfig } from "./rule-file.ts";
import { RuleGroup } from "./rule-group.ts";
import {
  type AlertExpectation,
  type ExpectedSample,
  type ExpressionExpectation,
  type RuleTest,
  type RuleTestFile,
  readRuleTestFile,
} from "./test-file.ts";
import { TestStore } from "./test-store.ts";

export interface RuleTestOptions {
  readonly clock: Pick<Clock, "monotonicMs">;
  /** Only tests whose name this accepts. */
  readonly only?: (name: string) => boolean;
  /** Unknown keys of rule files are passed over. Default false. */
  readonly ignoreUnknownFields?: boolean;
}

export interface RuleTestResult {
  readonly file: string;
  /** How many tests of the file ran. */
  readonly tests: number;
  /** What failed; empty when all is well. The message of each holds the difference. */
  readonly findings: readonly Finding[];
}

/** More evaluations than this in one test is a mistake in the file (a year at one a minute is half a million). */
const EVALUATIONS_MAX = 2_000_000;

/** Runs test files, one after the other. Never rejects for what stands in a file. */
export async function testRules(files: readonly string[], options: RuleTestOptions): Promise<RuleTestResult[]> {
  const results: RuleTestResult[] = [];
  for (const file of files) results.push(await testFile(file, options));
  return results;
}

async function testFile(file: string, options: RuleTestOptions): Promise<RuleTestResult> {
  try {
    const testFileContent = readRuleTestFile(file);
    const { ignoreUnknownFields = false } = options;
    const groups = loadRuleFiles(testFileContent.ruleFiles, "/", { ignoreUnknownFields, experimental: true });
    const tests = testFileContent.tests.filter((test) => options.only?.(test.name) ?? true);
    const findings: Finding[] = [];
    for (const test of tests) findings.push(...(await new TestRun(testFileContent, test, groups, options).run()));
    return { file, tests: tests.length, findings };
  } catch (error) {
    if (error instanceof ConfigError) return { file, tests: 0, findings: error.findings };
    const message = error instanceof Error ? error.message : String(error);
    return { file, tests: 0, findings: [{ code: "RULE_TEST", severity: "error", file, line: 1, column: 1, message }] };
  }
}

class TestRun {
  private readonly store = new TestStore();
  private readonly engine: Engine;
  private readonly groups: RuleGroup[];
  private readonly findings: Finding[] = [];
  private readonly ruleErrors: string[] = [];

  constructor(
    private readonly file: RuleTestFile,
    private readonly test: RuleTest,
    configs: readonly RuleGroupConfig[],
    options: RuleTestOptions,
  ) {
    this.engine = createEngine({ clock: options.clock, experimental: true });
    const order = new Map(file.groupOrder.map((name, i) => [name, i]));
    const rank = (config: RuleGroupConfig) => order.get(config.name) ?? order.size;
    this.groups = [...configs].sort((a, b) => rank(a) - rank(b)).map((config) => this.group(config, options));
  }

  private group(config: RuleGroupConfig, options: RuleTestOptions): RuleGroup {
    const append = async (_: unknown, samples: readonly Sample[]) => this.store.append(samples);
    return new RuleGroup(config, {
      dependencies: {
        query: (_, expression, timeMs) => this.query(expression, timeMs),
        select: (_, matchers, fromMs, toMs) => this.store.select(matchers, fromMs, toMs),
        append,
        alerts: () => {},
      },
      expander: new TemplateExpander(this.test.externalUrl),
      externalLabels: this.test.externalLabels,
      defaultIntervalMs: this.file.evaluationIntervalMs,
      monotonicMs: () => options.clock.monotonicMs(),
      onRuleError: (_, rule, message) => this.ruleErrors.push(`rule ${rule.name}: ${message}`),
    });
  }

  private async query(expression: string, timeMs: number): Promise<readonly VectorSample[]> {
    const { value } = await this.engine.instant(this.store, { expression }, timeMs);
    if (value.type === "vector") return value.samples;
    if (value.type === "scalar") return [{ labels: Labels.empty, timeMs, value: value.value }];
    throw new QueryError("execution", "rule result is not a vector or scalar");
  }

  async run(): Promise<Finding[]> {
    const { test, file } = this;
    this.store.load(test.input, test.startMs, test.intervalMs);
    const times = [...test.alerts, ...test.expressions].map((expectation) => expectation.evalTimeMs);
    const endMs = Math.max(0, ...times);
    const stepMs = file.evaluationIntervalMs;
    if (endMs / stepMs > EVALUATIONS_MAX) {
      this.fail(test.line, `more than ${EVALUATIONS_MAX} evaluations: is evaluation_interval right?`);
      return this.findings;
    }
    for (let atMs = 0; atMs <= endMs && this.ruleErrors.length === 0; atMs += stepMs) {
      this.store.visibleUntilMs = test.startMs + atMs;
      for (const group of this.groups) await group.evaluate(test.startMs + atMs);
      for (const expectation of test.alerts) {
        if (expectation.evalTimeMs >= atMs && expectation.evalTimeMs < atMs + stepMs) this.checkAlerts(expectation);
      }
    }
    for (const message of this.ruleErrors) this.fail(test.line, message);
    if (this.ruleErrors.length > 0) return this.findings;
    for (const expectation of test.expressions) await this.checkExpression(expectation);
    return this.findings;
  }

  private fail(line: number, message: string): void {
    const name = this.test.name === "" ? "" : `test "${this.test.name}": `;
    this.findings.push({
      code: "RULE_TEST",
      severity: "error",
      file: this.file.file,
      line,
      column: 1,
      message: name + message,
    });
  }

  private checkAlerts(expectation: AlertExpectation): void {
    const rules = this.groups.flatMap((group) => group.alertingRules);
    const got = rules.filter((rule) => rule.name === expectation.alertname).flatMap(firingAlerts);
    const expected = expectation.alerts.map((alert) => alertText(alert.labels, alert.annotations));
    const difference = differenceOf(expected, got);
    if (difference === "") return;
    const time = formatDurationMs(expectation.evalTimeMs);
    this.fail(expectation.line, `alertname ${expectation.alertname} at ${time}\n${difference}`);
  }

  private async checkExpression(expectation: ExpressionExpectation): Promise<void> {
    const { expression, evalTimeMs, samples, line } = expectation;
    const where = `expr ${JSON.stringify(expression)} at ${formatDurationMs(evalTimeMs)}`;
    let got: readonly VectorSample[];
    try {
      got = await this.query(expression, this.test.startMs + evalTimeMs);
    } catch (error) {
      this.fail(line, `${where}: ${error instanceof Error ? error.message : String(error)}`);
      return;
    }
    const difference = this.sampleDifference(samples, got);
    if (difference !== "") this.fail(line, `${where}\n${difference}`);
  }

  private sampleDifference(expected: readonly ExpectedSample[], got: readonly VectorSample[]): string {
    const byLabels = new Map(expected.map((sample) => [sample.labels.key, sample]));
    // A value that is equal enough is shown as the expected one, so that only real differences remain.
    const texts = got.map(({ labels, value, histogram }) => {
      if (histogram) return `${labels} ${formatHistogram(histogram)}`;
      const wanted = byLabels.get(labels.key);
      const same = wanted !== undefined && sameValue(wanted.value, value, this.file.fuzzyCompare);
      return `${labels} ${same ? wanted.value : value}`;
    });
    return differenceOf(
      expected.map(({ labels, value, histogram }) => `${labels} ${histogram ? formatHistogram(histogram) : value}`),
      texts,
    );
  }
}

function firingAlerts(rule: AlertingRule): string[] {
  return rule
    .view()
    .alerts.filter((alert) => alert.state === "firing")
    .map((alert) => alertText(Labels.from(alert.labels), alert.annotations));
}

function alertText(labels: Labels, annotations: LabelRecord): string {
  const notes = Object.entries(annotations).sort(([a], [b]) => (a < b ? -1 : 1));
  return [String(labels), ...notes.map(([name, text]) => `  ${name}: ${JSON.stringify(text)}`)].join("\n");
}

/** Equal, or with `fuzzy` the very next floating point number. NaN equals NaN. */
function sameValue(a: number, b: number, fuzzy: boolean): boolean {
  if (a === b || (Number.isNaN(a) && Number.isNaN(b))) return true;
  if (!fuzzy || !Number.isFinite(a) || !Number.isFinite(b) || Math.sign(a) !== Math.sign(b)) return false;
  const bits = new BigInt64Array(Float64Array.of(a, b).buffer);
  const distance = bits[0] - bits[1];
  return distance === 1n || distance === -1n;
}

/** What is expected and not there ("-"), and what is there and not expected ("+"); "" when the two are alike. */
function differenceOf(expected: readonly string[], got: readonly string[]): string {
  const left = [...got];
  const missing = expected.filter((text) => {
    const at = left.indexOf(text);
    if (at >= 0) left.splice(at, 1);
    return at < 0;
  });
  const lines = [...missing.map((text) => marked("- ", text)), ...left.map((text) => marked("+ ", text))];
  return lines.join("\n");
}

function marked(mark: string, text: string): string {
  return text
    .split("\n")
    .map((line) => `    ${mark}${line}`)
    .join("\n");
}
