import { z } from "zod";

/** GET /api/annotations (Grafana's form): marks on the time axis, deploys among them. */
export const annotationSchema = z.object({
  id: z.number().int(),
  time: z.number(),
  timeEnd: z.number(),
  text: z.string(),
  tags: z.array(z.string()),
  dashboardUID: z.string().optional(),
  /** The shop that it belongs to; without it everyone sees it. */
  tenant: z.string().optional(),
  /** Of a deploy: environment, commit, link, message. */
  data: z.record(z.string(), z.string()).optional(),
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

/** GET /api/storewatch/v1/deploys: what went out around the start of an alert, the likeliest cause first. */
export const alertDeploysSchema = z.object({
  deploys: z.array(
    z.object({
      id: z.number().int(),
      /** ms since the epoch. */
      time: z.number(),
      text: z.string(),
      service: z.string().optional(),
      version: z.string().optional(),
      environment: z.string().optional(),
      commit: z.string().optional(),
      link: z.string().optional(),
      message: z.string().optional(),
      /** The one shop that it was for. */
      tenant: z.string().optional(),
      /** Of the alert's service, where it names one, and for its shop or all. */
      related: z.boolean(),
    }),
  ),
});
export type AlertDeploy = z.infer<typeof alertDeploysSchema>["deploys"][number];
