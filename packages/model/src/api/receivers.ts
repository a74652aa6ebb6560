import { z } from "zod";

const momentSchema = z.object({
  /** ms since the epoch. */
  atMs: z.number(),
  /** Empty for a success. */
  reason: z.string(),
});

/** One way to tell a receiver, and how it fares. Counts since the start of the process. */
export const receiverIntegrationSchema = z.object({
  /** For example "slack[0]", as in the log of notifications. */
  integration: z.string(),
  kind: z.string(),
  /** Where it goes, secrets masked. */
  target: z.string(),
  sendResolved: z.boolean(),
  /** What to show: "unknown" = nothing sent yet; "unsupported" = not in this version. */
  health: z.enum(["ok", "failing", "unknown", "unsupported"]),
  lastSuccess: momentSchema.nullable(),
  lastFailure: momentSchema.nullable(),
  breaker: z.object({
    state: z.enum(["closed", "open", "half-open"]),
    sinceMs: z.number().nullable(),
    /** When the next attempt is let through. */
    retryAtMs: z.number().nullable(),
    failuresInARow: z.number().int(),
    reason: z.string(),
  }),
  counts: z.object({
    delivered: z.number().int(),
    failed: z.number().int(),
    /** Attempts that were followed by another. */
    retried: z.number().int(),
    /** Notifications that wait for the breaker now. */
    waiting: z.number().int(),
  }),
});
export type ReceiverIntegrationView = z.infer<typeof receiverIntegrationSchema>;

export const receiverSchema = z.object({
  name: z.string(),
  integrations: z.array(receiverIntegrationSchema),
});
export type ReceiverView = z.infer<typeof receiverSchema>;

/** GET /api/storewatch/v1/receivers: in the order of the configuration; for credentials of all shops only. */
export const receiverListSchema = z.object({ receivers: z.array(receiverSchema) });

/** POST /api/storewatch/v1/receivers/:name/test (editor of all shops). */
export const receiverTestSchema = z.strictObject({
  /** Only this one, for example "slack[0]"; default all of the receiver. */
  integration: z.string().max(100).optional(),
  /** "resolved" ends what an earlier test began: incidents of PagerDuty, Opsgenie and VictorOps. */
  status: z.enum(["firing", "resolved"]).default("firing"),
});
export type ReceiverTest = z.infer<typeof receiverTestSchema>;

/** One attempt each, through the real service. Also in the log of notifications. */
export const receiverTestResultSchema = z.object({
  results: z.array(
    z.object({
      integration: z.string(),
      outcome: z.enum(["delivered", "failed"]),
      reason: z.string(),
      durationMs: z.number(),
      target: z.string(),
      subject: z.string(),
      body: z.string(),
      answer: z.string(),
      /** In the log of notifications. */
      notificationId: z.string(),
    }),
  ),
});
export type ReceiverTestResult = z.infer<typeof receiverTestResultSchema>;
