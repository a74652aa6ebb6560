import { createHash } from "node:crypto";

/** By which a service knows that two messages are about the same group: sha256 of the group's key, 64 hex digits. */
export function groupHash(groupKey: string): string {
  return createHash("sha256").update(groupKey).digest("hex");
}
