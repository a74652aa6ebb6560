import { z } from "zod";

/** What the demo's local mailbox and webhook inbox received: GET /api/storewatch/v1/inbox, newest first. */
export const inboxMessageSchema = z.object({
  id: z.string(),
  atMs: z.number(),
  kind: z.enum(["email", "webhook", "slack"]),
  from: z.string(),
  to: z.array(z.string()),
  subject: z.string(),
  text: z.string(),
  /** E-mail only; shown in a sandboxed frame. */
  html: z.string().nullable(),
});
export type InboxMessage = z.infer<typeof inboxMessageSchema>;
export const inboxSchema = z.object({ messages: z.array(inboxMessageSchema) });
