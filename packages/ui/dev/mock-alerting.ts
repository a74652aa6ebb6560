// The alerting side of the mock: rules by the real rule book and preview; receivers, routing and quality canned.
import { mkdtempSync, readdirSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type {
  AlertQuality,
  Calm,
  ReceiverIntegrationView,
  ReceiverView,
  RouteNode,
  RoutingTestResult,
  SilencePreview,
} from "@storewatch/model/api";
import type { FastifyInstance } from "fastify";
import { StorewatchError } from "../../server/src/kernel/errors.ts";
import { ruleGroupRoutes } from "../../server/src/rules/group-route.ts";
import { rulePreviewRoutes } from "../../server/src/rules/preview-route.ts";
import { RuleBook } from "../../server/src/rules/rule-book.ts";
import { parseRuleFile, type RuleGroupConfig } from "../../server/src/rules/rule-file.ts";
import { ALERTS, type MockAlert } from "./synthetic.ts";

const MINUTE = 60_000;
type Labels = Readonly<Record<string, string>>;

export interface MockOptions {
  readonly startMs: number;
  readonly calm: boolean;
  /** The server's folder of rule files. */
  readonly rules: string;
  readonly query: Parameters<typeof rulePreviewRoutes>[0]["query"];
}

const STORED = `# Rules of the Acme team.
groups:
  - name: acme-checkout
    interval: 30s
    rules:
      - record: acme:orders:per_hour
        expr: sum(rate(orders_total{tenant_id="acme",status="paid"}[10m])) * 3600

      - alert: AcmeOrdersLow
        expr: acme:orders:per_hour < 150
        for: 5m
        labels: { severity: critical, team: acme }
        annotations:
          summary: "Acme takes {{ $value | humanize }} orders an hour"
          description: "150 are the least that is usual at any hour."
`;

export function alertingApi(app: FastifyInstance, options: MockOptions): void {
  const fileGroups = readdirSync(options.rules)
    .filter((name) => name.endsWith(".rules.yml"))
    .flatMap((name) => parseRuleFile(name, readFileSync(join(options.rules, name), "utf8")));
  const book = new RuleBook({
    directory: mkdtempSync(join(tmpdir(), "storewatch-mock-")),
    fileGroups,
    apply: async () => {},
  });
  if (!options.calm) void book.put("acme-checkout", STORED, null);
  app.setErrorHandler((error, _request, reply) => {
    if (!(error instanceof StorewatchError)) throw error;
    const { code, message, hint, status } = error;
    return reply.code(status).send({ error: { code, message, hint } });
  });
  app.register(ruleGroupRoutes({ book, audit: async () => {} }));
  app.register(
    rulePreviewRoutes({
      query: options.query,
      clock: { nowMs: Date.now, monotonicMs: () => performance.now(), setTimer: () => ({ cancel() {} }) },
      settings: () => ({ externalLabels: {}, evaluationIntervalMs: 15_000, queryOffsetMs: 0 }),
      externalUrl: "http://127.0.0.1:24700",
    }),
  );
  app.get("/api/v1/rules", async () => ({
    status: "success",
    data: { groups: book.groups().map((group, i) => groupJson(group, i, options)) },
  }));
  receiversApi(app, options);
  routingApi(app, options);
  calmApi(app, options);
}

function groupJson(group: RuleGroupConfig, at: number, { startMs, calm }: MockOptions) {
  const lastEvaluation = new Date(Date.now() - 2000 - at * 700).toISOString();
  const rules = group.rules.map((rule, i) => {
    const name = rule.type === "alerting" ? rule.alert : rule.record;
    const failing = !calm && name === "TenantPaymentsFailing";
    const base = {
      name,
      query: rule.expression,
      labels: rule.labels,
      health: failing ? "err" : "ok",
      ...(failing
        ? { lastError: 'found duplicate series for the match group {provider="paynow"} on the left side' }
        : {}),
      evaluationTime: (0.0004 + ((i * 7 + at * 3) % 11) * 0.0003) * (rule.expression.length > 160 ? 6 : 1),
      lastEvaluation,
      type: rule.type,
    };
    if (rule.type === "recording") return base;
    const severity = (rule.labels as Labels).severity;
    const own = calm
      ? []
      : ALERTS.filter((alert) => alert.labels.alertname === name && alert.labels.severity === severity);
    const alerts =
      name === "Watchdog"
        ? [
            {
              labels: { alertname: name, ...rule.labels },
              annotations: rule.annotations,
              state: "firing",
              activeAt: new Date(startMs - 9e6).toISOString(),
              value: "1e+00",
            },
          ]
        : own.map((alert) => alertJson(alert, startMs));
    const state = alerts.some((alert) => alert.state === "firing")
      ? "firing"
      : alerts.length > 0
        ? "pending"
        : "inactive";
    return {
      ...base,
      state,
      duration: rule.forMs / 1000,
      keepFiringFor: rule.keepFiringForMs / 1000,
      annotations: rule.annotations,
      alerts,
    };
  });
  return {
    name: group.name,
    file: group.file,
    interval: (group.intervalMs ?? 15_000) / 1000,
    limit: 0,
    evaluationTime: rules.reduce((sum, rule) => sum + rule.evaluationTime, 0),
    lastEvaluation,
    rules,
  };
}

const alertJson = (alert: MockAlert, startMs: number) => ({
  labels: alert.labels,
  annotations: { summary: alert.summary, description: alert.description },
  state: alert.firingAfterMinutes > alert.sinceMinutes ? "pending" : "firing",
  activeAt: new Date(startMs - alert.sinceMinutes * MINUTE).toISOString(),
  value: String(alert.value),
});

function receiversApi(app: FastifyInstance, { startMs, calm }: MockOptions): void {
  const integration = (
    name: string,
    target: string,
    more: Partial<ReceiverIntegrationView> = {},
  ): ReceiverIntegrationView => ({
    integration: name,
    kind: name.split("[")[0],
    target,
    sendResolved: true,
    health: "ok",
    lastSuccess: { atMs: startMs - 12 * MINUTE, reason: "" },
    lastFailure: null,
    breaker: { state: "closed", sinceMs: null, retryAtMs: null, failuresInARow: 0, reason: "" },
    counts: { delivered: 214, failed: 0, retried: 2, waiting: 0 },
    ...more,
  });
  const broken: Partial<ReceiverIntegrationView> = calm
    ? {}
    : {
        health: "failing",
        lastFailure: { atMs: startMs - 40_000, reason: "503 Service Unavailable: upstream connect error" },
        breaker: {
          state: "open",
          sinceMs: startMs - 4 * MINUTE,
          retryAtMs: startMs + 50_000,
          failuresInARow: 9,
          reason: "503 Service Unavailable",
        },
        counts: { delivered: 87, failed: 4, retried: 22, waiting: 3 },
      };
  const unused = {
    health: "unknown" as const,
    lastSuccess: null,
    counts: { delivered: 0, failed: 0, retried: 0, waiting: 0 },
  };
  const receivers: ReceiverView[] = [
    { name: "nobody", integrations: [] },
    {
      name: "default",
      integrations: [integration("email[0]", "mail to devops@shop.example by mail.shop.example:587")],
    },
    {
      name: "critical",
      integrations: [
        integration("email[0]", "mail to oncall@shop.example by mail.shop.example:587"),
        integration("slack[0]", "POST https://hooks.slack.com/services/<secret> #alerts-critical", broken),
        integration("pagerduty[0]", "POST https://events.pagerduty.com/v2/enqueue"),
      ],
    },
    {
      name: "warning",
      integrations: [integration("slack[0]", "POST https://hooks.slack.com/services/<secret> #alerts")],
    },
    {
      name: "business",
      integrations: [
        integration("telegram[0]", "POST https://api.telegram.org/bot<secret>/sendMessage chat −100214", unused),
      ],
    },
  ];
  app.get("/api/storewatch/v1/receivers", async () => ({ receivers }));
  app.post<{ Params: { name: string } }>("/api/storewatch/v1/receivers/:name/test", async (request) => ({
    results: (receivers.find((one) => one.name === request.params.name)?.integrations ?? []).map((one) => ({
      integration: one.integration,
      outcome: one.health === "failing" ? "failed" : "delivered",
      reason: one.health === "failing" ? "503 Service Unavailable: upstream connect error" : "",
      durationMs: 84,
      target: one.target,
      subject: "[FIRING:1] Storewatch test",
      body: "This is a test.",
      answer: one.health === "failing" ? "503 Service Unavailable" : "250 2.0.0 OK: queued as 4F2",
      notificationId: "m0",
    })),
  }));
}

interface MockRoute {
  readonly receiver: string;
  readonly matchers: readonly (readonly [string, "=" | "=~", string])[];
  readonly children?: readonly MockRoute[];
  readonly continue?: boolean;
  readonly mute?: string;
}

const TREE: MockRoute = {
  receiver: "default",
  matchers: [],
  children: [
    { receiver: "nobody", matchers: [["alertname", "=", "Watchdog"]] },
    {
      receiver: "business",
      matchers: [["alertname", "=~", "TenantOrder.*"]],
      children: [
        {
          receiver: "critical",
          matchers: [
            ["severity", "=", "critical"],
            ["tenant_id", "=", "acme"],
          ],
        },
        { receiver: "business", matchers: [["severity", "=", "warning"]], mute: "out-of-hours" },
      ],
    },
    { receiver: "business", matchers: [["alertname", "=", "PaymentProviderDown"]], continue: true },
    { receiver: "critical", matchers: [["severity", "=", "critical"]] },
    { receiver: "warning", matchers: [["severity", "=", "warning"]] },
  ],
};

const matchesLabels = (labels: Labels, [name, operator, value]: MockRoute["matchers"][number]): boolean => {
  const own = labels[name] ?? "";
  return operator === "=" ? own === value : value.endsWith(".*") ? own.startsWith(value.slice(0, -2)) : own === value;
};
const matcherText = ([name, operator, value]: MockRoute["matchers"][number]): string => `${name}${operator}"${value}"`;

function routingApi(app: FastifyInstance, { startMs, calm }: MockOptions): void {
  const firing = calm ? [] : ALERTS.filter((alert) => alert.firingAfterMinutes <= alert.sinceMinutes);
  const nodes: RouteNode[] = [];
  const routes = new Map<string, MockRoute>();
  const add = (route: MockRoute, id: string, parent: string | null, depth: number) => {
    routes.set(id, route);
    const intervals = route.mute ? [{ name: route.mute, holds: !calm }] : [];
    const alerts = firing.filter((alert) => walk(alert.labels).chosen.includes(id)).length;
    nodes.push({
      id,
      parent,
      depth,
      children: (route.children ?? []).map((_, i) => `${id}.${i}`),
      matchers: route.matchers.map(matcherText),
      receiver: route.receiver,
      groupBy: depth === 2 ? null : ["alertname", "tenant_id"],
      groupWaitMs: 10_000,
      groupIntervalMs: 60_000,
      repeatIntervalMs: 4 * 3_600_000,
      continue: route.continue ?? false,
      muteTimeIntervals: intervals,
      activeTimeIntervals: [],
      mutedNow: intervals.some((one) => one.holds),
      counts: { groups: alerts, alerts, suppressed: id === "0.4" && alerts > 0 ? 1 : 0 },
    });
    route.children?.forEach((child, i) => {
      add(child, `${id}.${i}`, id, depth + 1);
    });
  };
  const walk = (labels: Labels) => {
    const path: RoutingTestResult["path"] = [];
    const chosen: string[] = [];
    const visit = (route: MockRoute, id: string, parent: string | null, depth: number): boolean => {
      const matchers = route.matchers.map((one) => ({ text: matcherText(one), matched: matchesLabels(labels, one) }));
      const matched = matchers.every((one) => one.matched);
      const step = {
        id,
        parent,
        depth,
        receiver: route.receiver,
        matched,
        matchers,
        chosen: false,
        continue: route.continue ?? false,
        words: "",
      };
      path.push(step);
      if (!matched) return false;
      let taken = false;
      for (const [i, child] of (route.children ?? []).entries()) {
        const took = visit(child, `${id}.${i}`, id, depth + 1);
        taken ||= took;
        if (took && !child.continue) break;
      }
      if (!taken) {
        step.chosen = true;
        chosen.push(id);
      }
      return true;
    };
    visit(TREE, "0", null, 0);
    return { path, chosen };
  };
  add(TREE, "0", null, 0);
  app.get("/api/storewatch/v1/routing", async () => ({
    nodes,
    receivers: ["nobody", "default", "critical", "warning", "business"].map((name) => ({
      name,
      integrations: name === "nobody" ? [] : ["email[0]"],
      alerts: 0,
    })),
  }));
  app.post<{ Body: { labels: Record<string, string> } }>("/api/storewatch/v1/routing/test", async (request) => {
    const { labels } = request.body;
    const { path, chosen } = walk(labels);
    const silenced = labels.alertname === "DiskSpaceLow";
    const result: RoutingTestResult = {
      atMs: startMs,
      labels,
      fingerprint: "f",
      path,
      receivers: chosen.map((id) => {
        const node = nodes.find((one) => one.id === id) as RouteNode;
        return {
          ...node,
          integrations: node.receiver === "nobody" ? [] : ["email[0]", "slack[0]"],
          groupKey: "{}",
          groupLabels: { alertname: labels.alertname ?? "", tenant_id: labels.tenant_id ?? "" },
          mutedBy: node.mutedNow ? ["out-of-hours"] : [],
          groupAlerts: id === "0.3" ? 2 : null,
          outcome: silenced ? "silenced" : node.receiver === "nobody" ? "nobody" : node.mutedNow ? "muted" : "told",
        };
      }),
      silencedBy: silenced
        ? [
            {
              id: "5a1c",
              matchers: [],
              createdBy: "linh",
              comment: "New disk is ordered, ticket 4711",
              endsAtMs: startMs + 140 * MINUTE,
            },
          ]
        : [],
      inhibitedBy: [],
      words: "",
    };
    return result;
  });
}

interface SentMatcher {
  readonly name: string;
  readonly value: string;
  readonly isRegex: boolean;
  readonly isEqual: boolean;
}

function calmApi(app: FastifyInstance, { startMs, calm }: MockOptions): void {
  const firing = calm ? [] : ALERTS.filter((alert) => alert.firingAfterMinutes <= alert.sinceMinutes);
  const state: Calm = {
    settings: {
      flap: { changes: 6, windowMs: 3_600_000, calmForMs: 600_000 },
      storm: { notifications: 20, windowMs: 300_000 },
      silenceReminder: { beforeMs: 900_000, receiver: null },
      webhooks: false,
    },
    flapping: calm
      ? []
      : [
          {
            fingerprint: "f2",
            labels: ALERTS[2].labels,
            state: "firing",
            sinceMs: startMs - 30 * MINUTE,
            lastChangeMs: startMs - MINUTE,
            changes: 7,
            calmAtMs: startMs + 9 * MINUTE,
          },
        ],
    flappingTotal: calm ? 0 : 1,
    storms: [],
    expiringSilences: calm
      ? []
      : [
          {
            id: "5a1c",
            comment: "New disk is ordered, ticket 4711",
            createdBy: "linh",
            matchers: ['alertname="DiskSpaceLow"'],
            endsAtMs: startMs + 14 * MINUTE,
            hiddenAlerts: 1,
            receivers: ["warning"],
            remindedAtMs: null,
          },
        ],
  };
  app.get("/api/storewatch/v1/calm", async () => state);
  app.post("/api/storewatch/v1/alerts/:fingerprint/seen", async (request) => ({
    fingerprint: (request.params as { fingerprint: string }).fingerprint,
    first: true,
  }));
  app.post<{ Body: { matchers: SentMatcher[] } }>("/api/storewatch/v1/silences/preview", async (request) => {
    const hidden = firing.filter((alert) =>
      request.body.matchers.every((one) => {
        const value = alert.labels[one.name] ?? "";
        return (one.isRegex ? one.value.split("|").includes(value) : value === one.value) === one.isEqual;
      }),
    );
    return silencePreview(hidden, firing.length, startMs);
  });
  app.get<{ Querystring: { range: string } }>("/api/storewatch/v1/alert-quality", async (request) =>
    quality(calm, startMs, Number.parseInt(request.query.range, 10)),
  );
}

function silencePreview(hidden: readonly MockAlert[], firing: number, startMs: number): SilencePreview {
  const critical = hidden.some((alert) => alert.labels.severity === "critical");
  return {
    alerts: hidden.map((alert, i) => ({
      fingerprint: `f${i}`,
      labels: alert.labels,
      annotations: {},
      startsAtMs: startMs - alert.sinceMinutes * MINUTE,
      state: "active",
      silencedBy: alert.labels.alertname === "DiskSpaceLow" ? ["5a1c"] : [],
      receivers: [alert.labels.severity],
    })),
    total: hidden.length,
    newlyHidden: hidden.filter((alert) => alert.labels.alertname !== "DiskSpaceLow").length,
    firing,
    share: firing === 0 ? 0 : hidden.length / firing,
    byAlertname: [],
    byTenant: [],
    bySeverity: [],
    receivers: [{ name: "critical", hidden: hidden.filter((a) => a.labels.severity === "critical").length, left: 1 }],
    warnings: [
      ...(hidden.length > 1 && hidden.length === firing
        ? [{ code: "everything" as const, severity: "error" as const, message: "" }]
        : []),
      ...(critical ? [{ code: "critical" as const, severity: "warning" as const, message: "" }] : []),
    ],
  };
}

function quality(calm: boolean, startMs: number, days: number): AlertQuality {
  const rule = (
    alertname: string,
    level: "unknown" | "quiet" | "fair" | "noisy" | "very-noisy",
    score: number | null,
    counts: readonly number[],
  ): AlertQuality["rules"][number] => {
    const [fired, notified, messages, seen, actedUpon, short, flapping, silenced, minutes, tenants] = counts;
    return {
      alertname,
      tenants,
      lastFiredMs: startMs - fired * 7 * MINUTE,
      fired,
      resolved: fired,
      notified,
      messages,
      silenced,
      inhibited: 0,
      flapping,
      seen,
      actedUpon,
      short,
      medianDurationMs: minutes * MINUTE,
      noise: { score, level, words: "", advice: "" },
    };
  };
  const rules = calm
    ? []
    : [
        rule("HighResponseTime", "very-noisy", 84, [142, 131, 402, 9, 1, 118, 61, 3, 2.5, 11]),
        rule("MemoryUsageHigh", "noisy", 63, [38, 38, 310, 4, 0, 2, 0, 0, 95, 0]),
        rule("DiskSpaceLow", "noisy", 58, [12, 3, 3, 3, 3, 0, 0, 9, 400, 0]),
        rule("HighErrorRate", "fair", 31, [24, 24, 51, 21, 12, 5, 0, 1, 14, 7]),
        rule("TenantOrderRateLow", "quiet", 8, [9, 9, 20, 9, 8, 0, 0, 0, 33, 4]),
        rule("PaymentProviderDown", "unknown", null, [2, 2, 4, 2, 2, 0, 0, 0, 41, 0]),
      ];
  const sum = (name: "fired" | "notified" | "messages" | "seen" | "actedUpon" | "short" | "flapping" | "silenced") =>
    rules.reduce((total, one) => total + one[name], 0);
  return {
    fromMs: startMs - days * 86_400_000,
    toMs: startMs,
    recordedSinceMs: calm ? null : startMs - 26 * 86_400_000,
    rules,
    totals: {
      fired: sum("fired"),
      resolved: sum("fired"),
      notified: sum("notified"),
      messages: sum("messages"),
      silenced: sum("silenced"),
      inhibited: 0,
      flapping: sum("flapping"),
      seen: sum("seen"),
      actedUpon: sum("actedUpon"),
      short: sum("short"),
      medianDurationMs: calm ? null : 6 * MINUTE,
    },
  };
}
