// Deploy marks: told by whoever deploys, or found out when a service's `version` label changes.
import { type Clock, type Labels, parseTenantId, TENANT_LABEL } from "@storewatch/model";
import type { Deploy } from "@storewatch/model/api";
import type { Logger } from "../kernel/logger.ts";
import type { AnnotationStore, StoredAnnotation } from "./annotation-store.ts";

/** Build information by convention, and targets whose own labels name a version. */
export const VERSIONS_QUERY = `group by (job, service, version, ${TENANT_LABEL}) ({__name__=~".+_build_info", version!=""} or up{version!=""})`;
const POLL_EVERY_MS = 15_000;
/** A told deploy and the label change that it causes are one mark. */
const SAME_DEPLOY_MS = 10 * 60_000;
/** A pipeline that is run again within this time tells of the deploy that is marked already. */
const SAME_PIPELINE_MS = 24 * 60 * 60_000;
const BY_LABEL = "version label";

export interface DeployMark extends Deploy {
  /** Null: for everyone. */
  readonly shop: string | null;
  readonly by: string;
}

/**
 * Marks a deploy. One is marked already when the service's newest mark of the same shop and environment names the same
 * version (and commit, where both say): going back to an older version is a deploy again. What was found by the label
 * gets the details of who tells it.
 */
export function markDeploy(
  store: AnnotationStore,
  clock: Clock,
  mark: DeployMark,
): { readonly mark: StoredAnnotation; readonly isNew: boolean } {
  const { service, version, environment, commit, shop } = mark;
  const time = mark.time ?? clock.nowMs();
  const serviceTag = `service:${service}`;
  const newest = store.latest(["deploy", serviceTag], (one) => {
    if (one.tenant !== shop || one.time > time + SAME_DEPLOY_MS) return false;
    return one.by === BY_LABEL || one.data?.environment === environment;
  });
  const tags = ["deploy", serviceTag, `version:${version}`, ...(environment ? [`environment:${environment}`] : [])];
  const text = textOf(mark);
  const data = detailsOf(mark);
  const windowMs = mark.time === undefined ? SAME_PIPELINE_MS : SAME_DEPLOY_MS;
  if (newest?.tags.includes(`version:${version}`) && time - newest.time < windowMs) {
    if (newest.by === BY_LABEL) return { mark: store.amend(newest, { tags, text, by: mark.by, data }), isNew: false };
    const before = newest.data?.commit;
    if (commit === undefined || before === undefined || commit === before) return { mark: newest, isNew: false };
  }
  return { mark: store.add({ time, timeEnd: time, text, tags, tenant: shop, by: mark.by, data }), isNew: true };
}

function textOf({ service, version, environment, message }: DeployMark): string {
  return `Deploy: ${service} ${version}${environment ? ` (${environment})` : ""}${message ? `: ${message}` : ""}`;
}

function detailsOf({ environment, commit, link, message }: DeployMark): Record<string, string> | undefined {
  const told = Object.entries({ environment, commit, link, message }).filter(([, value]) => value !== undefined);
  return told.length > 0 ? (Object.fromEntries(told) as Record<string, string>) : undefined;
}

/** Something that runs, by its labels. What runs for one shop alone is that shop's business. */
interface Running {
  readonly service: string;
  readonly shop: string | null;
}

/**
 * The newest mark that says what runs: of everyone, of its shop, and what was told of any shop, because a service for all
 * has no label that says for whom it went out.
 */
function newestOf(store: AnnotationStore, { service, shop }: Running): StoredAnnotation | undefined {
  return store.latest(
    ["deploy", `service:${service}`],
    ({ tenant, by }) => tenant === null || tenant === shop || (shop === null && by !== BY_LABEL),
  );
}

/** A changed label: no new mark where somebody, for whichever environment, told of it or it was seen. */
function markSeen(store: AnnotationStore, clock: Clock, running: Running, version: string): void {
  const { service, shop } = running;
  const known = newestOf(store, running);
  const recent = known !== undefined && clock.nowMs() - known.time < SAME_DEPLOY_MS;
  if (recent && known.tags.includes(`version:${version}`)) return;
  const tags = ["deploy", `service:${service}`, `version:${version}`];
  const time = clock.nowMs();
  const text = `Deploy: ${service} ${version}`;
  store.add({ time, timeEnd: time, text, tags, tenant: shop, by: BY_LABEL });
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
  /** Service and shop → the versions seen at the last look (several during a rolling deploy). */
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
      for (const [key, { versions, ...running }] of byService(await this.options.versions())) {
        const before = this.known.get(key) ?? this.lastMarked(running);
        this.known.set(key, versions);
        if (!before) continue;
        for (const version of versions) if (!before.has(version)) markSeen(store, clock, running, version);
      }
    } catch (error) {
      logger.warn({ err: error }, "looking for deploys");
    }
  }

  /** After our own restart the last mark tells what ran before. */
  private lastMarked(running: Running): ReadonlySet<string> | undefined {
    const mark = newestOf(this.options.store, running);
    const version = mark?.tags.find((tag) => tag.startsWith("version:"))?.slice("version:".length);
    return version === undefined ? undefined : new Set([version]);
  }
}

function byService(all: readonly Labels[]): Map<string, Running & { readonly versions: Set<string> }> {
  const services = new Map<string, Running & { readonly versions: Set<string> }>();
  for (const labels of all) {
    const service = labels.get("service") || labels.get("job");
    const version = labels.get("version");
    if (service === "" || version === "") continue;
    const shop = parseTenantId(labels.get(TENANT_LABEL)) ?? null;
    const key = `${shop ?? ""}/${service}`;
    const known = services.get(key) ?? { service, shop, versions: new Set<string>() };
    known.versions.add(version);
    services.set(key, known);
  }
  return services;
}
