// `storewatch check` for rule files: what the format refuses, and what cannot do what it says.
import type { Finding } from "@storewatch/model";
import { type Expr, mapSelectors, printExpression, visit } from "@storewatch/promql/parser";
import type { ConfigDocument, Path } from "../config/document.ts";
import { isPrometheusRule, type RuleConfig, type RuleFileOptions, readRuleDocument } from "./rule-file.ts";

/** Findings of one rule file (or PrometheusRule object), errors of the format first. */
export function checkRules(document: ConfigDocument, options: RuleFileOptions = {}): Finding[] {
  const { groups, findings } = readRuleDocument(document, options);
  const found = [...findings];
  const root: Path = isPrometheusRule(document.data) ? ["spec"] : [];
  const seen = new Map<string, number>();
  for (const group of groups) {
    for (const rule of group.rules) {
      const at = { line: rule.line, column: 1 };
      found.push(...lintExpression(document, root, rule, at));
      const key = JSON.stringify([rule.type, nameOf(rule), Object.entries(rule.labels).sort(), rule.expression]);
      const first = seen.get(key);
      if (first !== undefined) {
        found.push({
          ...document.finding(root, `${nameOf(rule)} stands at line ${first} already`, {
            code: "RULE_DUPLICATE",
            severity: "warning",
            why: "two rules with the same name, labels and expression give the same series or alerts twice",
          }),
          ...at,
        });
      } else seen.set(key, rule.line);
    }
  }
  return found;
}

function nameOf(rule: RuleConfig): string {
  return rule.type === "alerting" ? rule.alert : rule.record;
}

function lintExpression(
  document: ConfigDocument,
  root: Path,
  rule: RuleConfig,
  at: { line: number; column: number },
): Finding[] {
  const found: Finding[] = [];
  visit(rule.parsed, (expr) => {
    if (!dividesByItself(expr)) return;
    found.push({
      ...document.finding(root, `${nameOf(rule)}: \`${printExpression(expr)}\` is always 1`, {
        code: "RULE_CONSTANT",
        why: "the two sides are matched label by label, so each series is divided by itself",
        fix: "aggregate both sides, for example sum by (…) (…) / sum by (…) (…)",
      }),
      ...at,
    });
  });
  return found;
}

/** `f(x{a="1"}) / f(x)`: every series on the left finds exactly itself on the right. */
function dividesByItself(expr: Expr): boolean {
  if (expr.kind !== "binary" || expr.operator !== "/") return false;
  const { left, right, matching } = expr;
  if (!isLabelPreserving(left) || !isLabelPreserving(right)) return false;
  const usesAllLabels = !matching || (!matching.on && matching.labels.length === 0);
  if (!usesAllLabels) return false;
  const shape = (side: Expr) => printExpression(mapSelectors(side, (selector) => ({ ...selector, matchers: [] })));
  return shape(left) === shape(right) && metricsOf(left) === metricsOf(right);
}

/** Only selectors and functions of one series: no aggregation, no arithmetic, nothing that changes labels. */
function isLabelPreserving(expr: Expr): boolean {
  let hasSelector = false;
  let plain = true;
  visit(expr, (child) => {
    if (child.kind === "selector" || child.kind === "matrix") hasSelector = true;
    else if (child.kind === "call") plain &&= !["label_replace", "label_join", "vector", "absent"].includes(child.func);
    else if (child.kind !== "paren" && child.kind !== "number") plain = false;
  });
  return hasSelector && plain;
}

function metricsOf(expr: Expr): string {
  const names: string[] = [];
  visit(expr, (child) => {
    if (child.kind !== "selector" && child.kind !== "matrix") return;
    const selector = child.kind === "matrix" ? child.selector : child;
    const name = selector.matchers.find((matcher) => matcher.name === "__name__");
    names.push(name ? String(name) : "");
  });
  return names.join(",");
}
