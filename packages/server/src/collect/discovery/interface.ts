// Where targets come from. A discovery says its whole list each time it changes; whoever listens compares. A group that
// is the same object as last time is the same group: groups never change once they were said.
import type { Clock } from "@storewatch/model";
import type { SafeHttp } from "../../kernel/safe-http.ts";
import type { TargetGroup } from "../prometheus-config.ts";
import type { DnsResolver } from "./dns-resolver.ts";

export type OnGroups = (groups: readonly TargetGroup[]) => void;

export interface Discovery {
  /**
   * Calls back with the first list as soon as it is known, and with each later one. What fails keeps the list that was
   * said last and goes to `onProblem`.
   */
  start(onGroups: OnGroups): void;
  stop(): void;
}

/** What a kind of discovery may use. */
export interface DiscoveryDeps {
  readonly clock: Clock;
  /** In [0, 1): spreads what would else happen everywhere at once. */
  readonly random: () => number;
  readonly http: SafeHttp["request"];
  readonly resolver: DnsResolver;
  readonly userAgent: string;
  /** `source`: what could not be read, such as a file or a URL. */
  readonly onProblem: (source: string, message: string) => void;
}
