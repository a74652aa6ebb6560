// Prometheus' HTTP API v1: queries, series, status, administration. Rules and targets are served by their own features.
import type { Clock, Matcher, SeriesExemplars, TenantScope } from "@storewatch/model";
import type { FastifyPluginAsync, FastifyReply, FastifyRequest } from "fastify";
import type { MetricStore } from "../store/interface.ts";
import { type AdminActions, adminRoutes } from "./admin-route.ts";
import type { QueryService } from "./interface.ts";
import type { Params } from "./params.ts";
import { exemplars, format, instant, parse, range } from "./query-route.ts";
import { errorJson, paramsOf, sendData, sendJson, speakPrometheus } from "./reply.ts";
import { labelNames, labelValues, series } from "./series-route.ts";

export interface QueryRouteDependencies {
  readonly query: QueryService;
  readonly store: Pick<MetricStore, "seriesSlices" | "labelNamesSlices" | "labelValuesSlices">;
  readonly exemplars: (
    scope: TenantScope,
    matchers: readonly Matcher[],
    fromMs: number,
    toMs: number,
  ) => readonly SeriesExemplars[];
  readonly clock: Clock;
  /** Lets others have their turn while a large reply is made. */
  readonly nextTurn: () => Promise<void>;
  /** Experimental functions and syntax are on. */
  readonly isExperimental: boolean;
  /** Parts of the API that tell about the server, by path below /api/v1; each is asked at the time of the request. */
  readonly status: Readonly<Record<string, StatusPage>>;
  readonly admin: AdminActions;
}

/** Upstream has it behind a feature flag, and answers in this way without that. */
const NO_SEARCH =
  "the search API is not in this version: ask labels or label/NAME/values, which take match[] and limit";

/** `data` of the answer. What belongs to the platform is left out for callers of some shops. */
export type StatusPage = (scope: TenantScope, params: Params) => unknown;

type Handler = (deps: QueryRouteDependencies, request: FastifyRequest, reply: FastifyReply) => Promise<unknown>;

const ENDPOINTS: Readonly<Record<string, Handler>> = {
  query: instant,
  query_range: range,
  query_exemplars: exemplars,
  format_query: format,
  parse_query: parse,
  series,
  labels: labelNames,
};

export function queryRoutes(deps: QueryRouteDependencies): FastifyPluginAsync {
  return async (app) => {
    speakPrometheus(app);
    for (const [name, handler] of Object.entries(ENDPOINTS)) {
      app.route({
        method: ["GET", "POST"],
        url: `/api/v1/${name}`,
        config: { access: "viewer" },
        handler: (request, reply) => handler(deps, request, reply),
      });
    }
    app.get("/api/v1/label/:name/values", { config: { access: "viewer" } }, (request, reply) =>
      labelValues(deps, request, reply),
    );
    for (const [path, read] of Object.entries(deps.status)) {
      app.get(`/api/v1/${path}`, { config: { access: "viewer" } }, async (request, reply) =>
        sendData(reply, JSON.stringify(await read(request.principal.scope, paramsOf(request)))),
      );
    }
    for (const what of ["metric_names", "label_names", "label_values"]) {
      app.route({
        method: ["GET", "POST"],
        url: `/api/v1/search/${what}`,
        config: { access: "viewer" },
        handler: (_, reply) => sendJson(reply.code(404), errorJson("not_found", NO_SEARCH)),
      });
    }
    adminRoutes(app, deps.admin);
  };
}
