// Where targets come from. A discovery says its whole list each time it changes; whoever listens compares.
import type { TargetGroup } from "../prometheus-config.ts";

export interface Discovery {
  /** Calls back with the first list as soon as it is known, and with each later one. */
  start(onGroups: (groups: readonly TargetGroup[]) => void): void;
  stop(): void;
}
