// /api/v1/rules and /api/v1/alerts in Prometheus' form. A tenant-bound caller sees the alerts of its shops only, and no
// error texts, because those may quote other shops' series. Rules that name another shop are not shown to it at all.
import { scopeAllows, TENANT_LABEL, type TenantScope } from "@storewatch/model";
import type { FastifyPluginAsync } from "fastify";
import { namesOtherTenants } from "../tenant/enforce.ts";
import type { ActiveAlertView, AlertingRuleView, RuleBoard, RuleGroupView, RuleView } from "./interface.ts";

interface Filter {
  readonly type: string | undefined;
  readonly names: readonly string[];
  readonly groups: readonly string[];
  readonly files: readonly string[];
}

export function ruleRoutes(board: RuleBoard): FastifyPluginAsync {
  return async (app) => {
    app.get("/api/v1/rules", { config: { access: "viewer" } }, async (request, reply) => {
      const params = new URLSearchParams(request.url.split("?")[1] ?? "");
      const type = params.get("type") ?? undefined;
      if (type !== undefined && type !== "alert" && type !== "record") {
        const error = `invalid query parameter type='${type}'`;
        return reply.code(400).send({ status: "error", errorType: "bad_data", error });
      }
      const filter = {
        type,
        names: params.getAll("rule_name[]"),
        groups: params.getAll("rule_group[]"),
        files: params.getAll("file[]"),
      };
      const groups = board.groups().flatMap((group) => groupJson(group, filter, request.principal.scope));
      return { status: "success", data: { groups } };
    });
    app.get("/api/v1/alerts", { config: { access: "viewer" } }, async (request) => {
      const rules = board.groups().flatMap((group) => group.rules);
      const alerts = rules.flatMap((rule) => (rule.type === "alerting" ? visible(rule, request.principal.scope) : []));
      return { status: "success", data: { alerts: alerts.map(alertJson) } };
    });
  };
}

function groupJson(group: RuleGroupView, filter: Filter, scope: TenantScope): unknown[] {
  if (filter.groups.length > 0 && !filter.groups.includes(group.name)) return [];
  if (filter.files.length > 0 && !filter.files.includes(group.file)) return [];
  const rules = group.rules.filter(
    (rule) =>
      (filter.type === undefined || (filter.type === "alert") === (rule.type === "alerting")) &&
      (filter.names.length === 0 || filter.names.includes(rule.name)) &&
      isShown(rule, scope),
  );
  if (rules.length === 0 && (filter.type !== undefined || filter.names.length > 0 || scope.kind !== "all")) return [];
  return [
    {
      name: group.name,
      file: group.file,
      interval: group.intervalMs / 1000,
      limit: group.limit,
      evaluationTime: group.evaluationSeconds,
      lastEvaluation: new Date(group.lastEvaluationMs).toISOString(),
      rules: rules.map((rule) => ruleJson(rule, scope)),
    },
  ];
}

function ruleJson(rule: RuleView, scope: TenantScope): unknown {
  const shared = {
    name: rule.name,
    query: rule.query,
    labels: rule.labels,
    health: rule.health,
    ...(rule.lastError && scope.kind === "all" ? { lastError: rule.lastError } : {}),
    evaluationTime: rule.evaluationSeconds,
    lastEvaluation: new Date(rule.lastEvaluationMs).toISOString(),
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
    alerts: alerts.map(alertJson),
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
