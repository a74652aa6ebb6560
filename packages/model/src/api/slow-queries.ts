// Slow queries as GET /api/storewatch/v1/slow-queries lists them.
import { z } from "zod";

const slowQuerySchema = z.object({
  /** RFC 3339. */
  at: z.string(),
  /** Whoever signed in; never their token. */
  who: z.string(),
  /** The shops that the caller may see; absent = all. */
  tenants: z.array(z.string()).readonly().optional(),
  kind: z.enum(["instant", "range"]),
  expression: z.string(),
  /** Seconds since the epoch. */
  start: z.number(),
  end: z.number(),
  /** Seconds, of range queries. */
  step: z.number().optional(),
  /** Seconds from the start of the evaluation, without waiting for a place. */
  duration: z.number(),
  /** Seconds on the event loop. */
  busy: z.number(),
  /** Samples that were read. */
  samples: z.number(),
  /** "ok", or why there was no result: timeout, canceled, limit, execution, internal. */
  outcome: z.string(),
});
export type SlowQuery = z.infer<typeof slowQuerySchema>;

export const slowQueryListSchema = z.object({ queries: z.array(slowQuerySchema) });
