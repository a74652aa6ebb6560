// Receipts of tenants' limits as GET /api/storewatch/v1/receipts lists them.
import { z } from "zod";

const receiptSchema = z.object({
  tenant: z.string(),
  limit: z.enum(["active_series", "samples_per_second", "labels", "label_length"]),
  /** The limit at that time. */
  allowed: z.number(),
  /** rolled_up: part of the tenant's `__other__` series from then on; refused: not taken. */
  outcome: z.enum(["rolled_up", "refused"]),
  /** RFC 3339. */
  first: z.string(),
  last: z.string(),
  /** Series that it met; 0 where it was about samples. */
  series: z.number(),
  /** Samples that were not taken. */
  samples: z.number(),
  /** The first few series. */
  examples: z.array(z.string()).readonly(),
});

export const receiptListSchema = z.object({ receipts: z.array(receiptSchema) });
