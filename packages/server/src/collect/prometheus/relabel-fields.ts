// Relabelling rules as they stand in a file.
import { compileRe2, compileWholeRegex, RegexError } from "@storewatch/model";
import type { z } from "zod";
import {
  isLabelName,
  type NameScheme,
  RELABEL_ACTIONS,
  RELABEL_DEFAULTS,
  type RelabelAction,
  type RelabelConfig,
} from "../relabel.ts";
import { goQuote } from "../scrape/go-text.ts";
import { entry, list, type Report, reporter, text, texts, unsigned } from "./fields.ts";

const fields = {
  source_labels: texts,
  separator: text,
  regex: text,
  modulus: unsigned,
  target_label: text,
  replacement: text,
  action: text,
};

/** A list of rules. `where` words the complaint about an empty entry: "target relabeling rule". */
export function relabelList(where: string) {
  return list(
    entry(fields, `empty or null ${where}`).superRefine((rule, context) => checkShape(rule, reporter(context))),
  );
}

const plainRule = entry(fields, "");
type RuleFields = z.output<typeof plainRule>;

function checkShape(rule: RuleFields, report: Report): void {
  const action = (rule.action ?? "replace").toLowerCase();
  if (action !== "" && !isAction(action)) report(`unknown relabel action ${goQuote(rule.action ?? "")}`, "action");
  if (rule.regex === undefined) return;
  try {
    compileRe2(rule.regex);
  } catch (error) {
    if (!(error instanceof RegexError)) throw error;
    report(error.message, "regex");
  }
}

function isAction(text: string): text is RelabelAction {
  return (RELABEL_ACTIONS as readonly string[]).includes(text);
}

/** The rules with their defaults. Only for lists without a problem. */
export function toRelabelConfigs(rules: readonly RuleFields[] | null | undefined): RelabelConfig[] {
  return (rules ?? []).map((rule) => ({
    action: (rule.action ?? RELABEL_DEFAULTS.action).toLowerCase() as RelabelAction,
    sourceLabels: rule.source_labels ?? [],
    separator: rule.separator ?? RELABEL_DEFAULTS.separator,
    regex: rule.regex ?? RELABEL_DEFAULTS.regex,
    modulus: rule.modulus ?? RELABEL_DEFAULTS.modulus,
    targetLabel: rule.target_label ?? RELABEL_DEFAULTS.targetLabel,
    replacement: rule.replacement ?? RELABEL_DEFAULTS.replacement,
  }));
}

/** What a rule must and must not have, which depends on the names that are allowed; `at` is the list's key. */
export function checkRelabelList(
  rules: readonly RuleFields[] | null | undefined,
  scheme: NameScheme,
  report: Report,
  ...at: Array<string | number>
): void {
  for (const [i, rule] of (rules ?? []).entries()) {
    const message = relabelProblem(rule, scheme);
    if (message !== undefined) report(message, ...at, i);
  }
}

const NEEDS_TARGET = new Set(["replace", "hashmod", "lowercase", "uppercase", "keepequal", "dropequal"]);
const NO_REPLACEMENT = new Set(["lowercase", "uppercase", "keepequal", "dropequal"]);

function relabelProblem(rule: RuleFields, scheme: NameScheme): string | undefined {
  const [config] = toRelabelConfigs([rule]);
  const { action, targetLabel, replacement } = config;
  if ((action as string) === "") return "relabel action cannot be empty";
  if (config.modulus === 0n && action === "hashmod") {
    return "relabel configuration for hashmod requires non-zero modulus";
  }
  if (NEEDS_TARGET.has(action) && targetLabel === "") {
    return `relabel configuration for ${action} action requires 'target_label' value`;
  }
  const templated = targetLabel.includes("$");
  const targetValid =
    action === "replace" && templated ? isLegacyTemplate(targetLabel, scheme) : isLabelName(targetLabel, scheme);
  if (NEEDS_TARGET.has(action) && !targetValid) {
    return `${goQuote(targetLabel)} is invalid 'target_label' for ${action} action`;
  }
  if (NO_REPLACEMENT.has(action) && replacement !== RELABEL_DEFAULTS.replacement) {
    return `'replacement' can not be set for ${action} action`;
  }
  if (action === "labelmap" && !isLegacyTemplate(replacement, scheme)) {
    return `${goQuote(replacement)} is invalid 'replacement' for ${action} action`;
  }
  return surplusProblem(rule, config);
}

function surplusProblem(rule: RuleFields, config: RelabelConfig): string | undefined {
  const { action } = config;
  const changed =
    config.modulus !== 0n ||
    config.separator !== RELABEL_DEFAULTS.separator ||
    config.replacement !== RELABEL_DEFAULTS.replacement;
  if ((action === "dropequal" || action === "keepequal") && (changed || rule.regex !== undefined)) {
    return `${action} action requires only 'source_labels' and \`target_label\`, and no other fields`;
  }
  if (
    (action === "labeldrop" || action === "labelkeep") &&
    (changed || rule.source_labels != null || config.targetLabel !== "")
  ) {
    return `${action} action requires only 'regex', and no other fields`;
  }
  return undefined;
}

/** `label`, `$1`, `${1}_x`: with the legacy scheme what remains besides references must be made of name characters. */
function isLegacyTemplate(template: string, scheme: NameScheme): boolean {
  if (scheme === "utf8") return isLabelName(template, scheme);
  return TEMPLATE.matches(template);
}

/** On RE2, because it would take a backtracking engine exponential time to refuse some texts. */
const TEMPLATE = compileWholeRegex("(?:(?:[a-zA-Z_]|\\$(?:\\{\\w+\\}|\\w+))+\\w*)+");

export type { RuleFields };
