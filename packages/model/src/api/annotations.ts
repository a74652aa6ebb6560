import { z } from "zod";

/** GET /api/annotations (Grafana's form): marks on the time axis, deploys among them. */
export const annotationSchema = z.object({
  id: z.number().int(),
  time: z.number(),
  timeEnd: z.number(),
  text: z.string(),
  tags: z.array(z.string()),
  dashboardUID: z.string().optional(),
});
export type Annotation = z.infer<typeof annotationSchema>;

/** POST /api/storewatch/v1/deploys */
export const deploySchema = z.strictObject({
  service: z.string().min(1).max(200),
  version: z.string().min(1).max(200),
  tenant: z.string().max(64).optional(),
});
export type Deploy = z.infer<typeof deploySchema>;
