import { z } from "zod";

/** One delivery (with its retries) of a group to one integration of a receiver. */
export const notificationSchema = z.object({
  id: z.string(),
  /** ms since the epoch: when the last attempt ended. */
  atMs: z.number(),
  receiver: z.string(),
  integration: z.string(),
  status: z.enum(["firing", "resolved"]),
  outcome: z.enum(["delivered", "retrying", "failed"]),
  attempts: z.number().int(),
  durationMs: z.number(),
  groupKey: z.string(),
  groupLabels: z.record(z.string(), z.string()),
  alerts: z.array(
    z.object({
      status: z.enum(["firing", "resolved"]),
      fingerprint: z.string(),
      labels: z.record(z.string(), z.string()),
    }),
  ),
  /** Shop ids named by the alerts. */
  tenants: z.array(z.string()),
  target: z.string(),
  subject: z.string(),
  body: z.string(),
  answer: z.string(),
  /** ms from the arrival of the data to the delivery; null when unknown. */
  latencyMs: z.number().nullable(),
  /** A digest of an alert storm: every group that it told of, at most 1,000. */
  folded: z
    .array(
      z.object({
        groupKey: z.string(),
        groupLabels: z.record(z.string(), z.string()),
        /** Alerts. */
        firing: z.number().int(),
        resolved: z.number().int(),
        tenants: z.array(z.string()),
      }),
    )
    .optional(),
  /** Sent by the test button. */
  test: z.boolean().optional(),
});
export type NotificationView = z.infer<typeof notificationSchema>;
/** GET /api/storewatch/v1/notifications?limit=100&before=ID: newest first. */
export const notificationListSchema = z.object({ notifications: z.array(notificationSchema) });
