// What a collector of the agent is. A folder beside this file (host/, certificates/, …) holds the collectors of one
// subject; its module.ts gives a CollectorModule, and modules.ts lists it.
import type { Clock } from "@storewatch/model";
import type { z } from "zod";
import type { Logger } from "../kernel/logger.ts";

export type FamilyType = "counter" | "gauge" | "histogram" | "summary" | "untyped";

/** Label name → value. The order is kept in the output. */
export type LabelValues = Readonly<Record<string, string>>;

export interface FamilySample {
  readonly labels: LabelValues;
  readonly value: number;
  /** What follows the family's name: `_bucket`, `_sum` or `_count` of a histogram or summary. */
  readonly suffix?: string;
}

/** A metric family as it stands on the page: HELP, TYPE, samples. `Families` (families.ts) builds them. */
export interface MetricFamily {
  readonly name: string;
  readonly help: string;
  readonly type: FamilyType;
  readonly samples: readonly FamilySample[];
  /**
   * More samples, as lines of the page with their line ends: for a collector with so many series that they cannot be made
   * anew at each scrape. It answers for their form (`sampleLine` makes them) and that none is there twice.
   */
  readonly lines?: readonly string[];
}

export interface Collector {
  /** Value of the label `collector` and a word for `--collectors`; no two collectors have the same. */
  readonly name: string;
  /** False: runs only when it is asked for by name. Default true. */
  readonly byDefault?: boolean;
  /** Time limit of one run, ms; default: the agent's `timeout`. */
  readonly timeoutMs?: number;
  /** A result younger than this is given again instead of a new run, ms; default 0: every scrape runs it. */
  readonly cacheMs?: number;
  /**
   * One run. It is never started while the one before still goes on. A rejection means failed: nothing of it is on the
   * page but `node_scrape_collector_success 0`; throw `NothingToCollect` when the machine does not have the thing. What is
   * true of a target that is down (`pg_up 0`) is a result, no rejection. `signal` ends at the time limit and when the
   * agent stops: give it to whatever waits. Names of families may be shared between collectors, which are merged.
   */
  collect(signal: AbortSignal): Promise<readonly MetricFamily[]>;
  /** Frees what it holds (connections) when the agent stops. */
  close?(): Promise<void>;
}

/** The machine has nothing for this collector: no failure that needs a line in the log. */
export class NothingToCollect extends Error {}

/** Where the host's own file systems are: in a container they are mounted elsewhere. All absolute. */
export interface HostPaths {
  /** /proc */
  readonly procfs: string;
  /** /sys */
  readonly sysfs: string;
  /** / as the host sees it; mount points are below it. */
  readonly rootfs: string;
  /** udev's database: /run/udev/data */
  readonly udevData: string;
}

/** What the agent gives to the collectors that it makes. */
export interface CollectorDeps {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly paths: HostPaths;
  /** Makes a name of the config file absolute: relative ones start at the file's folder. */
  readonly resolve: (file: string) => string;
}

/** The collectors of one subject: a section of agent.yml, and a word for `--collectors` that means all of them. */
export interface CollectorModule {
  readonly name: string;
  /** Of the section; takes `undefined`, because every section may be left out. */
  readonly schema: z.ZodType;
  /** `section` is what the schema gave. No I/O and no exception here: that is for `collect`. */
  readonly create: (section: never, deps: CollectorDeps) => readonly Collector[];
}

/** A module with `section` typed by its schema. */
export interface TypedModule<S extends z.ZodType> {
  readonly name: string;
  readonly schema: S;
  readonly create: (section: z.output<S>, deps: CollectorDeps) => readonly Collector[];
}

/** Lets the compiler find out the schema's type. */
export function collectorModule<S extends z.ZodType>(module: TypedModule<S>): TypedModule<S> {
  return module;
}
