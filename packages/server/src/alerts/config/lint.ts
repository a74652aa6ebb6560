// What is wrong with a file that loads: routes that nothing reaches, inhibitions that cannot happen.
import type { Finding, LabelRecord, Matcher } from "@storewatch/model";
import { type ConfigDocument, ConfigError } from "../../config/document.ts";
import { matchersText, matchesLabels } from "../matchers/parse.ts";
import type { LoadOptions } from "./builder.ts";
import { loadAlertmanagerConfig } from "./load.ts";
import type { AlertmanagerConfig, InhibitRuleConfig, Route } from "./types.ts";

export interface CheckOptions extends LoadOptions {
  /**
   * Label sets of the alerts that the rules can make (alertname and the rule's own labels without templates). With
   * them the checks say what happens to these alerts; without them only what the matchers alone prove.
   */
  readonly knownAlerts?: readonly LabelRecord[];
}

/** Every remark about the file, errors of loading included. Never throws for a bad file. */
export function checkAlertmanagerConfig(document: ConfigDocument, options: CheckOptions = {}): Finding[] {
  try {
    const { config, findings } = loadAlertmanagerConfig(document, options);
    return [...findings, ...lintConfig(document, config, options.knownAlerts)].sort((a, b) => a.line - b.line);
  } catch (error) {
    if (error instanceof ConfigError) return [...error.findings];
    throw error;
  }
}

function lintConfig(document: ConfigDocument, config: AlertmanagerConfig, known?: readonly LabelRecord[]): Finding[] {
  const findings: Finding[] = [];
  visitSiblings(config.route, (siblings) => {
    siblings.forEach((route, i) => {
      const finding = shadowFinding(document, siblings.slice(0, i), route);
      if (finding) findings.push(finding);
    });
  });
  if (known && known.length > 0) findings.push(...deadRoutes(document, config.route, known, findings));
  for (const rule of config.inhibitRules) {
    const finding = inhibitFinding(document, rule, known);
    if (finding) findings.push(finding);
  }
  const used = new Set<string>();
  visitRoutes(config.route, (route) => used.add(route.receiver));
  config.receivers.forEach((receiver, i) => {
    if (used.has(receiver.name)) return;
    const message = `receiver "${receiver.name}" is not used by any route`;
    findings.push(document.finding(["receivers", i], message, { code: "RECEIVER_UNUSED", severity: "info" }));
  });
  return findings;
}

function visitRoutes(route: Route, visit: (route: Route) => void): void {
  visit(route);
  for (const child of route.routes) visitRoutes(child, visit);
}

function visitSiblings(route: Route, visit: (siblings: readonly Route[]) => void): void {
  visit(route.routes);
  for (const child of route.routes) visitSiblings(child, visit);
}

/** Earlier siblings that stop what this route waits for: all of it is an error, a named part of it a warning. */
function shadowFinding(document: ConfigDocument, earlier: readonly Route[], route: Route): Finding | undefined {
  const stops = earlier.filter((sibling) => !sibling.continue);
  const all = stops.find((sibling) => sibling.matchers.every((m) => isImplied(m, route.matchers)));
  const where = (sibling: Route) =>
    `route ${matchersText(sibling.matchers)} on line ${document.locate(sibling.path).line}`;
  if (all) {
    return document.finding(route.path, `no alert reaches this route: ${where(all)} takes them all`, {
      code: "ROUTE_UNREACHABLE",
      why: "Routes are tried in order, and the earlier one has no `continue: true`.",
      fix: "Put the more specific route first, or set `continue: true` on the earlier one.",
    });
  }
  const namesAlert = route.matchers.some((m) => m.name === "alertname" && m.operator === "=");
  const part = stops.find((s) => s.matchers.every((m) => m.name !== "alertname" && !contradicts(m, route.matchers)));
  if (!namesAlert || !part) return undefined;
  return document.finding(route.path, `alerts that match ${matchersText(part.matchers)} never reach this route`, {
    code: "ROUTE_SHADOWED",
    severity: "warning",
    why: `They stop at ${where(part)}, which has no \`continue: true\`.`,
    fix: "Put the route for the named alert first.",
  });
}

/** True when whatever the given matchers accept satisfies `wanted` too. */
function isImplied(wanted: Matcher, given: readonly Matcher[]): boolean {
  return given.some(
    (m) =>
      m.name === wanted.name &&
      ((m.operator === wanted.operator && m.value === wanted.value) || (m.operator === "=" && wanted.matches(m.value))),
  );
}

/** True when no value satisfies both `wanted` and the given equality matchers. */
function contradicts(wanted: Matcher, given: readonly Matcher[]): boolean {
  return given.some((m) => {
    if (m.name !== wanted.name) return false;
    if (m.operator === "=") return !wanted.matches(m.value);
    return wanted.operator === "=" && !m.matches(wanted.value);
  });
}

/** Routes that some known alert matches and none of these reaches. */
function deadRoutes(
  document: ConfigDocument,
  root: Route,
  known: readonly LabelRecord[],
  found: readonly Finding[],
): Finding[] {
  const reached = new Set<Route>();
  for (const labels of known) markReached(root, labels, reached);
  const findings: Finding[] = [];
  const visit = (route: Route, candidates: readonly LabelRecord[]) => {
    const wanted = candidates.filter((labels) => matchesLabels(route.matchers, labels));
    if (wanted.length > 0 && !reached.has(route)) {
      const { line } = document.locate(route.path);
      if (!found.some((f) => f.code === "ROUTE_UNREACHABLE" && f.line === line)) {
        findings.push(
          document.finding(route.path, `no alert of the rules reaches this route: ${matchersText(route.matchers)}`, {
            code: "ROUTE_UNREACHABLE",
            why: `${wanted.map((labels) => labels.alertname).join(", ")} would match, and stops at an earlier route.`,
            fix: "Put the more specific route first, or set `continue: true` on the earlier one.",
          }),
        );
      }
      return;
    }
    for (const child of route.routes) visit(child, wanted);
  };
  visit(root, known);
  return findings;
}

function markReached(route: Route, labels: LabelRecord, reached: Set<Route>): boolean {
  if (!matchesLabels(route.matchers, labels)) return false;
  reached.add(route);
  for (const child of route.routes) if (markReached(child, labels, reached) && !child.continue) break;
  return true;
}

function inhibitFinding(
  document: ConfigDocument,
  rule: InhibitRuleConfig,
  known: readonly LabelRecord[] | undefined,
): Finding | undefined {
  const fix = "Take the label out of `equal`, or give both alerts the same value of it.";
  const conflict = rule.equal.find((name) => {
    const fixed = (matchers: readonly Matcher[]) => matchers.find((m) => m.name === name && m.operator === "=")?.value;
    const source = fixed(rule.source);
    const target = fixed(rule.target);
    return source !== undefined && target !== undefined && source !== target;
  });
  if (conflict !== undefined) {
    return document.finding(rule.path, `this inhibition never happens: \`${conflict}\` must be equal and different`, {
      code: "INHIBIT_IMPOSSIBLE",
      why: `Source and target ask for different values of \`${conflict}\`, which \`equal\` wants to be the same.`,
      fix,
    });
  }
  if (!known || known.length === 0) return undefined;
  const sources = known.filter((labels) => matchesLabels(rule.source, labels));
  const targets = known.filter((labels) => matchesLabels(rule.target, labels));
  // A label that no rule sets may come from the data, where it can be equal.
  const possible = sources.some((s) =>
    targets.some((t) => s !== t && rule.equal.every((name) => s[name] === t[name] || !(name in s) || !(name in t))),
  );
  if (possible || sources.length === 0 || targets.length === 0) return undefined;
  return document.finding(
    rule.path,
    `no two alerts of the rules are equal in ${rule.equal.join(", ")}: nothing is inhibited`,
    {
      code: "INHIBIT_IMPOSSIBLE",
      why: "With `alertname` in `equal`, source and target must be rules of the same name.",
      fix,
    },
  );
}
