// /api/storewatch/v1/calm, …/alert-quality and …/alerts/:fingerprint/seen.
import { parseDurationMs, type TenantScope } from "@storewatch/model";
import {
  alertQualitySchema,
  alertSeenResultSchema,
  alertSeenSchema,
  type Calm,
  calmSchema,
  type ExpiringSilence,
  type FlappingAlert,
} from "@storewatch/model/api";
import type { FastifyPluginAsync } from "fastify";
import type { ZodTypeProvider } from "fastify-type-provider-zod";
import { z } from "zod";
import { StorewatchError } from "../../kernel/errors.ts";
import { isResolved } from "../alert.ts";
import type { AlertManager } from "../manager.ts";
import { matcherText } from "../matchers/parse.ts";
import { DAY_MS, KEPT_DAYS, type QualityJournal } from "./quality/journal.ts";
import { qualityReport } from "./quality/report.ts";

export interface CalmRouteOptions {
  readonly manager: AlertManager;
  readonly journal: QualityJournal;
}

const URL = "/api/storewatch/v1";
const tags = ["calm"];
const FLAPPING_LISTED = 500;
const fingerprint = z.string().regex(/^[0-9a-f]{16}$/, "expected 16 hex digits");
const range = z.string().max(20).default("30d");

export function calmRoutes({ manager, journal }: CalmRouteOptions): FastifyPluginAsync {
  return async (instance) => {
    const app = instance.withTypeProvider<ZodTypeProvider>();
    app.get(
      `${URL}/calm`,
      {
        config: { access: "viewer" },
        schema: { summary: "What people are not told of one by one", tags, response: { 200: calmSchema } },
      },
      async (request) => calmView(manager, request.principal.scope),
    );
    app.get(
      `${URL}/alert-quality`,
      {
        config: { access: "viewer" },
        schema: {
          summary: "How often rules fire, and whether anybody cares. ?range=30d",
          tags,
          querystring: z.object({ range }),
          response: { 200: alertQualitySchema },
        },
      },
      async (request) =>
        qualityReport(journal, request.principal.scope, readDays(request.query.range), manager.nowMs()),
    );
    app.post(
      `${URL}/alerts/:fingerprint/seen`,
      {
        config: { access: "viewer" },
        schema: {
          summary: "Somebody opened an alert",
          tags,
          params: z.object({ fingerprint }),
          body: alertSeenSchema.nullish(),
          response: { 200: alertSeenResultSchema },
        },
      },
      async (request) => {
        const { fingerprint: id } = request.params;
        const { acted } = alertSeenSchema.parse(request.body ?? {});
        const { scope } = request.principal;
        const alert = manager.alert(scope, id);
        const seen = journal.see(scope, id, acted, alert);
        if (!seen) throw new StorewatchError("NOT_FOUND", { what: `alert ${id}` });
        return { fingerprint: id, first: seen.first };
      },
    );
  };
}

function readDays(text: string): number {
  const ms = parseDurationMs(text);
  if (ms !== undefined && ms >= DAY_MS && ms <= KEPT_DAYS * DAY_MS) return Math.ceil(ms / DAY_MS);
  throw new StorewatchError("BAD_REQUEST", { reason: `range: expected 1d to ${KEPT_DAYS}d` });
}

function calmView(manager: AlertManager, scope: TenantScope): Calm {
  const { flap, storm, silenceReminder, webhooks } = manager.calm.config;
  const flapping = flappingAlerts(manager, scope);
  return {
    settings: {
      flap: flap ?? null,
      storm: storm ?? null,
      silenceReminder: silenceReminder
        ? { beforeMs: silenceReminder.beforeMs, receiver: silenceReminder.receiver ?? null }
        : null,
      webhooks,
    },
    flapping: flapping.slice(0, FLAPPING_LISTED),
    flappingTotal: flapping.length,
    storms: scope.kind === "all" ? manager.calm.storm.view() : [],
    expiringSilences: expiringSilences(manager, scope),
  };
}

function flappingAlerts(manager: AlertManager, scope: TenantScope): FlappingAlert[] {
  const nowMs = manager.nowMs();
  const { flap } = manager.calm;
  return flap.marks(nowMs).flatMap((mark) => {
    const alert = manager.alert(scope, mark.fingerprint);
    if (!alert) return [];
    return [
      {
        ...mark,
        labels: alert.labels,
        state: isResolved(alert, nowMs) ? ("resolved" as const) : ("firing" as const),
        calmAtMs: flap.calmAtMs(mark),
      },
    ];
  });
}

function expiringSilences(manager: AlertManager, scope: TenantScope): ExpiringSilence[] {
  return manager.calm.reminders.expiring().flatMap(({ silence, alerts, remindedAtMs }) => {
    if (!manager.silence(scope, silence.id)) return [];
    const visible = alerts.filter((alert) => manager.alert(scope, alert.fingerprint));
    const receivers = scope.kind === "all" ? visible.flatMap((alert) => manager.wouldBeTold(alert)) : [];
    return [
      {
        id: silence.id,
        comment: silence.comment,
        createdBy: silence.createdBy,
        matchers: silence.matchers.map(matcherText),
        endsAtMs: silence.endsAtMs,
        hiddenAlerts: visible.length,
        receivers: [...new Set(receivers)],
        remindedAtMs: remindedAtMs ?? null,
      },
    ];
  });
}
