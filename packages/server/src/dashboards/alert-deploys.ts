// What went out around the start of an alert: the first question of whoever looks at it.
import type { TenantScope } from "@storewatch/model";
import type { AlertDeploy } from "@storewatch/model/api";
import type { AnnotationStore, StoredAnnotation } from "./annotation-store.ts";

const BEFORE_MS = 60 * 60_000;
const DEPLOYS_MAX = 20;

export interface AlertStart {
  /** ms since the epoch: since when the alert's expression is true. */
  readonly startMs: number;
  /** The alert's labels `service` and `job`, those that it has. */
  readonly services: readonly string[];
  readonly tenant: string | undefined;
}

/**
 * Deploys from an hour before the start until now that the scope may see. First those that fit the alert's service and
 * shop, and of these first those before the start, the nearest to it first. An alert that names no service fits all.
 */
export function deploysAround(scope: TenantScope, store: AnnotationStore, alert: AlertStart): AlertDeploy[] {
  const { startMs } = alert;
  const marks = store.list(scope, {
    fromMs: startMs - BEFORE_MS,
    tags: ["deploy"],
    matchAny: false,
    limit: Number.POSITIVE_INFINITY,
  });
  const late = (one: AlertDeploy) => Number(one.time > startMs);
  return marks
    .map((mark) => deployOf(mark, alert))
    .sort((a, b) => Number(b.related) - Number(a.related) || late(a) - late(b) || b.time - a.time)
    .slice(0, DEPLOYS_MAX);
}

function deployOf(mark: StoredAnnotation, { services, tenant }: AlertStart): AlertDeploy {
  const { id, time, text, tags, data = {} } = mark;
  const tagged = (prefix: string) => tags.find((tag) => tag.startsWith(prefix))?.slice(prefix.length) || undefined;
  const service = tagged("service:");
  const fitsService = services.length === 0 || (service !== undefined && services.includes(service));
  const { environment, commit, link, message } = data;
  return {
    id,
    time,
    text,
    service,
    version: tagged("version:"),
    environment,
    commit,
    link: link !== undefined && /^https?:\/\//i.test(link) ? link : undefined,
    message,
    tenant: mark.tenant ?? undefined,
    related: fitsService && (mark.tenant === null || mark.tenant === tenant),
  };
}
