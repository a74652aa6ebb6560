// GET /api/storewatch/v1/receipts: who ran into which limit. A tenant-bound caller sees its own tenants' only.
import { receiptListSchema } from "@storewatch/model/api";
import type { FastifyPluginAsync } from "fastify";
import type { ReceiptBook } from "./receipts.ts";

export function receiptRoutes(receipts: ReceiptBook): FastifyPluginAsync {
  return async (app) => {
    const schema = {
      summary: "Which shops ran into which limit, newest first",
      tags: ["tenants"],
      response: { 200: receiptListSchema },
    };
    app.get("/api/storewatch/v1/receipts", { config: { access: "viewer" }, schema }, async (request) => ({
      receipts: receipts.list(request.principal.scope).map((receipt) => ({
        tenant: receipt.tenant,
        limit: receipt.limit,
        allowed: receipt.allowed,
        outcome: receipt.outcome,
        first: new Date(receipt.firstMs).toISOString(),
        last: new Date(receipt.lastMs).toISOString(),
        series: receipt.series,
        samples: receipt.samples,
        examples: receipt.examples,
      })),
    }));
  };
}
