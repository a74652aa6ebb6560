// GET /api/storewatch/v1/notifications: what was sent to whom, newest first.
import type { FastifyPluginAsync } from "fastify";
import { z } from "zod";
import { StorewatchError } from "../kernel/errors.ts";
import type { DeliveryLog } from "./delivery-log.ts";

const querySchema = z.object({
  limit: z.coerce.number().int().min(1).max(500).default(100),
  before: z.string().max(64).optional(),
});

export function notifyRoutes(deps: { readonly log: DeliveryLog }): FastifyPluginAsync {
  return async (app) => {
    const schema = { summary: "What was sent to whom, newest first. ?limit=100&before=ID", tags: ["notifications"] };
    app.get("/api/storewatch/v1/notifications", { config: { access: "viewer" }, schema }, async (request) => {
      const query = querySchema.safeParse(request.query);
      if (!query.success) throw new StorewatchError("BAD_REQUEST", { reason: z.prettifyError(query.error) });
      return { notifications: deps.log.list(request.principal.scope, query.data) };
    });
  };
}
