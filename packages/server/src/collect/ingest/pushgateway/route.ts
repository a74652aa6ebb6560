// The Pushgateway's form, for batch jobs that end before anybody could scrape them: PUT, POST and DELETE on
// /metrics/job/NAME{/LABEL/VALUE}.

import { type Labels, TENANT_LABEL } from "@storewatch/model";
import type { FastifyPluginAsync, FastifyRequest } from "fastify";
import { StorewatchError } from "../../../kernel/errors.ts";
import { readBody, takeRawBodies } from "../body.ts";
import { labelsInScope } from "../scope.ts";
import { groupLabels, readFamilies } from "./group.ts";
import type { PushGroups } from "./groups.ts";

const BODY_LIMIT_BYTES = 4 * 2 ** 20;
const PREFIX = "/metrics/";

export function pushgatewayRoutes({ groups }: { readonly groups: PushGroups }): FastifyPluginAsync {
  return async (app) => {
    takeRawBodies(app, BODY_LIMIT_BYTES);
    for (const path of ["/metrics/job/*", "/metrics/job@base64/*"]) {
      app.route({
        method: ["PUT", "POST"],
        url: path,
        config: { access: "ingest" },
        handler: async (request, reply) => {
          const labels = labelsOf(request);
          await push(groups, request, labels);
          return reply.code(200).send();
        },
      });
      app.delete(path, { config: { access: "ingest" } }, async (request, reply) => {
        await groups.remove(labelsOf(request));
        return reply.code(202).send();
      });
    }
  };
}

async function push(groups: PushGroups, request: FastifyRequest, labels: Labels): Promise<void> {
  try {
    const isProtobuf = (request.headers["content-type"] ?? "").startsWith("application/vnd.google.protobuf");
    const families = readFamilies(await readBody(request, BODY_LIMIT_BYTES), labels, isProtobuf);
    await groups.push(labels, families, request.method === "PUT");
  } catch (error) {
    if (error instanceof StorewatchError) await groups.failed(labels);
    throw error;
  }
}

/**
 * From the path as it was sent: a decoded one could not tell `%2F` from `/`. A credential for several shops must name one,
 * so that nobody touches a group of the platform or of another shop.
 */
function labelsOf(request: FastifyRequest): Labels {
  const path = (request.raw.url ?? "").split("?", 1)[0];
  const labels = groupLabels(path.slice(PREFIX.length));
  const own = labelsInScope(request.principal.scope, labels);
  if (own) return own;
  const tenant = labels.get(TENANT_LABEL);
  if (tenant === "")
    throw new StorewatchError("BAD_REQUEST", { reason: "name the shop: …/tenant_id/SHOP in the path" });
  throw new StorewatchError("TENANT_FORBIDDEN", { tenant });
}
