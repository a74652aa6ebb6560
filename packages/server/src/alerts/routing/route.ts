// /api/storewatch/v1/routing and …/silences/preview: who would be told, before it happens. Nothing is changed.
import { ALL_TENANTS, type Matcher, RegexError } from "@storewatch/model";
import {
  routingTestResultSchema,
  routingTestSchema,
  routingTreeSchema,
  silencePreviewRequestSchema,
  silencePreviewSchema,
} from "@storewatch/model/api";
import type { FastifyPluginAsync } from "fastify";
import type { ZodTypeProvider } from "fastify-type-provider-zod";
import { StorewatchError } from "../../kernel/errors.ts";
import type { Principal } from "../../tenant/principal.ts";
import type { AlertManager } from "../manager.ts";
import type { MatcherJson } from "../matchers/parse.ts";
import { matcherFromJson } from "../silences.ts";
import { integrationNames, routeNodes } from "./nodes.ts";
import { previewSilence } from "./preview.ts";
import { traceRouting } from "./trace.ts";

const URL = "/api/storewatch/v1";
const tags = ["routing"];

export function routingRoutes({ manager }: { readonly manager: AlertManager }): FastifyPluginAsync {
  return async (instance) => {
    const app = instance.withTypeProvider<ZodTypeProvider>();
    app.get(
      `${URL}/routing`,
      {
        config: { access: "viewer" },
        schema: { summary: "The routing tree, and what it handles now", tags, response: { 200: routingTreeSchema } },
      },
      async (request) => {
        mustSeeAll(request.principal);
        return treeOf(manager);
      },
    );
    app.post(
      `${URL}/routing/test`,
      {
        config: { access: "viewer" },
        schema: {
          summary: "Who would be told of an alert with these labels, and why",
          tags,
          body: routingTestSchema,
          response: { 200: routingTestResultSchema },
        },
      },
      async (request) => {
        mustSeeAll(request.principal);
        const { labels, atMs } = request.body;
        const { route, timeIntervals: intervals } = manager;
        const state = {
          route,
          intervals,
          receivers: manager.receivers(),
          groups: manager.groups(ALL_TENANTS),
          silencing: manager.silencing.bind(manager),
          inhibiting: manager.inhibiting.bind(manager),
        };
        return traceRouting(state, labels, atMs ?? manager.nowMs());
      },
    );
    app.post(
      `${URL}/silences/preview`,
      {
        config: { access: "viewer" },
        schema: {
          summary: "What a silence would hide now",
          tags,
          body: silencePreviewRequestSchema,
          response: { 200: silencePreviewSchema },
        },
      },
      async (request) => {
        const { scope } = request.principal;
        const matchers = request.body.matchers.map(readMatcher);
        return previewSilence({ scope, matchers, id: request.body.id, views: manager.alerts(scope) });
      },
    );
  };
}

function treeOf(manager: AlertManager) {
  const nowMs = manager.nowMs();
  const groups = manager.groups(ALL_TENANTS);
  const nodes = routeNodes({ route: manager.route, intervals: manager.timeIntervals, groups, nowMs });
  const alerts = new Map<string, Set<string>>();
  for (const group of groups) {
    const own = alerts.get(group.receiver) ?? new Set<string>();
    alerts.set(group.receiver, own);
    for (const { alert } of group.alerts) own.add(alert.fingerprint);
  }
  const receivers = manager.receivers().map((receiver) => ({
    name: receiver.name,
    integrations: integrationNames(receiver),
    alerts: alerts.get(receiver.name)?.size ?? 0,
  }));
  return { nodes, receivers };
}

function readMatcher(json: MatcherJson): Matcher {
  try {
    return matcherFromJson(json);
  } catch (error) {
    if (!(error instanceof RegexError)) throw error;
    throw new StorewatchError("BAD_REQUEST", { reason: `invalid regular expression ${json.value}: ${error.message}` });
  }
}

/** Where notifications go is the platform's matter, not one shop's. */
function mustSeeAll({ role, scope }: Principal): void {
  if (scope.kind !== "all") throw new StorewatchError("FORBIDDEN", { role, needed: "a credential for all shops" });
}
