// Rule groups as text: one group printed in the form of a rule file, and many stored texts joined into one file.
import { type Finding, formatDurationMs } from "@storewatch/model";
import { Document, isMap, isSeq, parseDocument, stringify, YAMLSeq } from "yaml";
import { ConfigError, parseConfigDocument } from "../config/document.ts";
import { indentQuotedLines } from "../config/quoted-lines.ts";
import { checkRules } from "./check.ts";
import {
  isPrometheusRule,
  type RuleConfig,
  type RuleFileOptions,
  type RuleGroupConfig,
  readRuleDocument,
} from "./rule-file.ts";

/** Long expressions stay on their line, and nothing is folded. */
const PRINT = { lineWidth: 0, blockQuote: "literal" } as const;
const READ = { merge: true } as const;

export interface GroupText {
  /** undefined when the text cannot be used. */
  readonly group: RuleGroupConfig | undefined;
  readonly findings: readonly Finding[];
}

/** Reads a rule file that holds exactly one group. Never throws for what stands in the text. */
export function readGroupText(file: string, text: string, options: RuleFileOptions = {}): GroupText {
  try {
    const document = parseConfigDocument(file, text);
    const findings = checkRules(document, options);
    const { groups } = readRuleDocument(document, options);
    if (isPrometheusRule(document.data)) {
      findings.push(
        document.finding(["kind"], "this is a PrometheusRule object and not a rule file", {
          code: "RULE_FORMAT",
          fix: "leave only what stands below `spec`",
        }),
      );
    } else if (groups.length !== 1 && !hasError(findings)) {
      const message = `there must be exactly one group here, and there are ${groups.length}`;
      findings.push(document.finding(["groups"], message, { code: "RULE_GROUP_COUNT" }));
    }
    return { group: hasError(findings) ? undefined : groups[0], findings };
  } catch (error) {
    if (error instanceof ConfigError) return { group: undefined, findings: error.findings };
    throw error;
  }
}

export function hasError(findings: readonly Finding[]): boolean {
  return findings.some((finding) => finding.severity === "error");
}

/** A group as a rule file: what it means, in our own layout. */
export function formatGroup(group: RuleGroupConfig): string {
  return stringify({ groups: [groupData(group)] }, PRINT);
}

function groupData(group: RuleGroupConfig): object {
  return {
    name: group.name,
    ...(group.intervalMs === undefined ? {} : { interval: formatDurationMs(group.intervalMs) }),
    ...(group.queryOffsetMs === undefined ? {} : { query_offset: formatDurationMs(group.queryOffsetMs) }),
    ...(group.limit === 0 ? {} : { limit: group.limit }),
    rules: group.rules.map(ruleData),
  };
}

function ruleData(rule: RuleConfig): object {
  const labels = Object.keys(rule.labels).length > 0 ? { labels: rule.labels } : {};
  if (rule.type === "recording") return { record: rule.record, expr: rule.expression, ...labels };
  return {
    alert: rule.alert,
    expr: rule.expression,
    ...(rule.forMs > 0 ? { for: formatDurationMs(rule.forMs) } : {}),
    ...(rule.keepFiringForMs > 0 ? { keep_firing_for: formatDurationMs(rule.keepFiringForMs) } : {}),
    ...labels,
    ...(Object.keys(rule.annotations).length > 0 ? { annotations: rule.annotations } : {}),
  };
}

export interface ExportedGroup {
  readonly group: RuleGroupConfig;
  readonly text: string;
}

/**
 * All groups as one rule file, comments kept. A group whose text means something else once joined (which no text is
 * known to do) comes in our own layout instead, so that the file always means what is stored.
 */
export function joinGroups(stored: readonly ExportedGroup[]): string {
  const items = stored.map(({ group, text }) => {
    const item = groupNode(text);
    return item !== undefined && sameMeaning(group, print([item])) ? item : groupNode(formatGroup(group))!;
  });
  return print(items);
}

function print(items: readonly unknown[]): string {
  const seq = new YAMLSeq();
  seq.items.push(...items);
  const document = new Document({}, READ);
  document.set("groups", seq);
  return document.toString(PRINT);
}

/** The one entry of `groups`, with what was remarked above it. */
function groupNode(text: string): unknown {
  const plain = parseDocument(text, READ);
  const document = plain.errors.length > 0 ? parseDocument(indentQuotedLines(text), READ) : plain;
  const top = document.contents;
  const groups = isMap(top) ? top.get("groups", true) : undefined;
  const item = isSeq(groups) ? groups.items[0] : undefined;
  if (document.errors.length > 0 || !isMap(item)) return undefined;
  const key = isMap(top) ? top.items[0]?.key : undefined;
  const above = [document.commentBefore, top?.commentBefore, commentBefore(key), item.commentBefore];
  item.commentBefore = above.filter(Boolean).join("\n") || null;
  return item;
}

function commentBefore(node: unknown): string | undefined {
  if (typeof node !== "object" || node === null || !("commentBefore" in node)) return undefined;
  return typeof node.commentBefore === "string" ? node.commentBefore : undefined;
}

function sameMeaning(group: RuleGroupConfig, text: string): boolean {
  // What is stored has been checked: its syntax is not in question.
  const again = readGroupText(group.file, text, { experimental: true }).group;
  return again !== undefined && meaningOf(again) === meaningOf(group);
}

/** Equal for groups that do the same, wherever they are written. */
export function meaningOf(group: RuleGroupConfig): string {
  const sorted = (labels: object) => Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1));
  return JSON.stringify([
    group.name,
    group.intervalMs,
    group.queryOffsetMs,
    group.limit,
    group.rules.map((rule) => {
      if (rule.type === "recording") return [rule.record, rule.expression, sorted(rule.labels)];
      const { alert, expression, forMs, keepFiringForMs } = rule;
      return [alert, expression, forMs, keepFiringForMs, sorted(rule.labels), sorted(rule.annotations)];
    }),
  ]);
}
