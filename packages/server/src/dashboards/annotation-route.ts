// Grafana's annotations API, and our own for deploys.
import type { Clock, TenantScope } from "@storewatch/model";
import { scopeAllows } from "@storewatch/model";
import { alertDeploysSchema, deploySchema } from "@storewatch/model/api";
import type { FastifyPluginAsync, FastifyReply, FastifyRequest } from "fastify";
import { z } from "zod";
import { StorewatchError } from "../kernel/errors.ts";
import { deploysAround } from "./alert-deploys.ts";
import type { AnnotationQuery, AnnotationStore, StoredAnnotation } from "./annotation-store.ts";
import { markDeploy } from "./deploys.ts";

export interface AnnotationRouteDependencies {
  readonly store: AnnotationStore;
  readonly clock: Clock;
}

const LIMIT_DEFAULT = 100;
const LIMIT_MAX = 5000;
/** Clocks of build machines differ. */
const FUTURE_MAX_MS = 10 * 60_000;

const newAnnotation = z.looseObject({
  time: z.number().optional(),
  timeEnd: z.number().optional(),
  text: z.string().min(1).max(10_000),
  tags: z.array(z.string().max(200)).max(50).default([]),
  dashboardUID: z.string().max(40).optional(),
  panelId: z.number().optional(),
  /** Ours: the shop that the mark belongs to. */
  tenant: z.string().max(64).optional(),
});

/** Of the alert; labels that it does not have are left out. */
const alertQuery = z.object({
  /** ms since the epoch. */
  start: z.coerce.number().int().nonnegative(),
  service: z.string().max(200).optional(),
  job: z.string().max(200).optional(),
  tenant: z.string().max(64).optional(),
});

export function annotationRoutes(deps: AnnotationRouteDependencies): FastifyPluginAsync {
  return async (app) => {
    app.get("/api/annotations", { config: { access: "viewer" } }, async (request) =>
      deps.store.list(request.principal.scope, queryOf(request)).map(view),
    );
    app.post("/api/annotations", { config: { access: "editor" } }, async (request, reply) =>
      addAnnotation(deps, request, reply),
    );
    app.delete<{ Params: { id: string } }>(
      "/api/annotations/:id",
      { config: { access: "editor" } },
      async (request, reply) => {
        const done = deps.store.remove(request.principal.scope, Number(request.params.id));
        return done
          ? { message: "Annotation deleted" }
          : reply.code(404).send({ message: "Could not find annotation" });
      },
    );
    const deploy = { summary: "Mark a deploy; the same one again answers with its mark", tags: ["deploys"] };
    app.post("/api/storewatch/v1/deploys", { config: { access: "mark" }, schema: deploy }, async (request, reply) =>
      addDeploy(deps, request, reply),
    );
    const around = {
      summary: "Deploys around the start of an alert, the likeliest cause first. ?start in ms, and its labels",
      tags: ["deploys"],
      querystring: alertQuery,
      response: { 200: alertDeploysSchema },
    };
    app.get<{ Querystring: z.infer<typeof alertQuery> }>(
      "/api/storewatch/v1/deploys",
      { config: { access: "viewer" }, schema: around },
      async ({ principal, query: { start, service, job, tenant } }) => {
        const services = [service, job].filter((name) => name !== undefined && name !== "") as string[];
        return { deploys: deploysAround(principal.scope, deps.store, { startMs: start, services, tenant }) };
      },
    );
  };
}

function addAnnotation(deps: AnnotationRouteDependencies, request: FastifyRequest, reply: FastifyReply): unknown {
  const body = newAnnotation.safeParse(request.body);
  if (!body.success) return reply.code(400).send({ message: z.prettifyError(body.error) });
  const { text, tags, dashboardUID, panelId } = body.data;
  const time = body.data.time ?? deps.clock.nowMs();
  const timeEnd = body.data.timeEnd || time;
  if (timeEnd < time) return reply.code(400).send({ message: "timeEnd lies before time" });
  const tenant = tenantOf(request.principal.scope, body.data.tenant);
  const by = request.principal.name;
  const { id } = deps.store.add({ time, timeEnd, text, tags, dashboardUID, panelId, tenant, by });
  return { message: "Annotation added", id };
}

function addDeploy(deps: AnnotationRouteDependencies, request: FastifyRequest, reply: FastifyReply): unknown {
  const body = deploySchema.safeParse(request.body);
  if (!body.success) throw new StorewatchError("BAD_REQUEST", { reason: z.prettifyError(body.error) });
  if (body.data.time !== undefined && body.data.time > deps.clock.nowMs() + FUTURE_MAX_MS)
    throw new StorewatchError("BAD_REQUEST", { reason: "time: lies in the future" });
  const shop = tenantOf(request.principal.scope, body.data.tenant);
  const { mark, isNew } = markDeploy(deps.store, deps.clock, { ...body.data, shop, by: request.principal.name });
  return reply.code(isNew ? 201 : 200).send(view(mark));
}

/** The shop of a new mark. A credential for some shops marks one of them, never the time axis of all. */
function tenantOf(scope: TenantScope, named: string | undefined): string | null {
  if (named !== undefined) {
    if (!scopeAllows(scope, named)) throw new StorewatchError("TENANT_FORBIDDEN", { tenant: named });
    return named;
  }
  if (scope.kind === "all") return null;
  const [only, ...others] = scope.ids;
  if (only === undefined || others.length > 0)
    throw new StorewatchError("BAD_REQUEST", { reason: "name the shop in `tenant`: the credential is for several" });
  return only;
}

function queryOf(request: FastifyRequest): AnnotationQuery {
  const params = new URL(request.url, "http://local").searchParams;
  return {
    fromMs: numberParam(params, "from"),
    toMs: numberParam(params, "to"),
    tags: params.getAll("tags"),
    matchAny: params.get("matchAny") === "true",
    dashboardUid: params.get("dashboardUID") || undefined,
    limit: Math.min(LIMIT_MAX, Math.max(1, numberParam(params, "limit") ?? LIMIT_DEFAULT)),
  };
}

function numberParam(params: URLSearchParams, name: string): number | undefined {
  const text = params.get(name);
  if (text === null || text === "") return undefined;
  const value = Number(text);
  if (!Number.isFinite(value))
    throw new StorewatchError("BAD_REQUEST", { reason: `${name}: expected ms since the epoch` });
  return value;
}

/** Grafana's form; fields of features that there are none of here are 0 or empty. */
function view(annotation: StoredAnnotation) {
  const { id, time, timeEnd, text, tags, dashboardUID, panelId, created, by, tenant, data } = annotation;
  return {
    id,
    alertId: 0,
    alertName: "",
    dashboardId: 0,
    ...(dashboardUID === undefined ? {} : { dashboardUID }),
    panelId: panelId ?? 0,
    userId: 0,
    newState: "",
    prevState: "",
    created,
    updated: created,
    time,
    timeEnd,
    text,
    tags,
    login: by,
    ...(tenant === null ? {} : { tenant }),
    data: data ?? {},
  };
}
