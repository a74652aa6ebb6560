// promtool's unit-test files for rules, read strictly.
import { readFileSync } from "node:fs";
import path from "node:path";
import { type LabelRecord, Labels, type NativeHistogram } from "@storewatch/model";
import { ParseError, parseMetric, parseNumberText } from "@storewatch/promql/parser";
import { parseSeriesItems, type SeriesLine, SeriesSyntaxError } from "@storewatch/promql/promqltest";
import { ConfigError, type Path, parseConfigDocument } from "../config/document.ts";
import { FieldReader, type Fields, isMap } from "./field-reader.ts";

export interface AlertExpectation {
  readonly evalTimeMs: number;
  readonly alertname: string;
  readonly alerts: readonly { readonly labels: Labels; readonly annotations: LabelRecord }[];
  readonly line: number;
}

export interface ExpectedSample {
  readonly labels: Labels;
  readonly value: number;
  /** Instead of a value. */
  readonly histogram: NativeHistogram | undefined;
}

export interface ExpressionExpectation {
  readonly expression: string;
  readonly evalTimeMs: number;
  readonly samples: readonly ExpectedSample[];
  readonly line: number;
}

export interface RuleTest {
  readonly name: string;
  readonly line: number;
  readonly intervalMs: number;
  /** The time that eval_time 0 stands for. */
  readonly startMs: number;
  readonly input: readonly SeriesLine[];
  readonly alerts: readonly AlertExpectation[];
  readonly expressions: readonly ExpressionExpectation[];
  readonly externalLabels: LabelRecord;
  readonly externalUrl: string;
}

export interface RuleTestFile {
  readonly file: string;
  readonly ruleFiles: readonly string[];
  readonly evaluationIntervalMs: number;
  readonly groupOrder: readonly string[];
  readonly fuzzyCompare: boolean;
  readonly tests: readonly RuleTest[];
}

const MINUTE_MS = 60_000;
const TOP_KEYS = ["rule_files", "evaluation_interval", "group_eval_order", "fuzzy_compare", "tests"];
const TEST_KEYS = [
  "name",
  "interval",
  "start_timestamp",
  "input_series",
  "alert_rule_test",
  "promql_expr_test",
  "external_labels",
  "external_url",
];

/** Reads a test file. Throws ConfigError with everything that is wrong with it. */
export function readRuleTestFile(file: string): RuleTestFile {
  const document = parseConfigDocument(file, readFileSync(file, "utf8"));
  const reader = new TestFileReader(
    new FieldReader(document, { code: "RULE_TEST_FORMAT", ignoreUnknownFields: false }),
  );
  const result = reader.read(file, document.data);
  if (reader.fields.findings.length > 0) throw new ConfigError(reader.fields.findings);
  return result;
}

class TestFileReader {
  constructor(readonly fields: FieldReader) {}

  read(file: string, data: unknown): RuleTestFile {
    const top = isMap(data) ? data : {};
    if (data != null && !isMap(data)) this.fields.error([], "a test file is a map with the key `tests`");
    this.fields.keys(top, [], TOP_KEYS);
    const texts = (key: string) => this.fields.list(top, key, []).map(({ value }) => String(value));
    const evaluationIntervalMs = this.fields.duration(top, "evaluation_interval", []) || MINUTE_MS;
    return {
      file,
      ruleFiles: texts("rule_files").map((pattern) => path.resolve(path.dirname(file), pattern)),
      evaluationIntervalMs,
      groupOrder: texts("group_eval_order"),
      fuzzyCompare: top.fuzzy_compare === true,
      tests: this.fields.maps(top, "tests", []).map((item) => this.test(item.fields, item.path, evaluationIntervalMs)),
    };
  }

  private lineOf(at: Path): number {
    return this.fields.document.locate(at).line;
  }

  private test(item: Fields, at: Path, evaluationIntervalMs: number): RuleTest {
    const { fields } = this;
    fields.keys(item, at, TEST_KEYS);
    return {
      name: fields.text(item, "name", at),
      line: this.lineOf(at),
      intervalMs: fields.duration(item, "interval", at) || evaluationIntervalMs,
      startMs: this.start(fields.text(item, "start_timestamp", at), [...at, "start_timestamp"]),
      input: fields.maps(item, "input_series", at).flatMap((series) => this.series(series.fields, series.path)),
      alerts: fields.maps(item, "alert_rule_test", at).map((test) => this.alertTest(test.fields, test.path)),
      expressions: fields.maps(item, "promql_expr_test", at).map((test) => this.expressionTest(test.fields, test.path)),
      externalLabels: fields.labels(item, "external_labels", at),
      externalUrl: fields.text(item, "external_url", at),
    };
  }

  /** RFC 3339, or seconds since the epoch. */
  private start(text: string, at: Path): number {
    if (text === "") return 0;
    const ms = /^-?\d+(\.\d+)?$/.test(text) ? Number(text) * 1000 : Date.parse(text);
    if (Number.isNaN(ms)) this.fields.error(at, `start_timestamp: neither RFC 3339 nor a number of seconds: "${text}"`);
    return Number.isNaN(ms) ? 0 : Math.round(ms);
  }

  private series(item: Fields, at: Path): SeriesLine[] {
    this.fields.keys(item, at, ["series", "values"]);
    const labels = this.metric(this.fields.text(item, "series", at), [...at, "series"]);
    try {
      return [{ labels, items: parseSeriesItems(this.fields.text(item, "values", at)) }];
    } catch (error) {
      if (!(error instanceof SeriesSyntaxError || error instanceof ParseError)) throw error;
      this.fields.error([...at, "values"], error.message);
      return [];
    }
  }

  private metric(text: string, at: Path): Labels {
    if (text.trim() === "") return Labels.empty;
    try {
      const { labels, rest } = parseMetric(text);
      if (rest !== "") this.fields.error(at, `unexpected "${rest}" behind the series`);
      return labels;
    } catch (error) {
      if (!(error instanceof ParseError)) throw error;
      this.fields.error(at, `"${text}": ${error.message}`);
      return Labels.empty;
    }
  }

  private alertTest(item: Fields, at: Path): AlertExpectation {
    const { fields } = this;
    fields.keys(item, at, ["eval_time", "alertname", "exp_alerts"]);
    const alertname = fields.text(item, "alertname", at);
    if (alertname === "") fields.error(at, "an item under alert_rule_test misses required attribute alertname");
    const alerts = fields.maps(item, "exp_alerts", at).map(({ fields: alert, path: alertAt }) => {
      fields.keys(alert, alertAt, ["exp_labels", "exp_annotations"]);
      const labels = Labels.from({ ...fields.labels(alert, "exp_labels", alertAt), alertname });
      return { labels, annotations: fields.labels(alert, "exp_annotations", alertAt) };
    });
    return { evalTimeMs: fields.duration(item, "eval_time", at) ?? 0, alertname, alerts, line: this.lineOf(at) };
  }

  private expressionTest(item: Fields, at: Path): ExpressionExpectation {
    const { fields } = this;
    fields.keys(item, at, ["expr", "eval_time", "exp_samples"]);
    const samples = fields.maps(item, "exp_samples", at).map(({ fields: sample, path: sampleAt }) => {
      fields.keys(sample, sampleAt, ["labels", "value", "histogram"]);
      return {
        labels: this.metric(fields.text(sample, "labels", sampleAt), [...sampleAt, "labels"]),
        value: this.number(fields.text(sample, "value", sampleAt), [...sampleAt, "value"]),
        histogram: this.histogram(fields.text(sample, "histogram", sampleAt), [...sampleAt, "histogram"]),
      };
    });
    const evalTimeMs = fields.duration(item, "eval_time", at) ?? 0;
    return { expression: fields.text(item, "expr", at), evalTimeMs, samples, line: this.lineOf(at) };
  }

  private histogram(text: string, at: Path): NativeHistogram | undefined {
    if (text === "") return undefined;
    try {
      const items = parseSeriesItems(text);
      if (items.length === 1 && items[0].kind === "histogram") return items[0].histogram;
      this.fields.error(at, `histogram: expected one {{…}}, got ${text}`);
    } catch (error) {
      if (!(error instanceof SeriesSyntaxError)) throw error;
      this.fields.error(at, `histogram: ${error.message}`);
    }
    return undefined;
  }

  private number(text: string, at: Path): number {
    if (text === "") return 0;
    const word = /^([+-]?)\.?(inf|infinity|nan)$/i.exec(text);
    if (word) return word[2].toLowerCase() === "nan" ? Number.NaN : word[1] === "-" ? -Infinity : Infinity;
    const sign = text.startsWith("-") ? -1 : 1;
    const value = sign * parseNumberText(text.replace(/^[+-]/, ""));
    if (Number.isNaN(value)) this.fields.error(at, `value: not a number: "${text}"`);
    return value;
  }
}
