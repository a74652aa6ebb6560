import type { UnsupportedConfig } from "../alerts/config/index.ts";
import type { Integration } from "./interface.ts";

/** A kind of receiver that this version cannot reach: says so for each notification instead of dropping it in silence. */
export function createUnsupported(config: UnsupportedConfig): Integration {
  const { name, index, sendResolved, reason } = config;
  return {
    kind: name,
    index,
    sendResolved,
    timeoutMs: 0,
    isUnsupported: true,
    send: async () => ({ outcome: "failed", reason, record: { target: name, subject: "", body: "", answer: "" } }),
  };
}
