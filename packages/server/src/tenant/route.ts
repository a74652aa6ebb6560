import { tenantListSchema } from "@storewatch/model/api";
import type { FastifyPluginAsync } from "fastify";
import type { TenantRegistry } from "./registry.ts";

/** GET /api/storewatch/v1/tenants: the shops that the caller may see. */
export function tenantRoutes(registry: Pick<TenantRegistry, "list">): FastifyPluginAsync {
  return async (app) => {
    app.get(
      "/api/storewatch/v1/tenants",
      {
        config: { access: "viewer" },
        schema: { summary: "Shops that the caller may see", tags: ["tenants"], response: { 200: tenantListSchema } },
      },
      (request) => Promise.resolve({ tenants: registry.list(request.principal.scope) }),
    );
  };
}
