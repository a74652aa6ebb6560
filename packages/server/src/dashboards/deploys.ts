// Deploy marks: told by whoever deploys, or found out when a service's `version` label changes.
import type { Clock, Labels } from "@storewatch/model";
import type { Logger } from "../kernel/logger.ts";
import type { AnnotationStore, StoredAnnotation } from "./annotation-store.ts";

/** Build information by convention, and targets whose own labels name a version. */
export const VERSIONS_QUERY = `group by (job, service, version) ({__name__=~".+_build_info", version!=""} or up{version!=""})`;
const POLL_EVERY_MS = 15_000;
/** A told deploy and the label change that it causes are one mark. */
const SAME_DEPLOY_MS = 10 * 60_000;

export interface DeployMark {
  readonly service: string;
  readonly version: string;
  readonly tenant: string | null;
  readonly by: string;
}

/** Marks a deploy; one that is already marked within the last 10 minutes stays as it is. */
export function markDeploy(store: AnnotationStore, clock: Clock, mark: DeployMark): StoredAnnotation {
  const nowMs = clock.nowMs();
  const tags = ["deploy", `service:${mark.service}`, `version:${mark.version}`];
  // The newest mark of the service: going back to an older version is a deploy again.
  const latest = store.latest(tags.slice(0, 2));
  const repeated = latest?.tags.includes(tags[2]) && latest.tenant === mark.tenant;
  if (latest && repeated && nowMs - latest.time < SAME_DEPLOY_MS) return latest;
  const text = `Deploy: ${mark.service} ${mark.version}`;
  return store.add({ time: nowMs, timeEnd: nowMs, text, tags, tenant: mark.tenant, by: mark.by });
}

export interface DeployWatcherOptions {
  readonly store: AnnotationStore;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Answers VERSIONS_QUERY at this moment: label sets with version and service or job. */
  readonly versions: () => Promise<readonly Labels[]>;
}

/** Compares the versions that run with those of 15 seconds ago. */
export class DeployWatcher {
  /** Service → the versions seen at the last look (several during a rolling deploy). */
  private readonly known = new Map<string, ReadonlySet<string>>();
  private timer = { cancel() {} };
  private stopped = false;

  constructor(private readonly options: DeployWatcherOptions) {}

  start(): void {
    this.timer = this.options.clock.setTimer(POLL_EVERY_MS, () => {
      void this.poll().finally(() => {
        if (!this.stopped) this.start();
      });
    });
  }

  stop(): void {
    this.stopped = true;
    this.timer.cancel();
  }

  /** One look. A service seen for the first time sets the base and is no deploy; one that is away keeps its own. */
  async poll(): Promise<void> {
    const { store, clock, logger } = this.options;
    try {
      const running = byService(await this.options.versions());
      for (const [service, versions] of running) {
        const before = this.known.get(service) ?? this.lastMarked(service);
        this.known.set(service, versions);
        if (!before) continue;
        for (const version of versions)
          if (!before.has(version)) markDeploy(store, clock, { service, version, tenant: null, by: "version label" });
      }
    } catch (error) {
      logger.warn({ err: error }, "looking for deploys");
    }
  }

  /** After our own restart the last mark tells what ran before. */
  private lastMarked(service: string): ReadonlySet<string> | undefined {
    const mark = this.options.store.latest(["deploy", `service:${service}`]);
    const version = mark?.tags.find((tag) => tag.startsWith("version:"))?.slice("version:".length);
    return version === undefined ? undefined : new Set([version]);
  }
}

function byService(all: readonly Labels[]): Map<string, Set<string>> {
  const services = new Map<string, Set<string>>();
  for (const labels of all) {
    const service = labels.get("service") || labels.get("job");
    const version = labels.get("version");
    if (service === "" || version === "") continue;
    const versions = services.get(service) ?? new Set();
    services.set(service, versions.add(version));
  }
  return services;
}
