export type { AlertRecord } from "./alert.ts";
export type { PutResult } from "./alert-store.ts";
export { QualityJournal, type QualityOptions } from "./calm/quality/journal.ts";
export { type CalmRouteOptions, calmRoutes } from "./calm/route.ts";
export {
  type AlertmanagerConfig,
  type CheckOptions,
  checkAlertmanagerConfig,
  type LoadedConfig,
  type LoadOptions,
  loadAlertmanagerConfig,
  type ReceiverConfig,
} from "./config/index.ts";
export { fingerprintOf } from "./fingerprint.ts";
export {
  type AlertStatePersistence,
  createMemoryPersistence,
  type Delivery,
  type DeliveryOutcome,
  type DeliveryRequest,
} from "./interface.ts";
export {
  AlertManager,
  type AlertManagerOptions,
  type AlertView,
  createAlertManager,
  type GroupView,
} from "./manager.ts";
export { type AlertRouteDependencies, alertRoutes } from "./route.ts";
export { routingRoutes } from "./routing/route.ts";
export { SilenceError, type SilenceInput } from "./silences.ts";
export { createStateFile, type StateFile, StateFileTooNew } from "./state-file.ts";
