export {
  createdTokenSchema,
  type NewToken,
  type NewUser,
  newTokenSchema,
  newUserSchema,
  type TokenView,
  tokenListSchema,
  tokenSchema,
  type UserView,
  userListSchema,
  userSchema,
} from "./access.ts";
export { type Annotation, annotationSchema, type Deploy, deploySchema } from "./annotations.ts";
export { type InboxMessage, inboxMessageSchema, inboxSchema } from "./inbox.ts";
export { type NotificationView, notificationListSchema, notificationSchema } from "./notifications.ts";
export {
  type AlertSpan,
  alertSpanSchema,
  type Figure,
  type Figures,
  figureSchema,
  figuresSchema,
  type Health,
  healthSchema,
  type Line,
  lineSchema,
  type Money,
  moneySchema,
  type Overview,
  overviewSchema,
  type Reason,
  reasonSchema,
  type ShopOverview,
  shopOverviewSchema,
  type TenantOverview,
  tenantOverviewSchema,
} from "./overview.ts";
export {
  type ReceiverIntegrationView,
  type ReceiverTest,
  type ReceiverTestResult,
  type ReceiverView,
  receiverIntegrationSchema,
  receiverListSchema,
  receiverSchema,
  receiverTestResultSchema,
  receiverTestSchema,
} from "./receivers.ts";
export {
  type PreviewInterval,
  previewIntervalSchema,
  type RuleFinding,
  type RuleGroupDetail,
  type RuleGroupHead,
  type RuleGroupList,
  type RuleGroupPut,
  type RulePreview,
  type RulePreviewRequest,
  type RuleRefusal,
  ruleFindingSchema,
  ruleGroupHeadSchema,
  ruleGroupListSchema,
  ruleGroupPutSchema,
  ruleGroupSchema,
  rulePreviewRequestSchema,
  rulePreviewSchema,
  ruleRefusalSchema,
} from "./rules.ts";
export { type Session, type SignIn, sessionSchema, signInSchema } from "./session.ts";
export { STREAM_TOPICS, type StreamTopic } from "./stream.ts";
export { type TenantView, tenantListSchema, tenantSchema } from "./tenants.ts";
