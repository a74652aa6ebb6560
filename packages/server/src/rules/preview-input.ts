// What an editor sends for a preview (a rule file, a group, a rule, or the parts of a rule) as one rule.
import type { Finding } from "@storewatch/model";
import type { RulePreviewRequest, rulePreviewRequestSchema } from "@storewatch/model/api";
import { stringify } from "yaml";
import type { z } from "zod";
import { ConfigError, parseConfigDocument } from "../config/document.ts";
import { checkRules } from "./check.ts";
import { isMap } from "./field-reader.ts";
import { hasError } from "./group-text.ts";
import { RulesInvalid } from "./rule-book.ts";
import { type RuleConfig, type RuleFileOptions, type RuleGroupConfig, readRuleDocument } from "./rule-file.ts";

export type PreviewInput = z.output<typeof rulePreviewRequestSchema>;

export interface PreviewedRule {
  readonly rule: RuleConfig;
  readonly group: RuleGroupConfig;
  /** Warnings and remarks. */
  readonly findings: readonly Finding[];
}

/** Throws RulesInvalid. */
export function readPreviewedRule(input: PreviewInput, format: RuleFileOptions = {}): PreviewedRule {
  const { groups, findings } = input.yaml === undefined ? readText(textOf(input), format) : readAny(input.yaml, format);
  if (hasError(findings)) throw new RulesInvalid(findings);
  const all = groups.flatMap((group) => group.rules.map((rule) => ({ rule, group })));
  const chosen = all[input.rule];
  if (chosen) return { ...chosen, findings };
  throw new RulesInvalid([...findings, about(`there is no rule ${input.rule}: the text holds ${all.length}`)]);
}

function about(message: string): Finding {
  return { code: "RULE_PREVIEW", severity: "error", file: "", line: 1, column: 1, message };
}

function textOf(request: RulePreviewRequest): string {
  const { alert, record, expr = "", labels, annotations } = request;
  const name = record === undefined ? { alert: alert ?? "Preview" } : { record };
  const times = { for: request.for || undefined, keep_firing_for: request.keepFiringFor || undefined };
  const rule = {
    ...name,
    ...(alert !== undefined && record !== undefined ? { alert } : {}),
    expr,
    ...times,
    labels,
    annotations,
  };
  return stringify({ groups: [{ name: "preview", interval: request.interval || undefined, rules: [rule] }] });
}

interface Read {
  readonly groups: readonly RuleGroupConfig[];
  readonly findings: readonly Finding[];
}

function readText(text: string, format: RuleFileOptions): Read {
  try {
    const document = parseConfigDocument("", text);
    return { groups: readRuleDocument(document, format).groups, findings: checkRules(document, format) };
  } catch (error) {
    if (error instanceof ConfigError) return { groups: [], findings: error.findings };
    throw error;
  }
}

/** Lines and columns that `wrap` puts before the text, by what the text is. */
const WRAPS = {
  group: { head: "groups:\n  -\n", indent: 4 },
  rule: { head: "groups:\n  - name: preview\n    rules:\n      -\n", indent: 8 },
  rules: { head: "groups:\n  - name: preview\n    rules:\n", indent: 6 },
} as const;

/** Reads a text that is less than a file as the part of a file that it is; positions are those of the text. */
function readAny(text: string, format: RuleFileOptions): Read {
  let data: unknown;
  try {
    data = parseConfigDocument("", text).data;
  } catch {
    return readText(text, format);
  }
  const wrap = wrapFor(data);
  if (!wrap) return readText(text, format);
  const margin = " ".repeat(wrap.indent);
  const inner = text.split("\n").map((line) => (line.trim() === "" ? line : margin + line));
  const { groups, findings } = readText(wrap.head + inner.join("\n"), format);
  const lines = wrap.head.split("\n").length - 1;
  const moved = findings.map((finding) => ({
    ...finding,
    line: Math.max(1, finding.line - lines),
    column: finding.line > lines ? Math.max(1, finding.column - wrap.indent) : 1,
  }));
  return { groups, findings: moved };
}

function wrapFor(data: unknown): { readonly head: string; readonly indent: number } | undefined {
  if (Array.isArray(data)) return WRAPS.rules;
  if (!isMap(data) || "groups" in data || "spec" in data) return undefined;
  if ("rules" in data) return WRAPS.group;
  return "expr" in data || "alert" in data || "record" in data ? WRAPS.rule : undefined;
}
