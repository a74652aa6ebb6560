export type { LoadOptions } from "./builder.ts";
export { type CheckOptions, checkAlertmanagerConfig } from "./lint.ts";
export { type LoadedConfig, loadAlertmanagerConfig } from "./load.ts";
export { SECRET_MASK, Secret } from "./secret.ts";
export type * from "./types.ts";
