// /api/v1/rules and /api/v1/alerts in Prometheus' form. A tenant-bound caller sees the alerts of its shops only, and no
// error texts, because those may quote other shops' series. Rules that name another shop are not shown to it at all.
import { createHash } from "node:crypto";
import { compareStrings, type Matcher, scopeAllows, TENANT_LABEL, type TenantScope } from "@storewatch/model";
import { ParseError, parseExpression } from "@storewatch/promql/parser";
import type { FastifyPluginAsync } from "fastify";
import { namesOtherTenants } from "../tenant/enforce.ts";
import type { ActiveAlertView, AlertingRuleView, RuleBoard, RuleGroupView, RuleView } from "./interface.ts";

interface Filter {
  readonly type: string;
  readonly names: ReadonlySet<string>;
  readonly groups: ReadonlySet<string>;
  readonly files: ReadonlySet<string>;
  /** A rule's labels must match one of them; empty = all rules. */
  readonly matcherSets: readonly (readonly Matcher[])[];
  readonly withAlerts: boolean;
  readonly scope: TenantScope;
}

interface Page {
  /** 0 = everything. */
  readonly limit: number;
  readonly token: string;
}

/** What is wrong with a parameter, in Prometheus' words. */
class ParameterError extends Error {
  constructor(name: string, problem: string) {
    super(`invalid parameter ${JSON.stringify(name)}: ${problem}`);
  }
}

export function ruleRoutes(board: RuleBoard): FastifyPluginAsync {
  return async (app) => {
    app.get("/api/v1/rules", { config: { access: "viewer" } }, async (request, reply) => {
      const params = new URLSearchParams(request.url.split("?")[1] ?? "");
      try {
        return { status: "success", data: rulesPage(board, params, request.principal.scope) };
      } catch (error) {
        if (!(error instanceof ParameterError)) throw error;
        return reply.code(400).send({ status: "error", errorType: "bad_data", error: error.message });
      }
    });
    app.get("/api/v1/alerts", { config: { access: "viewer" } }, async (request) => {
      const rules = board.groups().flatMap((group) => group.rules);
      const alerts = rules.flatMap((rule) => (rule.type === "alerting" ? visible(rule, request.principal.scope) : []));
      return { status: "success", data: { alerts: alerts.map(alertJson) } };
    });
  };
}

function rulesPage(board: RuleBoard, params: URLSearchParams, scope: TenantScope) {
  const filter = readFilter(params, scope);
  const page = readPage(params);
  const groups = [...board.groups()].sort(byFileAndName);
  const first = page.token === "" ? 0 : groups.findIndex((group) => tokenOf(group) === page.token);
  if (first < 0)
    throw new ParameterError("group_next_token", `invalid group_next_token '${page.token}'. were rule groups changed?`);
  const found: unknown[] = [];
  for (const group of groups.slice(first)) {
    const json = groupJson(group, filter);
    if (!json) continue;
    if (page.limit > 0 && found.length === page.limit) return { groups: found, groupNextToken: tokenOf(group) };
    found.push(json);
  }
  return { groups: found };
}

function byFileAndName(a: RuleGroupView, b: RuleGroupView): number {
  return compareStrings(a.file, b.file) || compareStrings(a.name, b.name);
}

/** Names the group that a page begins with. */
function tokenOf({ file, name }: RuleGroupView): string {
  return createHash("sha1").update(`${file};${name}`).digest("hex");
}

function readFilter(params: URLSearchParams, scope: TenantScope): Filter {
  const type = (params.get("type") ?? "").toLowerCase();
  if (!["", "alert", "record"].includes(type))
    throw new ParameterError("type", `not supported value ${JSON.stringify(type)}`);
  return {
    type,
    names: new Set(params.getAll("rule_name[]")),
    groups: new Set(params.getAll("rule_group[]")),
    files: new Set(params.getAll("file[]")),
    matcherSets: params.getAll("match[]").map(readMatchers),
    withAlerts: !readBoolean(params.get("exclude_alerts"), "exclude_alerts"),
    scope,
  };
}

function readMatchers(text: string): readonly Matcher[] {
  try {
    const expr = parseExpression(text);
    if (expr.kind === "selector") return expr.matchers;
    throw new ParameterError("match[]", `${text} is not a series selector`);
  } catch (error) {
    if (error instanceof ParseError) throw new ParameterError("match[]", error.message);
    throw error;
  }
}

/** Go's strconv.ParseBool. */
function readBoolean(text: string | null, name: string): boolean {
  if (text === null || text === "") return false;
  if (/^(1|t|T|TRUE|true|True)$/.test(text)) return true;
  if (/^(0|f|F|FALSE|false|False)$/.test(text)) return false;
  throw new ParameterError(name, `error converting ${name}: ${JSON.stringify(text)} is no boolean`);
}

function readPage(params: URLSearchParams): Page {
  const text = params.get("group_limit") ?? "";
  const token = params.get("group_next_token") ?? "";
  if (text === "" && token !== "")
    throw new ParameterError(
      "group_next_token",
      "group_limit needs to be present in order to paginate over the groups",
    );
  if (text === "") return { limit: 0, token };
  if (!/^[+-]?\d{1,9}$/.test(text)) throw new ParameterError("group_limit", "group_limit needs to be a valid number");
  const limit = Number(text);
  if (limit <= 0) throw new ParameterError("group_limit", "group_limit needs to be greater than 0");
  return { limit, token };
}

/** undefined when nothing of the group is asked for. */
function groupJson(group: RuleGroupView, filter: Filter): unknown {
  if (filter.groups.size > 0 && !filter.groups.has(group.name)) return undefined;
  if (filter.files.size > 0 && !filter.files.has(group.file)) return undefined;
  const rules = group.rules.filter((rule) => isWanted(rule, filter));
  if (rules.length === 0) return undefined;
  return {
    name: group.name,
    file: group.file,
    interval: group.intervalMs / 1000,
    limit: group.limit,
    evaluationTime: group.evaluationSeconds,
    lastEvaluation: timeJson(group.lastEvaluationMs),
    rules: rules.map((rule) => ruleJson(rule, filter)),
  };
}

function isWanted(rule: RuleView, { type, names, matcherSets, scope }: Filter): boolean {
  if (!isShown(rule, scope)) return false;
  if (type !== "" && (type === "alert") !== (rule.type === "alerting")) return false;
  if (names.size > 0 && !names.has(rule.name)) return false;
  return matcherSets.length === 0 || matcherSets.some((matchers) => matchers.every((matcher) => fits(rule, matcher)));
}

/** What a template gives is not known here: a label with one matches nothing. */
function fits(rule: RuleView, matcher: Matcher): boolean {
  const value = rule.labels[matcher.name] ?? "";
  return !value.includes("{{") && matcher.matches(value);
}

/** Go's zero time before the first evaluation. */
function timeJson(timeMs: number): string {
  return timeMs === 0 ? "0001-01-01T00:00:00Z" : new Date(timeMs).toISOString();
}

function ruleJson(rule: RuleView, { scope, withAlerts }: Filter): unknown {
  const shared = {
    name: rule.name,
    query: rule.query,
    labels: rule.labels,
    health: rule.health,
    ...(rule.lastError && scope.kind === "all" ? { lastError: rule.lastError } : {}),
    evaluationTime: rule.evaluationSeconds,
    lastEvaluation: timeJson(rule.lastEvaluationMs),
    type: rule.type,
  };
  if (rule.type === "recording") return shared;
  const alerts = visible(rule, scope);
  const state = alerts.some((alert) => alert.state === "firing")
    ? "firing"
    : alerts.length > 0
      ? "pending"
      : "inactive";
  return {
    ...shared,
    state,
    duration: rule.forMs / 1000,
    keepFiringFor: rule.keepFiringForMs / 1000,
    annotations: rule.annotations,
    alerts: withAlerts ? alerts.map(alertJson) : [],
  };
}

/** A rule's own tenant label may be a template, which names nobody. */
function isShown(rule: RuleView, scope: TenantScope): boolean {
  const tenant = rule.labels[TENANT_LABEL] ?? "";
  const isOthers = tenant !== "" && !tenant.includes("{{") && !scopeAllows(scope, tenant);
  return !isOthers && !namesOtherTenants(scope, rule.query);
}

function visible(rule: AlertingRuleView, scope: TenantScope): readonly ActiveAlertView[] {
  return rule.alerts.filter((alert) => scopeAllows(scope, alert.labels[TENANT_LABEL] ?? ""));
}

function alertJson(alert: ActiveAlertView): unknown {
  return {
    labels: alert.labels,
    annotations: alert.annotations,
    state: alert.state,
    activeAt: new Date(alert.activeAtMs).toISOString(),
    ...(alert.keepFiringSinceMs ? { keepFiringSince: new Date(alert.keepFiringSinceMs).toISOString() } : {}),
    value: goExponent(alert.value),
  };
}

/** Go's `%e` with the shortest digits: 5 → "5e+00". */
function goExponent(value: number): string {
  if (Number.isNaN(value)) return "NaN";
  if (!Number.isFinite(value)) return value > 0 ? "+Inf" : "-Inf";
  return value.toExponential().replace(/e([+-])(\d)$/, "e$10$2");
}
