import { slowQueryListSchema } from "@storewatch/model/api";
import type { FastifyPluginAsync } from "fastify";
import { StorewatchError } from "../kernel/errors.ts";
import type { SlowQueryLog } from "./slow-queries.ts";

/** GET /api/storewatch/v1/slow-queries: of admins all, of callers for some shops what was asked for these shops. */
export function slowQueryRoutes(log: SlowQueryLog): FastifyPluginAsync {
  return async (app) => {
    app.get(
      "/api/storewatch/v1/slow-queries",
      {
        config: { access: "viewer" },
        schema: {
          summary: "The last slow queries, the newest first",
          tags: ["queries"],
          response: { 200: slowQueryListSchema },
        },
      },
      async (request) => {
        const { role, scope } = request.principal;
        if (scope.kind === "all" && role !== "admin") throw new StorewatchError("FORBIDDEN", { role, needed: "admin" });
        return { queries: log.list(scope) };
      },
    );
  };
}
