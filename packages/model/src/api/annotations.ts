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
  environment: z.string().min(1).max(100).optional(),
  /** When it began, ms since the epoch; now without it. */
  time: z.number().int().nonnegative().optional(),
  commit: z.string().min(1).max(100).optional(),
  /** Where people read more: the pipeline, the release. */
  link: z
    .url({ protocol: /^https?$/ })
    .max(2000)
    .optional(),
  message: z.string().min(1).max(1000).optional(),
});
export type Deploy = z.infer<typeof deploySchema>;
