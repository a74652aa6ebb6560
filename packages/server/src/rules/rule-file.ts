// The rule file format: groups of recording and alerting rules, read strictly and with positions.
import { type Finding, formatDurationMs, type LabelRecord, METRIC_NAME } from "@storewatch/model";
import { type Expr, ParseError, parseExpression } from "@storewatch/promql/parser";
import { type ConfigDocument, ConfigError, type Path, parseConfigDocument } from "../config/document.ts";
import { checkTemplate, PROMETHEUS_FUNCTION_NAMES, TemplateError } from "../template/index.ts";
import { TEMPLATE_PREFIX } from "./expand.ts";
import { FieldReader, type Fields, isMap } from "./field-reader.ts";

interface RuleBase {
  /** As written. */
  readonly expression: string;
  readonly parsed: Expr;
  /** The rule's labels over those of its group. */
  readonly labels: LabelRecord;
  /** Where the rule stands in the file, from 1. */
  readonly line: number;
}

export interface RecordingRuleConfig extends RuleBase {
  readonly type: "recording";
  readonly record: string;
}

export interface AlertingRuleConfig extends RuleBase {
  readonly type: "alerting";
  readonly alert: string;
  readonly annotations: LabelRecord;
  readonly forMs: number;
  readonly keepFiringForMs: number;
}

export type RuleConfig = RecordingRuleConfig | AlertingRuleConfig;

export interface RuleGroupConfig {
  readonly name: string;
  readonly file: string;
  /** undefined: the global evaluation interval. */
  readonly intervalMs: number | undefined;
  /** undefined: the global offset. */
  readonly queryOffsetMs: number | undefined;
  /** Most alerts or series of one rule; 0 = no limit. */
  readonly limit: number;
  readonly rules: readonly RuleConfig[];
}

export interface ParsedRuleFile {
  readonly groups: readonly RuleGroupConfig[];
  /** Empty when the file is fine. */
  readonly findings: readonly Finding[];
}

export interface RuleFileOptions {
  /** Keys that the format does not know are passed over instead of refused. Default false. */
  readonly ignoreUnknownFields?: boolean;
  /** Experimental PromQL is accepted. Default false. */
  readonly experimental?: boolean;
}

const TOP_KEYS = ["groups"];
const GROUP_KEYS = ["name", "interval", "query_offset", "limit", "labels", "rules", "partial_response_strategy"];
const RULE_KEYS = ["record", "alert", "expr", "for", "keep_firing_for", "labels", "annotations"];

/** Reads a rule file. Throws ConfigError with everything that is wrong with it. */
export function parseRuleFile(file: string, text: string, options: RuleFileOptions = {}): readonly RuleGroupConfig[] {
  const { groups, findings } = readRuleDocument(parseConfigDocument(file, text), options);
  if (findings.some((finding) => finding.severity === "error")) throw new ConfigError(findings);
  return groups;
}

/** Reads what can be read, with everything that is wrong. A PrometheusRule object holds its groups under `spec`. */
export function readRuleDocument(document: ConfigDocument, options: RuleFileOptions = {}): ParsedRuleFile {
  return new RuleFileReader(document, options).read();
}

export function isPrometheusRule(data: unknown): boolean {
  return isMap(data) && data.kind === "PrometheusRule";
}

class RuleFileReader {
  private readonly fields: FieldReader;

  constructor(
    private readonly document: ConfigDocument,
    private readonly options: RuleFileOptions,
  ) {
    const ignoreUnknownFields = options.ignoreUnknownFields ?? false;
    this.fields = new FieldReader(document, { code: "RULE_FORMAT", ignoreUnknownFields });
  }

  private get error(): FieldReader["error"] {
    return this.fields.error.bind(this.fields);
  }

  read(): ParsedRuleFile {
    const { data } = this.document;
    const { findings } = this.fields;
    const isObject = isPrometheusRule(data);
    const root: Path = isObject ? ["spec"] : [];
    const top = isObject ? (data as Fields).spec : data;
    if (top == null) return { groups: [], findings };
    if (!isMap(top)) {
      this.error(root, "a rule file is a map with the key `groups`");
      return { groups: [], findings };
    }
    this.fields.keys(top, root, TOP_KEYS);
    const groups: RuleGroupConfig[] = [];
    const seen = new Set<string>();
    for (const { fields, path } of this.fields.maps(top, "groups", root)) {
      const group = this.group(fields, path);
      const repeated = `groupname: "${group.name}" is repeated in the same file`;
      if (seen.has(group.name)) this.error([...path, "name"], repeated);
      seen.add(group.name);
      groups.push(group);
    }
    return { groups, findings };
  }

  private group(item: Fields, path: Path): RuleGroupConfig {
    const reader = this.fields;
    reader.keys(item, path, GROUP_KEYS);
    const name = reader.text(item, "name", path);
    if (name === "") this.error(path, "Groupname must not be empty");
    const shared = reader.labels(item, "labels", path);
    this.labelNames(shared, [...path, "labels"]);
    const limit = item.limit ?? 0;
    const isInteger = typeof limit === "number" && Number.isInteger(limit);
    if (!isInteger) this.error([...path, "limit"], "limit: must be an integer");
    const rules = reader.maps(item, "rules", path).flatMap((rule) => this.rule(rule.fields, rule.path, shared) ?? []);
    const intervalMs = reader.duration(item, "interval", path);
    return {
      name,
      file: this.document.file,
      intervalMs: intervalMs === 0 ? undefined : intervalMs,
      queryOffsetMs: reader.duration(item, "query_offset", path),
      limit: isInteger ? limit : 0,
      rules,
    };
  }

  private rule(item: Fields, path: Path, shared: LabelRecord): RuleConfig | undefined {
    const reader = this.fields;
    reader.keys(item, path, RULE_KEYS);
    const record = reader.text(item, "record", path);
    const alert = reader.text(item, "alert", path);
    if (record !== "" && alert !== "") this.error(path, "only one of 'record' and 'alert' must be set");
    if (record === "" && alert === "") this.error(path, "one of 'record' or 'alert' must be set");
    const expression = reader.text(item, "expr", path);
    const parsed = this.expression(expression, path);
    const own = reader.labels(item, "labels", path);
    this.labelNames(own, [...path, "labels"]);
    const annotations = reader.labels(item, "annotations", path);
    const forMs = reader.duration(item, "for", path);
    const keepFiringForMs = reader.duration(item, "keep_firing_for", path);
    const line = this.document.locate(path).line;
    const labels = { ...shared, ...own };
    if (record !== "") {
      this.recording(record, path, { annotations, forMs, keepFiringForMs });
      return parsed && { type: "recording", record, expression, parsed, labels, line };
    }
    this.templates(alert, own, [...path, "labels"], "label");
    this.templates(alert, annotations, [...path, "annotations"], "annotation");
    const times = { forMs: forMs ?? 0, keepFiringForMs: keepFiringForMs ?? 0 };
    return parsed && { type: "alerting", alert, expression, parsed, labels, annotations, ...times, line };
  }

  private recording(
    record: string,
    path: Path,
    given: { annotations: LabelRecord; forMs: number | undefined; keepFiringForMs: number | undefined },
  ): void {
    if (Object.keys(given.annotations).length > 0) {
      this.error([...path, "annotations"], "invalid field 'annotations' in recording rule");
    }
    if (given.forMs) this.error([...path, "for"], "invalid field 'for' in recording rule");
    if (given.keepFiringForMs)
      this.error([...path, "keep_firing_for"], "invalid field 'keep_firing_for' in recording rule");
    if (/[{}]/.test(record)) {
      this.error([...path, "record"], `braces present in the recording rule name; should it be in expr?: ${record}`);
    }
  }

  private expression(expression: string, path: Path): Expr | undefined {
    if (expression === "") {
      this.error(path, "field 'expr' must be set in rule");
      return undefined;
    }
    try {
      return parseExpression(expression, { experimental: this.options.experimental ?? false });
    } catch (error) {
      if (!(error instanceof ParseError)) throw error;
      this.error([...path, "expr"], `could not parse expression: ${error.message}`, { code: "RULE_EXPRESSION" });
      return undefined;
    }
  }

  private labelNames(labels: LabelRecord, path: Path): void {
    for (const name of Object.keys(labels)) {
      if (name === "" || name === METRIC_NAME) this.error([...path, name], `invalid label name: ${name}`);
    }
  }

  private templates(alert: string, texts: LabelRecord, path: Path, what: string): void {
    for (const [name, text] of Object.entries(texts)) {
      if (name === "") this.error([...path, name], `invalid ${what} name: ${name}`);
      try {
        checkTemplate(`__alert_${alert}`, TEMPLATE_PREFIX + text, PROMETHEUS_FUNCTION_NAMES);
      } catch (error) {
        if (!(error instanceof TemplateError)) throw error;
        this.error([...path, name], `${what} "${name}": error parsing template __alert_${alert}: ${error.message}`, {
          code: "RULE_TEMPLATE",
        });
      }
    }
  }
}

/** A rule as it stands in a file, for the pages. */
export function describeRule(rule: RuleConfig): string {
  if (rule.type === "recording") return `record: ${rule.record}\nexpr: ${rule.expression}`;
  const hold = rule.forMs > 0 ? `\nfor: ${formatDurationMs(rule.forMs)}` : "";
  return `alert: ${rule.alert}\nexpr: ${rule.expression}${hold}`;
}
