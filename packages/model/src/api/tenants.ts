import { z } from "zod";

/** GET /api/storewatch/v1/tenants: the shops the caller may see, declared in the config or found in the data. */
export const tenantSchema = z.object({
  id: z.string(),
  name: z.string(),
  tier: z.string().nullable(),
  timezone: z.string(),
  currency: z.string(),
  source: z.enum(["config", "data"]),
});
export type TenantView = z.infer<typeof tenantSchema>;
export const tenantListSchema = z.object({ tenants: z.array(tenantSchema) });
