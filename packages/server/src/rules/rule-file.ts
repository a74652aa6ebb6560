// The rule file format: groups of recording and alerting rules, read strictly and with positions.
import { type Finding, formatDurationMs, type LabelRecord, METRIC_NAME, parseDurationMs } from "@storewatch/model";
import { type Expr, ParseError, parseExpression } from "@storewatch/promql/parser";
import { type ConfigDocument, ConfigError, closest, type Path, parseConfigDocument } from "../config/document.ts";
import { checkTemplate, PROMETHEUS_FUNCTION_NAMES, TemplateError } from "../template/index.ts";
import { TEMPLATE_PREFIX } from "./expand.ts";

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
  readonly queryOffsetMs: number;
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

function isMap(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

class RuleFileReader {
  private readonly findings: Finding[] = [];

  constructor(
    private readonly document: ConfigDocument,
    private readonly options: RuleFileOptions,
  ) {}

  read(): ParsedRuleFile {
    const { data } = this.document;
    const isObject = isPrometheusRule(data);
    const root: Path = isObject ? ["spec"] : [];
    const top = isObject ? (data as Record<string, unknown>).spec : data;
    if (top == null) return { groups: [], findings: this.findings };
    if (!isMap(top)) return this.fail(root, "a rule file is a map with the key `groups`");
    this.keys(top, root, isObject ? [...TOP_KEYS] : TOP_KEYS);
    const list = top.groups ?? [];
    if (!Array.isArray(list)) return this.fail([...root, "groups"], "groups: must be a list");
    const groups: RuleGroupConfig[] = [];
    const seen = new Set<string>();
    list.forEach((item: unknown, i) => {
      const path = [...root, "groups", i];
      const group = this.group(item, path);
      if (!group) return;
      if (seen.has(group.name))
        this.error([...path, "name"], `groupname: "${group.name}" is repeated in the same file`);
      seen.add(group.name);
      groups.push(group);
    });
    return { groups, findings: this.findings };
  }

  private fail(path: Path, message: string): ParsedRuleFile {
    this.error(path, message);
    return { groups: [], findings: this.findings };
  }

  private error(path: Path, message: string, more: { code?: string; fix?: string; why?: string } = {}): void {
    this.findings.push(this.document.finding(path, message, { code: "RULE_FORMAT", ...more }));
  }

  private keys(map: Record<string, unknown>, path: Path, known: readonly string[]): void {
    if (this.options.ignoreUnknownFields) return;
    for (const key of Object.keys(map)) {
      if (known.includes(key)) continue;
      const near = closest(key, known);
      const hint = near ? { fix: `did you mean \`${near}\`?` } : { fix: `known keys here: ${known.join(", ")}` };
      this.error([...path, key], `field ${key} not found`, { code: "CONFIG_KEY", ...hint });
    }
  }

  /** A scalar as text, as it was written; "" when absent. */
  private text(map: Record<string, unknown>, key: string, path: Path): string {
    const value = map[key];
    if (value == null) return "";
    if (typeof value === "string") return value;
    const at = [...path, key];
    if (typeof value === "object") {
      this.error(at, `${key}: must be a text`);
      return "";
    }
    return this.document.sourceAt(at) ?? String(value);
  }

  private duration(map: Record<string, unknown>, key: string, path: Path): number | undefined {
    const text = this.text(map, key, path);
    if (text === "") return undefined;
    const ms = parseDurationMs(text);
    if (ms === undefined) this.error([...path, key], `${key}: not a valid duration string: "${text}"`);
    return ms;
  }

  private labels(map: Record<string, unknown>, key: string, path: Path): LabelRecord {
    const value = map[key];
    const at = [...path, key];
    if (value == null) return {};
    if (!isMap(value)) {
      this.error(at, `${key}: must be a map of names to texts`);
      return {};
    }
    return Object.fromEntries(Object.keys(value).map((name) => [name, this.text(value, name, at)]));
  }

  private group(item: unknown, path: Path): RuleGroupConfig | undefined {
    if (!isMap(item)) {
      this.error(path, "a group is a map with the keys `name` and `rules`");
      return undefined;
    }
    this.keys(item, path, GROUP_KEYS);
    const name = this.text(item, "name", path);
    if (name === "") this.error(path, "Groupname must not be empty");
    const shared = this.labels(item, "labels", path);
    this.labelNames(shared, [...path, "labels"]);
    const limit = item.limit ?? 0;
    if (typeof limit !== "number" || !Number.isInteger(limit))
      this.error([...path, "limit"], "limit: must be an integer");
    const list = item.rules ?? [];
    if (!Array.isArray(list)) this.error([...path, "rules"], "rules: must be a list");
    const items: unknown[] = Array.isArray(list) ? list : [];
    const rules = items.flatMap((rule, i) => this.rule(rule, [...path, "rules", i], shared) ?? []);
    const intervalMs = this.duration(item, "interval", path);
    return {
      name,
      file: this.document.file,
      intervalMs: intervalMs === 0 ? undefined : intervalMs,
      queryOffsetMs: this.duration(item, "query_offset", path) ?? 0,
      limit: Number(limit),
      rules,
    };
  }

  private rule(item: unknown, path: Path, shared: LabelRecord): RuleConfig | undefined {
    if (!isMap(item)) {
      this.error(path, "a rule is a map with the keys `alert` or `record`, and `expr`");
      return undefined;
    }
    this.keys(item, path, RULE_KEYS);
    const record = this.text(item, "record", path);
    const alert = this.text(item, "alert", path);
    if (record !== "" && alert !== "") this.error(path, "only one of 'record' and 'alert' must be set");
    if (record === "" && alert === "") this.error(path, "one of 'record' or 'alert' must be set");
    const expression = this.text(item, "expr", path);
    const parsed = this.expression(expression, path);
    const own = this.labels(item, "labels", path);
    this.labelNames(own, [...path, "labels"]);
    const annotations = this.labels(item, "annotations", path);
    const forMs = this.duration(item, "for", path);
    const keepFiringForMs = this.duration(item, "keep_firing_for", path);
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
