// The Alertmanager API, version 2: amtool, Prometheus servers and dashboards speak it.
import { compareStrings, type TenantScope } from "@storewatch/model";
import type { FastifyError, FastifyPluginAsync, FastifyReply, FastifyRequest } from "fastify";
import type { PutResult } from "./alert-store.ts";
import { readAlertFilter, readMatcherParams, selectSilences } from "./api-filter.ts";
import { ApiInputError, readAlerts, readSilence } from "./api-input.ts";
import { alertJson, groupJson, silenceJson } from "./api-output.ts";
import { labelSetText } from "./dispatcher.ts";
import type { AlertManager, GroupView } from "./manager.ts";
import { matchesLabels } from "./matchers/parse.ts";
import { SilenceError } from "./silences.ts";

export interface AlertRouteDependencies {
  readonly manager: AlertManager;
  /** Of Storewatch. */
  readonly version: string;
}

const BODY_BYTES_MAX = 8 * 1024 * 1024;
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
/** What callers of some shops see instead of the file: valid, and without anything in it. */
const HIDDEN_CONFIG = "route:\n  receiver: hidden\nreceivers:\n  - name: hidden\n";

/** Mounted at the root: paths start with /api/v2. */
export function alertRoutes(deps: AlertRouteDependencies): FastifyPluginAsync {
  return async (app) => {
    app.setErrorHandler(answerError);
    statusRoutes(deps, app);
    alertPaths(deps, app);
    silencePaths(deps, app);
  };
}

type App = Parameters<FastifyPluginAsync>[0];

function statusRoutes({ manager, version }: AlertRouteDependencies, app: App): void {
  app.get("/api/v2/status", { config: { access: "viewer" } }, async (request) => ({
    cluster: { name: "", peers: [], status: "disabled" },
    config: { original: request.principal.scope.kind === "all" ? manager.originalConfig : HIDDEN_CONFIG },
    uptime: new Date(manager.startedAtMs).toISOString(),
    versionInfo: { branch: "", buildDate: "", buildUser: "", goVersion: "", revision: "", version },
  }));
  app.get("/api/v2/receivers", { config: { access: "viewer" } }, async (request) => {
    const matchers = readMatcherParams(paramsOf(request), "receiver_matchers");
    const { scope } = request.principal;
    // Their names may be those of other shops' people: callers of some shops see whom their own alerts are told to.
    const own = new Set(scope.kind === "all" ? [] : manager.alerts(scope).flatMap(({ receivers }) => receivers));
    const receivers = manager
      .receivers()
      .filter(({ name, labels }) => (scope.kind === "all" || own.has(name)) && matchesLabels(matchers, labels));
    return receivers.map(({ name, labels }) => ({ name, labels }));
  });
}

function alertPaths({ manager }: AlertRouteDependencies, app: App): void {
  app.get("/api/v2/alerts", { config: { access: "viewer" } }, async (request) => {
    const filter = readAlertFilter(paramsOf(request), manager.receivers());
    const alerts = manager.alerts(request.principal.scope).filter((view) => filter.accepts(view));
    return alerts.map(alertJson);
  });
  app.get("/api/v2/alerts/groups", { config: { access: "viewer" } }, async (request) => {
    const filter = readAlertFilter(paramsOf(request), manager.receivers());
    const groups = manager.groups(request.principal.scope).sort(compareGroups);
    return groups.flatMap((group) => {
      if (group.mutedBy.length > 0 && !filter.acceptsMutedGroups) return [];
      // Of the group's own receiver only, whoever else is told of its alerts.
      const alerts = group.alerts.filter((view) => filter.accepts({ ...view, receivers: [group.receiver] }));
      return alerts.length > 0 ? [groupJson(group, alerts)] : [];
    });
  });
  // Whoever may write data may write alerts: a Prometheus server needs a token of the role ingest. Editors act on alerts
  // by silences and cannot make them up.
  app.post("/api/v2/alerts", { config: { access: "ingest" }, bodyLimit: BODY_BYTES_MAX }, async (request, reply) => {
    const arrivedAtMs = manager.nowMs();
    const alerts = readAlerts(request.body).map((alert) => ({ ...alert, arrivedAtMs }));
    return answerPut(await manager.put(request.principal.scope, alerts), reply);
  });
}

function compareGroups(a: GroupView, b: GroupView): number {
  return compareStrings(labelSetText(a.labels), labelSetText(b.labels)) || compareStrings(a.receiver, b.receiver);
}

/** The alerts that were fine are stored, whatever the answer says of the others. */
function answerPut({ rejected }: PutResult, reply: FastifyReply): FastifyReply {
  if (rejected.length === 0) return reply.code(200).send();
  const kinds = new Set(rejected.map(({ kind }) => kind));
  const status = kinds.has("invalid") ? 400 : kinds.has("scope") ? 403 : 429;
  if (status === 429) reply.header("retry-after", "30");
  return sendText(reply, status, [...new Set(rejected.map(({ reason }) => reason))].join("; "));
}

function silencePaths({ manager }: AlertRouteDependencies, app: App): void {
  app.get("/api/v2/silences", { config: { access: "viewer" } }, async (request) => {
    const nowMs = manager.nowMs();
    const silences = selectSilences(manager.silences(request.principal.scope), paramsOf(request), nowMs);
    return silences.map((silence) => silenceJson(silence, nowMs));
  });
  app.post("/api/v2/silences", { config: { access: "editor" }, bodyLimit: BODY_BYTES_MAX }, async (request) => {
    const input = readSilence(request.body);
    checkSpan(input.startsAtMs ?? manager.nowMs(), input.endsAtMs, manager.nowMs());
    return { silenceID: await manager.setSilence(request.principal.scope, input) };
  });
  app.get("/api/v2/silence/:id", { config: { access: "viewer" } }, async (request, reply) => {
    const silence = manager.silence(request.principal.scope, idOf(request));
    return silence ? silenceJson(silence, manager.nowMs()) : reply.code(404).send();
  });
  app.delete("/api/v2/silence/:id", { config: { access: "editor" } }, async (request, reply) => {
    const scope: TenantScope = request.principal.scope;
    const id = idOf(request);
    if (!manager.silence(scope, id)) return reply.code(404).send();
    await manager.expireSilence(scope, id);
    return reply.code(200).send();
  });
}

function checkSpan(startsAtMs: number, endsAtMs: number, nowMs: number): void {
  if (startsAtMs >= endsAtMs)
    throw new ApiInputError(400, "failed to create silence: start time must be before end time");
  if (endsAtMs < nowMs) throw new ApiInputError(400, "failed to create silence: end time can't be in the past");
}

function idOf(request: FastifyRequest): string {
  const { id } = request.params as { id: string };
  if (UUID.test(id)) return id;
  throw new ApiInputError(422, { code: 601, message: `silenceID in path must be of type uuid: ${JSON.stringify(id)}` });
}

/** Repeated parameters keep their order. */
function paramsOf(request: FastifyRequest): URLSearchParams {
  return new URLSearchParams(request.url.split("?")[1] ?? "");
}

const SILENCE_STATUS = { invalid: 400, "not-found": 404, limit: 400, scope: 403 } as const;

/** Errors of this API in its own form; what it does not know goes to the server's handler. */
function answerError(error: FastifyError, _request: FastifyRequest, reply: FastifyReply): FastifyReply {
  if (error instanceof ApiInputError) {
    const { status, body } = error;
    return typeof body === "string" ? sendText(reply, status, body) : reply.code(status).send(body);
  }
  if (error instanceof SilenceError) return sendText(reply, SILENCE_STATUS[error.kind], error.message);
  throw error;
}

/** Upstream answers with a bare JSON string. */
function sendText(reply: FastifyReply, status: number, text: string): FastifyReply {
  return reply.code(status).header("content-type", "application/json; charset=utf-8").send(JSON.stringify(text));
}
