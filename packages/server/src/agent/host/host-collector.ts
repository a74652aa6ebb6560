// Collectors of the host, as node_exporter names them; each reads some files and is done.
import type { Families } from "../families.ts";
import type { CollectorDeps } from "../interface.ts";
import type { HostSection } from "./section.ts";

/** What a collector of the host reads by. */
export interface HostContext extends CollectorDeps {
  readonly section: HostSection;
  /** Ends at the time limit. */
  readonly signal: AbortSignal;
}

export interface HostCollector {
  readonly name: string;
  /** False: only when it is asked for, as node_exporter does not run it by default either. */
  readonly byDefault?: boolean;
  /** See Collector. */
  readonly cacheMs?: number;
  read(context: HostContext): Families | Promise<Families>;
}
