export { type AlertmanagerProcess, startAlertmanager } from "./alertmanager.ts";
export { FakeClock } from "./clock.ts";
export { findPeer } from "./peer.ts";
export {
  freePort,
  type StartOptions,
  type StorewatchProcess,
  startStorewatch,
  temporaryDir,
  waitUntil,
} from "./process.ts";
export { seededRandom } from "./rng.ts";
