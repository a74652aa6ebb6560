// Erasing a shop's metrics down to the last byte, as its owner may ask for.
import { Matcher, parseTenantId, scopeAllows, TENANT_LABEL, type TenantId } from "@storewatch/model";
import type { FastifyPluginAsync, FastifyRequest } from "fastify";
import { z } from "zod";
import { StorewatchError } from "../kernel/errors.ts";
import type { Logger } from "../kernel/logger.ts";
import type { MetricStore } from "../store/interface.ts";
import type { Principal } from "../tenant/principal.ts";

export interface EraseDependencies {
  readonly store: Pick<MetricStore, "erase">;
  /** What would write the shop's data again lets go of it. */
  readonly forget: (tenant: TenantId) => Promise<void>;
  readonly audit: (by: Principal, action: string, subject: string, detail?: string) => Promise<void>;
  readonly logger: Logger;
}

const bodySchema = z.strictObject({
  confirm: z.string().describe("The shop's id once more: what is erased does not come back."),
});
const answerSchema = z.object({
  series: z.number().describe("Series that were erased."),
  bytesFreed: z.number(),
});

/** DELETE /api/storewatch/v1/tenants/:id/data. Answers when it is done, which may take minutes. */
export function eraseRoutes({ store, forget, audit, logger }: EraseDependencies): FastifyPluginAsync {
  return async (app) => {
    app.delete(
      "/api/storewatch/v1/tenants/:id/data",
      {
        config: { access: "admin" },
        schema: {
          summary: "Erase a shop's metrics for good: samples, histograms, exemplars, and labels that only it has",
          tags: ["tenants"],
          body: bodySchema,
          response: { 200: answerSchema },
        },
      },
      async (request: FastifyRequest) => {
        const { id } = request.params as { readonly id: string };
        const tenant = parseTenantId(id);
        if (tenant === undefined) throw new StorewatchError("BAD_REQUEST", { reason: `"${id}" is no shop id` });
        const { scope } = request.principal;
        if (!scopeAllows(scope, tenant)) throw new StorewatchError("TENANT_FORBIDDEN", { tenant });
        if ((request.body as z.infer<typeof bodySchema>).confirm !== tenant) {
          throw new StorewatchError("BAD_REQUEST", { reason: `confirm with the shop's id: {"confirm":"${tenant}"}` });
        }
        await audit(request.principal, "tenant.erase", tenant, "begun");
        await forget(tenant);
        const result = await store.erase(scope, [new Matcher("=", TENANT_LABEL, tenant)], ({ blocks, blocksDone }) =>
          logger.info({ tenant, blocks, blocksDone }, "erasing the metrics of a shop"),
        );
        logger.info({ tenant, ...result }, "the metrics of a shop are erased");
        await audit(request.principal, "tenant.erase", tenant, `${result.series} series, ${result.bytesFreed} bytes`);
        return result;
      },
    );
  };
}
