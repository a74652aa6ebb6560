export { type ImportReport, importSilences, type SilenceTarget } from "./alertmanager/import-silences.ts";
export {
  type AlertmanagerSender,
  type AlertmanagerTarget,
  createAlertmanagerSender,
} from "./alertmanager/sender.ts";
export { createHeartbeat, type Heartbeat, type HeartbeatConfig } from "./heartbeat.ts";
export type { HttpSend } from "./http.ts";
export type { DeliveryRecord, DeliveryResult, Integration } from "./interface.ts";
export { createNotifier, type Notifier, type NotifierOptions } from "./notifier.ts";
export { receiverRoutes } from "./receiver-route.ts";
export { createRenderer } from "./renderer.ts";
export { notifyRoutes } from "./route.ts";
export { loadTemplates, TemplateFileError } from "./templates.ts";
