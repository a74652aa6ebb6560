export { type Annotation, annotationSchema, type Deploy, deploySchema } from "./annotations.ts";
export { type InboxMessage, inboxMessageSchema, inboxSchema } from "./inbox.ts";
export { notificationListSchema, notificationSchema, type NotificationView } from "./notifications.ts";
export { type Session, type SignIn, sessionSchema, signInSchema } from "./session.ts";
export { STREAM_TOPICS, type StreamTopic } from "./stream.ts";
export { tenantListSchema, tenantSchema, type TenantView } from "./tenants.ts";
